"""Whose lips GoHD's stage 1 learns: a clip's own, what a tracker makes of them, or an expert's (its distillation)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from emo.data import ClipReader
from emo.data.synthetic.articulation import articulate_recording
from emo.face import smooth
from emo.motion import CONTROLS
from emo.training.clips import clip_controls

LAG = 2  # frames by which a tracker's lips are late
WIDTH = 1.5  # frames, standard deviation of its smoothing
TREMBLE = 0.3  # deviations of its noise, of each control's own
MOUTH = CONTROLS.index("mouth")

Motion = Callable[[ClipReader, int], Tensor]
"""From a reader and the number of a clip named controls, (T, 14)."""


def tracked(reader: ClipReader, number: int) -> Tensor:
    """A clip's own motion with lips as a tracker reads them: late, smoothed, trembling; always the same."""
    values = clip_controls(reader, number)
    lips = values[:, MOUTH]
    late = torch.cat([lips[:1].expand(LAG, -1), lips])[: len(lips)]
    noise = np.random.default_rng((0x7AC, number)).normal(0, TREMBLE, lips.shape)
    seen = smooth(late.numpy(), WIDTH) + noise * CONTROLS.deviation[MOUTH].numpy()
    values[:, MOUTH] = torch.from_numpy(seen).float()
    return values


class Expert:
    """A clip's own motion with the lips that the bundled articulation makes of its sound; heard once in a process."""

    def __init__(self):
        self._lips: dict[tuple[str, int], Tensor] = {}

    def __call__(self, reader: ClipReader, number: int) -> Tensor:
        values, key = clip_controls(reader, number), (str(reader.path(number)), number)
        if key not in self._lips:
            mouth = articulate_recording(reader.waveform(number).numpy(), float(reader.clips[number].rate))
            self._lips[key] = torch.stack([mouth.jaw, mouth.width, mouth.rounding], 1)
        lips = self._lips[key][: len(values)]
        values[: len(lips), MOUTH] = lips
        return values


TARGETS: dict[str, Callable[[], Motion]] = {"own": lambda: clip_controls, "tracked": lambda: tracked, "expert": Expert}
