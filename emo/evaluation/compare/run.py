"""The whole comparison: every video measured once, in several processes, then pairs, then all together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from emo.data.processes import in_processes
from emo.errors import EmoError
from emo.evaluation.compare.clip import Clip
from emo.evaluation.compare.distances import DISTANCES, Distance, Found, measure_distance
from emo.evaluation.compare.measures import MEASURES, Case, Measure, read
from emo.evaluation.compare.networks import Networks
from emo.evaluation.compare.pairs import Pair
from emo.evaluation.compare.portrait import Portrait

VMV = "vmv"


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
    return {thing.name: thing.family for thing in (*MEASURES, *DISTANCES)} | {VMV: "motion"}


@dataclass(frozen=True)
class ClipResult:
    """A pair's numbers by measure, of the generated video and of the real one in its place; a text says why there is
    no number. error: why the generated video could not be read at all."""

    name: str
    values: dict[str, float | str] = field(default_factory=dict)
    truths: dict[str, float | str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Comparison:
    """All results. networks: what was used for which measures, or why it was not there, by kind."""

    clips: list[ClipResult]
    distances: dict[str, Found]
    networks: dict[str, str]
    unreadable: dict[str, str]


def compare(plan: Plan, workers: int) -> Iterator[tuple[int, int] | Comparison]:
    """Measure; yields pieces of work done and in all after each, and at the end the comparison.

    Only one video's numbers are in memory at a time; the same numbers whatever the order of files and processes.
    """
    networks = Networks(plan.choices, plan.device, plan.fetch)
    networks.prepare(thing.network for thing in (*plan.measures, *plan.distances) if thing.network)
    set_up = (plan, networks.missing)
    videos = sorted({*(pair.generated for pair in plan.pairs), *plan.references})
    total, done = len(videos) + len(plan.pairs), 0
    unreadable: dict[str, str] = {}
    for path, error in in_processes(_measure_video, videos, workers, _set_up, set_up):
        if error:
            unreadable[str(path)] = error
        yield (done := done + 1), total
    results = []
    work = [(pair, unreadable.get(str(pair.generated), ""), str(pair.reference) in unreadable) for pair in plan.pairs]
    for result in in_processes(_measure_pair, work, workers, _set_up, set_up):
        results.append(result)
        yield (done := done + 1), total
    results.sort(key=lambda result: result.name)

    open_clips = lambda paths: (Clip(path, plan.cache) for path in paths if str(path) not in unreadable)
    distances = {}
    for distance in plan.distances:
        generated = open_clips(pair.generated for pair in plan.pairs)
        distances[distance.name] = measure_distance(distance, generated, open_clips(plan.references), networks)
    yield Comparison(results, distances, networks.described(), unreadable)


_plan: Plan | None = None  # of this process
_networks: Networks | None = None


def _set_up(plan: Plan, missing: dict[str, str]) -> None:
    global _plan, _networks
    _plan, _networks = plan, Networks(plan.choices, plan.device, fetch=False, missing=missing)


def _measure_video(path: Path) -> tuple[Path, str]:
    """Keep all that later steps read of a video; the error, if it is no video at all."""
    try:
        clip = Clip(path, _plan.cache)
        _ = clip.shown
    except EmoError as error:
        return path, str(error)
    for distance in _plan.distances:
        try:
            distance.features(clip, _networks)
        except EmoError:
            continue  # said when it is measured
    return path, ""


def _measure_pair(work: tuple[Pair, str, bool]) -> ClipResult:
    pair, error, lost = work
    if error:
        return ClipResult(pair.name, error=error)
    generated = Clip(pair.generated, _plan.cache)
    reference = Clip(pair.reference, _plan.cache) if pair.reference and not lost else None
    case = Case(generated, reference, Portrait(pair.portrait, reference), _networks)
    truth = case.truth()
    values = {measure.name: read(measure, case) for measure in _plan.measures}
    truths = {} if truth is None else {m.name: read(m, truth) for m in _plan.measures if not m.pair}
    return ClipResult(pair.name, values, truths)
