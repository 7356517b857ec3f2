"""Scenes: runs of frames without a cut, told by PySceneDetect."""

from collections.abc import Iterable, Iterator

import numpy as np

from emo.errors import ConfigError

SIDE = 256  # pixels of the longer side of the frames that are compared


def split_scenes(
    frames: Iterable[np.ndarray | None], threshold: float
) -> Iterator[tuple[int, Iterator[np.ndarray | None]]]:
    """The scenes of a video, one after the other, while its frames pass by.

    Args:
        frames: uint8 (H, W, 3) RGB each, or None where one is missing, which begins no scene.
        threshold: change in hue, saturation and brightness that is a cut; see `scenedetect.ContentDetector`.

    Yields:
        Number of the first frame, and the scene's frames; those not taken are passed over.

    Raises:
        ConfigError: PySceneDetect is not installed.
    """
    return _SceneSplitter(frames, threshold).scenes()


class _SceneSplitter:
    """Reads one frame ahead: `_ahead` is the first of the next scene, with its number, once it has been seen."""

    def __init__(self, frames: Iterable[np.ndarray | None], threshold: float):
        self._frames = enumerate(frames)
        self._cuts = _CutDetector(threshold)
        self._ahead: tuple[int, np.ndarray | None] | None = None

    def scenes(self) -> Iterator[tuple[int, Iterator[np.ndarray | None]]]:
        self._ahead = next(self._frames, None)
        if self._ahead is not None:
            self._cuts.cut_before(self._ahead[1])
        while self._ahead is not None:
            start, first = self._ahead
            self._ahead = None
            scene = self._scene(first)
            yield start, scene
            for _ in scene:
                pass

    def _scene(self, first: np.ndarray | None) -> Iterator[np.ndarray | None]:
        """Frames up to the next cut."""
        yield first
        for number, frame in self._frames:
            if self._cuts.cut_before(frame):
                self._ahead = number, frame
                return
            yield frame


class _CutDetector:
    def __init__(self, threshold: float):
        try:
            from scenedetect.detectors import ContentDetector
        except ImportError:
            raise ConfigError("scenes need PySceneDetect: pip install 'emo[prepare]'") from None
        self._detector = ContentDetector(threshold=threshold, min_scene_len=0)
        self._count = 0
        self._before: np.ndarray | None = None

    def cut_before(self, frame: np.ndarray | None) -> bool:
        """Whether this frame starts a scene."""
        import cv2

        if frame is None or frame is self._before:  # one that is shown again is no news
            return False
        self._before = frame
        scale = SIDE / max(frame.shape[:2])
        size = [max(8, round(length * scale)) for length in frame.shape[1::-1]]
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        self._count += 1
        return bool(self._detector.process_frame(self._count, cv2.cvtColor(small, cv2.COLOR_RGB2BGR)))
