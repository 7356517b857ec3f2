"""Where things lie in a dataset that is being prepared, and how clips come into their splits.

DATASET/prepare.json                    the configuration that it is made with
DATASET/.prepare/pieces/NAME.json       what came of a segment; it is there when the segment's clips are whole
DATASET/.prepare/clips/                 clips that have no split yet
DATASET/.prepare/surveys.json           what is known of the files
DATASET/report.json, train/, test/      what comes out
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from emo.data.format import METADATA, SPLITS, ClipInfo, load_labels, read_info, save_labels, write_metadata
from emo.data.recipe import open_dataset
from emo.files import write_whole, writing_into

RECIPE = "prepare.json"
REPORT = "report.json"


@dataclass(frozen=True)
class Store:
    """The folder of a dataset in the making."""

    root: Path

    @property
    def _hidden(self) -> Path:
        return self.root / ".prepare"

    def open(self, recipe: dict) -> None:
        """Make the folders, or check that they were made with the same recipe; what is half-written goes.

        Raises:
            DatasetError: the folder holds something else, or was made with another recipe.
            OutputError: it cannot be written to.
        """
        open_dataset(self.root, RECIPE, recipe, "emo prepare")
        with writing_into(self.root):
            for folder in ("pieces", "clips"):
                (self._hidden / folder).mkdir(parents=True, exist_ok=True)
            for ending in ("tmp", "part", "lock"):
                for half in self._hidden.rglob(f"*.{ending}"):
                    half.unlink()

    def staged(self, name: str) -> Path:
        """Where a clip's file is made."""
        return self._hidden / "clips" / name

    def save_result(self, name: str, text: str) -> None:
        """Save what came of a segment: from now on its clips are whole."""
        write_whole(self._hidden / "pieces" / f"{name}.json", text.encode())

    def results(self) -> dict[str, str]:
        """What came of all segments done so far, as text by name, sorted."""
        paths = sorted((self._hidden / "pieces").glob("*.json"))
        return {path.stem: path.read_text(encoding="utf-8") for path in paths}

    def probes(self) -> dict[str, dict]:
        """What was saved of files; empty where there is nothing, or nothing that can be read."""
        with suppress(OSError, ValueError):
            return {**json.loads((self._hidden / "surveys.json").read_text(encoding="utf-8"))}
        return {}

    def save_probes(self, rows: dict[str, dict]) -> None:
        """Save what is known of files, so that they need not be read again."""
        write_whole(self._hidden / "surveys.json", json.dumps(rows, indent=0, sort_keys=True).encode())

    def find(self, name: str) -> Path | None:
        """Where a clip's file lies: in a split, or waiting for one."""
        for path in (*(self.root / split / name for split in SPLITS), self.staged(name)):
            if path.is_file():
                return path
        return None

    def publish(self, clips: list[ClipInfo]) -> list[ClipInfo]:
        """Bring every clip into the split that its row names, labels last, and write the tables; returns all rows.

        Whatever an earlier, interrupted call left, the result is the same. While files move there are no tables.
        """
        moves = [info for info in clips if not self._in_place(info)]
        if moves:
            for split in SPLITS:
                (self.root / split / METADATA).unlink(missing_ok=True)
        for info in moves:
            self._move(info)
        wanted = {(info.split, info.labels) for info in clips}
        for split in SPLITS:
            for path in (self.root / split).glob("*.safetensors"):
                if (split, path.name) not in wanted:  # of a file that has changed since
                    path.unlink()
                    path.with_suffix(".mp4").unlink(missing_ok=True)
        return write_metadata(self.root)

    def _in_place(self, info: ClipInfo) -> bool:
        folder = self.root / info.split
        other = self.root / next(split for split in SPLITS if split != info.split)
        elsewhere = (other / info.labels, other / info.file_name, self.staged(info.labels))
        if any(path.exists() for path in elsewhere):
            return False
        row = read_info(folder / info.labels)
        return (folder / info.file_name).is_file() and replace(row, motion=None) == info

    def _move(self, info: ClipInfo) -> None:
        folder = self.root / info.split
        video, labels = self.find(info.file_name), self.find(info.labels)
        assert video is not None
        assert labels is not None
        if video.parent != folder:
            os.replace(video, folder / info.file_name)
        info = replace(info, motion=read_info(labels).motion)  # which may have been extracted since
        save_labels(folder / info.labels, load_labels(labels, info.frames), info)
        for split in SPLITS:
            if split != info.split:
                for name in (info.labels, info.file_name):
                    (self.root / split / name).unlink(missing_ok=True)
        self.staged(info.labels).unlink(missing_ok=True)
