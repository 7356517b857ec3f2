"""The row on landmarks that GAIA is told to have."""

from collections.abc import Sequence

import numpy as np

from emo.evaluation.mechanisms.gaia.drive_rows import framed
from emo.evaluation.mechanisms.motion_rows import FOLLOWS
from emo.evaluation.mechanisms.study import Study
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.row import Row
from emo.metrics import keypoint_distance
from emo.motion.gaia.landmark_space import PARTS
from emo.pipelines.gaia_options import WANTED

FIXED = sorted({number for part in WANTED for number in PARTS[part]})
"""Landmarks that are wanted."""

EXACT = 1e-5  # of a picture's side
OWN = 1.1  # times the autoencoder's own
ABOVE = 0.5  # of r, by which lips go with their own sound


def wanted(study: Study, subjects: Sequence[Subject], size: int, error: float) -> Row:
    """G8: landmarks that are wanted are had, and the mouth goes with the sound.

    Args:
        study: has the videos: people who do what goes with another's voice are followed, whole and but for the mouth.
        subjects: who is told.
        size: of the videos in pixels.
        error: of wanted coordinates, the highest, in shares of a picture's side.
    """

    def apart(kind: str) -> float:
        """AKD of a kind with what is wanted."""
        pairs = [(study.video(kind, s), framed(study.video("followed", s, True), size)) for s in subjects]
        return float(np.mean([keypoint_distance(v.landmarks, there, size, points=FIXED) for v, there in pairs]))

    own, whole = apart("wanted"), apart("followed")
    floor = float(
        np.mean(
            [
                keypoint_distance(
                    study.video("wanted", s, True).landmarks, study.video("followed", s, True).landmarks, size,
                    points=FIXED,
                )
                for s in subjects
            ]
        )
    )  # fmt: skip
    lips, true = study.mean_lips("wanted", subjects), study.mean_lips("wanted", subjects, True)
    other = float(np.mean([study.lips("wanted", s, voice=s.driver) for s in subjects]))

    def draw(axes) -> None:
        axes.bar(["wanted", "all of a clip", "truth"], [own, whole, floor])
        axes.set(ylabel="pixels of 256", title="AKD of landmarks that are wanted")

    return Row(
        mechanism="wanted landmarks",
        section="3.4",
        measure="highest error of wanted coordinates, in sides; their AKD in pictures, pixels of 256, and where all "
        "of the clip is followed; r of lips with their sound (with the clip's)",
        value=f"{error:.1e}; {own:.2f}, {whole:.2f}; {lips:.2f} ({other:.2f})",
        truth=f"; {floor:.2f}; {true:.2f}",
        bar=f"at most {EXACT:g}; {OWN:g} times that; at least {FOLLOWS:g}, and {ABOVE:g} above the clip's",
        passed=bool(error <= EXACT and own <= OWN * whole and lips >= FOLLOWS and lips - other >= ABOVE),
        numbers={
            "error": error,
            "akd": own,
            "whole": whole,
            "floor": floor,
            "lips": lips,
            "clip": other,
            "truth": true,
        },
        draw=draw,
    )
