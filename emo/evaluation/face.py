"""The face of a picture that a report is about."""

import numpy as np

from emo.errors import FaceError
from emo.face import Face, FaceDetector, largest


def face_in(picture: np.ndarray, name: str) -> Face:
    """The largest face of a picture, (H, W, 3) uint8 RGB; messages call it by its name.

    Raises:
        FaceError: there is none.
    """
    with FaceDetector() as detector:
        faces = detector.detect(picture)
    if not faces:
        raise FaceError(f"{name}: no face found in it; give another picture")
    return largest(faces)
