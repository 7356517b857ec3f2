"""What stages of motion ask of a dataset's clips."""

import numpy as np
import torch
from torch import Tensor

from emo.data import ClipReader
from emo.data.samples.emo_features import AUDIO
from emo.errors import ConfigError, DatasetError
from emo.motion import CONTROLS
from emo.motion.reading import ANGLES


def clip_audio(reader: ClipReader, number: int) -> Tensor:
    """All of a clip's sound from the cache, (T, A): all hidden states in a row."""
    return reader.cached(number, [AUDIO])[AUDIO].flatten(1).float()


def clip_angles(reader: ClipReader, number: int) -> Tensor:
    """A clip's yaw, pitch and roll in degrees, (T, 3).

    Raises:
        DatasetError: the labels are damaged.
    """
    labels = reader.labels(number)
    return torch.from_numpy(np.stack([labels[name] for name in ANGLES], 1)).float()


def clip_jaw(reader: ClipReader, number: int) -> Tensor | None:
    """How far a clip's jaw is open, (T,), or None where it is not labeled.

    Raises:
        DatasetError: the labels are damaged.
    """
    jaw = reader.labels(number).get("jaw")
    return None if jaw is None else torch.from_numpy(jaw).float()


def clip_controls(reader: ClipReader, number: int) -> Tensor:
    """A clip's labels in the columns of `CONTROLS`, (T, 14).

    Raises:
        DatasetError: the labels are damaged, or do not hold all controls.
    """
    labels = reader.labels(number)
    if missing := [name for name in CONTROLS.names if name not in labels]:
        raise DatasetError(
            f"{reader.path(number)} has no label {', '.join(missing)}; `emo motion extract` reads them from the face"
        )
    return torch.from_numpy(np.stack([labels[name] for name in CONTROLS.names], 1)).float()


def check_one_rate(reader: ClipReader) -> None:
    """Refuse clips of several rates.

    Raises:
        ConfigError: there are such.
    """
    if len(rates := {clip.rate for clip in reader.clips}) > 1:
        raise ConfigError(f"data.root: clips of {', '.join(map(str, sorted(rates)))} frames per second; use one")
