"""MediaPipe's networks run by MediaPipe. Nothing that it logs reaches the terminal."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from emo.face.box import Box
from emo.face.quiet import quiet_stderr

BLANK = np.zeros((64, 64, 3), np.uint8)  # graphs log until their first call has returned


class MediaPipeFinder:
    """Finds faces, small ones with `far`."""

    def __init__(self, *, far: bool) -> None:
        with quiet_stderr():
            from mediapipe.python.solutions.face_detection import FaceDetection

            # Any: MediaPipe's results have fields that their declared type has not.
            self._graph: Any = FaceDetection(model_selection=int(far))
            self._graph.process(BLANK)

    def __call__(self, picture: np.ndarray) -> list[tuple[Box, float]]:
        h, w = picture.shape[:2]
        found = []
        for detection in self._graph.process(picture).detections or ():
            b = detection.location_data.relative_bounding_box
            box = Box(b.xmin * w, b.ymin * h, (b.xmin + b.width) * w, (b.ymin + b.height) * h)
            found.append((box, float(detection.score[0])))
        return found

    def close(self) -> None:
        self._graph.close()


class MediaPipeMesh:
    """Puts landmarks on so many faces at most."""

    def __init__(self, *, faces: int, confidence: float) -> None:
        with quiet_stderr():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._graph: Any = FaceMesh(
                static_image_mode=True, max_num_faces=faces, refine_landmarks=True, min_detection_confidence=confidence
            )
            self._graph.process(BLANK)
        self._first: Callable[[], AbstractContextManager[None]] = quiet_stderr  # it logs at its first face again

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        h, w = picture.shape[:2]
        with self._first():
            meshes = self._graph.process(np.ascontiguousarray(picture)).multi_face_landmarks
        if not meshes:
            return []
        self._first = nullcontext
        return [np.array([(p.x * w, p.y * h, p.z * w) for p in mesh.landmark]) for mesh in meshes]

    def close(self) -> None:
        self._graph.close()


class MediaPipePeople:
    """Tells people from what is behind them."""

    def __init__(self) -> None:
        with quiet_stderr():
            from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

            self._graph: Any = SelfieSegmentation(model_selection=0)
            self._graph.process(BLANK)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        with quiet_stderr():
            mask = self._graph.process(np.ascontiguousarray(picture)).segmentation_mask
        return mask.astype(np.float32)

    def close(self) -> None:
        self._graph.close()
