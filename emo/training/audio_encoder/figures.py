"""What linear heads tell of real voices that no one learned from: sounds, and the mouths that made them."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import Wav2Vec2Model

from emo.articulation import MEASURES
from emo.training.articulation.talks import Talk
from emo.training.audio_encoder.samples import StateTimes, normalized

SHOWN = ("opening", "height", "width", "protrusion")
Told = dict[str, np.ndarray]  # of each head, (layers, S, outputs)


def hidden_states(encoder: Wav2Vec2Model, waveform: Tensor) -> tuple[Tensor, ...]:
    """States of all layers, each (B, S, width), of sounds (B, N)."""
    return encoder(waveform, output_hidden_states=True).hidden_states[1:]


def as_heard(talk: Talk, device: torch.device | str) -> Tensor:
    """A whole talk as the encoder takes it, (1, N)."""
    return torch.from_numpy(normalized(talk.waveform))[None].to(device)


def sounds_told(told: np.ndarray, talk: Talk, times: StateTimes) -> np.ndarray:
    """Share of states in speech whose class of sound is told right, per layer, of scores (layers, S, classes)."""
    labels = talk.sounds_at(times.centers(len(talk.sound)))
    speech = labels > 0
    return (told.argmax(-1) == labels)[:, speech].mean(1)


def lips_followed(told: np.ndarray, talk: Talk, times: StateTimes) -> np.ndarray:
    """Correlation with the mouth that was read, (layers, measures), of measures told (layers, S, measures)."""
    centers = times.centers(len(talk.sound))
    frames = (np.arange(len(talk.measures)) + 0.5) / talk.fps
    rows = []
    for layer in told:
        at_frames = [np.interp(frames, centers, column) for column in layer.T]
        rows.append([np.corrcoef(pair)[0, 1] for pair in zip(at_frames, talk.measures.T, strict=True)])
    return np.array(rows)


def report(tell: Callable[[Talk], Told], talks: Sequence[Talk], times: StateTimes) -> dict[str, list[float]]:
    """Means over talks, one for each layer: share of `sounds` told right, and r of the measures that are SHOWN."""
    rows: dict[str, list[np.ndarray]] = {}
    for talk in talks:
        told = tell(talk)
        if "sounds" in told and talk.phones is not None:
            rows.setdefault("sounds", []).append(sounds_told(told["sounds"], talk, times))
        if "lips" in told and talk.mouth is not None:
            r = lips_followed(told["lips"], talk, times)
            for name in SHOWN:
                rows.setdefault(name, []).append(r[:, MEASURES.index(name)])
    return {name: [round(float(value), 4) for value in np.mean(row, axis=0)] for name, row in rows.items()}
