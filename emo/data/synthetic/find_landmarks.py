"""Landmarks of drawn faces that no mesh gives: as FaceMesh finds them in the pictures."""

import numpy as np

from emo.errors import FaceError
from emo.face import FaceDetector, track_face
from emo.face.mesh import NUM_LANDMARKS


def find_landmarks(frames: np.ndarray, detector: FaceDetector) -> np.ndarray:
    """Follow the one face of a clip.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        detector: what finds it.

    Returns:
        (T, 478, 3) float32 in pixels, as `Face.landmarks`; NaN in frames in which no face is found.
    """
    try:
        track = track_face(frames, detector)
    except FaceError:
        return np.full((len(frames), NUM_LANDMARKS, 3), np.nan, np.float32)
    return np.where(track.found[:, None, None], track.landmarks, np.float32(np.nan))
