"""Animators of named controls: what a face does is read from its landmarks."""

import os
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from emo.face import track_face
from emo.motion.reading import read_landmarks
from emo.motion.space import CONTROLS, MotionSpace
from emo.motion.track import MotionTrack


class ControlledAnimator:
    """The part of `Animator` that reads, for those that draw in the space of `CONTROLS`."""

    space: MotionSpace = CONTROLS

    @property
    def reach(self) -> int:
        """Frames before and after a frame, by whose motion it is drawn: none."""
        return 0

    def motion(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """What the face in pictures of one size does, (N, 14), against its own rest.

        Raises:
            FaceError: there is no face in any of them.
        """
        return read_landmarks(track_face(pictures, name="the pictures").landmarks)

    def track(self, path: str | os.PathLike) -> MotionTrack:
        """What the face of a video does; see `MotionTrack.from_video`."""
        return MotionTrack.from_video(path)
