"""A dataset's clips get labels of everything that moves, read from their faces: what models of motion learn from.

Every face rests at another reading. What is seen of eyes, brows and mouth is therefore told against all clips of the
same person, and where somebody is seen often, what holds for a whole clip, such as its main look, against the others.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from emo.data.face_readings import FOLDER, load_readings, read_clip
from emo.data.format import (
    METADATA,
    SPLITS,
    ClipInfo,
    label_names,
    load_labels,
    read_info,
    read_metadata,
    save_labels,
    write_metadata,
)
from emo.data.motion_labels import MotionLabels
from emo.data.synthetic.motion.gaze import main_gaze
from emo.errors import DatasetError
from emo.face import FACE_SHARE, FaceDetector
from emo.files import writing_into
from emo.locks import claim_folder
from emo.motion import CONTROLS
from emo.motion.reading import controls_from, rest_of
from emo.processes import in_processes

SEEN_OFTEN = 4  # clips of a person from which on their usual look is that of all of them

OF_THE_CLIP = ("x", "y", "size", "height", "lids")
"""Readings whose rest is the clip's own: each has its own crop, and open eyes."""


@dataclass(frozen=True)
class ExtractProgress:
    """How far a run is.

    Attributes:
        clips: looked at so far, in this run or before.
        all_clips: to look at; those that hold every control, and were not read here, are none of them.
        faceless: why clips have no motion, one line each.
    """

    clips: int
    all_clips: int
    faceless: tuple[str, ...] = ()


def extract_motion(root: Path, workers: int, *, one_person: bool = False) -> Iterator[ExtractProgress]:
    """Label every clip of a dataset with all of `CONTROLS` and a `ClipInfo.motion`, as far as they can be seen.

    Clips whose labels hold every control already, as synthetic ones do, stay as they are. What comes out depends on
    the clips alone: not on workers, nor on where earlier runs stopped.

    Args:
        root: folder of the dataset.
        workers: processes.
        one_person: whether all clips are of one person, whatever the rows say.

    Yields:
        Progress, after each clip. Labels and tables are written at the end.

    Raises:
        DatasetError: the folder is no dataset or damaged, or no clip shows a face.
        OutputError: it cannot be written to, or somebody else is at work there.
    """
    splits = [split for split in SPLITS if (root / split / METADATA).is_file()]
    if not splits:
        raise DatasetError(f"{root} holds no {METADATA}; give a folder made by emo prepare")
    with claim_folder(root, DatasetError):
        clips = [clip for split in splits for clip in read_metadata(root, split)]
        yield from _extract(root, clips, workers, one_person)


def _extract(root: Path, clips: Sequence[ClipInfo], workers: int, one_person: bool) -> Iterator[ExtractProgress]:
    looked = {clip: load_readings(root, clip) for clip in clips}
    read = [clip for clip, readings in looked.items() if readings or (readings == {} and not _is_labeled(root, clip))]
    todo = [clip for clip, readings in looked.items() if readings is None and not _is_labeled(root, clip)]
    faceless = [_faceless(root, clip) for clip in read if not looked[clip]]
    done, total = len(read), len(read) + len(todo)
    yield ExtractProgress(done, total, tuple(sorted(faceless)))
    processes = max(1, min(workers, len(todo)))
    with writing_into(root / FOLDER):
        for failure in in_processes(partial(_attempt, root=root), todo, processes, context=FaceDetector):
            faceless += [failure] if failure else []
            done += 1
            yield ExtractProgress(done, total, tuple(sorted(faceless)))
    if total and len(faceless) == total:
        raise DatasetError(f"{root}: no clip shows a face; {faceless[0]}")
    people: dict[str, list[ClipInfo]] = defaultdict(list)
    for clip in sorted({*read, *todo}, key=lambda clip: (clip.split, clip.file_name)):
        people["" if one_person else clip.person].append(clip)
    for own in people.values():
        _label_person(root, own)
    write_metadata(root)


def _is_labeled(root: Path, clip: ClipInfo) -> bool:
    """Whether a clip's labels hold every control."""
    return label_names(root / clip.split / clip.labels) >= set(CONTROLS.names)


def _attempt(detector: FaceDetector, clip: ClipInfo, root: Path) -> str:
    """Read a clip; returns why it has no motion, or nothing."""
    return "" if read_clip(detector, root, clip) else _faceless(root, clip)


def _faceless(root: Path, clip: ClipInfo) -> str:
    """What to say of a clip without a face."""
    return f"{root / clip.split / clip.file_name}: no face in any of its {clip.frames} frames"


def _label_person(root: Path, clips: Sequence[ClipInfo]) -> None:
    """Label all clips of one person; those that show no face stay as they are."""
    found = {clip: readings for clip in clips if (readings := load_readings(root, clip))}
    if not found:
        return
    names = next(iter(found.values())).keys()
    usual = rest_of({name: np.concatenate([readings[name] for readings in found.values()]) for name in names})
    for clip, readings in found.items():
        labels = motion_of_clip(readings, usual, clip.height)
        look = main_gaze(labels["gaze_x"], labels["gaze_y"]) if len(found) >= SEEN_OFTEN else (None, None)
        motion = MotionLabels.seen(*look, distance=float(labels["distance"].mean()))
        _write(root / clip.split / clip.labels, labels, replace(clip, motion=motion))


def motion_of_clip(readings: Mapping[str, np.ndarray], usual: Mapping[str, float], side: int) -> dict[str, np.ndarray]:
    """Labels of a clip's motion, each (T,) float32: all of `CONTROLS`, and `distance`.

    Args:
        readings: of the clip, `emo.motion.reading.face_readings`.
        usual: the person's, `emo.motion.reading.rest_of` all that was seen of them.
        side: of the picture, in pixels.
    """
    own = rest_of(readings)
    controls = controls_from(readings, {**usual, **{name: own[name] for name in OF_THE_CLIP}})
    labels = dict(zip(CONTROLS.names, controls.numpy().T, strict=True))
    framing = np.float32(own["height"] / (FACE_SHARE * side))
    labels |= {name: labels[name] * framing for name in ("tx", "ty", "scale")}  # from the default framing to this one
    return labels | {"distance": 1 / labels["scale"]}


def _write(path: Path, labels: Mapping[str, np.ndarray], info: ClipInfo) -> None:
    """Set labels and the row of a label file, if they are not so already."""
    old = load_labels(path, info.frames)
    if read_info(path) == info and all(
        name in old and np.array_equal(old[name], values) for name, values in labels.items()
    ):
        return
    save_labels(path, {**old, **labels}, info)
