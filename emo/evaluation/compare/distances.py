"""Measures of all videos together: Fréchet distances of what networks or landmarks say of them, and VMV."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from emo.evaluation.compare.measured import MeasuredVideo, try_measure
from emo.evaluation.compare.networks import Networks
from emo.metrics import eye_and_brow_points, mouth_opening, mouth_width
from emo.metrics.frechet import Moments, frechet_distance


@dataclass(frozen=True)
class Distance:
    """A Fréchet distance between the generated and the real videos.

    Attributes:
        name, title, family, paper, network: as of a `Measure`.
        features: what it compares, (N, D) of a clip.
    """

    name: str
    title: str
    family: str
    paper: str
    features: Callable[[MeasuredVideo, Networks], np.ndarray]
    network: str = ""


def _face_points(clip: MeasuredVideo, networks: Networks) -> np.ndarray:
    """Eyes, brows and mouth, (T, 46), from landmarks."""
    landmarks = clip.landmarks
    mouth = np.stack([mouth_opening(landmarks), mouth_width(landmarks)], 1)
    return np.concatenate([eye_and_brow_points(landmarks), mouth], 1)


DISTANCES = (
    Distance("fid", "FID", "picture", "EMO, GAIA, GoHD", lambda clip, networks: networks.frames(clip), "frames"),
    Distance("fvd16", "FVD, 16 frames", "picture", "EMO", lambda clip, networks: networks.clips(clip, 16), "clips"),
    Distance("fvd25", "FVD, 25 frames", "picture", "VASA-1", lambda clip, networks: networks.clips(clip, 25), "clips"),
    Distance("e_fid", "E-FID", "expression", "EMO", lambda clip, networks: networks.expressions(clip), "expressions"),
    Distance("face_points", "Fréchet distance of face points x 10^4", "expression", "model-free", _face_points),
)
SCALE = {"face_points": 1e4}


@dataclass(frozen=True)
class DistanceResult:
    """A distance, or why there is none.

    Attributes:
        value: the distance.
        reason: why there is none.
        samples: how many the generated and the real side have.
        warning: what to know before reading it.
    """

    value: float | None
    reason: str = ""
    samples: tuple[int, int] = (0, 0)
    warning: str = ""


def measure_distance(
    distance: Distance, generated: Iterable[MeasuredVideo], real: Iterable[MeasuredVideo], networks: Networks
) -> DistanceResult:
    """A distance between two sets of clips, one clip in memory at a time; clips that do not allow it are left out."""
    sides, left_out, first = [], [], ""
    for clips, name in ((generated, "generated"), (real, "real")):
        moments, reasons = Moments(), []
        for clip in clips:
            if why_not := try_measure(
                lambda clip=clip, moments=moments: moments.update(distance.features(clip, networks))
            ):
                reasons.append(why_not)
        sides.append(moments)
        if reasons:
            first = first or reasons[0]
            left_out.append(f"{len(reasons)} {name} videos left out: {reasons[0]}")
    counts = tuple(side.count for side in sides)
    if min(counts) < 2:
        return DistanceResult(None, first or "fewer than two samples on a side", counts)
    value = try_measure(lambda: frechet_distance(*sides) * SCALE.get(distance.name, 1))
    if isinstance(value, str):
        return DistanceResult(None, value)
    size = len(sides[0].mean)
    if min(counts) <= size:
        left_out.append(f"{min(counts)} samples for {size} dimensions: comparable only with as many samples")
    return DistanceResult(value, samples=counts, warning="; ".join(left_out))


def variance_of_means(velocities: Iterable[float]) -> float | None:
    """VMV of EMO's Table 2: variance of clips' mean velocities in squared degrees per frame; None for one clip."""
    velocities = list(velocities)
    return float(np.var(velocities)) if len(velocities) > 1 else None
