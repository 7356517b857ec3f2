"""What may happen to the fields of a known format, with checksums kept right so that the change is not turned away.

`for_bytes` tells which of them a file's first bytes ask for.
"""

import random
import struct
import zlib

from fuzzing.benders import EDGES, FLOATS, Bender

SIZES = (0, 1, 2, 3, 16383, 16384, 30000, 65535, 0x7FFFFFFF, 0xFFFFFFFF)
RATES = (0, 1, 7, 100, 999, 11025, 48001, 192000, 768000, 3000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def put(data: bytes, place: int, value: bytes) -> bytes:
    return data[:place] + value + data[place + len(value) :] if 0 <= place <= len(data) - len(value) else data


def _places(data: bytes, word: bytes) -> list[int]:
    places, place = [], data.find(word)
    while place >= 0 and len(places) < 200:
        places.append(place)
        place = data.find(word, place + 1)
    return places


def _pick(data: bytes, words: tuple[bytes, ...], rng: random.Random) -> tuple[bytes, int] | tuple[None, None]:
    found = [(word, place) for word in words for place in _places(data, word)]
    return rng.choice(found) if found else (None, None)


# RIFF: WAV, AVI, WebP


def riff_size(data: bytes, rng: random.Random) -> bytes:
    _, place = _pick(
        data[:4096], (b"RIFF", b"fmt ", b"data", b"LIST", b"avih", b"strh", b"strf", b"VP8 ", b"VP8X"), rng
    )
    return data if place is None else put(data, place + 4, struct.pack("<I", rng.choice(EDGES) & 0xFFFFFFFF))


def wav_fields(data: bytes, rng: random.Random) -> bytes:
    place = data.find(b"fmt ") + 8
    fields = {
        0: ("<H", (0, 1, 2, 3, 6, 7, 17, 85, 255, 0xFFFE, 0xFFFF)),  # codec
        2: ("<H", (0, 1, 2, 3, 9, 16, 64, 255, 256, 1024, 65535)),  # channels
        4: ("<I", RATES),
        8: ("<I", RATES),
        12: ("<H", (0, 1, 3, 255, 65535)),  # bytes of a sample
        14: ("<H", (0, 1, 3, 7, 8, 12, 24, 33, 64, 128, 65535)),  # bits
    }
    for offset in rng.sample(sorted(fields), rng.choice((1, 1, 2))):
        kind, values = fields[offset]
        data = put(data, place + offset, struct.pack(kind, rng.choice(values)))
    return data


def wav_samples(data: bytes, rng: random.Random) -> bytes:
    """Samples that are not numbers, or none, or all the same."""
    place = data.find(b"data") + 8
    values = (float("nan"), float("inf"), 1e38, -1e38, 0.0)
    if data[data.find(b"fmt ") + 8 : data.find(b"fmt ") + 10] == b"\3\0" and rng.random() < 0.7:
        return put(data, place + 4 * rng.randrange(1000), struct.pack("<f", rng.choice(values)))
    return data[:place] + bytes([rng.choice((0, 127, 255))]) * rng.choice((0, 1, 2, len(data) - place))


def avi_fields(data: bytes, rng: random.Random) -> bytes:
    word, place = _pick(data[:4096], (b"avih", b"strh", b"strf"), rng)
    return data if word is None else put(data, place + 8 + 4 * rng.randrange(12), struct.pack("<I", rng.choice(SIZES)))


def webp_size(data: bytes, rng: random.Random) -> bytes:
    if data[12:16] == b"VP8X":
        return put(data, 24 + 3 * rng.randrange(2), struct.pack("<I", rng.choice(SIZES))[:3])
    return put(data, 20 + rng.randrange(10), bytes([rng.randrange(256)]))


# PNG


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, place = [], 8
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += size + 12
    return chunks


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    whole = b"\x89PNG\r\n\x1a\n"
    for kind, content in chunks:
        whole += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return whole


def png_header(data: bytes, rng: random.Random) -> bytes:
    chunks = png_chunks(data)
    if not chunks or len(chunks[0][1]) != 13:
        return data
    header = bytearray(chunks[0][1])
    place = rng.choice((0, 4, 0, 4, 8, 9, 10, 11, 12))
    if place < 8:
        header[place : place + 4] = struct.pack(">I", rng.choice(SIZES))
    else:
        header[place] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 32, 255))
    return png([(b"IHDR", bytes(header)), *chunks[1:]])


def png_extra(data: bytes, rng: random.Random) -> bytes:
    """Chunks of metadata, large, broken or out of place."""
    large = zlib.compress(bytes(rng.choice((2_000_000, 80_000_000))), 9)
    extras = (
        (b"zTXt", b"prompt\0\0" + large),
        (b"iTXt", b"workflow\0\1\0\0\0" + large),
        (b"tEXt", b"k" * 200 + b"\0" + b"x" * 3_000_000),
        (b"iCCP", b"profile\0\0" + large),
        (b"iCCP", b"profile\0\0" + zlib.compress(rng.randbytes(500))),
        (b"eXIf", b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0" + bytes([rng.randrange(256)]) + b"\0\0\0\0\0\0\0"),
        (b"eXIf", b"MM\0*" + rng.randbytes(60)),
        (b"pHYs", struct.pack(">IIB", rng.choice(SIZES), rng.choice(SIZES), rng.randrange(3))),
        (b"gAMA", struct.pack(">I", rng.choice(SIZES))),
        (b"cHRM", struct.pack(">8I", *(rng.choice(SIZES) for _ in range(8)))),
        (b"sBIT", rng.randbytes(3)),
        (b"tRNS", rng.randbytes(rng.choice((0, 1, 6, 500)))),
        (b"PLTE", rng.randbytes(rng.choice((0, 3, 5, 768, 900)))),
        (b"acTL", struct.pack(">II", rng.choice(SIZES), 0)),
        (b"fcTL", rng.randbytes(26)),
        (b"cICP", bytes((9, 16, 0, 1))),
        (b"IEND", b""),
        (b"IDAT", b""),
        (rng.randbytes(4), rng.randbytes(20)),
    )
    chunks = png_chunks(data)
    chunks.insert(rng.choice((1, 1, len(chunks) - 1, 0)), rng.choice(extras))
    return png(chunks)


def png_lost(data: bytes, rng: random.Random) -> bytes:
    chunks = png_chunks(data)
    del chunks[rng.randrange(len(chunks))]
    return png(chunks)


# JPEG, TIFF, GIF, BMP


def jpeg_size(data: bytes, rng: random.Random) -> bytes:
    word, place = _pick(data, (b"\xff\xc0\0\x11", b"\xff\xc2\0\x11", b"\xff\xc0\0\x0b"), rng)
    if word is None:
        return data
    return put(data, place + 5 + 2 * rng.randrange(2), struct.pack(">H", rng.choice(SIZES) & 0xFFFF))


def jpeg_extra(data: bytes, rng: random.Random) -> bytes:
    """Exif that turns, loops or lies; profiles and markers that lie of their length."""
    turn = lambda kind, value: b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1" + kind + b"\1\0\0\0" + value + b"\0\0\0\0"
    extras = (
        (0xE1, turn(b"\3\0", struct.pack("<HH", rng.randrange(12), 0))),
        (0xE1, turn(b"\3\0", struct.pack("<HH", rng.choice(EDGES) & 0xFFFF, 0))),
        (0xE1, turn(b"\2\0", b"abcd")),
        (0xE1, turn(b"\5\0", struct.pack("<I", 0xFFFFFF00))),
        (0xE1, b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\x08\0\0\0"),  # its own sub-table
        (0xE1, b"Exif\0\0" + rng.randbytes(100)),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<x:xmpmeta " * 3000),
        (0xE2, b"ICC_PROFILE\0\1\1" + rng.randbytes(400)),
        (0xE2, b"ICC_PROFILE\0\2\1" + bytes(40)),
        (0xE2, b"MPF\0II*\0" + rng.randbytes(80)),
        (0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([rng.randrange(4)])),
        (0xED, b"Photoshop 3.0\x008BIM\4\4" + rng.randbytes(50)),
        (0xDB, rng.randbytes(65)),
    )
    marker, content = rng.choice(extras)
    length = len(content) + 2 if rng.random() < 0.8 else rng.choice((0, 1, 65535))
    return data[:2] + struct.pack(">BBH", 255, marker, length & 0xFFFF) + content + data[2:]


def tiff_entry(data: bytes, rng: random.Random) -> bytes:
    order = "<" if data[:2] == b"II" else ">"
    if len(data) < 8:
        return data
    table = struct.unpack(order + "I", data[4:8])[0]
    if table + 2 > len(data):
        return data
    count = struct.unpack(order + "H", data[table : table + 2])[0]
    entry = table + 2 + 12 * rng.randrange(max(1, count))
    change = rng.randrange(5)
    if change == 0:
        return put(data, table + 2 + 12 * count, struct.pack(order + "I", table))  # the next picture is this one
    if change == 1:
        return put(data, entry + 2, struct.pack(order + "H", rng.choice((0, 1, 2, 5, 11, 12, 13, 16, 255))))
    return put(data, entry + 4 * rng.choice((1, 2, 2)), struct.pack(order + "I", rng.choice(EDGES) & 0xFFFFFFFF))


def gif_size(data: bytes, rng: random.Random) -> bytes:
    place = rng.choice((6, 8, data.find(b"\x2c") + 5, data.find(b"\x2c") + 1))
    return put(data, place, struct.pack("<H", rng.choice(SIZES) & 0xFFFF))


def bmp_fields(data: bytes, rng: random.Random) -> bytes:
    place, kind = rng.choice(((10, "<I"), (14, "<I"), (18, "<I"), (22, "<I"), (28, "<H"), (30, "<I"), (46, "<I")))
    return put(data, place, struct.pack(kind, rng.choice(SIZES) & (0xFFFF if kind == "<H" else 0xFFFFFFFF)))


# MP4 and MOV


def mp4_box(data: bytes, rng: random.Random) -> bytes:
    """A box's size or name."""
    boxes = b"ftyp moov mvhd trak tkhd mdia mdhd hdlr minf stbl stsd stts stsc stsz stco ctts elst edts mdat esds avcC"
    word, place = _pick(data, (*boxes.split(), b"mp4a", b"avc1", b"moof", b"trun", b"tfhd", b"udta", b"dref"), rng)
    if word is None:
        return data
    if rng.random() < 0.3:
        return put(data, place, rng.choice((b"free", b"skip", b"uuid", b"moov", b"\0\0\0\0", b"cmov", b"meta")))
    size = int.from_bytes(data[place - 4 : place], "big")
    return put(data, place - 4, struct.pack(">I", rng.choice((*EDGES, size + 1, size - 1, size * 2)) & 0xFFFFFFFF))


def mp4_field(data: bytes, rng: random.Random) -> bytes:
    """Times, rates, sizes, counts and matrices."""
    fields = {
        b"mvhd": (12, 16),
        b"mdhd": (12, 16),
        b"tkhd": (12, 20, 40, 44, 52, 56, 76, 80),
        b"mp4a": (4, 18, 24),
        b"avc1": (4, 26, 30),
        b"stts": (4, 8, 12),
        b"ctts": (4, 8, 12),
        b"stsc": (4, 8, 12, 16),
        b"stsz": (4, 8, 12),
        b"stco": (4, 8),
        b"elst": (4, 8, 12, 16),
        b"trun": (0, 4, 8, 12),
        b"tfhd": (0, 4, 8),
        b"esds": (8, 16, 24),
        b"avcC": (0, 4, 8),
    }
    word, place = _pick(data, tuple(fields), rng)
    if word is None:
        return data
    values = (*EDGES, *RATES, 0x10000, 0xFFFF0000, 0xBB800000)
    return put(data, place + 4 + rng.choice(fields[word]), struct.pack(">I", rng.choice(values) & 0xFFFFFFFF))


# Matroska, Ogg, FLAC, MPEG sound


def mkv_field(data: bytes, rng: random.Random) -> bytes:
    """Sizes, rates, times and names of codecs, found by their numbers."""
    kinds = {
        b"\xb5\x88": "float",  # rate of the sound
        b"\x44\x89\x88": "float",  # duration
        b"\x2a\xd7\xb1": "int",  # scale of times
        b"\x9f\x81": "int",  # channels
        b"\xb0\x82": "int",  # width
        b"\xba\x82": "int",
        b"\x54\xb0": "int",
        b"\x54\xba": "int",
        b"\x23\xe3\x83": "int",
        b"\xe7": "int",
        b"\x86": "name",
        b"\x63\xa2": "int",
    }
    word, place = _pick(data[:4096], tuple(kinds), rng)
    if word is None:
        return data
    place += len(word)
    if kinds[word] == "float":
        return put(data, place, struct.pack(">d", rng.choice((*FLOATS, 8000.0, 768000.0, 3e6, 7.0))))
    if kinds[word] == "name":
        return put(data, place + 1, rng.choice((b"A_OPUS", b"V_MS/V", b"A_PCM/", b"V_UNCO", b"S_TEXT", b"D_WEBV")))
    return put(data, place, rng.choice((b"\0", b"\1", b"\xff", b"\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0")))


def mkv_size(data: bytes, rng: random.Random) -> bytes:
    words = (b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75")
    word, place = _pick(data, (*words, b"\xa3"), rng)
    return data if word is None else put(data, place + len(word), rng.randbytes(rng.choice((1, 2, 8))))


def ogg_page(data: bytes, rng: random.Random) -> bytes:
    """A page's flags, position, serial or number, with a right checksum; or pages left out, twice or exchanged."""
    pages = [b"OggS" + rest for rest in data.split(b"OggS")[1:]]
    if not pages:
        return data
    number = rng.randrange(len(pages))
    change = rng.randrange(4)
    if change == 0:
        del pages[number]
    elif change == 1:
        pages.insert(rng.randrange(len(pages)), pages[number])
    else:
        place, size = rng.choice(((5, 1), (6, 8), (6, 8), (14, 4), (18, 4)))
        page = put(pages[number], place, (rng.choice(EDGES) & ((1 << 8 * size) - 1)).to_bytes(size, "little"))
        pages[number] = put(page, 22, struct.pack("<I", _ogg_sum(put(page, 22, bytes(4)))))
    return b"".join(pages)


def _ogg_sum(page: bytes) -> int:
    total = 0
    for byte in page:
        total ^= byte << 24
        for _ in range(8):
            total = (total << 1 ^ 0x04C11DB7 if total & 0x80000000 else total << 1) & 0xFFFFFFFF
    return total


def flac_info(data: bytes, rng: random.Random) -> bytes:
    """Rate, channels, bits and length in STREAMINFO."""
    packed = int.from_bytes(data[18:26], "big")
    shift, bits = rng.choice(((44, 20), (41, 3), (36, 5), (0, 36)))
    value = rng.choice((0, 1, (1 << bits) - 1, rng.getrandbits(bits)))
    packed = packed & ~(((1 << bits) - 1) << shift) | value << shift
    return put(data, 18, packed.to_bytes(8, "big"))


def mpeg_headers(data: bytes, rng: random.Random) -> bytes:
    """From some packet on, MP3 or AAC of other rates and channels."""
    out = bytearray(data)
    bits = rng.randrange(1, 255)
    for place in _places(data, data[:2])[rng.randrange(20) :]:
        if place + 3 < len(out):
            out[place + 2] ^= bits & 0b00111100
            out[place + 3] ^= bits & 0b11000000
    return bytes(out)


def for_bytes(data: bytes) -> dict[str, Bender]:
    """Benders of the format that the first bytes tell; empty for others."""
    found: tuple[Bender, ...] = ()
    if data[:4] == b"RIFF":
        kinds = {b"WAVE": (wav_fields, wav_fields, wav_samples), b"AVI ": (avi_fields,), b"WEBP": (webp_size,)}
        found = (riff_size, *kinds.get(data[8:12], ()))
    elif data[:4] == b"\x89PNG":
        found = (png_header, png_extra, png_lost)
    elif data[:2] == b"\xff\xd8":
        found = (jpeg_size, jpeg_extra)
    elif data[:4] in (b"II*\0", b"MM\0*"):
        found = (tiff_entry,)
    elif data[:3] == b"GIF":
        found = (gif_size,)
    elif data[:2] == b"BM":
        found = (bmp_fields,)
    elif data[4:8] == b"ftyp":
        found = (mp4_box, mp4_field)
    elif data[:4] == b"\x1a\x45\xdf\xa3":
        found = (mkv_field, mkv_size)
    elif data[:4] == b"OggS":
        found = (ogg_page,)
    elif data[:4] == b"fLaC":
        found = (flac_info,)
    elif data[:1] == b"\xff" or data[:3] == b"ID3":
        found = (mpeg_headers,)
    return {bender.__name__: bender for bender in found}
