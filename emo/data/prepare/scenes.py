"""Scenes: runs of frames without a cut, told by PySceneDetect."""

from collections.abc import Iterable, Iterator

import numpy as np

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
    changes = _Changes(threshold)
    rest = iter(enumerate(frames))
    head = next(rest, None)
    if head is not None:
        changes.cut_before(head[1])
    while head is not None:
        start, following = head[0], [None]
        scene = _scene(head[1], rest, changes, following)
        yield start, scene
        for _ in scene:
            pass
        head = following[0]


def _scene(first: np.ndarray | None, rest: Iterator, changes: "_Changes", following: list) -> Iterator:
    """Frames up to the next cut; the frame after it, numbered, goes to `following`."""
    yield first
    for number, frame in rest:
        if changes.cut_before(frame):
            following[0] = number, frame
            return
        yield frame


class _Changes:
    def __init__(self, threshold: float):
        try:
            from scenedetect.detectors import ContentDetector
        except ImportError:
            from emo.errors import ConfigError

            raise ConfigError("scenes need PySceneDetect: pip install 'emo[prepare]'") from None
        self._detector, self._count, self._before = ContentDetector(threshold=threshold, min_scene_len=0), 0, None

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
