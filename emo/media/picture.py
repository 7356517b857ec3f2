"""A decoded frame of a video as players show it: upright, of its true shape, in an ordinary screen's colors.

Everything that reads videos comes here, so that training, evaluation and preparation see one and the same picture.
docs/media.md lists what is done about turned, mirrored, stretched, interlaced and high dynamic range pictures.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.errors import VideoError
from emo.media.demuxer import MAX_PIXELS, Media
from emo.media.tone import needs_mapping, to_srgb

if TYPE_CHECKING:
    from av import VideoFrame

MAX_STRETCH = 5  # width over height of a pixel, or the other way round: more is a damaged header
HIGH_DEFINITION = 576  # lines above which colors that nothing is said of are BT.709's
COMBED = 100  # product of a line's differences to its neighbors, in levels²: more is a comb
UNSPECIFIED = 2  # H.273's number for a matrix of which nothing is said


@dataclass(frozen=True)
class PictureForm:
    """What becomes of a video's decoded frames.

    Attributes:
        coded: width and height of the frames as decoded; another size, in the middle of a stream, is scaled to it.
        width: of the picture as shown, before it is turned, with square pixels.
        height: of the same.
        turns: quarter turns, counter-clockwise.
        mirrored: whether left and right are exchanged before that.
        transfer: of the colors, as H.273 numbers it.
        primaries: of the colors, as H.273 numbers them.
        matrix: of the colors' coding, where the frames do not say.
        interlaced: whether the first frame is; each is looked at.
    """

    coded: tuple[int, int]
    width: int
    height: int
    turns: int
    mirrored: bool
    transfer: int
    primaries: int
    matrix: str | None
    interlaced: bool

    @classmethod
    def of(cls, media: Media, frame: "VideoFrame") -> "PictureForm":
        """The form of a file's pictures, by its first frame.

        Raises:
            VideoError: the pictures have more than MAX_PIXELS.
        """
        assert media.video is not None
        width, height = frame.width, frame.height
        ratio = media.video.sample_aspect_ratio
        if ratio and 1 / MAX_STRETCH <= ratio <= MAX_STRETCH:  # no pixel is lost: the longer side is drawn out
            width, height = (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
        if width * height > MAX_PIXELS:
            raise VideoError(f"{media.path} has pictures of {width}x{height} pixels; scale them down first")
        context = media.video.codec_context
        turns, mirrored = _orientation(frame)
        return cls(
            coded=(frame.width, frame.height),
            width=width,
            height=height,
            turns=turns,
            mirrored=mirrored,
            transfer=context.color_trc,
            primaries=context.color_primaries,
            matrix="ITU709" if frame.colorspace == UNSPECIFIED and frame.height > HIGH_DEFINITION else None,
            interlaced=frame.interlaced_frame,
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures."""
        return (self.height, self.width) if self.turns % 2 else (self.width, self.height)

    @property
    def is_plain(self) -> bool:
        """Whether frames are shown as they are coded, but for quarter turns."""
        stretched = self.coded != (self.width, self.height)
        recolored = self.matrix is not None or needs_mapping(self.transfer, self.primaries)
        return not (stretched or recolored or self.mirrored or self.interlaced)

    def picture(self, frame: "VideoFrame") -> np.ndarray:
        """A frame -> uint8 (height, width, 3) RGB."""
        picture = self._colors(frame)
        if frame.interlaced_frame:
            picture = without_combs(picture)
        if self.coded != (self.width, self.height):
            import cv2

            picture = cv2.resize(picture, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        if self.mirrored:
            picture = picture[:, ::-1]
        return np.ascontiguousarray(np.rot90(picture, self.turns))

    def _colors(self, frame: "VideoFrame") -> np.ndarray:
        width, height = self.coded
        mapped = needs_mapping(self.transfer, self.primaries)
        picture = frame.to_ndarray(
            format="rgb48le" if mapped else "rgb24",
            width=width,
            height=height,
            src_colorspace=self.matrix,
            # None: processes that are split off, as loaders of training data are, would wait for them for ever.
            threads=1,
        )
        return to_srgb(picture, self.transfer, self.primaries) if mapped else picture


def _orientation(frame: "VideoFrame") -> tuple[int, bool]:
    """Quarter turns counter-clockwise, and whether left and right are exchanged before, by the display matrix."""
    side_data: Any = frame.side_data  # a sequence, which the stubs do not say
    matrix = next((bytes(data) for data in side_data if data.type.name == "DISPLAYMATRIX"), None)
    if matrix is None:
        return 0, False
    # Columns of the picture go along (a, b) of the screen, its rows along (c, d); y is downwards.
    a, b, _, c, d, *_ = np.frombuffer(matrix[:36], "<i4").astype(float).tolist()
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return round(np.degrees(np.arctan2(-b, a)) / 90) % 4, mirrored


def without_combs(picture: np.ndarray) -> np.ndarray:
    """An interlaced picture, uint8 (H, W, 3), at the moment of its upper field.

    Where a line of the lower field does not fit between its neighbors it is replaced by their mean. What stands still
    keeps all its lines.
    """
    lines = picture.astype(np.int16)
    lower = lines[1::2]
    above = lines[0::2][: len(lower)]
    below = np.concatenate([lines[2::2], above[len(lines[2::2]) :]])
    combs = ((lower - above) * (lower - below).astype(np.int32) > COMBED).any(axis=2, keepdims=True)
    result = picture.copy()
    result[1::2] = np.where(combs, (above + below + 1) // 2, lower).astype(np.uint8)
    return result
