"""What a voice stresses and where it pauses: loudness, pitch, accents, phrases."""

from dataclasses import dataclass

import numpy as np

from emo.media.loudness import STEP, hann_windows, measuring_times, smooth_measurements, speech_band_loudness
from emo.media.rate import SAMPLE_RATE

PITCHES = (60.0, 500.0)  # Hz
WINDOW = 640  # samples of 16 kHz under which a pitch is sought: over two periods of the lowest
RANGE = 0.8  # octaves around the usual pitch; what lies farther off, or at the edge, is a mistake
VOICED = 0.45  # least autocorrelation at the period, of that at lag 0
QUIET = 0.08  # loudness below which nobody speaks
PAUSE = 0.15  # seconds; shorter gaps belong to a closed consonant
PHRASE = 0.2  # seconds; what is shorter is a noise
SYLLABLE = 0.25  # seconds; of two peaks as near as this the stronger one counts
RISE = 0.06  # by which a peak stands out of what is around it
SEMITONES = 6.0  # above the usual pitch that count as much as full loudness


@dataclass(frozen=True)
class Prosody:
    """How a recording is spoken.

    Attributes:
        times: (G,) seconds, STEP apart.
        loudness: (G,) 0 ... 1, as `speech_band_loudness` has it.
        pitch: (G,) semitones above the recording's median, interpolated where there is no voice; 0 throughout where
            there is none at all.
        accents: (K,) seconds of the peaks of loudness and pitch.
        strengths: (K,) 0 ... 1, of the weakest to the strongest accent.
        phrases: (P, 2) seconds, beginning and end of what is said without a pause.
    """

    times: np.ndarray
    loudness: np.ndarray
    pitch: np.ndarray
    accents: np.ndarray
    strengths: np.ndarray
    phrases: np.ndarray

    def speaking(self, times: np.ndarray) -> np.ndarray:
        """Whether each of the seconds (T,) lies within a phrase, (T,) bool."""
        if not len(self.phrases):
            return np.zeros(len(times), bool)
        return ((times[:, None] >= self.phrases[:, 0]) & (times[:, None] < self.phrases[:, 1])).any(1)


def bump_at(after: np.ndarray, reach: float) -> np.ndarray:
    """What an accent sets in motion so many seconds after its time: from 0 at -reach to 1 and back to 0 at reach."""
    return np.where(np.abs(after) < reach, 0.5 + 0.5 * np.cos(np.pi * after / reach), 0.0)


def read_prosody(waveform: np.ndarray) -> Prosody:
    """Read the prosody of one voice over moderate noise.

    Args:
        waveform: (N,) mono at 16 kHz, -1 ... 1.
    """
    waveform = np.asarray(waveform, np.float64)
    times = measuring_times(len(waveform))
    loudness = speech_band_loudness(waveform, times)
    pitch = _pitch(waveform, times, loudness)
    weight = smooth_measurements(loudness * np.clip(1 + pitch / SEMITONES, 0.5, 2), 0.04)
    peaks = _peaks(weight, round(SYLLABLE / STEP))
    height = weight[peaks]
    span = max(float(np.ptp(height)), 1e-6) if len(height) else 1.0
    return Prosody(
        times=times,
        loudness=loudness,
        pitch=pitch,
        accents=times[peaks],
        strengths=(height - height.min()) / span if len(height) > 1 else np.ones(len(height)),
        phrases=_phrases(loudness > QUIET),
    )


def _pitch(waveform: np.ndarray, times: np.ndarray, loudness: np.ndarray) -> np.ndarray:
    """Semitones (G,) by autocorrelation, every second grid time; the window's own falls out by division."""
    high, low = (int(SAMPLE_RATE / hertz) for hertz in PITCHES)
    coarse = times[::2]
    pieces = hann_windows(waveform, WINDOW, coarse)
    correlation = _autocorrelation(pieces, high + 1) / _autocorrelation(np.hanning(WINDOW)[None], high + 1)
    correlation = correlation / np.maximum(correlation[:, :1], 1e-9)
    lags = np.arange(low, high + 1)
    score = correlation[:, low:] - 0.02 * np.log2(lags / low)  # of two octaves the higher
    voiced = (score.max(1) > VOICED) & (loudness[::2] > QUIET)
    usual = np.median(lags[score.argmax(1)][voiced]) if voiced.any() else low
    near = np.flatnonzero(np.abs(np.log2(lags / usual)) < RANGE)
    best = score[:, near].argmax(1)
    voiced &= (best > 0) & (best < len(near) - 1) & (score[np.arange(len(score)), near[best]] > VOICED)
    if not voiced.any():
        return np.zeros(len(times))
    period = lags[near[best]]
    semitones = 12 * np.log2(SAMPLE_RATE / period[voiced])
    semitones -= np.median(semitones)
    return smooth_measurements(np.interp(times, coarse[voiced], semitones), 0.04)


def _autocorrelation(pieces: np.ndarray, lags: int) -> np.ndarray:
    """(T, WINDOW) -> (T, lags), which fit into the transform together."""
    power = np.abs(np.fft.rfft(pieces, 1024, axis=1)) ** 2
    return np.fft.irfft(power, axis=1)[:, :lags]


def _peaks(values: np.ndarray, apart: int) -> np.ndarray:
    """Places (K,) of maxima within `apart` to both sides that stand out of the lower side by RISE."""
    padded = np.pad(values, apart, constant_values=-1.0)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * apart + 1)
    lowest = np.pad(values, apart, mode="edge")
    left, right = (
        np.lib.stride_tricks.sliding_window_view(side, apart + 1).min(1) for side in (lowest[:-apart], lowest[apart:])
    )
    is_peak = (values == around.max(1)) & (values - np.minimum(left, right) > RISE) & (values > QUIET)
    return np.flatnonzero(is_peak)


def _phrases(loud: np.ndarray) -> np.ndarray:
    """Seconds (P, 2) of what is loud with its short gaps."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(int)))
    runs: list[list[int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if runs and (start - runs[-1][1]) * STEP < PAUSE:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    found = [(start * STEP, end * STEP) for start, end in runs if (end - start) * STEP >= PHRASE]
    return np.array(found, dtype=np.float64).reshape(-1, 2)
