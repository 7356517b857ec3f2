"""High dynamic range and wide gamuts → what an ordinary screen shows.

Pictures of ITU-R BT.2100 (PQ or HLG) and of wider primaries than BT.709 are made light, brought to BT.709's primaries,
rolled off above the white of ordinary pictures, and encoded as sRGB.
"""

from functools import lru_cache

import numpy as np

PQ, HLG = 16, 18  # transfer characteristics, ITU-T H.273
BT2020, P3_DCI, P3_D65 = 9, 11, 12  # color primaries, ITU-T H.273
WHITE = 203.0  # cd/m² of white in ordinary pictures: ITU-R BT.2408
HLG_PEAK, HLG_GAMMA = 1000.0, 1.2  # of the screen that HLG is seen on: ITU-R BT.2100
KNEE = 0.8  # light, over WHITE, up to which nothing changes; what is brighter is rolled off toward 1
LEVELS = 1 << 12  # of the tables

TO_BT709 = {
    BT2020: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    P3_DCI: ((1.1575, -0.1550, -0.0025), (-0.0415, 1.0456, -0.0042), (-0.0180, -0.0785, 1.0966)),
    P3_D65: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
"""From linear light of these primaries to that of BT.709."""


def needs_mapping(transfer: int, primaries: int) -> bool:
    """Whether pictures of these characteristics (H.273) look wrong where they are taken for BT.709."""
    return transfer in (PQ, HLG) or primaries in TO_BT709


def to_srgb(picture: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """A picture uint16 (H, W, 3), full range, → uint8 (H, W, 3), sRGB.

    transfer, primaries: of the picture, as H.273 numbers them; other transfers than PQ and HLG are taken as sRGB's.
    """
    import cv2

    light = _decoding(transfer)[picture >> 4]
    if transfer == HLG:  # the screen's own gamma, on the picture's luminance
        luminance = np.maximum(light @ np.array((0.2627, 0.6780, 0.0593), np.float32), 1e-6)
        light *= (HLG_PEAK / WHITE * luminance ** (HLG_GAMMA - 1))[..., None]
    if primaries in TO_BT709:
        light = cv2.transform(light, np.array(TO_BT709[primaries], np.float32))
    light = np.maximum(light, 0)
    brightest = np.maximum(light.max(axis=2, keepdims=True), 1e-6)
    if transfer in (PQ, HLG):
        rolled = 1 - (1 - KNEE) * np.exp((KNEE - brightest) / (1 - KNEE))
        light *= np.where(brightest > KNEE, rolled / brightest, 1)  # hues stay
    return _encoding()[(np.minimum(light, 1) * (LEVELS * 16 - 1)).astype(np.uint16)]


@lru_cache(maxsize=4)
def _decoding(transfer: int) -> np.ndarray:
    """Light over WHITE for every level of the code, float32 (LEVELS,)."""
    code = np.linspace(0, 1, LEVELS)
    if transfer == PQ:  # SMPTE ST 2084
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = code ** (1 / m2)
        light = 10000 / WHITE * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    elif transfer == HLG:  # the scene's light, 0 to 1
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    else:
        light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@lru_cache(maxsize=1)
def _encoding() -> np.ndarray:
    """sRGB, 8 bits, for light of 16 bits, uint8 (65536,): 12 would show steps in the dark."""
    light = np.linspace(0, 1, LEVELS * 16)
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(code * 255).astype(np.uint8)
