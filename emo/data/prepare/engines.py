"""Where the work is done: in processes of this machine, or on a Ray cluster. One that dies takes nothing along."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, NamedTuple

from emo.errors import ConfigError, EmoError, OutputError, first_line
from emo.processes import in_processes

DIED = "its decoder crashed"


class Outcome(NamedTuple):
    """What came of an item of work.

    Attributes:
        item: the item.
        result: or None.
        failure: what went wrong, or "".
    """

    item: Any
    result: Any
    failure: str


Work = Callable[[Any], Any]
Engine = Callable[[Work, Sequence[Any]], Iterator[Outcome]]
"""Does `work(item)` for all items, yields outcomes as they come. Raises OutputError and ConfigError alone: with those
no other item would fare better."""


class Attempt:
    """`work` whose errors are part of its outcome; picklable if `work` is."""

    def __init__(self, work: Work):
        self.work = work

    def __call__(self, item: Any) -> Outcome:
        try:
            return Outcome(item, self.work(item), "")
        except (OutputError, ConfigError):
            raise
        except Exception as error:  # a broken file stops nobody
            kind = "" if isinstance(error, EmoError) else f"{type(error).__name__}: "
            return Outcome(item, None, kind + first_line(error))


def open_attempt(work: Work) -> Attempt:
    """Attempts at `work` in a process that is made fit to share the machine with others."""
    import cv2

    cv2.setNumThreads(1)
    return Attempt(work)


def local_engine(workers: int) -> Engine:
    """Processes of this machine; 1 is this process. An item at which a process dies fails alone."""

    def run(work: Work, items: Sequence[Any]) -> Iterator[Outcome]:
        rest = list(items)
        while rest:
            try:
                for outcome in in_processes(
                    Attempt.__call__, list(rest), min(workers, len(rest)), context=partial(open_attempt, work)
                ):
                    rest.remove(outcome.item)
                    yield outcome
            except BrokenProcessPool:
                at_work = rest[: 2 * workers]  # as many as `in_processes` hands out at a time
                for item in at_work:
                    rest.remove(item)
                    yield from _alone(work, item)

    return run


def _alone(work: Work, item: Any) -> Iterator[Outcome]:
    try:
        yield from in_processes(Attempt.__call__, [item], 2, context=partial(open_attempt, work))  # 2: not here
    except BrokenProcessPool:
        yield Outcome(item, None, DIED)


def ray_engine(address: str | None = None) -> Engine:
    """Ray's workers, one core each. All of them must see the videos and the dataset under the same paths.

    Args:
        address: of a cluster, by default the one that RAY_ADDRESS names, or this machine.

    Raises:
        ConfigError: Ray is not installed, or there is no such cluster.
    """
    try:
        import ray  # type: ignore[import-not-found]  (an extra)
    except ImportError:
        raise ConfigError("--engine ray needs Ray: pip install 'emo[ray]'") from None
    if not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level="error")
        except ConnectionError as error:
            raise ConfigError(f"the Ray cluster cannot be reached ({first_line(error)})") from error

    def run(work: Work, items: Sequence[Any]) -> Iterator[Outcome]:
        attempt = ray.remote(num_cpus=1, max_retries=0)(_ray_attempt)
        work_there = ray.put(work)
        rest = list(items)[::-1]
        running = {}
        while rest or running:
            room = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))  # clusters grow
            while rest and len(running) < room:
                item = rest.pop()
                running[attempt.remote(work_there, item)] = item
            done, _ = ray.wait(list(running), num_returns=1)
            item = running.pop(done[0])
            try:
                yield ray.get(done[0])
            except ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, EmoError) else error from None
            except ray.exceptions.RayError:
                yield Outcome(item, None, DIED)

    return run


def _ray_attempt(work: Work, item: Any) -> Outcome:
    return open_attempt(work)(item)
