"""What the mouth does for a sound: jaw from loudness, lips from the vowel; from known phones or from any recording."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.data.synthetic.phones import PHONES, VOWELS
from emo.data.synthetic.speech import SAMPLE_RATE, Speech, track
from emo.media.loudness import hann_windows, measuring_times, smooth_measurements, speech_band_loudness


@dataclass(frozen=True)
class Articulation:
    """The mouth over T frames, each (T,) float32; frame i is the middle of its interval, (i + 0.5) / fps.

    Attributes:
        loudness: 0 ... 1, level of the speech band between the recording's floor and its peaks.
        jaw: as in `FaceControls`.
        width: as in `FaceControls`.
        rounding: as in `FaceControls`.
    """

    loudness: Tensor
    jaw: Tensor
    width: Tensor
    rounding: Tensor


def frame_count(samples: int, fps: float, sample_rate: int = SAMPLE_RATE) -> int:
    """Frames that cover `samples`: ceil(samples · fps / sample_rate)."""
    return int(-(-samples * fps // sample_rate))


def articulate_speech(speech: Speech, fps: float = 25.0) -> Articulation:
    """Move the mouth to synthetic speech, whose phones are known.

    Lips are shut during pauses and m, b, p; the jaw follows loudness and the vowel's openness.

    Args:
        speech: result of `synthesize`.
        fps: frames per second.
    Raises:
        ValueError: `fps` is not positive.
    """
    times = _frame_times(len(speech.waveform), fps)
    loudness = speech_band_loudness(speech.waveform, times)
    shaped = track(
        speech.segments,
        times,
        lambda s: (PHONES[s.phone].open, PHONES[s.phone].width, PHONES[s.phone].rounding),
        0.030,
    )
    shut = track(speech.segments, times, lambda s: float(PHONES[s.phone].kind in ("closed", "pause")), 0.010)
    opening = np.clip(1.15 - 1.45 * shut, 0, 1)
    return _articulation(loudness, shaped[:, 0] / 0.9, shaped[:, 1], shaped[:, 2], opening)


def articulate_recording(waveform: np.ndarray, fps: float = 25.0) -> Articulation:
    """Move the mouth to any recording: loudness of the speech band, formants by linear prediction.

    The estimates hold for one voice over moderate noise; music gives plausible, not phonetic, lips. m, b and p close
    the lips because their murmur lies below the band.

    Args:
        waveform: (N,) mono at 16 kHz, -1…1.
        fps: frames per second.
    Raises:
        ValueError: the waveform is empty, not one-dimensional or not finite, or `fps` is not positive.
    """
    waveform = np.asarray(waveform, dtype=np.float64)
    if waveform.ndim != 1 or len(waveform) == 0 or not np.isfinite(waveform).all():
        raise ValueError(f"a recording must be a non-empty, finite, mono array, not one of shape {waveform.shape}")
    times = _frame_times(len(waveform), fps)
    grid = measuring_times(len(waveform))
    level = speech_band_loudness(waveform, grid)
    first, second = _formants(waveform, grid)
    opened, width, rounding = _vowel_shape(first, second, level)
    weight = level + 1e-3
    total = smooth_measurements(weight, 0.03)
    averages = (smooth_measurements(values * weight, 0.03) / total for values in (opened, width, rounding))
    shapes = (_sample(grid, average, times) for average in averages)
    return _articulation(_sample(grid, level, times), *shapes, opening=np.ones(len(times)))


def _articulation(
    loudness: np.ndarray, opened: np.ndarray, width: np.ndarray, rounding: np.ndarray, opening: np.ndarray
) -> Articulation:
    voiced = np.clip(loudness / 0.12, 0, 1)  # lips return to rest as the sound fades
    jaw = loudness * (0.40 + 0.60 * np.clip(opened, 0, 1)) * opening
    jaw = np.clip((jaw - 0.03) / 0.97, 0, 1)
    values = (loudness, jaw, np.clip(width * voiced, -1, 1), np.clip(rounding * voiced, 0, 1))
    return Articulation(*(torch.tensor(v, dtype=torch.float32) for v in values))


def _frame_times(samples: int, fps: float) -> np.ndarray:
    if not fps > 0:
        raise ValueError(f"fps must be positive, not {fps}")
    return (np.arange(frame_count(samples, fps)) + 0.5) / fps


def _sample(grid: np.ndarray, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.interp(times, grid, values)


def _formants(waveform: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First two resonances in Hz per grid time, by linear prediction at 8 kHz (autocorrelation method)."""
    order, rate = 10, SAMPLE_RATE / 2
    emphasized = np.append(waveform[0], waveform[1:] - 0.9 * waveform[:-1])
    spectrum = np.abs(np.fft.rfft(hann_windows(emphasized, 512, grid), 1024, axis=1)) ** 2
    correlation = np.fft.irfft(spectrum[:, : 1024 // 4 + 1], 512, axis=1)[:, : order + 1]  # up to 4 kHz
    correlation[:, 0] = correlation[:, 0] * 1.0005 + 1e-9
    lag = np.abs(np.arange(order)[:, None] - np.arange(order))
    predictor = np.linalg.solve(correlation[:, lag], correlation[:, 1:, None])[..., 0]
    companion = np.zeros((len(grid), order, order))
    companion[:, 0] = predictor
    companion[:, np.arange(1, order), np.arange(order - 1)] = 1
    pole = np.linalg.eigvals(companion)
    hertz = np.angle(pole) * rate / (2 * np.pi)
    width = -np.log(np.abs(pole) + 1e-9) * rate / np.pi
    hertz = np.where((hertz > 180) & (hertz < 3800) & (width < 500), hertz, np.inf)
    hertz = np.sort(hertz, 1)
    first, second = hertz[:, 0], hertz[:, 1]
    found = np.isfinite(second)
    return np.where(found, first, 500.0), np.where(found, second, 1450.0)


def _bark(hertz: np.ndarray | float) -> np.ndarray:
    return 26.81 / (1 + 1960 / np.maximum(hertz, 50)) - 0.53


def _vowel_shape(
    first: np.ndarray, second: np.ndarray, level: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Openness, width and rounding of the vowels that sound like these formants, for a tract scaled to the speaker."""
    loud = level > 0.4
    scale = np.clip(np.median(second[loud]) / 1400, 0.9, 1.3) if loud.any() else 1.0
    table = list(VOWELS.values())
    vowels = np.array([[_bark(v.formants[0]), _bark(v.formants[1])] for v in table])
    formants = np.stack([_bark(first / scale), _bark(second / scale)], -1)
    near = np.exp(-0.5 * ((formants[:, None] - vowels) ** 2).sum(-1) / 1.2**2) + 1e-12
    near /= near.sum(1, keepdims=True)
    shape = near @ np.array([[v.open / 0.9, v.width, v.rounding] for v in table])
    return shape[:, 0], shape[:, 1], shape[:, 2]
