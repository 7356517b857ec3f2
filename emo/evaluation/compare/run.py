"""The whole comparison: every video measured once, in several processes, then pairs, then all together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from emo.evaluation.compare.clip import Clip, or_why
from emo.evaluation.compare.distances import DISTANCES, Distance, Found, measure_distance
from emo.evaluation.compare.measures import MEASURES, Case, Measure, mouth_correlations, read
from emo.evaluation.compare.networks import Networks
from emo.evaluation.compare.pairs import Pair
from emo.evaluation.compare.portrait import Portrait
from emo.processes import in_processes

VMV, MOUTH_LAG = "vmv", "mouth_lag"  # of all videos together, from what their clips say


@dataclass(frozen=True)
class Plan:
    """What is compared and how.

    pairs: generated videos. references: all real ones. names: measures wanted. choices, fetch, device: of `Networks`.
    cache: folder of what is kept of every video.
    """

    pairs: tuple[Pair, ...]
    references: tuple[Path, ...]
    names: frozenset[str]
    choices: dict[str, str]
    fetch: bool
    cache: Path
    device: str = "cpu"

    @property
    def measures(self) -> list[Measure]:
        """Those of a clip."""
        velocity = {"velocity"} if VMV in self.names else set()
        return [measure for measure in MEASURES if measure.name in self.names | velocity]

    @property
    def distances(self) -> list[Distance]:
        return [distance for distance in DISTANCES if distance.name in self.names]


def all_measures() -> dict[str, str]:
    """Family by name, of all that can be asked for."""
    return {thing.name: thing.family for thing in (*MEASURES, *DISTANCES)} | {VMV: "motion", MOUTH_LAG: "sync"}


@dataclass(frozen=True)
class ClipResult:
    """A pair's numbers by measure, of the generated video and of the real one in its place, `reference`; a text says
    why there is no number. mouth, true_mouth: correlations with loudness at every lag, or why there are none, if the
    mouth's lag is wanted. error: why the generated video could not be read at all."""

    name: str
    values: dict[str, float | str] = field(default_factory=dict)
    truths: dict[str, float | str] = field(default_factory=dict)
    reference: str = ""
    mouth: list[float] | str = ""
    true_mouth: list[float] | str = ""
    error: str = ""


@dataclass(frozen=True)
class Comparison:
    """All results. networks: what was used, or why it was not there, by kind. videos: all that could be read.
    unreadable: why others could not, by path."""

    clips: list[ClipResult]
    distances: dict[str, Found]
    networks: dict[str, str]
    videos: dict[Path, Clip]
    unreadable: dict[str, str]


def compare(plan: Plan, workers: int) -> Iterator[tuple[int, int] | Comparison]:
    """Measure; yields pieces of work done and in all after each, and at the end the comparison.

    Only one video's numbers are in memory at a time, in each process; the same numbers whatever the order of files and
    the number of processes.

    Raises:
        OutputError: what is read cannot be kept.
    """
    networks = Networks(plan.choices, plan.device, plan.fetch)
    networks.prepare(thing.network for thing in (*plan.measures, *plan.distances) if thing.network)
    described, missing = networks.described(), networks.missing
    del networks  # the processes have their own
    paths = sorted({*(pair.generated for pair in plan.pairs), *plan.references})
    total, done = len(paths) + len(plan.pairs) + len(plan.distances), 0

    videos: dict[Path, Clip] = {}
    unreadable: dict[str, str] = {}
    context = partial(_open_context, plan, missing)
    for path, found in in_processes(_measure_video, paths, workers, context=context):
        if isinstance(found, Clip):
            videos[path] = found.fresh()
        else:
            unreadable[str(path)] = found
        yield (done := done + 1), total
    results = []
    error = lambda pair: unreadable.get(str(pair.generated), "")
    work = ((pair, videos.get(pair.generated), videos.get(pair.reference), error(pair)) for pair in plan.pairs)
    for result in in_processes(_measure_pair, work, workers, context=context):
        results.append(result)
        yield (done := done + 1), total
    results.sort(key=lambda result: result.name)

    networks, distances = Networks(plan.choices, plan.device, fetch=False, missing=missing), {}
    fresh = lambda chosen: (videos[path].fresh() for path in chosen if path in videos)
    for distance in plan.distances:
        generated = fresh(pair.generated for pair in plan.pairs)
        distances[distance.name] = measure_distance(distance, generated, fresh(plan.references), networks)
        yield (done := done + 1), total
    yield Comparison(results, distances, described, videos, unreadable)


class _Context(NamedTuple):
    """What a process has for all its videos and pairs."""

    plan: Plan
    networks: Networks


def _open_context(plan: Plan, missing: dict[str, str]) -> _Context:
    return _Context(plan, Networks(plan.choices, plan.device, fetch=False, missing=missing))


def _measure_video(context: _Context, path: Path) -> tuple[Path, Clip | str]:
    """Keep all that later steps read of a video; the clip, or why it is no video at all."""
    clip = or_why(lambda: _open(path, context.plan.cache))
    if isinstance(clip, Clip):
        for distance in context.plan.distances:  # why not is said when it is measured
            or_why(lambda distance=distance: distance.features(clip, context.networks))
    return path, clip


def _open(path: Path, cache: Path) -> Clip:
    """A clip whose frames can be read."""
    clip = Clip(path, cache)
    _ = clip.shown
    return clip


def _measure_pair(context: _Context, work: tuple[Pair, Clip | None, Clip | None, str]) -> ClipResult:
    pair, generated, reference, error = work
    if generated is None:
        return ClipResult(pair.name, error=error)
    generated, reference = generated.fresh(), reference and reference.fresh()
    case = Case(generated, reference, Portrait(pair.portrait, reference), context.networks)
    truth = case.truth()
    values = {measure.name: read(measure, case) for measure in context.plan.measures}
    truths = {} if truth is None else {m.name: read(m, truth) for m in context.plan.measures if not m.pair}
    wanted = lambda case: case and MOUTH_LAG in context.plan.names
    mouths = (or_why(lambda c=c: mouth_correlations(c)) if wanted(c) else "" for c in (case, truth))
    return ClipResult(pair.name, values, truths, str(pair.reference or ""), *mouths)
