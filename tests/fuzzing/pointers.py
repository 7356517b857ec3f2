"""Files that name other files and addresses: playlists, scripts, references, attachments, pictures within pictures.

Every one of them names a canary: a file that lies beside it, an address at which somebody listens, or a path that only
a canary's would-be reader asks for.
"""

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzzing.bases import Bases, ffmpeg


@dataclass(frozen=True)
class Targets:
    """What may be named. folder: of the canaries; port: of the listener on this machine; rng: chooses."""

    folder: Path
    port: int
    rng: random.Random

    def one(self, kind: str) -> str:
        """A way to name the canary with this ending."""
        name = f"canary.{kind}"
        path, here = self.folder / name, f"127.0.0.1:{self.port}"
        ways = (
            *(name, f"./{name}", str(path), f"file:{path}", f"file://{path}", f"file:{name}", f"../in/{name}"),
            *(f"http://{here}/{name}", f"tcp://{here}", f"ftp://{here}/{name}", f"rtmp://{here}/canary/a"),
            *(f"concat:{path}|{path}", f"subfile,,start,0,end,99999,,:{path}", f"cache:{path}", f"async:{path}"),
            *(f"crypto:{path}", f"concatf:{path}", f"/no/such/canary.{kind}", f"data:text/plain,{path}"),
        )
        return self.rng.choice(ways)


Pointer = Callable[[Targets, str], str]


def hls(t: Targets, kind: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{t.one(kind)}\n#EXT-X-ENDLIST\n"


def hls_plain(t: Targets, kind: str) -> str:
    return f"#EXTM3U\n#EXTINF:1,canary\n{t.one(kind)}\n"


def hls_master(t: Targets, kind: str) -> str:
    return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{t.one(kind)}\n"


def hls_media(t: Targets, kind: str) -> str:
    media = f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,URI="{t.one(kind)}"'
    return f'#EXTM3U\n{media}\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\n{t.one(kind)}\n'


def hls_map(t: Targets, kind: str) -> str:
    one = t.one(kind)
    return f'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI="{one}"\n#EXTINF:1,\n{one}\n#EXT-X-ENDLIST\n'


def hls_key(t: Targets, kind: str) -> str:
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="{t.one("txt")}",IV=0x{"0" * 32}'
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{key}\n#EXTINF:1,\n{t.one(kind)}\n#EXT-X-ENDLIST\n"


def hls_live(t: Targets, kind: str) -> str:
    """A live one without an end, which is read again and again."""
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:1.0,\n{t.one(kind)}\n"


def dash(t: Targets, kind: str) -> str:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period>'
        '<AdaptationSet contentType="audio" '
        f'mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>{t.one(kind)}</BaseURL><SegmentList>'
        f'<Initialization sourceURL="{t.one(kind)}"/><SegmentURL media="{t.one(kind)}"/></SegmentList>'
        "</Representation></AdaptationSet></Period></MPD>"
    )


def xml_entity(t: Targets, kind: str) -> str:
    """An external entity in what is parsed by libxml2."""
    return f'<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY c SYSTEM "{t.one("txt")}">]>' + dash(t, kind)[21:].replace(
        "<Period>", "<Period><Title>&c;</Title>"
    )


def smooth(t: Targets, kind: str) -> str:
    return (
        '<SmoothStreamingMedia MajorVersion="2" MinorVersion="0" Duration="10"><StreamIndex Type="audio" '
        f'Url="{t.one(kind)}"><QualityLevel Index="0" Bitrate="1"/><c d="1"/></StreamIndex></SmoothStreamingMedia>'
    )


def imf(t: Targets, kind: str) -> str:
    return (
        '<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>urn:uuid:canary</Id>'
        f"<SegmentList><Segment>{t.one(kind)}</Segment></SegmentList></CompositionPlaylist>"
    )


def concat(t: Targets, kind: str) -> str:
    return f"ffconcat version 1.0\nfile '{t.one(kind)}'\nduration 1\n"


def concat_stream(t: Targets, kind: str) -> str:
    return f"ffconcat version 1.0\nstream\nexact_stream_id 0\nfile {t.one(kind)}\noption safe 0\nfile {t.one(kind)}\n"


def sdp(t: Targets, kind: str) -> str:
    media = f"m=audio {t.port} RTP/AVP 0\na=control:{t.one(kind)}"
    return f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=canary\nc=IN IP4 127.0.0.1\nt=0 0\n{media}\n"


def rtsp_redirect(t: Targets, kind: str) -> str:
    return f"RTSPtext\nrtsp://127.0.0.1:{t.port}/canary.{kind}\n"


def pls(t: Targets, kind: str) -> str:
    return f"[playlist]\nNumberOfEntries=1\nFile1={t.one(kind)}\nLength1=1\nVersion=2\n"


def xspf(t: Targets, kind: str) -> str:
    return (
        '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track>'
        f"<location>{t.one(kind)}</location></track></trackList></playlist>"
    )


def asx(t: Targets, kind: str) -> str:
    return f'<asx version="3.0"><entry><ref href="{t.one(kind)}"/></entry></asx>'


def smil(t: Targets, kind: str) -> str:
    return f'<smil><body><audio src="{t.one(kind)}"/><video src="{t.one(kind)}"/></body></smil>'


def metadata(t: Targets, kind: str) -> str:
    return f";FFMETADATA1\ntitle={t.one(kind)}\n"


def avisynth(t: Targets, kind: str) -> str:
    return f'DirectShowSource("{t.one(kind)}")\n'


def vapoursynth(t: Targets, kind: str) -> str:
    read = f"open({str(t.folder / 'canary.txt')!r}).read()"
    return f"{read}\nimport vapoursynth as vs\nvs.core.ffms2.Source('{t.one(kind)}')\n"


def vobsub(t: Targets, kind: str) -> str:
    return (
        "# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 0\n"
    )


def styled(t: Targets, kind: str) -> str:
    events = f"[Events]\nFormat: Start, End, Text\nDialogue: 0:00:00.00,0:00:01.00,{{\\fn{t.one('txt')}}}canary"
    return f"[Script Info]\nScriptType: v4.00+\nVideo File: {t.one(kind)}\nAudio File: {t.one(kind)}\n{events}\n"


def real_text(t: Targets, kind: str) -> str:
    return f'<window><time begin="0"/><a href="{t.one(kind)}">canary</a></window>'


def audio_beats(t: Targets, kind: str) -> str:
    """SBaGen, which mixes in another file."""
    return f"-SE\n-m {t.one(kind)}\nts: mix/60\nNOW ts\n"


def cue(t: Targets, kind: str) -> str:
    return f'FILE "{t.one(kind)}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'


def svg(t: Targets, kind: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="300" height="300">'
        f'<image xlink:href="{t.one("png")}" href="{t.one("png")}" width="300" height="300"/></svg>'
    )


def svg_entity(t: Targets, kind: str) -> str:
    return f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY c SYSTEM "{t.one("txt")}">]>' + svg(t, kind).replace(
        "</svg>", "<text>&c;</text></svg>"
    )


def postscript(t: Targets, kind: str) -> str:
    path = t.folder / "canary.txt"
    return (
        f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 300 300\n({path}) (r) file closefile\n({path}) run\nshowpage\n"
    )


def pdf(t: Targets, kind: str) -> str:
    return f"%PDF-1.4\n1 0 obj<</Type/Filespec/F({t.one('png')})>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def magick(t: Targets, kind: str) -> str:
    return f"push graphic-context\nviewbox 0 0 300 300\nimage over 0,0 300,300 '{t.one('png')}'\npop graphic-context\n"


def xbm(t: Targets, kind: str) -> str:
    return "#define canary_width 300\n#define canary_height 300\nstatic char canary_bits[] = {\n0x00 };\n"


TEXTS: dict[str, tuple[str, Pointer]] = {
    f.__name__: (suffix, f)
    for suffix, functions in {
        ".m3u8": (hls, hls_master, hls_media, hls_map, hls_key, hls_live),
        ".m3u": (hls_plain,),
        ".mpd": (dash, xml_entity),
        ".ism": (smooth,),
        ".xml": (imf,),
        ".ffconcat": (concat, concat_stream),
        ".sdp": (sdp,),
        ".ram": (rtsp_redirect,),
        ".pls": (pls,),
        ".xspf": (xspf,),
        ".asx": (asx,),
        ".smil": (smil,),
        ".txt": (metadata,),
        ".avs": (avisynth,),
        ".vpy": (vapoursynth,),
        ".idx": (vobsub,),
        ".ass": (styled,),
        ".rt": (real_text,),
        ".sbg": (audio_beats,),
        ".cue": (cue,),
        ".svg": (svg, svg_entity),
        ".eps": (postscript,),
        ".pdf": (pdf,),
        ".mvg": (magick,),
        ".xbm": (xbm,),
    }.items()
    for f in functions
}


def mov_elsewhere(t: Targets, data: bytes) -> bytes:
    """A QuickTime file whose samples are said to lie in another one, by a `url ` or an alias; or a reference movie."""
    place = data.find(b"dref")
    kind = t.rng.choice((b"url ", b"alis", b"rsrc", b"urn "))
    path = str(t.folder / "canary.wav").encode()
    if kind == b"alis":
        reference = _alias(path)
    else:
        reference = t.one("wav").encode() + b"\0"
    old = int.from_bytes(data[place + 12 : place + 16], "big")  # of its first entry
    entry = struct.pack(">I4sI", 12 + len(reference), kind, 0) + reference
    out = data[: place + 12] + entry + data[place + 12 + old :]
    grown = len(entry) - old
    for word in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = out.rfind(word, 0, place + 4)
        size = int.from_bytes(out[at - 4 : at], "big") + grown
        out = out[: at - 4] + struct.pack(">I", size) + out[at:]
    return out


def _alias(path: bytes) -> bytes:
    name = path.rpartition(b"/")[2]
    head = struct.pack(">4sHHH", b"\0\0\0\0", 150, 2, 0) + b"\4disk".ljust(28, b"\0") + bytes(8)
    head += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
    head += struct.pack(">hhIH", 2, 2, 0, 0) + bytes(10)
    texts = b""
    for kind, text in ((2, path.replace(b"/", b":")), (18, path), (0, b"in"), (14, name)):
        texts += struct.pack(">HH", kind, len(text)) + text + b"\0" * (len(text) % 2)
    return head + texts + struct.pack(">hh", -1, 0)


def reference_movie(t: Targets, data: bytes) -> bytes:
    text = t.one("mp4").encode() + b"\0"
    box = lambda kind, content: struct.pack(">I4s", 8 + len(content), kind) + content
    link = box(b"rdrf", b"\0\0\0\0url " + struct.pack(">I", len(text)) + text)
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", box(b"rmra", box(b"rmda", link)))


def playlist_in_avi(t: Targets, data: bytes) -> bytes:
    """An AVI with a subtitle track (GAB2) that is a playlist."""
    text = hls(t, "txt").encode()
    gab2 = b"GAB2\0\2\0" + struct.pack("<I", 2) + b"a\0\4\0" + struct.pack("<I", len(text)) + text
    chunk = lambda kind, content: kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    head = chunk(b"strh", b"txts\0\0\0\0" + struct.pack("<10I", 0, 0, 0, 1, 1, 0, 1, 0, 0, 0) + bytes(8))
    streams = chunk(b"LIST", b"strl" + head + chunk(b"strf", bytes(40)))
    main = chunk(b"avih", struct.pack("<14I", 40000, 0, 0, 16, 1, 0, 1, 0, 64, 64, 0, 0, 0, 0))
    movie = chunk(b"LIST", b"movi" + chunk(b"00tx", gab2))
    return chunk(b"RIFF", b"AVI " + chunk(b"LIST", b"hdrl" + main + streams) + movie)


def playlist_behind(t: Targets, data: bytes) -> bytes:
    """A good file with a playlist before or behind it."""
    text = hls(t, "aac").encode()
    return t.rng.choice((text + data, data + text, b"\xef\xbb\xbf" + text, b"\n" + text))


BYTES: dict[str, tuple[str, str, Callable[[Targets, bytes], bytes]]] = {
    "mov_elsewhere": (".mov", "mov", mov_elsewhere),
    "reference_movie": (".mov", "mov", reference_movie),
    "playlist_in_avi": (".avi", "avi", playlist_in_avi),
    "playlist_behind": (".mp4", "mp4", playlist_behind),
}


def attachments(bases: Bases, path: Path) -> None:
    """A Matroska file with fonts, a playlist and a picture attached, and chapters."""
    canary = bases.folder / "canary.txt"
    attached = []
    for number, kind in enumerate(("application/x-truetype-font", "application/vnd.apple.mpegurl", "image/png")):
        attached += ["-attach", str(canary), f"-metadata:s:t:{number}", f"mimetype={kind}"]
    ffmpeg("-i", str(bases.video("mkv")), *attached, "-c", "copy", str(path))


KINDS = (*TEXTS, *BYTES, "attachments")


def make_pointer(name: str, bases: Bases, targets: Targets, stem: Path) -> Path:
    """Write the file `stem` with the ending of its kind, or one that hides it."""
    rng = targets.rng
    if name in TEXTS:
        suffix, write = TEXTS[name]
        text = write(targets, rng.choice(("aac", "wav", "ts", "mp4", "mp3", "txt")))
        content = rng.choice(("", "", "", "\ufeff", "\n")).encode() + text.encode()
    elif name in BYTES:
        suffix, base, change = BYTES[name]
        content = change(targets, bases.video(base).read_bytes())
    if rng.random() < 0.4:
        suffix = rng.choice((".mp4", ".wav", ".mp3", ".png", ".jpg", ".mkv"))
    if name == "attachments":
        path = stem.with_name(stem.name + ".mkv")
        attachments(bases, path)
        return path
    path = stem.with_name(stem.name + suffix)
    path.write_bytes(content)
    return path
