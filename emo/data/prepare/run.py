"""A dataset from real videos: what there is to do, done by an engine, brought into its splits, and reported."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from emo.data.format import ClipInfo
from emo.data.prepare.config import PrepareConfig
from emo.data.prepare.engines import Engine
from emo.data.prepare.people import choose_test_people, group_videos
from emo.data.prepare.piece import Piece, PieceResult, work_piece
from emo.data.prepare.report import make_report, write_report
from emo.data.prepare.store import Store
from emo.data.prepare.survey import Survey, survey
from emo.errors import DatasetError
from emo.locks import claim_folder
from emo.media import as_fps


@dataclass(frozen=True)
class Progress:
    """How far a run is: files looked at, then seconds of video worked off; clips made so far, those of earlier runs
    included. The last one has the report's totals."""

    files: int
    all_files: int
    seconds: float = 0.0
    all_seconds: float = 0.0
    clips: int = 0
    totals: dict | None = None


def prepare_dataset(inputs: Sequence[Path], out: Path, config: PrepareConfig, engine: Engine) -> Iterator[Progress]:
    """Make clips of videos in the folder `out`; pieces of them that are done stay as they are.

    What comes out depends on the files' contents and the configuration alone: not on the engine, nor on the order of
    the files, nor on where earlier runs stopped. A second run with other videos adds them.

    Args:
        inputs: files; what is wrong with one is told by the report.
        out: a new folder, or one made with the same configuration.

    Yields:
        Progress, after every file and piece. At the end clips come into their splits and the report is written.

    Raises:
        DatasetError: `out` holds something else, or was made with another configuration.
        OutputError: `out` cannot be written to, or somebody else is at work there.
        ConfigError: something is asked for that is not installed.
    """
    with claim_folder(out, DatasetError):
        yield from _prepare(inputs, out, config, engine)


def _prepare(inputs: Sequence[Path], out: Path, config: PrepareConfig, engine: Engine) -> Iterator[Progress]:
    store = Store(out)
    store.open(asdict(config))
    files, todo = _known_files(store, inputs)
    counts, lost = partial(Progress, all_files=len(todo)), {}
    yield counts(0)
    for done, (path, found, failure) in enumerate(engine(partial(survey, fps=config.fps), todo), 1):
        if found is None:
            lost[str(path)] = Survey("", 0, 0.0, f"it cannot be read ({failure}); the same command tries again")
        elif not found.key:  # it could not be opened, which may be another time
            lost[str(path)] = found
        else:
            files[str(path)] = asdict(found) | {"stamp": _stamp(path)}
        yield counts(done)
    store.put_surveys(files)
    surveys = {path: Survey(**{k: v for k, v in row.items() if k != "stamp"}) for path, row in files.items()} | lost

    pieces = plan_pieces(surveys, config)
    results = _results(store, pieces)
    undone = [piece for piece in pieces if piece.name not in results]
    waiting = [piece for piece in undone if os.path.isfile(piece.path)]
    failures = {piece.name: "it is not there any more" for piece in undone if piece not in waiting}
    seconds = sum((piece.stop - piece.start) / config.fps for piece in pieces)
    left = sum((piece.stop - piece.start) / config.fps for piece in waiting)
    clips = sum(len(result.clips) for result in results.values())
    counts = partial(Progress, len(todo), len(todo), all_seconds=seconds)
    yield counts(seconds=seconds - left, clips=clips)
    for piece, result, failure in engine(partial(work_piece, config=config, store=store), waiting):
        if result is None:
            failures[piece.name] = failure
        else:
            results[piece.name] = result
            clips += len(result.clips)
        left -= (piece.stop - piece.start) / config.fps
        yield counts(seconds=seconds - left, clips=clips)

    rows = store.publish(_cast(pieces, results, config))
    report = make_report(surveys, pieces, results, failures, rows, config)
    write_report(store, report)
    yield counts(seconds=seconds, clips=clips, totals=report["totals"])


def plan_pieces(surveys: dict[str, Survey], config: PrepareConfig) -> list[Piece]:
    """The pieces of all readable files, sorted; of copies only those of the first by name."""
    length, pieces, seen = round(config.piece_seconds * as_fps(config.fps)), [], set()
    for path, found in sorted(surveys.items()):
        if found.fault or found.key in seen:
            continue
        seen.add(found.key)
        starts = range(0, max(found.frames, 1), length)
        pieces += [Piece(found.key, path, start, min(start + length, max(found.frames, 1))) for start in starts]
    return pieces


def _known_files(store: Store, inputs: Sequence[Path]) -> tuple[dict[str, dict], list[Path]]:
    """What earlier runs knew of all their files that are still as they were; and the inputs that they did not know."""
    as_it_was = lambda path, row: not os.path.exists(path) or row["stamp"] == _stamp(path)
    files = {path: row for path, row in store.surveys().items() if as_it_was(path, row)}
    paths = sorted({path.resolve() for path in inputs})
    return files, [path for path in paths if str(path) not in files]


def _stamp(path: str | Path) -> list[int]:
    state = os.stat(path)
    return [state.st_size, state.st_mtime_ns]


def _results(store: Store, pieces: Sequence[Piece]) -> dict[str, PieceResult]:
    """What came of the pieces that are done, and whose clips are all there."""
    results = {}
    texts = store.results()
    for piece in pieces:
        if piece.name in texts:
            try:
                result = PieceResult.from_json(texts[piece.name])
            except (json.JSONDecodeError, KeyError, TypeError):
                continue  # done again
            if all(store.find(name) for info in result.clips for name in (info.file_name, info.labels)):
                results[piece.name] = result
    return results


def _cast(pieces: Sequence[Piece], results: dict[str, PieceResult], config: PrepareConfig) -> list[ClipInfo]:
    """The rows of all clips, with person and split."""
    faces: dict[str, list] = {}
    for piece in pieces:
        if piece.name in results and results[piece.name].clips:
            faces.setdefault(piece.key, []).extend(results[piece.name].faces)
    person = group_videos(faces, config.same_person)
    tested = choose_test_people(set(person.values()), config.test_share)
    return [
        replace(info, person=person[piece.key], split="test" if person[piece.key] in tested else "train")
        for piece in pieces
        if piece.name in results
        for info in results[piece.name].clips
    ]
