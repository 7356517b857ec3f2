"""Rows on what VASA-1 can be asked for: gaze, distance, emotion."""

from collections.abc import Mapping, Sequence

import numpy as np

from emo.evaluation.mechanisms.motion_rows import KEPT, LOOKED, draw_looks, lips_lost, look_error, looks
from emo.evaluation.mechanisms.study import Study
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.mechanisms.vasa.plan import DISTANCES, GAZE_SCALES
from emo.evaluation.row import Row


def gaze(study: Study, subjects: Sequence[Subject], floor: Sequence[Subject], usual: float, who: str) -> Row:
    """V4: eyes look where they are asked to, more so the more gaze is guided, and lips go on.

    Args:
        study: has the videos.
        subjects: who is asked.
        floor: people with true clips.
        usual: the pipeline's own lambda of the gaze.
        who: kind of portraits, in words.
    """

    errors = {scale: look_error(study, f"guided-{scale:g}", subjects) for scale in GAZE_SCALES}
    own, true = looks(study, subjects), looks(study, floor, truth=True)
    errors = dict(sorted({**errors, usual: own.error}.items()))
    lost = lips_lost(study, subjects)

    return Row(
        mechanism=f"gaze, {who}",
        section="3.2, Table 5",
        measure=f"{LOOKED}; error at lambda {', '.join(f'{scale:g}' for scale in errors)}; r that lips lose",
        value=f"{own.words}; {', '.join(f'{value:.2f}' for value in errors.values())}; {lost:+.2f}",
        truth=f"{true.words}; {true.error:.2f}",
        bar=f"in order; error falls; below {KEPT:g}",
        passed=bool(own.ordered and (np.diff(list(errors.values())) < 0).all() and lost < KEPT),
        numbers={
            "looks": own.at,
            "errors": {f"{k:g}": v for k, v in errors.items()},
            "lost": lost,
            "truth_error": true.error,
        },
        draw=draw_looks(own, true),
    )


def distance(study: Study, subjects: Sequence[Subject], floor: Sequence[Subject], who: str) -> Row:
    """V5: faces are as large as the camera's distance asks for; arguments as of `gaze`."""
    asked = np.array([1 / d for d in DISTANCES])

    def sizes(people: Sequence[Subject], truth: bool = False) -> np.ndarray:
        kinds = [f"distance-{d:g}" for d in DISTANCES]
        return np.array([[np.median(study.moves(k, p, truth)["scale"]) for k in kinds] for p in people])

    read, true = sizes(subjects), sizes(floor, True)
    slopes, true_slopes = (np.polyfit(asked, each.T, 1)[0] for each in (read, true))
    slope = float(slopes.mean())

    def draw(axes) -> None:
        for label, each in (("generated", read), ("truth", true)):
            axes.plot(np.broadcast_to(asked, each.shape).ravel(), each.ravel(), "o", label=label)
        axes.axline((1, 1), slope=1, color="0.8")
        axes.set(xlabel="asked for", ylabel="read", title="size of the face against the portrait's")
        axes.legend()

    return Row(
        mechanism=f"distance, {who}",
        section="3.2",
        measure=f"slope of the face's size over that asked for, at {', '.join(f'{d:g}' for d in DISTANCES)} times the "
        "distance; mean error of the size",
        value=f"{slope:.2f}; {np.abs(read - asked).mean():.3f}",
        truth=f"{true_slopes.mean():.2f}; {np.abs(true - asked).mean():.3f}",
        bar="0.8 to 1.2",
        passed=bool(0.8 <= slope <= 1.2),
        numbers={"sizes": read, "slopes": slopes, "truth_sizes": true, "truth_slopes": true_slopes},
        draw=draw,
    )


def emotion(
    study: Study,
    subjects: Sequence[Subject],
    floor: Sequence[Subject],
    shifted: Mapping[str, tuple[str, int]],
    who: str,
) -> Row:
    """V6: emotions move what they are known to move, and lips go on.

    Args:
        study: has the videos.
        subjects: who is asked.
        floor: people with true clips.
        shifted: by emotion the control that it moves, and which way.
        who: kind of portraits, in words.
    """

    def shifts(people: Sequence[Subject], truth: bool = False) -> dict[str, np.ndarray]:
        def mean(kind: str, person: Subject, name: str) -> float:
            return float(study.moves(kind, person, truth)[name].mean())

        return {
            emotion: np.array([mean(f"emotion-{emotion}", p, name) - mean("gaze-ahead", p, name) for p in people])
            for emotion, (name, _) in shifted.items()
        }

    def right(moved: Mapping[str, np.ndarray]) -> float:
        return float(np.mean([np.sign(moved[emotion]) == way for emotion, (_, way) in shifted.items()]))

    def words(moved: Mapping[str, np.ndarray]) -> str:
        return f"{', '.join(f'{moved[emotion].mean():+.2f}' for emotion in shifted)}; {right(moved):.0%}"

    own, true = shifts(subjects), shifts(floor, True)
    after = float(np.mean([study.mean_lips(f"emotion-{emotion}", subjects) for emotion in shifted]))
    lost = study.mean_lips("gaze-ahead", subjects) - after

    def draw(axes) -> None:
        for place, emotion in enumerate(shifted):
            axes.plot(np.full(len(own[emotion]), place), own[emotion], "o", color="C0")
            axes.plot(np.full(len(true[emotion]), place + 0.2), true[emotion], "x", color="C1")
        axes.axhline(0, color="0.8")
        axes.set_xticks(range(len(shifted)), [f"{emotion}: {name}" for emotion, (name, _) in shifted.items()])
        axes.set(ylabel="shift", title="what an emotion moves; x: truth")

    return Row(
        mechanism=f"emotion, {who}",
        section="3.2",
        measure=f"shift of {', '.join(f'{name} ({emotion})' for emotion, (name, _) in shifted.items())}; clips with "
        "the right sign; r that lips lose",
        value=f"{words(own)}; {lost:+.2f}",
        truth=words(true),
        bar=f"at least 90 %; below {KEPT:g}",
        passed=bool(right(own) >= 0.9 and lost < KEPT),
        numbers={"shifts": own, "right": right(own), "lost": lost, "truth": true},
        draw=draw,
    )
