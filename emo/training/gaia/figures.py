"""How generated latents do against those of the clip whose sound and poses they were made from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from emo.motion import MotionTrack
from emo.motion.gaia.speech import POSE
from emo.training.motion_figures import border_ratios, correlation, deviation_share, named_means, pearson

RIDGE = 1e-4  # of the mean square of a column, added to each


@dataclass(frozen=True)
class JawReading:
    """How far a jaw is open, as the weighted sum of latents that says it best, both about a clip's mean: of what
    latents vary by, lips are so little that r of all of them does not show whether a sound is heard.

    Attributes:
        weights: of the columns, (D,).
    """

    weights: Tensor

    @classmethod
    def fitted(cls, clips: Iterable[tuple[Tensor, Tensor]]) -> "JawReading":
        """By least squares.

        Args:
            clips: latents (T, D) and labels of the jaw (T,) of each; at least one.
        """
        square, moment = torch.zeros(()).double(), torch.zeros(()).double()
        for latents, jaw in clips:
            values = (latents - latents.mean(0)).double()
            square, moment = square + values.T @ values, moment + values.T @ (jaw - jaw.mean()).double()
        ridge = RIDGE * square.diagonal().mean() + torch.finfo(square.dtype).tiny
        return cls(torch.linalg.solve(square + ridge * torch.eye(len(square)).to(square), moment).float())

    def r(self, motion: MotionTrack, jaw: Tensor) -> float:
        """Pearson's r of what a motion's frames say with labels (T,) of as many or more; 0 where one stands still."""
        read = motion.values @ self.weights
        return pearson(read, jaw[: len(read)])


@dataclass(frozen=True)
class GeneratedLatents:
    """One motion, of T frames as the clip.

    Attributes:
        name: of the clip.
        made: from the clip's sound and poses.
        swapped: from another clip's sound and this one's poses, of as many frames as both have.
        true: the clip's own.
        poses: yaw, pitch and roll as predicted from the clip's sound.
        true_poses: the clip's own.
        jaw: labels of the clip, (T,); None where it has none.
    """

    name: str
    made: MotionTrack
    swapped: MotionTrack
    true: MotionTrack
    poses: MotionTrack
    true_poses: MotionTrack
    jaw: Tensor | None = None


def motion_figures(
    motions: Sequence[GeneratedLatents], window_length: int, part: str, reading: JawReading | None = None
) -> dict[str, float]:
    """Means over motions; what no clip tells is left out.

    Of the part that is named, as `latent`: `latent r` with the clip's own and `latent r, another's sound`, whose
    difference is what is heard and not seen in poses; `deviation`, over time, over the clips' own. Of all: `border`,
    change where windows meet over change inside, and the clips' own; `yaw r` and so on, of predicted poses. With a
    reading of latents `jaw r` and `jaw r, another's sound`, and `jaw r, true latents`: what the reading says of the
    clip's own.
    """
    found = {
        f"{part} r": [correlation(m.made, m.true, part) for m in motions],
        f"{part} r, another's sound": [correlation(m.swapped, m.true, part) for m in motions],
        "border": [ratio for m in motions for ratio in border_ratios(m.made, window_length)],
        "border, true": [ratio for m in motions for ratio in border_ratios(m.true, window_length)],
        **{f"{name} r": [correlation(m.poses, m.true_poses, name) for m in motions] for name in POSE},
    }
    if reading is not None:
        for name, track in (("", "made"), (", another's sound", "swapped"), (", true latents", "true")):
            found[f"jaw r{name}"] = [reading.r(getattr(m, track), m.jaw) for m in motions if m.jaw is not None]
    deviation = deviation_share([m.made for m in motions], [m.true for m in motions], part)
    return named_means(found) | {"deviation": deviation}
