"""VASA-1's conditions of one window, as the rows of a batch that guidance weights (3.2, eq. 2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from emo.errors import OptionError
from emo.generation.guidance import guidance_rows, guided
from emo.motion.vasa import CONDITIONS, HolisticMotionTransformer


@dataclass(frozen=True)
class MotionControls:
    """What steers a whole motion beside its sound; of each None leaves it free.

    Attributes:
        gaze: main direction of the eyes, in the units of the controls `gaze_x` and `gaze_y`.
        distance: of the camera, as the datasets' label has it.
        emotion: strength 0 ... 1 of the model's emotions by name, those that are not named 0; an offset to what is
            heard.
    """

    gaze: tuple[float, float] | None = None
    distance: float | None = None
    emotion: Mapping[str, float] | None = None

    @classmethod
    def usual(cls, denoiser: HolisticMotionTransformer) -> "MotionControls":
        """The paper's own: eyes ahead, the training videos' mean distance, no emotion."""
        return cls(gaze=(0.0, 0.0), distance=denoiser.config["distance_mean"])


@dataclass(frozen=True)
class WindowConditions:
    """Everything that guides one window, as rows of one batch; a row is the whole or has one condition dropped.

    Attributes:
        audio: (rows, K+W, A).
        previous: (rows, K, D).
        gaze: (rows, 2).
        distance: (rows, 1).
        emotion: (rows, E).
        kept: for each of `CONDITIONS` whether rows have it, (rows,) bool.
        frame_mask: (rows, W) bool.
        weights: weight of each row's prediction, (rows,); they sum to one.
    """

    audio: Tensor = field(repr=False)
    previous: Tensor = field(repr=False)
    gaze: Tensor
    distance: Tensor
    emotion: Tensor
    kept: Mapping[str, Tensor]
    frame_mask: Tensor
    weights: Tensor

    def predict(self, denoiser: HolisticMotionTransformer, sample: Tensor, timestep: Tensor) -> Tensor:
        """The guided X0 (1, W, D) for a noisy sample of that shape at a timestep ()."""
        rows = len(self.weights)
        predictions = denoiser(
            sample.to(denoiser.dtype).expand(rows, -1, -1),
            timestep.to(sample.device).expand(rows),
            audio=self.audio,
            previous=self.previous,
            gaze=self.gaze,
            distance=self.distance,
            emotion=self.emotion,
            kept=self.kept,
            frame_mask=self.frame_mask,
        )
        return guided(predictions, self.weights)


def window_conditions(
    denoiser: HolisticMotionTransformer,
    audio: Tensor,
    previous: Tensor | None,
    frames: int,
    controls: MotionControls,
    scales: Mapping[str, float],
    device: torch.device,
) -> WindowConditions:
    """Batch one window's conditions for guidance.

    Args:
        denoiser: for its sizes and its precision.
        audio: of K frames before the window, anything where there are none, and of the window's, (K+W, A).
        previous: normalized motion of the K frames before, (K, D); None in the first window.
        frames: of the window that are the motion's, 1 ... W.
        controls: what steers the motion.
        scales: guidance w = 1 + lambda by condition, of `CONDITIONS`; those of what is dropped anyway cost nothing.
        device: where the denoiser works; under offloading its weights may lie elsewhere.

    Raises:
        OptionError: there is no such emotion.
    """
    config, columns = denoiser.config, len(denoiser.space)
    have = {
        "audio": True,
        "gaze": controls.gaze is not None,
        "distance": controls.distance is not None,
        "emotion": controls.emotion is not None,
        "previous": previous is not None,
    }
    rows = guidance_rows({name: scale for name, scale in scales.items() if have[name]})

    def repeated(values: Tensor) -> Tensor:
        return values.to(device, denoiser.dtype).expand(len(rows), *values.shape)

    return WindowConditions(
        audio=repeated(audio),
        previous=repeated(torch.zeros(config["prefix_length"], columns) if previous is None else previous),
        gaze=repeated(torch.tensor(controls.gaze or (0.0, 0.0))),
        distance=repeated(torch.tensor([controls.distance or 0.0])),
        emotion=repeated(emotion_vector(controls.emotion or {}, config["emotions"])),
        kept={
            name: torch.tensor([have[name] and name != dropped for dropped in rows], device=device)
            for name in CONDITIONS
        },
        frame_mask=(torch.arange(len(audio) - config["prefix_length"], device=device) < frames).expand(len(rows), -1),
        weights=torch.tensor(list(rows.values()), device=device),
    )


def emotion_vector(strengths: Mapping[str, float], names: tuple[str, ...] | list[str]) -> Tensor:
    """Strengths (E,) in the order of the model's emotions.

    Raises:
        OptionError: there is no such emotion.
    """
    if unknown := [name for name in strengths if name not in names]:
        raise OptionError(f"the model knows no emotion {unknown[0]!r}; it knows {', '.join(names)}", option="emotion")
    return torch.tensor([float(strengths.get(name, 0.0)) for name in names])
