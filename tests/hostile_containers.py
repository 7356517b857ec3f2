"""Containers made by hand, whole but for the sound or the text that they say lies in another file."""

import struct
from pathlib import Path

RATE, COUNT = 16000, 16000  # of the sound that is referred to: 16 bits, mono, behind a header of HEADER bytes
HEADER = 44


def atom(kind: str, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind.encode("latin-1")) + content


def full(kind: str, *parts: bytes) -> bytes:
    return atom(kind, bytes(4), *parts)


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


FTYP = atom("ftyp", b"qt  ", numbers(512), b"qt  ")


def alias(target: Path) -> bytes:
    """A data reference of the old Macintosh kind to a file, by its place relative to this one and by its full path."""
    name = target.name.encode()[:63]
    full_path = str(target).encode()
    records = [(2, full_path), (0, target.parent.name.encode())]
    tail = b"".join(struct.pack(">HH", kind, len(text)) + text + b"\0" * (len(text) % 2) for kind, text in records)
    head = bytes(10) + b"\0" + bytes(27) + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
    return full("alis", head, struct.pack(">HH", 1, 1), bytes(16), tail, b"\xff\xff\0\0")


def url(target: Path) -> bytes:
    return full("url ", f"file://{target}".encode(), b"\0")


def referring_movie(reference: bytes) -> bytes:
    """A QuickTime movie whose sound track lies in the file of a data reference."""
    entry = bytes(6) + struct.pack(">H", 1) + bytes(8) + struct.pack(">HHHHI", 1, 16, 0, 0, RATE << 16)
    table = atom(
        "stbl",
        full("stsd", numbers(1), atom("sowt", entry)),
        full("stts", numbers(1, COUNT, 1)),
        full("stsc", numbers(1, 1, COUNT, 1)),
        full("stsz", numbers(2, COUNT)),
        full("stco", numbers(1, HEADER)),
    )
    information = atom(
        "minf",
        full("smhd", numbers(0)),
        full("hdlr", b"dhlralis", bytes(13)),
        atom("dinf", full("dref", numbers(1), reference)),
        table,
    )
    media = atom(
        "mdia",
        full("mdhd", numbers(0, 0, RATE, COUNT, 0)),
        full("hdlr", b"mhlrsoun", bytes(13)),
        information,
    )
    matrix = numbers(1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    track = atom("trak", full("tkhd", numbers(0, 0, 1, 0, COUNT), bytes(16), matrix, bytes(8)), media)
    movie = full("mvhd", numbers(0, 0, RATE, COUNT, 1 << 16), bytes(12), matrix, bytes(24), numbers(2))
    return FTYP + atom("moov", movie, track)


def reference_movie(target: Path) -> bytes:
    """A QuickTime movie that is nothing but the address of another one."""
    address = f"file://{target}".encode() + b"\0"
    return FTYP + atom("moov", atom("rmra", atom("rmda", full("rdrf", b"url ", numbers(len(address)), address))))


def chunk(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def avi_with_subtitle(text: bytes) -> bytes:
    """An AVI of two gray pictures and a text track that begins as subtitles of the GAB2 kind do."""
    width, height, size = 32, 32, 32 * 32 * 3
    main = struct.pack("<14I", 40_000, 0, 0, 0x10, 2, 0, 2, size, width, height, 0, 0, 0, 0)
    rectangle = struct.pack("<4h", 0, 0, width, height)

    def stream(kind: bytes, form: bytes) -> bytes:
        header = kind + bytes(4) + struct.pack("<10I", 0, 0, 0, 1, 25, 0, 2, size, 0, 0) + rectangle
        return chunk(b"LIST", b"strl", chunk(b"strh", header), chunk(b"strf", form))

    bitmap = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, size, 0, 0, 0, 0)
    title = "x".encode("utf-16-le") + bytes(2)
    words = b"GAB2\0" + struct.pack("<HI", 2, len(title)) + title + struct.pack("<HI", 4, len(text)) + text
    header = chunk(b"LIST", b"hdrl", chunk(b"avih", main), stream(b"vids", bitmap), stream(b"txts", b""))
    picture = chunk(b"00db", b"\x80" * size)
    movie = chunk(b"LIST", b"movi", chunk(b"01tx", words), picture, picture)
    return chunk(b"RIFF", b"AVI ", header, movie)


def element(identity: int, content: bytes) -> bytes:
    name = identity.to_bytes(-(-identity.bit_length() // 8), "big")
    return name + (1 << 56 | len(content)).to_bytes(8, "big") + content


def linked_matroska(target: Path) -> bytes:
    """A Matroska file of a little silence that says that it goes on, and began, in another file."""
    name = str(target).encode()
    uid = bytes(range(16))
    links = [(0x7384, name), (0x3CB923, uid), (0x3C83AB, name), (0x3EB923, uid), (0x3E83BB, name)]
    info = element(0x1549A966, b"".join([element(0x2AD7B1, b"\x0f\x42\x40"), *(element(*link) for link in links)]))
    audio = element(0xE1, element(0xB5, struct.pack(">d", RATE)) + element(0x9F, b"\1") + element(0x6264, b"\x10"))
    codec = element(0x86, b"A_PCM/INT/LIT")
    track = element(0xAE, element(0xD7, b"\1") + element(0x73C5, b"\1") + element(0x83, b"\2") + codec + audio)
    cluster = element(0x1F43B675, element(0xE7, b"\0") + element(0xA3, b"\x81\0\0\x80" + bytes(RATE)))
    head = element(0x1A45DFA3, element(0x4282, b"matroska") + element(0x4287, b"\4") + element(0x4285, b"\2"))
    return head + element(0x18538067, info + element(0x1654AE6B, track) + cluster)
