"""What draws motion, and reads it."""

import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from emo.motion.space import MotionSpace
from emo.motion.track import MotionTrack


class Animator(Protocol):
    """Draws one portrait's face in any motion of its space: the portrait is encoded once, frames are drawn from it.

    Attributes:
        space: of the motion that it draws and reads, D columns.
        default_size: height and width of pictures where nobody asks for others.
        reach: frames before and after a frame, by whose motion it is drawn, too; mostly 0. An animator with a reach
            takes `shown` in `render`: of the motion, the frames that are drawn, and not only looked at.
    """

    space: MotionSpace

    @property
    def reach(self) -> int: ...

    @property
    def default_size(self) -> int: ...

    def appearance(self, picture: np.ndarray) -> Any:
        """All that is drawn of a portrait, whatever it does.

        Args:
            picture: (H, W, 3) uint8 RGB.

        Raises:
            FaceError: there is no face in it.
        """
        ...

    def render(self, appearance: Any, motion: Tensor) -> np.ndarray:
        """Frames (N, H, W, 3) uint8 RGB of a portrait.

        Args:
            appearance: of the portrait, as `appearance` makes it.
            motion: (N, D), not normalized.
        """
        ...

    def motion(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """What the face in pictures of one person does, (N, D), not normalized.

        Raises:
            FaceError: there is no face in any of them.
        """
        ...

    def track(self, path: str | os.PathLike) -> MotionTrack:
        """What the face of a video does, at the video's rate.

        Frames without a face are interpolated; an EmoWarning counts them.

        Raises:
            VideoError: it cannot be read.
            FaceError: no frame shows a face.
        """
        ...
