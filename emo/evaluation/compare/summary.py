"""From clips' numbers to a table: means, the truth beside them, which clips are best, and why numbers are missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emo.evaluation.compare.distances import Distance, DistanceResult, variance_of_means
from emo.evaluation.compare.measures import Measure
from emo.evaluation.compare.run import MOUTH_LAG, VMV, ClipResult, Comparison, Plan
from emo.metrics import common_lag

ARROWS = {"higher": "↑", "lower": "↓", "truth": "→ truth", "": ""}


@dataclass(frozen=True)
class Line:
    """A line of the table.

    name, title, family, better, paper: as of a `Measure`. value, truth: of the generated and the real videos, None
    where there is none. spread: standard deviation over clips. clips: how many have it. note: why others, or all,
    have not; or what to know of it.
    """

    name: str
    title: str
    family: str
    better: str
    paper: str
    value: float | None
    truth: float | None = None
    spread: float | None = None
    clips: int | None = None
    note: str = ""


def summarize(plan: Plan, comparison: Comparison) -> list[Line]:
    """Measures of clips, in the mean, and those of all videos together, family by family."""
    lines = [_mean(measure, comparison.clips) for measure in plan.measures if measure.name in plan.names]
    if VMV in plan.names:
        lines.append(_vmv(comparison.clips))
    if MOUTH_LAG in plan.names:
        lines.append(_mouth_lag(comparison.clips))
    lines += [_distance(distance, comparison.distances[distance.name]) for distance in plan.distances]
    families = list(dict.fromkeys(line.family for line in lines))
    return sorted(lines, key=lambda line: families.index(line.family))


def ranked(plan: Plan, clips: Sequence[ClipResult]) -> list[ClipResult]:
    """Readable clips, best first: by the mean, over all measures that have a better and a worse, of their rank."""
    clips = [clip for clip in clips if not clip.error]
    ranks: dict[str, list[float]] = {clip.name: [] for clip in clips}
    for measure in plan.measures:
        scored = [clip for clip in clips if isinstance(clip.values[measure.name], float)]
        if len(scored) < 2 or measure.better not in ("higher", "lower"):
            continue
        sign = -1 if measure.better == "higher" else 1
        values = np.array([sign * clip.values[measure.name] for clip in scored])
        for clip, value in zip(scored, values, strict=True):
            ranks[clip.name].append(((values < value).mean() + (values <= value).mean()) / 2)
    return sorted(clips, key=lambda clip: (np.mean(ranks[clip.name] or [0.5]), clip.name))


def _numbers(clips: Sequence[ClipResult], name: str) -> list[float]:
    return [value for clip in clips if isinstance(value := clip.values.get(name), float)]


def _true_numbers(clips: Sequence[ClipResult], name: str) -> list[float]:
    """Of the real videos, each once, however many were generated from it."""
    values = {clip.reference: clip.truths.get(name) for clip in clips}
    return [value for value in values.values() if isinstance(value, float)]


def _mean(measure: Measure, clips: Sequence[ClipResult]) -> Line:
    values, truths = _numbers(clips, measure.name), _true_numbers(clips, measure.name)
    reasons = Counter(v for clip in clips if isinstance(v := clip.values.get(measure.name), str))
    note = "; ".join(f"{reason} ({count})" if values else reason for reason, count in reasons.most_common(2))
    return Line(
        **_about(measure),
        better=measure.better,
        value=float(np.mean(values)) if values else None,
        truth=float(np.mean(truths)) if truths else None,
        spread=float(np.std(values)) if values and np.isfinite(values).all() else None,
        clips=len(values),
        note=note,
    )


def _vmv(clips: Sequence[ClipResult]) -> Line:
    value, truth = (variance_of_means(side(clips, "velocity")) for side in (_numbers, _true_numbers))
    note = "" if value is not None else "needs two clips or more"
    return Line(VMV, "VMV", "motion", "truth", "EMO, Table 2", value, truth, note=note)


def _mouth_lag(clips: Sequence[ClipResult]) -> Line:
    sides = [clip.mouth for clip in clips], {clip.reference: clip.true_mouth for clip in clips}.values()
    curves = [[np.array(curve) for curve in side if not isinstance(curve, str)] for side in sides]
    value, truth = (float(abs(common_lag(side))) if side else None for side in curves)
    reasons = {reason: None for reason in sides[0] if isinstance(reason, str) and reason}
    return Line(
        MOUTH_LAG,
        "|lag of the mouth|, frames",
        "sync",
        "lower",
        "model-free",
        value,
        truth,
        clips=len(curves[0]),
        note="; ".join(reasons),
    )


def _distance(distance: Distance, found: DistanceResult) -> Line:
    generated, real = found.samples
    note = found.reason or "; ".join(filter(None, [f"{generated} and {real} samples", found.warning]))
    return Line(**_about(distance), better="lower", value=found.value, note=note)


def _about(thing: Measure | Distance) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in ("name", "title", "family", "paper")}


def shown(value: float | None) -> str:
    """A number as the tables have it."""
    if value is None:
        return "\N{EN DASH}"
    if not np.isfinite(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
