"""How GoHD's generated motion does against that of the clip whose sound it was made from, on tracks alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from emo.face.mesh import LIPS_68
from emo.metrics import sequences
from emo.metrics.head_motion import HeadAngles, pose_change
from emo.motion import MotionTrack
from emo.motion.gohd import EXPRESSION
from emo.motion.gohd.landmark_basis import PIXELS, mean_basis
from emo.motion.reading import ANGLES
from emo.training.motion_figures import border_ratios, correlation, deviation_share, named_means

NOD = "pitch"  # the column in which heads nod
RHYTHM = 0.5  # seconds, of frames around each whose mean is taken off: what is left are nods, and not where one turns
SPAN = 6.0  # deviations, the range of normalized motion for structural similarity


@dataclass(frozen=True)
class MadeMotion:
    """One motion, of T frames as the clip.

    Attributes:
        name: of the clip.
        made: from the clip's sound.
        true: the clip's own.
    """

    name: str
    made: MotionTrack
    true: MotionTrack


def pose_figures(motions: Sequence[MadeMotion], window_length: int) -> dict[str, float]:
    """Means over motions, of which there are two or more.

    `rhythm r` of nods with the clip's own, `rhythm r, another's` with the next clip's; `delta p`, degrees by which the
    head's angles change per frame, and the clips' own; `deviation PART`, over time, over the clips' own; `ssim p` with
    the clip's own (eq. 26); `border`, change where windows meet over change inside, and the clips' own.
    """
    others = [*motions[1:], motions[0]]
    found = {
        "rhythm r": [rhythm(m.made, m.true) for m in motions],
        "rhythm r, another's": [rhythm(m.made, o.true) for m, o in zip(motions, others, strict=True)],
        "delta p": [_pose_change(m.made) for m in motions],
        "delta p, true": [_pose_change(m.true) for m in motions],
        "ssim p": [similarity(m, "pose") for m in motions],
        "border": [ratio for m in motions for ratio in border_ratios(m.made, window_length)],
        "border, true": [ratio for m in motions for ratio in border_ratios(m.true, window_length)],
    }
    return named_means(found) | _deviations(motions, ("pose", "gaze"))


def expression_figures(motions: Sequence[MadeMotion]) -> dict[str, float]:
    """Means over motions, of which there are two or more.

    `jaw r` with the clip's own jaw and `jaw r, another's` with that of the next one; `mld`, the mean distance of the
    lips' landmarks from the clip's own, in pixels of a picture of 256; `ssim e` of eyes and brows with the clip's own
    (eq. 26); `deviation PART`, over time, over the clips' own.
    """
    others = [*motions[1:], motions[0]]
    found = {
        "jaw r": [correlation(m.made, m.true, "jaw") for m in motions],
        "jaw r, another's": [correlation(m.made, o.true, "jaw") for m, o in zip(motions, others, strict=True)],
        "mld": [mouth_distance(m) for m in motions],
        "ssim e": [similarity(m, "lids", "brows") for m in motions],
    }
    return named_means(found) | _deviations(motions, ("mouth", "lids", "brows"))


def rhythm(one: MotionTrack, other: MotionTrack) -> float:
    """Pearson's r of how heads nod, apart from where they turn; 0 where one of them stands still."""
    nods = [track.set(pitch=torch.from_numpy(_quick(_column(track, NOD), float(track.fps)))) for track in (one, other)]
    return correlation(nods[0], nods[1], NOD)


def similarity(motion: MadeMotion, *parts: str) -> float:
    """Structural similarity over time of normalized columns (eq. 26)."""
    space = motion.true.space
    chosen = space.index(*parts)
    one, other = (space.normalize(track.values)[:, chosen].numpy() for track in (motion.made, motion.true))
    return sequences.sequence_similarity(one, other, SPAN)


def mouth_distance(motion: MadeMotion) -> float:
    """Mean distance of 20 landmarks of the lips, in pixels of a picture of 256 in the default framing."""
    expression = motion.true.space.index(*EXPRESSION)
    apart = (motion.made.values - motion.true.values)[:, expression]
    return float(PIXELS * mean_basis().displacements(apart, LIPS_68).norm(dim=-1).mean())


def _deviations(motions: Sequence[MadeMotion], parts: Sequence[str]) -> dict[str, float]:
    made, true = [m.made for m in motions], [m.true for m in motions]
    return {f"deviation {part}": deviation_share(made, true, part) for part in parts}


def _quick(values: np.ndarray, fps: float) -> np.ndarray:
    """Values (T,) less their mean over the frames around each, which go on beyond both ends as they come."""
    half = round(RHYTHM * fps)
    around = np.pad(values, half, mode="reflect", reflect_type="odd")
    mean = np.convolve(around, np.full(2 * half + 1, 1 / (2 * half + 1)), "valid")
    return values - mean


def _column(track: MotionTrack, name: str) -> np.ndarray:
    return track.values[:, track.space.index(name)[0]].numpy()


def _pose_change(track: MotionTrack) -> float:
    return pose_change(HeadAngles(*(_column(track, name) for name in ANGLES)))
