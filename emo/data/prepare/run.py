"""A dataset from real videos: what there is to do, done by an engine, brought into its splits, and reported."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from emo.data.prepare.config import PrepareConfig
from emo.data.prepare.engines import Engine
from emo.data.prepare.people import assign_people
from emo.data.prepare.probe import ProbedVideo, probe
from emo.data.prepare.report import make_report, write_report
from emo.data.prepare.segment import Segment, SegmentResult, process_segment
from emo.data.prepare.store import Store
from emo.errors import DatasetError
from emo.locks import claim_folder
from emo.media import as_fps


@dataclass(frozen=True)
class PrepareProgress:
    """How far a run is.

    Attributes:
        files: looked at so far.
        all_files: to look at.
        seconds: of video worked off so far.
        all_seconds: of video to work off.
        clips: made so far, those of earlier runs included.
        totals: of the report, at the end.
    """

    files: int
    all_files: int
    seconds: float = 0.0
    all_seconds: float = 0.0
    clips: int = 0
    totals: dict | None = None


def prepare_dataset(
    inputs: Sequence[Path], out: Path, config: PrepareConfig, engine: Engine
) -> Iterator[PrepareProgress]:
    """Make clips of videos in the folder `out`; segments of them that are done stay as they are.

    What comes out depends on the files' contents and the configuration alone: not on the engine, nor on the order of
    the files, nor on where earlier runs stopped. A second run with other videos adds them.

    Args:
        inputs: files; what is wrong with one is told by the report.
        out: a new folder, or one made with the same configuration.

    Yields:
        Progress, after every file and segment. At the end clips come into their splits and the report is written.

    Raises:
        DatasetError: `out` holds something else, or was made with another configuration.
        OutputError: `out` cannot be written to, or somebody else is at work there.
        ConfigError: something is asked for that is not installed.
    """
    with claim_folder(out, DatasetError):
        yield from _prepare(inputs, out, config, engine)


def _prepare(inputs: Sequence[Path], out: Path, config: PrepareConfig, engine: Engine) -> Iterator[PrepareProgress]:
    store = Store(out)
    store.open(asdict(config))
    files, todo = _known_files(store, inputs)
    lost: dict[str, ProbedVideo] = {}
    yield PrepareProgress(0, len(todo))
    for done, (path, video, failure) in enumerate(engine(partial(probe, fps=config.fps), todo), 1):
        if video is None:
            lost[str(path)] = ProbedVideo("", 0, 0.0, f"it cannot be read ({failure}); the same command tries again")
        elif not video.key:  # it could not be opened, which may be another time
            lost[str(path)] = video
        else:
            files[str(path)] = asdict(video) | {"stamp": _stamp(path)}
        yield PrepareProgress(done, len(todo))
    store.save_probes(files)
    known = {path: {key: value for key, value in row.items() if key != "stamp"} for path, row in files.items()}
    probes = {path: ProbedVideo(**row) for path, row in known.items()} | lost

    segments = plan_segments(probes, config)
    results = _results(store, segments)
    undone = [segment for segment in segments if segment.name not in results]
    waiting = [segment for segment in undone if os.path.isfile(segment.path)]
    failures = {segment.name: "it is not there any more" for segment in undone if segment not in waiting}
    seconds = sum((segment.stop - segment.start) / config.fps for segment in segments)
    left = sum((segment.stop - segment.start) / config.fps for segment in waiting)
    clips = sum(len(result.clips) for result in results.values())
    counts = partial(PrepareProgress, len(todo), len(todo), all_seconds=seconds)
    yield counts(seconds=seconds - left, clips=clips)
    for segment, result, failure in engine(partial(process_segment, config=config, store=store), waiting):
        if result is None:
            failures[segment.name] = failure
        else:
            results[segment.name] = result
            clips += len(result.clips)
        left -= (segment.stop - segment.start) / config.fps
        yield counts(seconds=seconds - left, clips=clips)

    rows = store.publish(assign_people(segments, results, config))
    report = make_report(probes, segments, results, failures, rows, config)
    write_report(store, report)
    yield counts(seconds=seconds, clips=clips, totals=report["totals"])


def plan_segments(probes: dict[str, ProbedVideo], config: PrepareConfig) -> list[Segment]:
    """The segments of all readable files, sorted; of copies only those of the first by name."""
    length = round(config.piece_seconds * as_fps(config.fps))
    segments: list[Segment] = []
    seen: set[str] = set()
    for path, video in sorted(probes.items()):
        if video.fault or video.key in seen:
            continue
        seen.add(video.key)
        frames = max(video.frames, 1)
        starts = range(0, frames, length)
        segments += [Segment(video.key, path, start, min(start + length, frames)) for start in starts]
    return segments


def _known_files(store: Store, inputs: Sequence[Path]) -> tuple[dict[str, dict], list[Path]]:
    """What earlier runs knew of all their files that are still as they were; and the inputs that they did not know."""
    files = {
        path: row for path, row in store.probes().items() if not os.path.exists(path) or row["stamp"] == _stamp(path)
    }
    paths = sorted({path.resolve() for path in inputs})
    return files, [path for path in paths if str(path) not in files]


def _stamp(path: str | Path) -> list[int]:
    state = os.stat(path)
    return [state.st_size, state.st_mtime_ns]


def _results(store: Store, segments: Sequence[Segment]) -> dict[str, SegmentResult]:
    """What came of the segments that are done, and whose clips are all there."""
    results = {}
    texts = store.results()
    for segment in segments:
        if segment.name in texts:
            try:
                result = SegmentResult.from_json(texts[segment.name])
            except (json.JSONDecodeError, KeyError, TypeError):
                continue  # done again
            if all(store.find(name) for info in result.clips for name in (info.file_name, info.labels)):
                results[segment.name] = result
    return results
