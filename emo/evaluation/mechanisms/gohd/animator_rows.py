"""Rows on GoHD's animator: a face without motion, the directions of a latent, whether it is still the portrait's."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from emo.evaluation.mechanisms.gohd.plan import TURNED, is_learned
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.rows import unmeasured
from emo.evaluation.mechanisms.study import Study, moves
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.row import Row

FRONTAL, CLOSED = 3.0, 0.1  # degrees; of a jaw
ORTHONORMAL = 1e-4


def neutral(study: Study, subjects: Sequence[Subject], pipe: Any) -> Row:
    """H1: without motion a face is frontal and neutral, whatever its picture shows."""
    name, section = "without motion frontal and neutral", "3.3"
    measure = "turned pictures at lambda 0: highest yaw, pitch in degrees; jaw; against their frontal picture"
    if not is_learned(pipe):
        return unmeasured(name, section, measure, "not applicable: rest is the portrait")

    def read(truth: bool) -> np.ndarray:
        """Yaw, pitch, jaw, as far as they go from 0, (videos, 3)."""
        found = [
            moves(study.video(f"turned-{turn}", subject, truth), study.video("portrait", subject, True))
            for subject in subjects
            for turn in TURNED
        ]
        return np.array([[np.abs(np.median(each[n])) for n in ("yaw", "pitch", "jaw")] for each in found])

    own, shown = read(truth=False), read(truth=True)
    yaw, pitch, jaw = own.max(0)

    def draw(axes) -> None:
        axes.plot(shown[:, 0], own[:, 0], "o", label="yaw")
        axes.plot(shown[:, 1], own[:, 1], "x", label="pitch")
        axes.axhline(FRONTAL, color="0.8")
        axes.set(xlabel="in the picture, degrees", ylabel="without motion", title="how far heads are turned")
        axes.legend()

    return Row(
        mechanism=name,
        section=section,
        measure=measure,
        value=f"{yaw:.1f}, {pitch:.1f}; {jaw:.2f}",
        truth=f"in the pictures {', '.join(f'{v:.1f}' for v in shown.mean(0)[:2])}; {shown.mean(0)[2]:.2f}",
        bar=f"at most {FRONTAL:g}; {CLOSED:g}",
        passed=bool(max(yaw, pitch) <= FRONTAL and jaw <= CLOSED),
        numbers={"generated": own, "pictures": shown},
        draw=draw,
    )


def directions(pipe: Any) -> Row:
    """H11: the directions that a latent is moved along are orthonormal."""
    name, section, measure = "directions of motion", "3.3", "highest difference of M M^T from 1"
    if not is_learned(pipe):
        return unmeasured(name, section, measure, "not applicable: the animator is a mesh")
    rows = pipe.animator.directions().detach().double().cpu().numpy()
    products = rows @ rows.T
    off = float(np.abs(products - np.eye(len(rows))).max())

    def draw(axes) -> None:
        axes.imshow(products, cmap="viridis")
        axes.set(title=f"products of {len(rows)} directions of {rows.shape[1]} numbers")

    return Row(
        mechanism=name,
        section=section,
        measure=f"{measure}, {len(rows)} directions",
        value=f"{off:.1e}",
        truth="",
        bar=f"at most {ORTHONORMAL:g}",
        passed=off <= ORTHONORMAL,
        numbers={"off": off},
        draw=draw,
    )


def resemblance(talks: Sequence[Observation], truths: Sequence[Observation], gallery: np.ndarray) -> Row:
    """Table 1: CSIM, mean cosine of frames' descriptors with the portrait's, of all (G, D); i's own is the i-th."""

    def cosines(videos: Sequence[Observation]) -> np.ndarray:
        each = [video.descriptors @ gallery[i] if len(video.descriptors) else 0.0 for i, video in enumerate(videos)]
        return np.array([np.mean(values) for values in each])

    own, true = cosines(talks), cosines(truths)

    def draw(axes) -> None:
        axes.plot(true, own, "o")
        axes.axline((float(true.mean()),) * 2, slope=1, color="0.8")
        axes.set(xlabel="truth", ylabel="generated", title="CSIM, a point per clip")

    return Row(
        mechanism="resemblance",
        section="Table 1",
        measure=f"CSIM of descriptors with the portrait's, {len(talks)} clips",
        value=f"{own.mean():.3f}",
        truth=f"{true.mean():.3f}",
        bar="",
        passed=None,
        numbers={"generated": own, "truth": true},
        draw=draw,
    )
