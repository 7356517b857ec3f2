"""Which generated video belongs to which real one."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emo.errors import OptionError
from emo.files import never_a_file, require_file
from emo.names import printable
from emo.search import VIDEOS, find_files

MANIFESTS = (".csv", ".jsonl")
COLUMNS = ("generated", "reference", "portrait")


@dataclass(frozen=True)
class Pair:
    """A generated video, the real one of the same person and sound, and the portrait it was made from; the last two
    where they are known."""

    name: str
    generated: Path
    reference: Path | None = None
    portrait: Path | None = None


def find_pairs(generated: Path, reference: Path, outputs: Sequence[Path] = ()) -> tuple[list[Pair], list[Path]]:
    """Pairs, sorted by name, and all real videos.

    Args:
        generated: a video, a folder, or a manifest: CSV with a header, or a JSON object per line, with `generated`
            and, if known, `reference` and `portrait`, as paths from the manifest's folder.
        reference: a video or a folder. A folder's video belongs to the generated one of the same path within its own
            folder, without the ending; else of the same file name, if only one has it. A single video belongs to all.
        outputs: left out of the search; see `find_files`.

    Raises:
        OptionError: nothing is there, two generated videos have one name, or the manifest cannot be read.
    """
    references = find_files(reference, VIDEOS, "--reference", outputs)
    alone = reference if reference.is_file() else None
    if generated.suffix.lower() in MANIFESTS and generated.is_file():
        pairs = _read_manifest(generated)
    else:
        videos = find_files(generated, VIDEOS, "--generated", outputs)
        by_name, by_stem = _named(references, reference), _unique_stems(references)
        named = [(_name(path, generated), path) for path in videos]
        pairs = [Pair(name, path, alone or by_name.get(name) or by_stem.get(path.stem)) for name, path in named]
    names = [pair.name for pair in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise OptionError(f"--generated {generated}: two videos are called {twice[0]}; rename one")
    listed = [pair.reference for pair in pairs if pair.reference]
    files = {path.resolve(): path for path in (*listed, *references)}  # however they are written
    pairs = [replace(pair, reference=pair.reference and files[pair.reference.resolve()]) for pair in pairs]
    return sorted(pairs, key=lambda pair: pair.name), sorted(files.values())


def _name(path: Path, root: Path) -> str:
    """Path within the folder, without the ending, as it can be shown."""
    return printable(path.stem if root.is_file() else path.relative_to(root).with_suffix("").as_posix())


def _named(paths: list[Path], root: Path) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for path in paths:
        if (name := _name(path, root)) in named:
            raise OptionError(f"--reference {root}: two videos are called {name}; rename one")
        named[name] = path
    return named


def _unique_stems(paths: list[Path]) -> dict[str, Path]:
    stems = [path.stem for path in paths]
    return {path.stem: path for path in paths if stems.count(path.stem) == 1}


def _read_manifest(path: Path) -> list[Pair]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # of Excel
        if path.suffix.lower() == ".csv":
            rows = list(csv.DictReader(text.splitlines()))
        else:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise OptionError(
            f"--generated {path} cannot be read ({error}); it must be CSV or a JSON object per line"
        ) from None
    if not rows:
        raise OptionError(f"--generated {path}: the manifest lists no video")
    return [_pair(row, path, number) for number, row in enumerate(rows, 1)]


def _pair(row: object, manifest: Path, number: int) -> Pair:
    place = f"--generated {manifest}, video {number}"
    if not isinstance(row, Mapping) or not row.get("generated"):
        raise OptionError(f"{place}: it must name a file as `generated`")
    if unknown := sorted(str(key) for key in row if key not in COLUMNS):
        raise OptionError(f"{place}: unknown column {unknown[0]}; use {', '.join(COLUMNS)}")
    paths = {}
    for column in COLUMNS:
        if value := row.get(column):
            if said := never_a_file(str(value)):
                raise OptionError(f"{place}: {column} {said}")
            paths[column] = manifest.parent / str(value)
            require_file(paths[column], lambda message: OptionError(f"{place}: {column} {message}"))  # noqa: B023
    return Pair(printable(Path(str(row["generated"])).with_suffix("").as_posix()), **paths)
