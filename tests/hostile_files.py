"""Files that name other ones: everything by which a decoder has been led to a file that nobody gave it.

`plant` lays a canary into a folder: a loud tone and a vivid picture, in many formats, whose presence in anything that
is decoded, or whose being opened at all, tells that a reader went astray. Each entry of `HOSTILE` writes a file there
that leads to the canary, or is named so that it might, and returns it. Names such as "concat:secret.wav|x" do harm
where they are given relative to the folder.
"""

import gzip
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

from hostile_containers import alias, avi_with_subtitle, linked_matroska, reference_movie, referring_movie, url
from imageio_ffmpeg import get_ffmpeg_exe

HERTZ, COLOR = 3000, "0xff00ff"  # of the canary
ADDRESS = "127.0.0.1:9"  # for what leads into the network; a test that listens puts its own here
RECORD = '{"emo_origin": 1, "canary": true}'

Maker = Callable[[Path, Path], Path]
Text = Callable[[Path], str]


@lru_cache(maxsize=1)
def _made() -> dict[str, bytes]:
    """The canary in its formats, and a harmless film, "film.mp4", by name."""
    sound = f"sine=frequency={HERTZ}:sample_rate=16000:duration=1,volume=6"
    loud = ("-f", "lavfi", "-i", sound)
    vivid = ("-f", "lavfi", "-i", f"color={COLOR}:size=64x64:rate=25:duration=1")
    soft = ("-f", "lavfi", "-i", "sine=frequency=300:sample_rate=16000:duration=1")
    gray = ("-f", "lavfi", "-i", "color=gray:size=64x64:rate=25:duration=1")
    x264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")
    wanted = {
        "secret.wav": (*loud, "-bitexact", "-map_metadata", "-1"),
        "secret.mp3": loud,
        "secret.aac": loud,
        "secret.ts": (*loud, *vivid, *x264),
        "secret.mp4": (*loud, *vivid, *x264, "-metadata", f"description={RECORD}"),
        "secret.mkv": (*loud, *vivid, *x264),
        "secret.png": (*vivid, "-frames:v", "1"),
        "film.mp4": (*soft, *gray, *x264),
    }
    with TemporaryDirectory() as folder:
        for name, arguments in wanted.items():
            run([get_ffmpeg_exe(), "-v", "error", *arguments, f"{folder}/{name}"], check=True)
        return {name: (Path(folder) / name).read_bytes() for name in wanted}


def plant(folder: Path) -> Path:
    """Lay the canary into a folder: secret.wav, which is returned, and its other formats under the same name."""
    for name, content in _made().items():
        if name.startswith("secret"):
            (folder / name).write_bytes(content)
    secret = folder / "secret.wav"
    for other in ("secret.sub", "secret.M00", "1.wav", "secret1.wav"):  # found by names that are put together
        (folder / other).write_bytes(_made()["secret.wav"])
    (folder / "1.png").write_bytes(_made()["secret.png"])
    return secret


def film() -> bytes:
    """A harmless film: mp4, gray, with a soft low tone."""
    return _made()["film.mp4"]


def _write(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def _text(name: str, text: Text, folder: Path, secret: Path, *, encoding: str = "utf-8", head: bytes = b"") -> Path:
    return _write(folder, name, head + text(secret).encode(encoding))


def text(name: str, content: Text, **options: object) -> Maker:
    return partial(_text, name, content, **options)


def named(name: str) -> Maker:
    """A harmless film of a harmful name."""
    return lambda folder, secret: _write(folder, name, film())


def made(name: str, content: Callable[[Path], bytes]) -> Maker:
    return lambda folder, secret: _write(folder, name, content(secret))


def hls(segment: Text, *tags: str) -> Text:
    lines = ("#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0", *tags)
    return lambda s: "\n".join(["#EXTM3U", *(t.replace("?", str(s)) for t in lines), "#EXTINF:1,", segment(s), ""])


def _other(suffix: str) -> Text:
    return lambda s: str(s.with_suffix(suffix))


def _master(s: Path) -> str:
    (s.parent / "inner.m3u8").write_text(hls(str)(s))
    media = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,URI="inner.m3u8"'
    return f'#EXTM3U\n{media}\n#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="a"\ninner.m3u8\n'


def _mkv_with_attachment(folder: Path, secret: Path) -> Path:
    (folder / "list.m3u8").write_text(hls(str)(secret))
    (folder / "film.mp4").write_bytes(film())
    attached = ("-attach", folder / "list.m3u8", "-metadata:s:t", "mimetype=application/vnd.apple.mpegurl")
    path = folder / "attached.mkv"
    command = [get_ffmpeg_exe(), "-v", "error", "-y", "-i", folder / "film.mp4", *attached, "-c", "copy", path]
    run(command, check=True)
    (folder / "list.m3u8").unlink()
    return path


DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S" '
    'minBufferTime="PT1S"><Period duration="PT1S"><AdaptationSet mimeType="audio/mp4"><Representation id="1" '
    'bandwidth="9" codecs="mp4a.40.2">{}</Representation></AdaptationSet></Period></MPD>'
)
IMF = (
    '<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><EditRate>25 1</EditRate><SegmentList>'
    "<Segment>{}</Segment></SegmentList></CompositionPlaylist>"
)
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"
VOBSUB = "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:01, filepos: 0\n"
EPS = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n({}) (r) file run\n"
PDF = "%PDF-1.4\n1 0 obj<</Type/XObject/F({})/FFilter/DCTDecode>>endobj\ntrailer<<>>\n"
PLAIN = hls(str)
LINE = "".join(["# ", "x" * 98, "\n"])

ENDINGS = ("wav", "mp3", "mp4", "mkv", "ts", "aac", "png", "m3u")
NAMES = (
    *("concat:secret.wav|secret.wav", "concat:secret.mp4", "file:secret.wav", "file:secret.mp4"),
    *("crypto:secret.wav", "subfile,,start,0,end,0,,:secret.wav"),
    *("subfile,,start,0,end,99999,,:secret.mp4", "async:secret.mp4", "cache:secret.mp4"),
    *("concatf:secret.wav", "data:,secret", "hls+file:secret.wav", "pipe:0", "fd:0", "unix:secret.wav"),
    *("%d.png", "%d.wav", "secret%d.wav", "secret%01d.wav", "*.wav", "secret.*", "%*.png"),
    *("amovie=secret.wav", "movie=secret.mp4", "@secret.wav", "-i", "film.m3u8", "film.png", "film.wav"),
    *("film.ffconcat", "film.sdp", "file:%d.png", "image2:1.png", "tee:secret.wav"),
)
"""Of films that are addresses, patterns or options where a path is taken for one."""

HOSTILE: dict[str, Maker] = {
    # Playlists for streaming
    "hls absolute": text("a.m3u8", PLAIN),
    "hls relative": text("a.m3u8", hls(lambda s: s.name)),
    "hls mp3": text("a.m3u8", hls(_other(".mp3"))),
    "hls aac": text("a.m3u8", hls(_other(".aac"))),
    "hls ts": text("a.m3u8", hls(_other(".ts"))),
    "hls mp4": text("a.m3u8", hls(_other(".mp4"))),
    "hls file url": text("a.m3u8", hls(lambda s: f"file://{s.with_suffix('.ts')}")),
    "hls file": text("a.m3u8", hls(lambda s: f"file:{s.with_suffix('.aac')}")),
    "hls concat": text("a.m3u8", hls(lambda s: f"concat:{s}|{s}")),
    "hls subfile": text("a.m3u8", hls(lambda s: f"subfile,,start,0,end,0,,:{s}")),
    "hls data": text("a.m3u8", hls(lambda s: "data:audio/wav;base64,UklGRg==")),
    "hls crypto": text("a.m3u8", hls(lambda s: f"crypto+file:{s}")),
    "hls network": text("a.m3u8", hls(lambda s: f"http://{ADDRESS}/a.ts")),
    "hls key": text("a.m3u8", hls(lambda s: "film.ts", '#EXT-X-KEY:METHOD=AES-128,URI="?",IV=0x1')),
    "hls map": text("a.m3u8", hls(lambda s: "film.m4s", '#EXT-X-MAP:URI="?"')),
    "hls byte range": text("a.m3u8", hls(str, "#EXT-X-BYTERANGE:30000@0")),
    "hls master": text("a.m3u8", _master),
    "hls no ending": text("playlist", PLAIN),
    **{f"hls named {ending}": text(f"a.{ending}", PLAIN) for ending in ENDINGS},
    "hls byte order mark": text("a.m3u8", PLAIN, encoding="utf-8-sig"),
    "hls utf-16": text("a.m3u8", PLAIN, encoding="utf-16"),
    "hls blank lines first": text("a.m3u8", PLAIN, head=b"\n\r\n  \n"),
    "hls zeros first": text("a.m3u8", PLAIN, head=bytes(64)),
    "hls tag first": text("a.mp3", PLAIN, head=b"ID3\4\0\0\0\0\0\x0a" + bytes(10)),
    "hls comments first": text("a.m3u8", lambda s: "#EXTM3U\n" + LINE * 10_000 + PLAIN(s)),
    "hls packed": made("a.m3u8.gz", lambda s: gzip.compress(PLAIN(s).encode())),
    "m3u without a header": text("a.m3u", lambda s: f"{s}\n"),
    "dash address": text("a.mpd", lambda s: DASH.format(f"<BaseURL>file://{s.with_suffix('.mp4')}</BaseURL>")),
    "dash relative": text("a.mpd", lambda s: DASH.format("<BaseURL>secret.mp4</BaseURL>")),
    "dash template": text(
        "a.mpd",
        lambda s: DASH.format(
            '<SegmentTemplate media="secret$Number$.wav" initialization="secret.mp4" duration="1"/>'
        ),
    ),
    "dash named mp4": text("a.mp4", lambda s: DASH.format("<BaseURL>secret.mp4</BaseURL>")),
    # Scripts and lists of other kinds
    "ffconcat": text("a.ffconcat", lambda s: f"ffconcat version 1.0\nfile '{s.name}'\n"),
    "ffconcat absolute": text("a.ffconcat", lambda s: f"ffconcat version 1.0\nfile '{s}'\n"),
    "ffconcat named mp4": text("a.mp4", lambda s: "ffconcat version 1.0\nfile 'secret.mp4'\nduration 1\n"),
    "concat without a header": text("a.txt", lambda s: f"file '{s}'\n"),
    "pls": text("a.pls", lambda s: f"[playlist]\nFile1={s}\nNumberOfEntries=1\nVersion=2\n"),
    "asx": text("a.asx", lambda s: f'<asx version="3.0"><entry><ref href="file://{s}"/></entry></asx>'),
    "asx of old": text("a.asf", lambda s: f"[Reference]\nRef1=file://{s}\nRef2={s}\n"),
    "smil": text("a.smil", lambda s: f'<smil><body><audio src="{s}"/><video src="secret.mp4"/></body></smil>'),
    "xspf": text(
        "a.xspf", lambda s: f'<playlist version="1"><track><location>file://{s}</location></track></playlist>'
    ),
    "wpl": text("a.wpl", lambda s: f'<?wpl version="1.0"?><smil><body><seq><media src="{s}"/></seq></body></smil>'),
    "ram": text("a.ram", lambda s: f"file://{s}\nrtsp://{ADDRESS}/a.rm\n"),
    "qtl": text("a.qtl", lambda s: f'<?xml version="1.0"?><?quicktime type="x"?><embed src="file://{s}"/>'),
    "strm": text("a.strm", lambda s: f"file://{s}"),
    "desktop link": text("a.url", lambda s: f"[InternetShortcut]\nURL=file://{s}\n"),
    "sdp": text("a.sdp", lambda s: SDP),
    "rtsp": text("a.rtsp", lambda s: f"RTSPtextRTSP://{ADDRESS}/a.rm\n"),
    "vobsub": text("secret.idx", lambda s: VOBSUB),
    "imf": text("a.xml", lambda s: IMF.format(f"<Path>{s}</Path>")),
    "avisynth": text("a.avs", lambda s: f'AudioDub(DirectShowSource("secret.mp4"), WAVSource("{s}"))\n'),
    "vapoursynth": text("a.vpy", lambda s: f"import vapoursynth\nopen({str(s)!r}).read()\n"),
    "filters": text("a.txt", lambda s: f"amovie={s}[out0];movie={s.with_suffix('.mp4')}[out1]"),
    "metadata": text("a.txt", lambda s: f";FFMETADATA1\ntitle={s}\n[CHAPTER]\nSTART=0\nEND=1\n"),
    "magic lantern": made("secret.MLV", lambda s: b"MLVI" + b"\x34\0\0\0v2.0\0" + bytes(200)),
    # Containers that are whole, and refer to others
    "quicktime alias": made("a.mov", lambda s: referring_movie(alias(s))),
    "quicktime alias named mp4": made("a.mp4", lambda s: referring_movie(alias(s))),
    "quicktime url": made("a.mov", lambda s: referring_movie(url(s))),
    "quicktime reference movie": made("a.mov", lambda s: reference_movie(s.with_suffix(".mp4"))),
    "avi with a playlist as subtitles": made("a.avi", lambda s: avi_with_subtitle(PLAIN(s).encode())),
    "avi with a script as subtitles": made(
        "a.avi", lambda s: avi_with_subtitle(f"ffconcat version 1.0\nfile '{s}'\n".encode())
    ),
    "matroska with links": made("a.mkv", linked_matroska),
    "matroska with an attachment": _mkv_with_attachment,
    "film and a playlist": made("a.mp4", lambda s: film() + PLAIN(s).encode()),
    "playlist and a film": made("a.mp4", lambda s: PLAIN(s).encode() + film()),
    "playlist before a wave": made("a.wav", lambda s: PLAIN(s).encode() + _made()["secret.wav"][:44]),
    # Films whose names are addresses or patterns
    **{f"name {name}": named(name) for name in NAMES},
    # Pictures
    "svg": text(
        "a.svg", lambda s: f'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{_other(".png")(s)}"/></svg>'
    ),
    "svg network": text("a.svg", lambda s: f'<svg><image xlink:href="http://{ADDRESS}/a.png"/></svg>'),
    "svg entity": text(
        "a.png", lambda s: f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{s}">]><svg><text>&x;</text></svg>'
    ),
    "postscript": text("a.eps", lambda s: EPS.format(s)),
    "postscript named png": text("a.png", lambda s: EPS.format(s)),
    "pdf": text("a.pdf", lambda s: PDF.format(s)),
    "imagemagick drawing": text("a.mvg", lambda s: f"push graphic-context\nimage over 0,0 0,0 '{s}'\n"),
    "imagemagick script": text("a.msl", lambda s: f'<image><read filename="{_other(".png")(s)}"/></image>'),
    "windows metafile": made("a.wmf", lambda s: b"\xd7\xcd\xc6\x9a" + bytes(18) + str(s).encode()),
}
"""How a file leads to another one: writes it into a folder, given the canary `secret.wav`, and returns its path."""
