"""Square crops of a face at 25 frames per second, as SyncNet sees it: boxes smoothed over time, cut and scaled."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from emo.errors import EmoError
from emo.face.measures import check_landmarks
from emo.face.mesh import MOUTH_CORNERS
from emo.media import as_fps
from emo.metrics.checks import each_frame

FPS = 25
REGIONS = ("face", "mouth")
PADDING = 0.4  # of half the face's larger side, on either side; syncnet_python's crop_scale
MOUTH_SIDE = 0.65  # of the face's larger side: from the nose to below the chin
MEDIAN = 13  # frames over which places and sizes are smoothed, half a second
GRAY = 110  # beyond the picture


def frames_at_25(frames: int, fps: float | Fraction) -> np.ndarray:
    """Which of a video's frames to show at 25 per second: the one on display at the middle of each, (n,) int.

    Other rates lose up to half a frame of precision in time; 25 per second stay as they are.

    Raises:
        EmoError: `fps` is no rate.
    """
    rate = as_fps(fps)
    count = round(frames * FPS / rate)
    return np.array([int((2 * k + 1) * rate / (2 * FPS)) for k in range(count)], int)


def crop_squares(boxes: np.ndarray, mouths: np.ndarray, region: str) -> np.ndarray:
    """Where to cut, (T, 3) float64: x, y of the middle and side, in pixels.

    face: as syncnet_python cuts, 1.4 times the larger side of the face's box and shifted down by a fifth of that
    side. mouth: about the middle between the mouth's corners, 0.65 times that side. Each number is a median over 13
    frames (syncnet_python's counts zeros beyond the ends; here the first and last values go on).

    Args:
        boxes: (T, 4) x0, y0, x1, y1 of the face, hairline to chin.
        mouths: (T, 2) x, y between the mouth's corners.
        region: "face" or "mouth".

    Raises:
        EmoError: the region is another.
    """
    if region not in REGIONS:
        raise EmoError(f"region {region!r} is unknown; use {' or '.join(REGIONS)}")
    boxes, mouths = np.asarray(boxes, np.float64), np.asarray(mouths, np.float64)
    half = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) / 2
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half, middle, mouths = (_median(track) for track in (half, middle, mouths))
    if region == "mouth":
        return np.column_stack([mouths, 2 * MOUTH_SIDE * half])
    return np.column_stack([middle[:, 0], middle[:, 1] + PADDING * half, 2 * (1 + PADDING) * half])


def landmark_squares(landmarks: np.ndarray, region: str) -> np.ndarray:
    """`crop_squares` of landmarks (T, 478, 3), as `emo.face.track_face` gives them.

    Raises:
        EmoError: the region is unknown, or the landmarks are of another shape or not finite.
    """
    points = check_landmarks(landmarks)[..., :2]
    boxes = np.concatenate([points.min(1), points.max(1)], 1)
    return crop_squares(boxes, points[:, MOUTH_CORNERS].mean(1), region)


def cut_square(frame: np.ndarray, square: np.ndarray, size: int, turn: float = 0.0) -> np.ndarray:
    """One crop, uint8 (size, size, 3): area averages where it shrinks, linear interpolation where it grows.

    Args:
        frame: uint8 (H, W, 3).
        square: x, y of the middle and side, in pixels.
        size: of the result, in pixels.
        turn: degrees, counter-clockwise.
    """
    import cv2

    x, y, side = (float(value) for value in square)
    scale = size / max(side, 1e-3)
    if scale < 1:  # average first: warpAffine only samples
        shape = tuple(max(1, round(length * scale)) for length in frame.shape[1::-1])
        across, down = shape[0] / frame.shape[1], shape[1] / frame.shape[0]
        frame = cv2.resize(frame, shape, interpolation=cv2.INTER_AREA)
        x *= across
        y *= down
        zoom = (scale / across, scale / down)
    else:
        zoom = (scale, scale)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    matrix = np.array([[cos * zoom[0], sin * zoom[1]], [-sin * zoom[0], cos * zoom[1]]])
    # Places count from the corner of the picture, warpAffine's from the middle of its first pixel.
    offset = size / 2 - 0.5 - matrix @ np.array([x - 0.5, y - 0.5])
    return cv2.warpAffine(
        frame,
        np.column_stack([matrix, offset]),
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(GRAY, GRAY, GRAY),
    )


def face_crops(
    frames: Iterable[np.ndarray],
    landmarks: np.ndarray,
    size: int = 224,
    region: str = "face",
    fps: float | Fraction = FPS,
    chunk: int = 32,
) -> Iterator[np.ndarray]:
    """Crops at 25 frames per second, in chunks of uint8 (n, size, size, 3), n at most `chunk`.

    Frames are taken one by one, and no more than a chunk of crops is held.

    Args:
        frames: uint8 (H, W, 3) RGB each, of one size; an array, an iterable of frames, or one of chunks.
        landmarks: (T, 478, 3), one row per frame.
        fps: of the frames.

    Raises:
        EmoError: the landmarks, the region, the rate or a frame cannot be used, or there are not T frames.
    """
    chosen = frames_at_25(len(check_landmarks(landmarks)), fps)
    squares = landmark_squares(np.asarray(landmarks)[chosen], region) if len(chosen) else np.empty((0, 3))
    place = 0
    given = 0
    crops = []
    for frame in each_frame(frames):
        while place < len(chosen) and chosen[place] == given:
            crops.append(cut_square(frame, squares[place], size))
            place += 1
            if len(crops) == chunk:
                yield np.stack(crops)
                crops = []
        given += 1
    if given != len(landmarks):
        raise EmoError(f"the landmarks are of {len(landmarks)} frames, the video has {given}: give one row per frame")
    if crops:
        yield np.stack(crops)


def _median(track: np.ndarray) -> np.ndarray:
    """Median over MEDIAN frames of every column, (T, ...) -> (T, ...)."""
    reach = MEDIAN // 2
    padded = np.pad(track, [(reach, reach)] + [(0, 0)] * (track.ndim - 1), mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, MEDIAN, axis=0), axis=-1)
