"""Small ICC profiles, made by hand, and what they mean."""

import struct

import numpy as np

SRGB = ((0.4360747, 0.3850649, 0.1430804), (0.2225045, 0.7168786, 0.0606169), (0.0139322, 0.0971045, 0.7141733))
P3 = ((0.5151, 0.2920, 0.1571), (0.2412, 0.6922, 0.0666), (-0.0011, 0.0419, 0.7841))
ADOBE = ((0.6097559, 0.2052401, 0.1492240), (0.3111242, 0.6256560, 0.0632197), (0.0194811, 0.0608902, 0.7448387))
PROPHOTO = ((0.7976749, 0.1351917, 0.0313534), (0.2880402, 0.7118741, 0.0000857), (0.0, 0.0, 0.8252100))
WHITE = (0.9642, 1.0, 0.8249)  # D50
"""Columns: XYZ, adapted to D50, of red, green and blue."""


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes], padding: int = 0) -> bytes:
    text = b"test\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + text,
        b"wtpt": b"XYZ " + bytes(4) + _fixed(*WHITE),
        **tags,
        **({b"fill": b"data" + bytes(4 + padding)} if padding else {}),
    }
    place, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">2I", place + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4sI4s4s4s", place + len(body), bytes(4), 0x02100000, kind, space, connection)
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*WHITE)
    return head.ljust(128, b"\0") + table + body


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def _srgb_curve() -> bytes:
    """sRGB's own, as a table: what most profiles of cameras and programs that say sRGB hold."""
    code = np.linspace(0, 1, 1024)
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return b"curv" + bytes(4) + struct.pack(">I", 1024) + np.round(light * 65535).astype(">u2").tobytes()


def rgb_profile(primaries: tuple, gamma: float | None, padding: int = 0) -> bytes:
    """gamma: None for sRGB's curve."""
    columns = np.transpose(primaries)
    tags = {f"{c}XYZ".encode(): b"XYZ " + bytes(4) + _fixed(*columns[n]) for n, c in enumerate("rgb")}
    tags |= {f"{c}TRC".encode(): _srgb_curve() if gamma is None else _curve(gamma) for c in "rgb"}
    return _profile(b"RGB ", b"XYZ ", tags, padding)


def gray_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": _curve(gamma)})


def cmyk_profile() -> bytes:
    """Odd inks: C prints red, K prints black, the others nothing."""
    red, paper = (136, 208, 195), (255, 128, 128)  # Lab, 8 bits
    grid = b"".join(
        bytes((0, 128, 128) if black else red if cyan else paper)
        for cyan in (0, 1)
        for _ in range(4)  # magenta and yellow
        for black in (0, 1)
    )
    straight = bytes(range(256))
    table = (
        b"mft1"
        + bytes(4)
        + bytes((4, 3, 2, 0))
        + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
        + straight * 4
        + grid
        + straight * 3
    )
    return _profile(b"CMYK", b"Lab ", {b"A2B0": table})


def as_srgb(picture: np.ndarray, primaries: tuple, gamma: float) -> np.ndarray:
    """What uint8 (..., 3) of such a profile looks like in sRGB, float, 0 to 255."""
    light = (picture / 255) ** gamma @ np.transpose(primaries) @ np.linalg.inv(np.transpose(SRGB))
    light = light.clip(0, 1)
    return 255 * np.where(light > 0.0031308, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055, 12.92 * light)
