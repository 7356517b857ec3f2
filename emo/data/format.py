"""The dataset on disk: clips as mp4, one label file beside each, and a metadata table per split.

    DATASET/train/metadata.jsonl        one row per clip, `ClipInfo`; what `load_dataset("videofolder")` reads
    DATASET/train/000017.mp4            picture and sound
    DATASET/train/000017.safetensors    labels per frame, with the row in its header
    DATASET/test/...                    people who are not in train

Tracks are clips without pictures: 000017.wav in place of the mp4, and labels of the pictures that would be drawn.

A clip counts only once its label file is there, which is written last; the tables are made of the label files.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from emo.data.motion_labels import MotionLabels
from emo.errors import AudioError, DatasetError, VideoError
from emo.files import write_whole
from emo.media import as_fps

SPLITS = ("train", "test")
METADATA = "metadata.jsonl"
TRACK = ".wav"
"""Ending of clips that are sound alone."""

FACE_POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right", "upper_lip", "lower_lip")
"""Landmarks of every clip; left and right as in the picture, the lips' inner edges at the middle."""

EYES = [FACE_POINTS.index("left_eye"), FACE_POINTS.index("right_eye")]
MOUTH_CORNERS = [FACE_POINTS.index("mouth_left"), FACE_POINTS.index("mouth_right")]
LIPS = [FACE_POINTS.index("upper_lip"), FACE_POINTS.index("lower_lip")]

REQUIRED = {"face_box": (4,), "points": (len(FACE_POINTS), 2), "rotation_speed": ()}
"""Labels that every clip has, with their shapes after (T,): face box x0, y0, x1, y1 and `FACE_POINTS` x, y in pixels;
head rotation speed in degrees per frame. Synthetic clips add all that was commanded
(`emo.motion.controls.FaceControls`), prepared ones what can be measured; docs/data.md has the table."""

CONDITIONS = ("gaze_x", "gaze_y", "brow", "distance")
"""Labels (T,) since version 2. Gaze, toward the picture's right and top, and brows: 0 at rest, 1 as far as synthetic
eyes and brows go. Distance of the camera: 1 where the face fills `emo.face.FACE_SHARE` of the picture, 2 where it is
half as large."""

VERSION = 3
"""Of label files: 1 (which they do not say) had gaze, brows and distance of no prepared clip; 3 are those with
`ClipInfo.motion`, where eyes may be wide (`blink` below 0) and brows lowered; all others are still 2."""


@dataclass(frozen=True)
class ClipInfo:
    """A row of the metadata table.

    Attributes:
        file_name: of the mp4, relative to the table's folder.
        labels: name of the label file, relative to the table's folder.
        person: whoever is in the clip.
        split: "train" or "test".
        fps: frames per second.
        frames: how many there are.
        width: of the video, in pixels.
        height: of the video, in pixels.
        has_audio: whether it has sound.
        speed: mean head rotation in degrees per frame.
        source: where the clip comes from: "avatar", "portrait" or "video".
        origin: what it was made of.
        motion: what holds for the whole clip; of synthetic motion's second edition, and of clips whose motion was
            extracted; None for others.
    """

    file_name: str
    labels: str
    person: str
    split: str
    fps: float
    frames: int
    width: int
    height: int
    has_audio: bool
    speed: float
    source: str
    origin: str = ""
    motion: MotionLabels | None = None

    @property
    def has_pictures(self) -> bool:
        """Whether the clip is a video; else it is a track, sound and labels."""
        return not self.file_name.endswith(TRACK)

    @property
    def rate(self) -> Fraction:
        """Exact frames per second."""
        return as_fps(self.fps)

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return float(self.frames / self.rate)


def save_labels(path: Path, labels: Mapping[str, np.ndarray], info: ClipInfo) -> None:
    """Write a clip's labels, each (T, ...), and its row; whole or not at all.

    Raises:
        DatasetError: a required label is missing or any label has not one value per frame.
    """
    _check(path, {name: array.shape for name, array in labels.items()}, info.frames)
    arrays = {name: np.ascontiguousarray(array) for name, array in labels.items()}
    write_whole(path, save(arrays, {"clip": json.dumps(_row(info) | {"version": VERSION if info.motion else 2})}))


def load_labels(path: Path, frames: int) -> dict[str, np.ndarray]:
    """All labels of a clip by name, each (frames, ...).

    Raises:
        DatasetError: the file is missing, damaged, lacks a required label, is of a clip of another length, or was
            written by a later version.
    """
    try:
        with safe_open(path, "np") as file:
            version = _version((file.metadata() or {}).get("clip", ""))
            labels = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError) as error:
        raise DatasetError(f"{path}: the labels cannot be read ({error}); make this clip again") from error
    if version > VERSION:
        raise DatasetError(f"{path}: labels of version {version}, made by a later emo; update to read them")
    _check(path, {name: array.shape for name, array in labels.items()}, frames)
    return labels


def label_names(path: Path) -> set[str]:
    """Names of all labels in a file.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    try:
        with safe_open(path, "np") as file:
            return set(file.keys())
    except (OSError, SafetensorError) as error:
        raise DatasetError(f"{path}: the labels cannot be read ({error}); make this clip again") from error


def read_info(path: Path) -> ClipInfo:
    """The row in a label file's header; keys that `ClipInfo` does not know are left out.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    try:
        with safe_open(path, "np") as file:
            row = (file.metadata() or {}).get("clip", "")
    except (OSError, SafetensorError) as error:
        raise DatasetError(f"{path}: the labels cannot be read ({error}); make this clip again") from error
    return _info(row, f"{path}, header")


def write_metadata(root: Path) -> list[ClipInfo]:
    """Make the tables of all splits from the label files; returns all rows."""
    rows = []
    for split in SPLITS:
        infos = [read_info(path) for path in sorted((root / split).glob("*.safetensors"))]
        rows += infos
        table = root / split / METADATA
        if infos:
            write_whole(table, "".join(json.dumps(_row(info)) + "\n" for info in infos).encode())
        else:
            table.unlink(missing_ok=True)
    return rows


def read_metadata(root: Path, split: str) -> list[ClipInfo]:
    """The table of one split; keys that `ClipInfo` does not know are left out.

    Raises:
        DatasetError: the folder or the table is missing, empty or damaged.
    """
    table = root / split / METADATA
    if not table.is_file():
        raise DatasetError(f"{table} does not exist; give a folder made by emo synthesize or emo prepare")
    try:
        lines = table.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{table} is damaged ({error})") from error
    rows = [_info(line, f"{table}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise DatasetError(f"{table} names no clips")
    return rows


@contextmanager
def reading_clips() -> Iterator[None]:
    """What is wrong with a clip's picture or sound is an error of the dataset."""
    try:
        yield
    except (VideoError, AudioError) as error:
        raise DatasetError(f"{error}; make this clip again") from error


def _row(info: ClipInfo) -> dict[str, Any]:
    """What a table holds of a clip; of its motion nothing where nothing is known."""
    row = asdict(info)
    if info.motion is None:
        del row["motion"]
    return row


def _version(row: str) -> int:
    """Of the label file with this row; 1 where it says none.

    It is a key of the row, not of the header: safetensors writes a header's keys in any order.
    """
    try:
        return int(json.loads(row)["version"])
    except (ValueError, KeyError, TypeError):
        return 1


def _info(row: str, place: str) -> ClipInfo:
    """A row from JSON; keys that `ClipInfo` does not know are left out."""
    try:
        values = json.loads(row)
        missing = {field.name for field in fields(ClipInfo) if field.default is MISSING} - values.keys()
    except (json.JSONDecodeError, AttributeError) as error:
        raise DatasetError(f"{place}: not a row of JSON") from error
    if missing:
        raise DatasetError(f"{place}: {', '.join(sorted(missing))} is missing")
    known = {field.name: values[field.name] for field in fields(ClipInfo) if field.name in values}
    if known.get("motion") is not None:
        try:
            known["motion"] = MotionLabels.from_row(known["motion"])
        except TypeError as error:
            raise DatasetError(f"{place}: motion is damaged ({error})") from error
    return ClipInfo(**known)


def _check(path: Path, shapes: Mapping[str, tuple[int, ...]], frames: int) -> None:
    for name, rest in REQUIRED.items():
        if shapes.get(name) != (frames, *rest):
            raise DatasetError(f"{path}: {name} should be {(frames, *rest)}, not {shapes.get(name, 'missing')}")
    for name, shape in shapes.items():
        if shape[:1] != (frames,):
            raise DatasetError(f"{path}: {name} is {shape} for {frames} frames")
