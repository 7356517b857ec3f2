"""Rows on what GAIA makes of a sound: by several noises, how steadily, and of a portrait with shut eyes."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from emo.evaluation.mechanisms.gaia.plan import SEEDS
from emo.evaluation.mechanisms.motion_rows import FOLLOWS
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.study import Study, agreement, moves
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.row import Row
from emo.metrics import motion_stability
from emo.metrics.stability import HEIGHT

OTHER = 0.5  # r at most of what noise changes
APART = 0.1  # pixels of 256, by which seeds differ at least
STEADY = 0.5  # of true clips' stability
OPEN = 0.3  # of shut lids


def diversity(study: Study, subjects: Sequence[Subject], size: int) -> Row:
    """G3: other noise makes other blinks and looks, and lips stay in time.

    Args:
        study: has the videos.
        subjects: who speaks.
        size: of the videos in pixels.
    """
    kinds = [f"sound-{seed}" for seed in SEEDS]
    lips = [study.mean_lips(kind, subjects) for kind in kinds]
    points = [
        np.stack([study.video(kind, s).landmarks[..., :2] * (HEIGHT / size) for kind in kinds]) for s in subjects
    ]
    spread = float(np.sqrt(np.mean([each.var(0).sum(-1).mean() for each in points])))
    motion = float(np.sqrt(np.mean([each.var(1).sum(-1).mean() for each in points])))

    def between(name: str) -> float:
        every = [[study.moves(kind, subject)[name] for kind in kinds] for subject in subjects]
        return agreement([pair for each in every for pair in combinations(each, 2)])

    jaw, lids = between("jaw"), between("blink")
    true = study.mean_lips("self", subjects, True)

    def draw(axes) -> None:
        for kind in kinds:
            axes.plot(study.moves(kind, subjects[0])["blink"])
        axes.set(xlabel="frame", ylabel="shut", title="lids by other noise, of the first voice")

    return Row(
        mechanism="diversity",
        section="Table 6",
        measure=f"{len(kinds)} seeds: r of lips with the sound, each; r between them of jaw, lids; landmarks' spread "
        "over seeds, over time, pixels of 256",
        value=f"{', '.join(f'{r:.2f}' for r in lips)}; {jaw:.2f}, {lids:.2f}; {spread:.2f}, {motion:.2f}",
        truth=f"{true:.2f}",
        bar=f"at least {FOLLOWS:g} each; lids at most {OTHER:g}; at least {APART:g}",
        passed=bool(min(lips) >= FOLLOWS and lids <= OTHER and spread >= APART),
        numbers={"lips": lips, "jaw": jaw, "lids": lids, "spread": spread, "motion": motion, "truth": true},
        draw=draw,
    )


def stability(talks: Sequence[Observation], truths: Sequence[Observation], size: int) -> Row:
    """Tables 2, 3 and 6: MSI, how steadily landmarks move; videos have so many pixels."""
    own, true = (np.array([motion_stability(v.landmarks, size) for v in videos]) for videos in (talks, truths))
    middle, aim = float(np.median(own)), float(np.median(true))

    def draw(axes) -> None:
        axes.plot(true, own, "o")
        axes.axline((aim, aim), slope=1, color="0.8")
        axes.set(xlabel="truth", ylabel="generated", title="MSI, a point per clip")

    return Row(
        mechanism="steady motion",
        section="Table 3",
        measure=f"MSI, median of {len(own)} clips",
        value=f"{middle:.3f}",
        truth=f"{aim:.3f}",
        bar=f"at least {STEADY:g} times the truth's",
        passed=bool(middle >= STEADY * aim),
        numbers={"generated": own, "truth": true},
        draw=draw,
    )


def open_eyes(study: Study, subjects: Sequence[Subject]) -> Row:
    """G10: who has shut eyes in the picture opens them in the video."""

    def shut(truth: bool) -> np.ndarray:
        """Medians of lids, (people,)."""
        rest = [study.video("portrait", subject, True) for subject in subjects]
        videos = [study.video("closed", subject, truth) for subject in subjects]
        return np.array([np.median(moves(v, r)["blink"]) for v, r in zip(videos, rest, strict=True)])

    own, shown = shut(truth=False), shut(truth=True)
    lips = study.mean_lips("closed", subjects)

    def draw(axes) -> None:
        axes.plot(shown, own, "o")
        axes.axhline(OPEN, color="0.8")
        axes.set(xlabel="in the picture", ylabel="in the video", title="how far lids are shut")

    return Row(
        mechanism="shut eyes open",
        section="Fig. 2",
        measure="pictures with shut eyes: highest median of shut lids; r of lips with the sound",
        value=f"{own.max():.2f}; {lips:.2f}",
        truth=f"in the pictures {shown.min():.2f}",
        bar=f"at most {OPEN:g}",
        passed=bool(own.max() <= OPEN),
        numbers={"generated": own, "pictures": shown, "lips": lips},
        draw=draw,
    )
