"""How generated latents do against those of the clip whose sound and poses they were made from."""

from collections.abc import Sequence
from dataclasses import dataclass

from emo.motion import MotionTrack
from emo.motion.gaia.speech import POSE
from emo.training.motion_figures import border_ratios, correlation, deviation_share, named_means


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
    """

    name: str
    made: MotionTrack
    swapped: MotionTrack
    true: MotionTrack
    poses: MotionTrack
    true_poses: MotionTrack


def motion_figures(motions: Sequence[GeneratedLatents], window_length: int, part: str) -> dict[str, float]:
    """Means over motions; what no clip tells is left out.

    Of the part that is named, as `latent`: `latent r` with the clip's own and `latent r, another's sound`, whose
    difference is what is heard and not seen in poses; `deviation`, over time, over the clips' own. Of all: `border`,
    change where windows meet over change inside, and the clips' own; `yaw r` and so on, of predicted poses.
    """
    found = {
        f"{part} r": [correlation(m.made, m.true, part) for m in motions],
        f"{part} r, another's sound": [correlation(m.swapped, m.true, part) for m in motions],
        "border": [ratio for m in motions for ratio in border_ratios(m.made, window_length)],
        "border, true": [ratio for m in motions for ratio in border_ratios(m.true, window_length)],
        **{f"{name} r": [correlation(m.poses, m.true_poses, name) for m in motions] for name in POSE},
    }
    deviation = deviation_share([m.made for m in motions], [m.true for m in motions], part)
    return named_means(found) | {"deviation": deviation}
