"""The sound as SyncNet hears it: 13 mel-frequency cepstral coefficients every 10 ms.

The numbers are those of `python_speech_features.mfcc` with its defaults on 16-bit samples, which SyncNet was trained
on; the tests compare with that package. It is not used itself: it comes as a source archive of 2017 alone, needs scipy
without saying so, and holds all windows of a sound at once.
"""

from functools import lru_cache

import numpy as np

from emo.media import SAMPLE_RATE
from emo.metrics.checks import check_track

COEFFICIENTS = 13
HOP = 160  # samples from one window to the next, 10 ms
WINDOW = 400  # samples of a window, 25 ms
SIZE = 512  # samples of the Fourier transform
BANDS = 26
LIFTER = 22
EMPHASIS = 0.97
BEND = 4800.0  # Hz, up to which frequencies are warped in proportion
BATCH_SIZE = 2048  # windows at once
MIN_POWER = np.finfo(np.float64).eps  # in place of 0, before the logarithm is taken


def mfcc(waveform: np.ndarray, warp: float = 1.0) -> np.ndarray:
    """Cepstral coefficients of a sound, (N,) at 16 kHz and -1...1 -> (M, 13) float32.

    Row j is of samples 160 j ... 160 j + 400, zeros beyond the end; M = 1 + ceil((N - 400) / 160), at least 1. The
    first coefficient is the logarithm of the window's energy.

    Args:
        warp: factor on the frequencies of the mel bands up to 4.8 kHz, evened out above: another length of the vocal
            tract (Jaitly and Hinton 2013), for training.

    Raises:
        EmoError: the waveform is of another shape, empty or not finite.
    """
    bands = _log_bands(waveform, warp)
    cepstra = bands[:, :BANDS] @ _cosines()
    cepstra[:, 0] = bands[:, BANDS]
    return cepstra.astype(np.float32)


def log_mel(waveform: np.ndarray) -> np.ndarray:
    """Logarithms of the energies in 26 mel bands and in all, of the same windows: (N,) -> (M, 27) float32.

    Raises:
        EmoError: the waveform is of another shape, empty or not finite.
    """
    return _log_bands(waveform, 1.0).astype(np.float32)


def _log_bands(waveform: np.ndarray, warp: float) -> np.ndarray:
    """(N,) -> (M, 27) float64."""
    samples = np.round(check_track(waveform, "the waveform") * 32768).clip(-32768, 32767)
    samples[1:] -= EMPHASIS * samples[:-1].copy()
    count = 1 + max(0, -(-(len(samples) - WINDOW) // HOP))
    samples = np.pad(samples, (0, max(0, (count - 1) * HOP + WINDOW - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    rows = []
    for start in range(0, count, BATCH_SIZE):
        power = np.square(np.abs(np.fft.rfft(windows[start : start + BATCH_SIZE], SIZE))) / SIZE
        energies = np.concatenate([power @ _mel_bands(warp), power.sum(1, keepdims=True)], 1)
        rows.append(np.log(np.where(energies == 0, MIN_POWER, energies)))
    return np.concatenate(rows)


@lru_cache(maxsize=16)
def _mel_bands(warp: float) -> np.ndarray:
    """Triangles between 28 places that are evenly spaced in mel from 0 to 8 kHz, (257, 26)."""
    nyquist = SAMPLE_RATE / 2
    hertz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + nyquist / 700), BANDS + 2) / 2595) - 1)
    bend = BEND / max(warp, 1.0)
    hertz = np.interp(hertz, [0, bend, nyquist], [0, bend * warp, nyquist])
    edges = np.floor((SIZE + 1) * hertz / SAMPLE_RATE).astype(int)
    bands = np.zeros((SIZE // 2 + 1, BANDS))
    for band, (left, middle, right) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        bands[left:middle, band] = (np.arange(left, middle) - left) / max(middle - left, 1)
        bands[middle:right, band] = (right - np.arange(middle, right)) / max(right - middle, 1)
    return bands


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray:
    """The orthonormal cosine transform, with the lifter's weights, (26, 13)."""
    band = np.arange(BANDS)[:, None]
    number = np.arange(COEFFICIENTS)
    cosines = np.sqrt(2 / BANDS) * np.cos(np.pi * number * (2 * band + 1) / (2 * BANDS))
    cosines[:, 0] /= np.sqrt(2)
    return cosines * (1 + LIFTER / 2 * np.sin(np.pi * number / LIFTER))
