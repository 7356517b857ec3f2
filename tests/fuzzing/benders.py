"""What may happen to a file's bytes, whatever kind of file it is: bytes and a random source to bytes."""

import random
import struct
from collections.abc import Callable

Bender = Callable[[bytes, random.Random], bytes]

# Numbers at which programs break.
EDGES = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000)
EDGES += (0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
FLOATS = (0.0, -0.0, -1.0, 1e-300, 1e300, float("inf"), float("-inf"), float("nan"), 0.5, 1e9)


def _place(data: bytes, rng: random.Random) -> int:
    """Somewhere in the file; half of the time in its first kilobyte, where headers are."""
    return rng.randrange(max(1, min(len(data), 1024 if rng.random() < 0.5 else len(data))))


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = _place(data, rng)
    return start, min(len(data), start + rng.choice((1, 2, 4, 16, 64, 500, 4096, 20000)))


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 10, 100)) if out else 0):
        out[_place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(out)


def random_bytes(data: bytes, rng: random.Random) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + rng.randbytes(stop - start) + data[stop:]


def same_bytes(data: bytes, rng: random.Random) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + bytes([rng.choice((0, 255, 32, 128))]) * (stop - start) + data[stop:]


def delete(data: bytes, rng: random.Random) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + data[stop:]


def duplicate(data: bytes, rng: random.Random) -> bytes:
    start, stop = _span(data, rng)
    return data[:stop] + data[start:stop] * rng.choice((1, 2, 20)) + data[stop:]


def insert(data: bytes, rng: random.Random) -> bytes:
    start = _place(data, rng)
    return data[:start] + rng.randbytes(rng.choice((1, 2, 3, 4, 100, 5000))) + data[start:]


def swap(data: bytes, rng: random.Random) -> bytes:
    a, b = sorted((_place(data, rng), _place(data, rng)))
    size = min(rng.choice((4, 100, 5000)), b - a, len(data) - b)
    return data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]


def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.choice((rng.randrange(len(data) + 1), rng.randrange(min(200, len(data)) + 1), len(data) - 1))]


def behead(data: bytes, rng: random.Random) -> bytes:
    return data[rng.choice((1, 4, 8, 100, 1000)) :]


def tail_on(data: bytes, rng: random.Random) -> bytes:
    return data + rng.choice((b"\0" * 10_000, rng.randbytes(3000), data, b"\r\n", b"TAG" + bytes(125), b"PK\3\4"))


def head_on(data: bytes, rng: random.Random) -> bytes:
    heads = (b"\xef\xbb\xbf", b"\0" * 100, b"ID3\4\0\0\0\0\1\0" + bytes(128), b"#!AMR\n", b"GIF89a", b"\r\n", b"<?xml")
    return rng.choice(heads) + data


def number(data: bytes, rng: random.Random) -> bytes:
    """Some number in the first bytes becomes one of EDGES."""
    size = rng.choice((1, 2, 2, 4, 4, 4, 8))
    if len(data) < size:
        return data
    place = rng.randrange(min(len(data) - size + 1, rng.choice((64, 512, 4096))))
    value = (rng.choice(EDGES) & ((1 << 8 * size) - 1)).to_bytes(size, rng.choice(("little", "big")))
    return data[:place] + value + data[place + size :]


def real_number(data: bytes, rng: random.Random) -> bytes:
    kind = rng.choice(("<f", ">f", "<d", ">d"))
    size = struct.calcsize(kind)
    if len(data) < size:
        return data
    place = rng.randrange(min(len(data) - size + 1, 4096))
    value = rng.choice(FLOATS)
    if size == 4 and value in (1e300, 1e-300):
        value = 1e38
    return data[:place] + struct.pack(kind, value) + data[place + size :]


def as_text(data: bytes, rng: random.Random) -> bytes:
    """What mail programs and editors do to files."""
    return rng.choice(
        (
            data.replace(b"\n", b"\r\n"),
            data.replace(b"\r", b""),
            data.decode("latin-1").encode("utf-8"),
            data.decode("utf-8", "replace").encode("utf-8"),
        )
    )


def nothing_left(data: bytes, rng: random.Random) -> bytes:
    return rng.choice((b"", b"\0", b"x", bytes(5000), data[:3], data[:12], rng.randbytes(5000)))


ANY: dict[str, Bender] = {
    f.__name__: f
    for f in (
        *(flip_bits, random_bytes, same_bytes, delete, duplicate, insert, swap, truncate, behead, tail_on, head_on),
        *(number, number, real_number, as_text, nothing_left),
    )
}
