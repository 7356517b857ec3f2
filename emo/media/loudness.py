"""How loud a voice is from moment to moment, in the band that a mouth opens for."""

import numpy as np

from emo.media.rate import SAMPLE_RATE

BAND = (300.0, 3400.0)  # Hz; speech energy that opens the mouth: no hum, no nasal murmur, no hiss
SMOOTHING = 0.025  # seconds, standard deviation
STEP = 0.008  # seconds between two measurements


def speech_band_loudness(waveform: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Level of the speech band between the recording's floor and its peaks, smoothed without delay.

    Args:
        waveform: (N,) mono at 16 kHz, -1 ... 1.
        times: (T,) seconds from the waveform's first sample; beyond its ends the level there is repeated.
    Returns:
        (T,) float64, 0 ... 1, on a scale of decibels; 0 throughout where the recording is silent.
    """
    grid = measuring_times(len(waveform))
    power = np.abs(np.fft.rfft(hann_windows(waveform, 480, grid), 512, axis=1)) ** 2
    frequency = np.fft.rfftfreq(512, 1 / SAMPLE_RATE)
    band = power[:, (frequency > BAND[0]) & (frequency < BAND[1])].sum(1)
    decibel = 10 * np.log10(band + 1e-7)
    top = np.percentile(decibel, 96)
    if top < -25:  # silence: the window's gain makes full scale about +45 dB
        return np.zeros(len(times))
    floor = max(top - 26, np.percentile(decibel, 8) + 5)
    level = smooth_measurements(np.clip((decibel - floor) / max(top - floor, 6), 0, 1), SMOOTHING)
    return np.interp(times, grid, level)


def measuring_times(samples: int) -> np.ndarray:
    """Seconds (G,), STEP apart, that cover `samples` at 16 kHz."""
    return np.arange(0, samples / SAMPLE_RATE + STEP, STEP)


def hann_windows(waveform: np.ndarray, length: int, times: np.ndarray) -> np.ndarray:
    """Hann-windowed pieces (T, length) of a waveform (N,) at 16 kHz, centered on the seconds in `times`."""
    padded = np.pad(waveform, length)
    start = np.round(times * SAMPLE_RATE).astype(int) + length - length // 2
    return padded[np.minimum(start, len(padded) - length)[:, None] + np.arange(length)] * np.hanning(length)


def smooth_measurements(values: np.ndarray, seconds: float) -> np.ndarray:
    """Values (G,), STEP apart, smoothed by a Gaussian of `seconds`; the ends are repeated."""
    radius = round(3 * seconds / STEP)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) * STEP / seconds) ** 2)
    return np.convolve(np.pad(values, radius, mode="edge"), kernel / kernel.sum(), "valid")
