"""The picture that a video was made from: the person it should show."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from emo.evaluation.compare.measured import MeasuredVideo, Unavailable
from emo.face import FaceDetector, largest
from emo.media import VideoReader, load_image
from emo.metrics import identity_descriptor


@dataclass(frozen=True)
class ReferencePortrait:
    """A picture file, or else the first frame of a real video that shows a face."""

    picture: Path | None
    clip: MeasuredVideo | None

    @cached_property
    def seen(self) -> tuple[np.ndarray, np.ndarray]:
        """The picture, uint8 (H, W, 3), and its largest face's landmarks (478, 3).

        Raises:
            Unavailable: there is no picture, or no face in it.
            ImageError: the picture cannot be read.
        """
        if self.picture is not None:
            frame = np.asarray(load_image(self.picture))
            with FaceDetector() as detector:
                faces = detector.detect(frame)
            if not faces:
                raise Unavailable(f"no face is found in {self.picture}")
            return frame, largest(faces).landmarks
        if self.clip is None:
            raise Unavailable("neither a portrait nor a reference video")
        landmarks, number = self.clip.landmarks, int(self.clip.found.argmax())
        with VideoReader(self.clip.path) as video:
            return video.read([number])[0], landmarks[number]

    @cached_property
    def descriptor(self) -> np.ndarray:
        """`identity_descriptor`, (D,)."""
        return identity_descriptor(*self.seen)
