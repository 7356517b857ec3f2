"""The whole comparison: every video measured once, in several processes, then pairs, then all together."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from emo.evaluation.compare.distances import DISTANCES, Distance, DistanceResult, measure_distance
from emo.evaluation.compare.measured import MeasuredVideo, try_measure
from emo.evaluation.compare.measures import MEASURES, Case, Measure, mouth_correlations, read
from emo.evaluation.compare.networks import Networks
from emo.evaluation.compare.pairs import Pair
from emo.evaluation.compare.portrait import ReferencePortrait
from emo.processes import in_processes

VMV, MOUTH_LAG = "vmv", "mouth_lag"  # of all videos together, from what their clips say


@dataclass(frozen=True)
class Plan:
    """What is compared and how.

    Attributes:
        pairs: generated videos.
        references: all real ones.
        names: measures wanted.
        choices, fetch, device: of `Networks`.
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
    """A pair's numbers; in a number's place a text says why there is none.

    Attributes:
        name: of the pair.
        values: by measure, of the generated video.
        truths: by measure, of the real one in its place.
        reference: the real video.
        mouth, true_mouth: correlations with loudness at every lag, if the mouth's lag is wanted.
        error: why the generated video could not be read at all.
    """

    name: str
    values: dict[str, float | str] = field(default_factory=dict)
    truths: dict[str, float | str] = field(default_factory=dict)
    reference: str = ""
    mouth: list[float] | str = ""
    true_mouth: list[float] | str = ""
    error: str = ""


@dataclass(frozen=True)
class Comparison:
    """All results.

    Attributes:
        clips: of each pair.
        distances: of all videos together.
        networks: by kind, which was used, or why there was none.
        videos: all that could be read.
        unreadable: by path, why others could not.
    """

    clips: list[ClipResult]
    distances: dict[str, DistanceResult]
    networks: dict[str, str]
    videos: dict[Path, MeasuredVideo]
    unreadable: dict[str, str]


def compare(plan: Plan, workers: int, progress: Callable[[int, int], None] | None = None) -> Comparison:
    """Measure everything.

    Only one video's numbers are in memory at a time, in each process; the same numbers whatever the order of files and
    the number of processes.

    Args:
        plan: what is compared.
        workers: processes.
        progress: called after each piece of work with the pieces done and in all.

    Raises:
        OutputError: what is read cannot be kept.
    """
    networks = Networks(plan.choices, plan.device, plan.fetch)
    networks.prepare(thing.network for thing in (*plan.measures, *plan.distances) if thing.network)
    described, missing = networks.described(), networks.missing
    del networks  # the processes have their own
    paths = sorted({*(pair.generated for pair in plan.pairs), *plan.references})
    total = len(paths) + len(plan.pairs) + len(plan.distances)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    videos: dict[Path, MeasuredVideo] = {}
    unreadable: dict[str, str] = {}
    context = partial(_open_context, plan, missing)
    for path, found in in_processes(_measure_video, paths, workers, context=context):
        if isinstance(found, MeasuredVideo):
            videos[path] = found.fresh()
        else:
            unreadable[str(path)] = found
        advance()
    results = []
    work = (
        (
            pair,
            videos.get(pair.generated),
            pair.reference and videos.get(pair.reference),
            unreadable.get(str(pair.generated), ""),
        )
        for pair in plan.pairs
    )
    for result in in_processes(_measure_pair, work, workers, context=context):
        results.append(result)
        advance()
    results.sort(key=lambda result: result.name)

    networks = Networks(plan.choices, plan.device, fetch=False, missing=missing)
    distances: dict[str, DistanceResult] = {}
    for distance in plan.distances:
        generated = _fresh(videos, (pair.generated for pair in plan.pairs))
        distances[distance.name] = measure_distance(distance, generated, _fresh(videos, plan.references), networks)
        advance()
    return Comparison(results, distances, described, videos, unreadable)


def _fresh(videos: Mapping[Path, MeasuredVideo], chosen: Iterable[Path]) -> Iterator[MeasuredVideo]:
    """Those of the chosen videos that could be read."""
    return (videos[path].fresh() for path in chosen if path in videos)


class _Context(NamedTuple):
    """What a process has for all its videos and pairs."""

    plan: Plan
    networks: Networks


def _open_context(plan: Plan, missing: dict[str, str]) -> _Context:
    return _Context(plan, Networks(plan.choices, plan.device, fetch=False, missing=missing))


def _measure_video(context: _Context, path: Path) -> tuple[Path, MeasuredVideo | str]:
    """Keep all that later steps read of a video; the clip, or why it is no video at all."""
    clip = try_measure(lambda: _open(path, context.plan.cache))
    if isinstance(clip, MeasuredVideo):
        for distance in context.plan.distances:  # why not is said when it is measured
            try_measure(lambda distance=distance: distance.features(clip, context.networks))
    return path, clip


def _open(path: Path, cache: Path) -> MeasuredVideo:
    """A clip whose frames can be read."""
    clip = MeasuredVideo(path, cache)
    _ = clip.shown
    return clip


def _measure_pair(context: _Context, work: tuple[Pair, MeasuredVideo | None, MeasuredVideo | None, str]) -> ClipResult:
    pair, generated, reference, error = work
    if generated is None:
        return ClipResult(pair.name, error=error)
    generated, reference = generated.fresh(), reference and reference.fresh()
    case = Case(generated, reference, ReferencePortrait(pair.portrait, reference), context.networks)
    truth = case.truth()
    values = {measure.name: read(measure, case) for measure in context.plan.measures}
    truths = {} if truth is None else {m.name: read(m, truth) for m in context.plan.measures if not m.pair}

    mouths = [
        try_measure(lambda each=each: mouth_correlations(each)) if each and MOUTH_LAG in context.plan.names else ""
        for each in (case, truth)
    ]
    return ClipResult(pair.name, values, truths, str(pair.reference or ""), mouths[0], mouths[1])
