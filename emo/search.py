"""Files found in folders: those of a kind, without what this project made there itself, and a word on the others."""

import os
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from emo.errors import OptionError
from emo.files import file_status, never_a_file, require_file, require_folder

VIDEOS = (
    *(".mp4", ".m4v", ".mp4v", ".mov", ".qt", ".3gp", ".3gpp", ".3g2", ".3gp2", ".f4v", ".flv", ".mkv", ".mk3d"),
    *(".webm", ".ogv", ".ogm", ".avi", ".divx", ".wmv", ".asf", ".rm", ".rmvb", ".amv", ".dv", ".mxf", ".gxf"),
    *(".nut", ".wtv", ".mpg", ".mpeg", ".mpe", ".mpv", ".m1v", ".m2v", ".m2p", ".vob", ".vro", ".mod", ".tod"),
    *(".ts", ".m2t", ".mts", ".m2ts", ".tp", ".trp"),
)
"""Endings of video files."""

PICTURES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".jp2", ".gif"),
)
"""Endings of picture files."""

SOUNDS = (
    *(".wav", ".wave", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".m4a", ".m4b", ".aac", ".ac3"),
    *(".aif", ".aiff", ".aifc", ".au", ".caf", ".wma", ".amr", ".mka", ".weba"),
)
"""Endings of sound files."""

MADE = ("prepare.json", "synthesize.json")  # what a dataset of ours says it was made with
SPLITS = ("train", "test")
MAX_DATASETS = 3  # that are named
MAX_ENDINGS = 8  # that are named


def find_files(
    place: Path,
    suffixes: Sequence[str],
    option: str,
    outputs: Sequence[Path] = (),
    tell: Callable[[str], None] = warnings.warn,
) -> list[Path]:
    """The files below a folder with one of these endings (lower case, with the dot), sorted; a file is itself.

    Left out of a folder is what is hidden; datasets that `emo prepare` and `emo synthesize` made, and the command's
    own `outputs`, so that a second run finds what the first one found; and what has other endings. A folder that is
    named itself is searched whatever it is.

    Args:
        tell: what to do with a line that says what was left out, if anything was.

    Raises:
        OptionError: naming `option`, if there is no such file or folder, it may not be read, or nothing of the kind is
            in it.
    """

    def problem(message: str) -> OptionError:
        return OptionError(f"{option} {message}")

    status = file_status(place, problem)
    if status is None:
        raise problem(never_a_file(place) or f"{place}: there is no such file or folder")
    if not stat.S_ISDIR(status.st_mode):
        if not stat.S_ISREG(status.st_mode):
            require_file(place, problem)
        return [place]
    require_folder(place, problem, "give a file or a folder")
    search = _Search(suffixes, [os.path.realpath(output) for output in outputs])
    search.folder(place)
    if not search.files:
        first = ", ".join(suffixes[:MAX_ENDINGS]) + (" …" if len(suffixes) > MAX_ENDINGS else "")
        raise OptionError(f"{option} {place}: no file there ends in {first}{search.left_out('; left out: ')}")
    if left_out := search.left_out("left out: "):
        tell(f"{option} {place}: {left_out}")
    return sorted(search.files)


def evenly(files: Sequence[Path], count: int) -> list[Path]:
    """So many of the files, evenly spaced from the first to the last; all where there are no more."""
    import numpy as np

    return [files[i] for i in np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int)]


class _Search:
    """A search that is under way.

    Attributes:
        files: found so far. The rest is what was left out.
    """

    def __init__(self, suffixes: Sequence[str], outputs: Sequence[str]):
        self.suffixes = suffixes
        self.outputs = outputs
        self.files: list[Path] = []
        self.own: list[Path] = []
        self.datasets: list[Path] = []
        self.hidden = 0
        self.linked = 0
        self.lost = 0
        self.closed = 0
        self.others: Counter[str] = Counter()

    def folder(self, folder: Path) -> None:
        try:
            with os.scandir(folder) as entries:
                entries = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            self.closed += 1
            return
        for entry in entries:
            path = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name.startswith("."):
                    self.hidden += 1
                elif os.path.realpath(path) in self.outputs:
                    self.own.append(path)
                elif _is_dataset(path):
                    self.datasets.append(path)
                else:
                    self.folder(path)
            else:
                self.file(path, entry)

    def file(self, path: Path, entry: os.DirEntry) -> None:
        suffix = path.suffix.lower()
        linked = entry.is_symlink()
        of_kind = suffix in self.suffixes
        if linked and os.path.isdir(path):
            self.linked += 1
        elif entry.name.startswith("."):
            self.hidden += of_kind
        elif not of_kind:
            self.others[suffix] += 1
        elif linked and any(_lies_in(os.path.realpath(path), output) for output in self.outputs):
            self.own.append(path)
        elif not (os.path.isfile(path) if linked else entry.is_file(follow_symlinks=False)):
            self.lost += 1
        else:
            self.files.append(path)

    def left_out(self, start: str) -> str:
        """In words; "" if nothing was."""
        things = [f"the output {path}" for path in self.own[:MAX_DATASETS]]
        things += [f"the dataset {path}" for path in self.datasets[:MAX_DATASETS]]
        more = max(0, len(self.own) - MAX_DATASETS) + max(0, len(self.datasets) - MAX_DATASETS)
        counts = {"more outputs and datasets": more, "hidden": self.hidden, "folders that are links": self.linked}
        counts |= {"that are no files": self.lost, "folders that may not be read": self.closed}
        things += [f"{count} {words}" for words, count in counts.items() if count]
        others = sorted(self.others.items(), key=lambda pair: (-pair[1], pair[0]))
        things += [f"{count} {suffix or 'without an ending'}" for suffix, count in others[:MAX_ENDINGS]]
        if rest := sum(count for _, count in others[MAX_ENDINGS:]):
            things.append(f"{rest} with other endings")
        return start + ", ".join(things) if things else ""


def in_output(path: Path, output: Path) -> bool:
    """Whether a file or folder is the output or lies in it, by whatever names."""
    return _lies_in(os.path.realpath(path), os.path.realpath(output))


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


def _is_dataset(folder: Path) -> bool:
    return any(os.path.isfile(folder / name) for name in MADE) and any(os.path.isdir(folder / name) for name in SPLITS)
