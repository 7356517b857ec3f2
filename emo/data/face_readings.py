"""What is seen of the face of every clip, kept beside a dataset so that nothing is looked at twice.

    DATASET/.motion/000017.safetensors    `emo.motion.reading.face_readings` of a clip, calmed

Heads, eyes and brows shiver in FaceMesh's landmarks by more than they move from frame to frame; lips and lids do not.
How much is taken out, and of what: docs/motion-extract.md.
"""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from emo.data.format import ClipInfo, load_labels, reading_clips
from emo.errors import DatasetError
from emo.face import FaceDetector, smooth, track_face
from emo.files import write_whole
from emo.media import VideoReader
from emo.metrics import head_angles
from emo.motion.reading import face_readings

FOLDER = ".motion"  # hidden, as the cache is
CHUNK = 32  # frames decoded at a time

SLOW = 2.0
"""Frames, standard deviation, over which head and corners of the mouth are smoothed."""

QUICK = 1.0
"""Frames, standard deviation, over which eyes and brows are smoothed."""


def readings_file(root: Path, clip: ClipInfo) -> Path:
    """Where a clip's readings are, whatever its split."""
    return root / FOLDER / Path(clip.file_name).with_suffix(".safetensors").name


def load_readings(root: Path, clip: ClipInfo) -> dict[str, np.ndarray] | None:
    """What was read of a clip, each (T,); None where nothing was, or of another clip."""
    try:
        readings = load(readings_file(root, clip).read_bytes())
    except (OSError, SafetensorError):
        return None
    return readings if readings and all(len(values) == clip.frames for values in readings.values()) else None


def read_clip(detector: FaceDetector, root: Path, clip: ClipInfo) -> None:
    """Look at a clip's face, in its landmarks if they are labeled, else in its frames, and keep the readings.

    Raises:
        FaceError: no frame shows a face.
        DatasetError: the clip is damaged, or has neither frames nor landmarks.
        OutputError: the readings cannot be written.
    """
    readings = calm_readings(_landmarks(detector, root, clip))
    readings_file(root, clip).parent.mkdir(exist_ok=True)
    write_whole(
        readings_file(root, clip), save({name: values.astype(np.float32) for name, values in readings.items()})
    )


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
