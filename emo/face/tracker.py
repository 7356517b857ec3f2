"""One face through a video: landmarks on every frame."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np

from emo.errors import FaceError
from emo.face.box import Box, landmark_box
from emo.face.detector import FaceDetector, largest


@dataclass(frozen=True)
class FaceTrack:
    """A face over T frames.

    Attributes:
        landmarks: (T, 478, 3) float32 in pixels, as `Face.landmarks`.
        found: (T,) bool, False where the face was not found and its landmarks are interpolated between the frames
            around, or those of the nearest at the ends.
    """

    landmarks: np.ndarray = field(repr=False)
    found: np.ndarray

    def __len__(self) -> int:
        return len(self.found)


def track_face(
    frames: Iterable[np.ndarray],
    detector: FaceDetector | None = None,
    *,
    number: int | None = None,
    name: str = "the video",
) -> FaceTrack:
    """Follow the one face of a video.

    The largest face of the first frame that shows one, or the one of a number, then in each frame the face about the
    place of the frame before; where there is none, the nearest in the whole frame. Frames are taken one by one and not
    kept. What comes out depends on the frames alone, not on what the detector saw before.

    Args:
        frames: uint8 (H, W, 3) RGB each, of one size.
        detector: one to share between videos; by default one of its own.
        number: of the face in the first frame that shows so many, counted from the left from 1 on.
        name: of the video, for errors.

    Raises:
        FaceError: there are no frames, or no frame shows a face.
    """
    tracked: list[np.ndarray | None] = []
    box: Box | None = None
    with FaceDetector() if detector is None else nullcontext(detector) as finder:
        for frame in frames:
            landmarks = None if box is None else finder.landmarks_near(frame, box)
            if landmarks is None:
                landmarks = _search(finder, frame, box, number)
            if landmarks is not None:
                box = landmark_box(landmarks)
            tracked.append(landmarks)
    if box is None:
        what = "no face" if number is None else f"no face {number} (counted from the left, from 1 on)"
        reason = f"{what} in any of its {len(tracked)} frames" if tracked else "it has no frames"
        raise FaceError(f"{name} cannot be tracked: {reason}", remedy="give a video in which one face is in view")
    return _filled(tracked)


def _search(detector: FaceDetector, frame: np.ndarray, box: Box | None, number: int | None) -> np.ndarray | None:
    """The landmarks of the face in the whole frame that is nearest to the box; without one, of the largest, or of the
    one with that number."""
    faces = detector.detect(frame)
    if not faces:
        return None
    if box is None and number is not None:
        return faces[number - 1].landmarks if 1 <= number <= len(faces) else None
    if box is None:
        return largest(faces).landmarks
    x0, y0, x1, y1 = np.array([face.box for face in faces]).T
    return faces[np.argmin(np.hypot(x0 + x1 - box.x0 - box.x1, y0 + y1 - box.y0 - box.y1))].landmarks


def _filled(tracked: list[np.ndarray | None]) -> FaceTrack:
    """The track with linear interpolation over its gaps; at least one frame is known."""
    found = np.array([landmarks is not None for landmarks in tracked])
    known = np.flatnonzero(found)
    place = np.interp(np.arange(len(found)), known, np.arange(len(known)))  # in the list of known frames
    before = np.floor(place).astype(int)
    after = np.minimum(before + 1, len(known) - 1)
    share = (place - before)[:, None, None].astype(np.float32)
    kept = np.stack([landmarks for landmarks in tracked if landmarks is not None])
    return FaceTrack(np.where(share > 0, (1 - share) * kept[before] + share * kept[after], kept[before]), found)
