"""Rows on what VASA-1 keeps apart: who is drawn, how the head moves, what the face does."""

from collections.abc import Sequence

import numpy as np

from emo.evaluation.mechanisms.motion_rows import FOLLOWS
from emo.evaluation.mechanisms.rows import whose
from emo.evaluation.mechanisms.study import Moves, Study, follows, spread
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.row import Row
from emo.motion.reading import ANGLES

FACE = ("jaw", "blink", "gaze_x", "gaze_y")
"""What has to be still where a face is held still."""

FLOOR = 1.5  # times what is read of a true face that is held still


def still_pose(study: Study, subjects: Sequence[Subject], floor: Sequence[Subject], who: str) -> Row:
    """V2: a pose that is held still holds the head still, and lips go on; `floor` are people with true clips."""

    def angles(of: Moves) -> list[np.ndarray]:
        return [of[name] for name in ANGLES]

    def head(people: Sequence[Subject], truth: bool) -> float:
        return spread([each for person in people for each in angles(study.moves("still-pose", person, truth))])

    own, least = head(subjects, False), head(floor, True)
    lips, true_lips = study.mean_lips("still-pose", subjects), study.mean_lips("still-pose", floor, True)

    def draw(axes) -> None:
        axes.plot(study.moves("still-pose", subjects[0])["yaw"], label="generated")
        axes.plot(study.moves("still-pose", floor[0], True)["yaw"], ":", label="truth")
        axes.set(xlabel="frame", ylabel="degrees", title="yaw read of a head that is held still")
        axes.legend()

    return Row(
        mechanism=f"pose held still, {who}",
        section="Fig. 5",
        measure="deviation of the head's angles, degrees; r of the mouth with its sound",
        value=f"{own:.2f}; {lips:.2f}",
        truth=f"{least:.2f}; {true_lips:.2f}",
        bar=f"at most {FLOOR:g} times the truth's; at least {FOLLOWS:g}",
        passed=bool(own <= FLOOR * least and lips >= FOLLOWS),
        numbers={"head": own, "lips": lips, "truth_head": least, "truth_lips": true_lips},
        draw=draw,
    )


def still_dynamics(study: Study, subjects: Sequence[Subject], floor: Sequence[Subject], who: str) -> Row:
    """V2: dynamics that are held still hold the face still, and the head goes on; `floor` as of `still_pose`."""

    def face(people: Sequence[Subject], truth: bool) -> dict[str, float]:
        read = [study.moves("still-dynamics", person, truth) for person in people]
        return {name: spread([each[name] for each in read]) for name in FACE}

    own, least = face(subjects, False), face(floor, True)
    head, true_head = follows(study, "still-dynamics", subjects), follows(study, "still-dynamics", floor, True)

    def draw(axes) -> None:
        places = np.arange(len(FACE))
        axes.bar(places - 0.2, list(own.values()), 0.4, label="generated")
        axes.bar(places + 0.2, list(least.values()), 0.4, label="truth")
        axes.set_xticks(places, FACE)
        axes.set(ylabel="deviation", title="what is read of a face that is held still")
        axes.legend()

    return Row(
        mechanism=f"dynamics held still, {who}",
        section="Fig. 5",
        measure=f"deviation of {', '.join(FACE)}; r of the head's angles with those drawn",
        value=f"{', '.join(f'{value:.2f}' for value in own.values())}; {head:.2f}",
        truth=f"{', '.join(f'{value:.2f}' for value in least.values())}; {true_head:.2f}",
        bar=f"at most {FLOOR:g} times the truth's; at least {FOLLOWS:g}",
        passed=bool(all(own[name] <= FLOOR * least[name] for name in FACE) and head >= FOLLOWS),
        numbers={"face": own, "head": head, "truth_face": least, "truth_head": true_head},
        draw=draw,
    )


def driven(
    study: Study, subjects: Sequence[Subject], floor: Sequence[Subject], owners: Sequence[int], gallery: np.ndarray,
    who: str,
) -> Row:  # fmt: skip
    """V3: another person's motion leaves a portrait who they are; either part of it can be had alone.

    Args:
        study: has the videos.
        subjects: who is driven.
        floor: people with true clips.
        owners: numbers of the subjects in the gallery.
        gallery: descriptors (G, D).
        who: kind of portraits, in words.
    """

    videos = [study.video("driven-all", subject) for subject in subjects]
    own = float(np.mean([whose(v, gallery) == number for v, number in zip(videos, owners, strict=True)]))
    head, lips = follows(study, "driven-pose", subjects), study.mean_lips("driven-pose", subjects)
    theirs = float(np.mean([study.lips("driven-dynamics", s, voice=s.driver) for s in subjects]))
    true_head, true_lips = follows(study, "gaze-ahead", floor, True), study.mean_lips("gaze-ahead", floor, True)

    def draw(axes) -> None:
        told = study.video("driven-pose", subjects[0]).pose[:, 0]
        axes.plot(told - told.mean(), label="driver")
        read = study.moves("driven-pose", subjects[0])["yaw"]
        axes.plot(read - read.mean(), label="portrait")
        axes.set(xlabel="frame", ylabel="degrees", title="yaw of a portrait that follows another's pose")
        axes.legend()

    return Row(
        mechanism=f"another's motion, {who}",
        section="3.1",
        measure=f"own portrait nearest of {len(gallery)}; another's pose: r of the head with it, of lips with own "
        "sound; another's dynamics: r of lips with another's sound",
        value=f"{own:.0%}; {head:.2f}, {lips:.2f}; {theirs:.2f}",
        truth=f"; {true_head:.2f}, {true_lips:.2f}; {true_lips:.2f}",
        bar=f"at least 90 %; {FOLLOWS:g} each",
        passed=bool(own >= 0.9 and min(head, lips, theirs) >= FOLLOWS),
        numbers={"own": own, "head": head, "lips": lips, "their_lips": theirs, "truth": [true_head, true_lips]},
        draw=draw,
    )
