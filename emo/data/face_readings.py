"""What is seen of the face of every clip, kept beside a dataset so that nothing is looked at twice.

    DATASET/.motion/000017-3f0c9a5e7b21d846.safetensors    `emo.motion.reading.face_readings` of a clip, calmed; none
                                                           of one that shows no face

Heads, eyes and brows shiver in FaceMesh's landmarks by more than they move from frame to frame; lips and lids do not.
How much is taken out, and of what: docs/motion-extract.md.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from emo.data.format import ClipInfo, load_labels, reading_clips
from emo.errors import DatasetError, FaceError
from emo.face import FaceDetector, smooth, track_face
from emo.files import write_whole
from emo.media import VideoReader
from emo.metrics import head_angles
from emo.motion.reading import face_readings

FOLDER = ".motion"  # hidden, as the cache is
CHUNK = 32  # frames decoded at a time
SAMPLE = 1 << 16  # bytes of a clip's beginning, middle and end, by which it is known

SLOW = 2.0
"""Frames, standard deviation, over which head and corners of the mouth are smoothed."""

QUICK = 1.0
"""Frames, standard deviation, over which eyes and brows are smoothed."""


def readings_file(root: Path, clip: ClipInfo) -> Path:
    """Where a clip's readings are: by its name and by some of its bytes, whatever its split.

    Raises:
        DatasetError: the clip is not there.
    """
    path = root / clip.split / clip.file_name
    digest = hashlib.sha256(clip.file_name.encode())
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest.update(str(size).encode())
            for start in (0, size // 2, max(0, size - SAMPLE)):
                file.seek(start)
                digest.update(file.read(SAMPLE))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror})") from None
    return root / FOLDER / f"{path.stem}-{digest.hexdigest()[:16]}.safetensors"


def load_readings(root: Path, clip: ClipInfo) -> dict[str, np.ndarray] | None:
    """What was read of a clip, each (T,); empty where it shows no face, None where nobody has looked yet."""
    try:
        readings = load(readings_file(root, clip).read_bytes())
    except (OSError, SafetensorError, DatasetError):
        return None
    return readings if all(len(values) == clip.frames for values in readings.values()) else None


def read_clip(detector: FaceDetector, root: Path, clip: ClipInfo) -> bool:
    """Look at a clip's face, in its landmarks if they are labeled, else in its frames, and keep the readings.

    Returns:
        Whether any frame shows a face.

    Raises:
        DatasetError: the clip is damaged, or has neither frames nor landmarks.
        OutputError: the readings cannot be written.
    """
    path = readings_file(root, clip)
    try:
        readings = calm_readings(_landmarks(detector, root, clip))
    except FaceError:
        readings = {}
    path.parent.mkdir(exist_ok=True)
    write_whole(path, save({name: values.astype(np.float32) for name, values in readings.items()}))
    return bool(readings)


def calm_readings(landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """`face_readings` of (T, 478, 3) smoothed without delay: the head over SLOW frames and free of what follows mouth
    and lids, eyes and brows over QUICK ones, lips and lids as they are."""
    points = landmarks.astype(np.float64)
    sharp, quick, slow = (face_readings(each) for each in (points, smooth(points, QUICK), smooth(points, SLOW)))
    angles = head_angles(points)
    return {
        **slow,
        **{name: quick[name] for name in ("across", "up", "brow")},
        **{name: sharp[name] for name in ("opening", "spread", "lids")},
        **angles._asdict(),
    }


def _landmarks(detector: FaceDetector, root: Path, clip: ClipInfo) -> np.ndarray:
    """Of all frames, (T, 478, 3)."""
    path = root / clip.split / clip.file_name
    landmarks = load_labels(root / clip.split / clip.labels, clip.frames).get("landmarks")
    if landmarks is not None and np.isfinite(landmarks).all():
        return landmarks
    if not clip.has_pictures:
        raise DatasetError(f"{path} is a track: there is no face to read its motion from")
    with reading_clips(), VideoReader(path, own=True) as video:
        if video.num_frames < clip.frames:
            raise DatasetError(f"{path} has {video.num_frames} frames, its labels {clip.frames}; make it again")
        starts = range(0, clip.frames, CHUNK)
        frames = (f for s in starts for f in video.read(range(s, min(s + CHUNK, clip.frames))))
        return track_face(frames, detector, name=str(path)).landmarks
