"""What the mouth does for a sound: by rule where the phones are known, by what was learned for any recording."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from emo.articulation import shared_articulator
from emo.data.synthetic.phones import PHONES
from emo.data.synthetic.speech import SAMPLE_RATE, Speech, track
from emo.media.loudness import speech_band_loudness

# Of a face whose jaw, width and rounding are commanded, in distances between the eyes' outer corners
REST_OPEN = 0.03  # opening that the articulation hears in silence, where lips are shut
WIDE_OPEN = 0.19  # opening of a jaw of 1
REST_WIDTH = 0.583  # between the corners of a mouth at rest, of the talker that the articulation learned from
FULL_SPREAD = 0.05  # by which corners are farther apart at a width of 1


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


def articulate_speech(speech: Speech, fps: float = 25.0, *, learned: bool = False) -> Articulation:
    """Move the mouth to synthetic speech, whose phones are known: lips are shut during pauses and m, b, p.

    Args:
        speech: result of `synthesize`.
        fps: frames per second.
        learned: beside that, move the mouth as in a recording; else the jaw follows loudness and the vowel's
            openness, and the lips the vowel.
    Raises:
        ValueError: `fps` is not positive.
    """
    times = _frame_times(len(speech.waveform), fps)
    shut = track(speech.segments, times, lambda s: float(PHONES[s.phone].kind in ("closed", "pause")), 0.010)
    opening = np.clip(1.15 - 1.45 * shut, 0, 1)
    if learned:
        heard = articulate_recording(speech.waveform, fps)
        return replace(heard, jaw=heard.jaw * torch.tensor(opening, dtype=torch.float32))
    loudness = speech_band_loudness(speech.waveform, times)
    shaped = track(
        speech.segments,
        times,
        lambda s: (PHONES[s.phone].open, PHONES[s.phone].width, PHONES[s.phone].rounding),
        0.030,
    )
    return _articulation(loudness, shaped[:, 0] / 0.9, shaped[:, 1], shaped[:, 2], opening)


def articulate_recording(waveform: np.ndarray, fps: float = 25.0) -> Articulation:
    """Move the mouth to any recording, as the learned articulation hears it (`emo.articulation`).

    Args:
        waveform: (N,) mono at 16 kHz, -1...1.
        fps: frames per second.
    Raises:
        AudioError: the waveform is empty, not one-dimensional or not finite.
        ValueError: `fps` is not positive.
    """
    mouth = shared_articulator()(waveform, fps)
    waveform = np.asarray(waveform, np.float64)
    loudness = speech_band_loudness(waveform, _frame_times(len(waveform), fps))
    jaw = ((mouth.opening - REST_OPEN) / (WIDE_OPEN - REST_OPEN)).clip(0, 1)
    width = ((mouth.width - REST_WIDTH) / FULL_SPREAD).clip(-1, 1)
    values = (loudness, jaw, width, mouth.rounding)
    return Articulation(*(torch.tensor(v, dtype=torch.float32) for v in values))


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
