"""Rows on how VASA-1's motion is sampled: guidance by the sound, steps, windows."""

from collections.abc import Mapping, Sequence

import numpy as np

from emo.evaluation.mechanisms import motion_rows
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.study import Study, delta_p
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.mechanisms.vasa.plan import AUDIO_SCALES, STEPS
from emo.evaluation.row import Row

WORSE = 0.05  # of r, that fewer steps may cost
NOT_SEEN = "without the window before"


def audio_guidance(study: Study, subjects: Sequence[Subject]) -> Row:
    """V7: guidance by the sound makes lips follow it better, and the head move more."""
    kinds = {f"{scale:g}": f"audio-{scale:g}" for scale in AUDIO_SCALES}
    lips, change = _measured(study, kinds, subjects)
    r, p = list(lips.values()), list(change.values())
    return Row(
        mechanism="audio guidance",
        section="Table 5",
        measure=f"r of the mouth with its sound, and delta P, at lambda {', '.join(kinds)}",
        value=f"{', '.join(f'{v:.2f}' for v in r)}; {', '.join(f'{v:.3f}' for v in p)}",
        truth=_truth(study, subjects),
        bar="both rise from 0 on; delta P again",
        passed=bool(r[0] < r[1] and np.all(np.diff(p) > 0)),
        numbers={"lips": lips, "delta_p": change},
        draw=_draw(lips, change, "lambda of the sound"),
    )


def steps(study: Study, subjects: Sequence[Subject]) -> Row:
    """V8: few steps are as much in sync as many, and heads move less."""
    lips, change = _measured(study, {f"{count}": f"steps-{count}" for count in STEPS}, subjects)
    (few_r, many_r), (few_p, many_p) = lips.values(), change.values()
    return Row(
        mechanism="few steps",
        section="Table 5",
        measure=f"r of the mouth with its sound, and delta P, in {STEPS[0]} and {STEPS[1]} steps",
        value=f"{few_r:.2f}, {many_r:.2f}; {few_p:.3f}, {many_p:.3f}",
        truth=_truth(study, subjects),
        bar=f"r no more than {WORSE:g} lower; delta P lower",
        passed=bool(few_r >= many_r - WORSE and few_p < many_p),
        numbers={"lips": lips, "delta_p": change},
        draw=_draw(lips, change, "steps"),
    )


def borders(
    talks: Sequence[Observation], unbent: Sequence[Observation], unchained: Sequence[Observation],
    truths: Sequence[Observation], window: int,
) -> Row:  # fmt: skip
    """V9: windows join, and what joins them is what they see of the one before.

    Args:
        talks: as the pipeline makes them.
        unbent: with windows that see the one before, and are not bent to it, which is the paper's.
        unchained: with windows that do not.
        truths: true clips.
        window: frames of a window.
    """
    kinds = {"as generated": talks, "seen and not bent to": unbent, NOT_SEEN: unchained, "truth": truths}
    return motion_rows.borders(kinds, window, "3.2", NOT_SEEN)


def _measured(
    study: Study, kinds: Mapping[str, str], subjects: Sequence[Subject]
) -> tuple[dict[str, float], dict[str, float]]:
    """Mean r of lips, and mean delta P, by kind."""
    lips = {name: study.mean_lips(kind, subjects) for name, kind in kinds.items()}
    change = {name: _mean_change(study, kind, subjects) for name, kind in kinds.items()}
    return lips, change


def _mean_change(study: Study, kind: str, subjects: Sequence[Subject], truth: bool = False) -> float:
    return float(np.mean([delta_p(study.video(kind, subject, truth)) for subject in subjects]))


def _truth(study: Study, subjects: Sequence[Subject]) -> str:
    change = _mean_change(study, "gaze-ahead", subjects, truth=True)
    return f"{study.mean_lips('gaze-ahead', subjects, truth=True):.2f}; {change:.3f}"


def _draw(lips: Mapping[str, float], change: Mapping[str, float], what: str):
    def draw(axes) -> None:
        axes.plot(list(lips), list(lips.values()), "o-", label="r of the mouth")
        axes.plot(list(change), list(change.values()), "o-", label="delta P, degrees")
        axes.set(xlabel=what, title="sync and motion of the head")
        axes.legend()

    return draw
