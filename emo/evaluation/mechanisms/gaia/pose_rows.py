"""The row on poses that GAIA is given, or predicts."""

from collections.abc import Sequence

import numpy as np

from emo.evaluation.mechanisms.gaia.plan import POSES
from emo.evaluation.mechanisms.motion_rows import FOLLOWS
from emo.evaluation.mechanisms.study import Study, follows
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.row import Row
from emo.motion.reading import ANGLES

SLOPES = (0.8, 1.2)


def poses(study: Study, subjects: Sequence[Subject], floor: Sequence[Subject], who: str) -> Row:
    """G4: heads are held as they are told to, follow a track, or what the sound predicts, and lips go on.

    Args:
        study: has the videos.
        subjects: who is told.
        floor: people with true clips.
        who: kind of portraits, in words.
    """
    asked = np.array(list(POSES.values()))

    def held(people: Sequence[Subject], truth: bool) -> np.ndarray:
        """Medians of angles in degrees, (people, poses, 3)."""
        read = [[study.moves(f"posed-{name}", person, truth) for name in POSES] for person in people]
        return np.array([[[np.median(each[angle]) for angle in ANGLES] for each in one] for one in read])

    def slopes(angles: np.ndarray) -> np.ndarray:
        """Of what is read over what is asked for, by angle, (3,)."""
        centered = asked - asked.mean(0)
        return (centered * angles.mean(0)).sum(0) / (centered**2).sum(0)

    def lips(people: Sequence[Subject], truth: bool) -> float:
        return float(
            np.mean([study.mean_lips(kind, people, truth) for kind in (*(f"posed-{n}" for n in POSES), "turned")])
        )

    read, true = held(subjects, truth=False), held(floor, truth=True)
    own, shown = slopes(read), slopes(true)
    track, true_track = follows(study, "turned", subjects), follows(study, "turned", floor, True)
    sync, true_sync = lips(subjects, False), lips(floor, True)
    predicted = follows(study, "sound-0", subjects)

    def draw(axes) -> None:
        for place, angle in enumerate(ANGLES):
            told = np.broadcast_to(asked[:, place], read.shape[:2])
            axes.plot(told.ravel(), read[..., place].ravel(), "o", label=angle)
        axes.axline((0, 0), slope=1, color="0.8")
        axes.set(xlabel="degrees asked for", ylabel="read", title="how heads are held")
        axes.legend()

    return Row(
        mechanism=f"poses, {who}",
        section="3.4",
        measure=f"slope of {', '.join(ANGLES)} over those given; r of the head with a track; of lips with the sound; "
        "of the head with predicted poses",
        value=f"{', '.join(f'{v:.2f}' for v in own)}; {track:.2f}; {sync:.2f}; {predicted:.2f}",
        truth=f"{', '.join(f'{v:.2f}' for v in shown)}; {true_track:.2f}; {true_sync:.2f}",
        bar=f"{SLOPES[0]:g} to {SLOPES[1]:g}; at least {FOLLOWS:g} each",
        passed=bool(((own >= SLOPES[0]) & (own <= SLOPES[1])).all() and min(track, sync, predicted) >= FOLLOWS),
        numbers={"slopes": own, "angles": read, "track": track, "lips": sync, "predicted": predicted,
                 "truth_slopes": shown, "truth": [true_track, true_sync]},
        draw=draw,
    )  # fmt: skip
