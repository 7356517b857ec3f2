"""Ordinary pictures as high dynamic range and wide gamut ones, by the standards' own formulas, for the tests."""

import numpy as np

WHITE = 203.0  # cd/m² of white: ITU-R BT.2408
BT709_TO_BT2020 = np.array(((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956)))  # BT.2087


def light_of(picture: np.ndarray) -> np.ndarray:
    """sRGB, uint8 → linear light, 0 to 1 (IEC 61966-2-1)."""
    code = picture / 255
    return np.where(code > 0.04045, ((code + 0.055) / 1.055) ** 2.4, code / 12.92)


def srgb_of(light: np.ndarray) -> np.ndarray:
    """Linear light, 0 to 1 → sRGB, 0 to 1."""
    return np.where(light > 0.0031308, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055, 12.92 * light)


def pq(nits: np.ndarray) -> np.ndarray:
    """The inverse EOTF of SMPTE ST 2084: cd/m² → code, 0 to 1."""
    power = (np.maximum(nits, 0) / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(nits: np.ndarray) -> np.ndarray:
    """Display light of BT.2020's primaries, cd/m² → code of BT.2100's HLG, 0 to 1, on a screen of 1000 cd/m²."""
    display = np.maximum(nits / 1000, 0)
    luminance = np.maximum(display @ (0.2627, 0.6780, 0.0593), 1e-12)[..., None]
    scene = display * luminance ** ((1 - 1.2) / 1.2)
    upper = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)


def wide(frames: np.ndarray, transfer: str) -> np.ndarray:
    """sRGB, uint8 (..., 3) → the same look in BT.2020's primaries: code, 0 to 1, by "pq", "hlg" or "sdr"."""
    light = light_of(frames) @ BT709_TO_BT2020.T
    return {"pq": lambda: pq(light * WHITE), "hlg": lambda: hlg(light * WHITE), "sdr": lambda: srgb_of(light)}[
        transfer
    ]()


def yuv420p10(code: np.ndarray) -> bytes:
    """Code (n, H, W, 3), 0 to 1 → raw yuv420p10le of BT.2020's matrix and limited range."""
    luma = code @ (0.2627, 0.6780, 0.0593)
    differences = [(code[..., 2] - luma) / 1.8814, (code[..., 0] - luma) / 1.4746]
    halved = [c.reshape(len(c), c.shape[1] // 2, 2, c.shape[2] // 2, 2).mean((2, 4)) for c in differences]
    planes = [64 + 876 * luma, *(512 + 896 * chroma for chroma in halved)]
    return b"".join(
        np.round(plane[number]).clip(0, 1023).astype("<u2").tobytes()
        for number in range(len(code))
        for plane in planes
    )
