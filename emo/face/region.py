"""The face region: where in the crop the face may appear (3.2.5, Fig. 7)."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from PIL import Image

from emo.errors import FaceError, OptionError, Setting
from emo.face.box import Box
from emo.face.crop import Crop
from emo.values import number

REGION_SCALE = 1.3
"""The default region's sides over the face box's: room for the head to move (Fig. 7)."""


class TensorLike(Protocol):
    """A torch tensor, for which torch need not be imported."""

    def detach(self) -> Any:
        """Without its gradient."""


Region = Literal["full"] | Sequence[float] | np.ndarray | Image.Image | TensorLike
"""Given by the user: all of the crop; x0, y0, x1, y1 in pixels of the picture; or a mask of the picture's size."""

CheckedRegion = Literal["full"] | Box | np.ndarray
"""What `check_region` makes of it; a mask is bool (h, w)."""


def face_region_mask(
    region: Region | None, crop: Crop, image_size: tuple[int, int], face_box: Box | None = None
) -> np.ndarray:
    """The mask M of 3.2.5 for a portrait, float32 (height, width) of the crop: 1 where the face may appear, else 0.

    Args:
        region: as `check_region` takes it; None is the portrait's own face box times REGION_SCALE.
        crop: the part of the picture that is animated.
        image_size: height and width of the picture.
        face_box: of the portrait, in pixels of the picture; needed where there is no region.

    Raises:
        FaceError: `check_region` refuses the region, or it lies outside of the crop.
    """
    if region is None:
        assert face_box is not None
        checked = face_box.scaled(REGION_SCALE)
    else:
        checked = check_region(region, image_size)
    if isinstance(checked, str):
        return np.ones((crop.height, crop.width), np.float32)
    if isinstance(checked, Box):
        mask = union_mask(np.array([crop.to_crop(checked)]), crop.height, crop.width)
    else:
        mask = (crop.apply(checked.astype(np.uint8) * 255) >= 128).astype(np.float32)
    if not mask.any():
        animated = f"{crop.x0},{crop.y0},{crop.x1},{crop.y1}"
        raise FaceError(
            f"the face region has nothing in the part of the picture that is animated, pixels {animated}",
            option="face_region",
            remedy="give a region there, or {}",
            setting=Setting("face_region", "full"),
        )
    return mask


def union_mask(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """A clip's mask M for training: the union of its face boxes (3.2.5), float32 (height, width), 1 inside, else 0.

    Args:
        boxes: (T, 4) x0, y0, x1, y1 in pixels of the frame; a pixel is inside where its center is.
        height: of the frame, in pixels.
        width: of the frame, in pixels.
    """
    x0, y0, x1, y1 = np.asarray(boxes, np.float64).T[..., None]  # (T, 1) each
    x = np.arange(width) + 0.5
    y = np.arange(height) + 0.5
    columns = (x0 <= x) & (x < x1)  # (T, width)
    rows = (y0 <= y) & (y < y1)  # (T, height)
    return (rows[:, :, None] & columns[:, None, :]).any(0).astype(np.float32)


def plain_region(region: Any) -> Any:
    """A region with tensors as arrays, and four numbers of any kind as a tuple of floats; anything else as it is."""
    if hasattr(region, "detach"):  # a torch tensor
        region = region.detach().cpu()
        region = (region.float() if region.is_floating_point() else region).numpy()
    if isinstance(region, np.ndarray) and region.ndim == 1:
        region = region.tolist()
    if isinstance(region, tuple | list) and len(region) == 4:
        try:
            return tuple(number(value, "face_region") for value in region)
        except OptionError:
            return region
    return region


def check_region(region: Region, image_size: tuple[int, int]) -> CheckedRegion:
    """A region as the user gives it -> 'full', a box cut to the picture, or a mask, bool (h, w).

    Args:
        region: 'full'; a box, which is four numbers of any kind, an array or a tensor of them; or a mask, which is a
            PIL image or an array or tensor (h, w) or (h, w, 3), bool, uint8 or float 0...1: white from half scale on.
        image_size: height and width of the picture.

    Raises:
        FaceError: a box is inverted, empty or outside of the picture, a mask is empty or not of the picture's size, or
            the region is anything else.
    """
    plain = plain_region(region)
    if isinstance(plain, str) and plain == "full":
        return "full"
    if isinstance(plain, tuple) and len(plain) == 4 and all(isinstance(value, float) for value in plain):
        return _check_box(Box(*plain), image_size)
    return _check_mask(plain, image_size)


def _check_box(box: Box, image_size: tuple[int, int]) -> Box:
    h, w = image_size
    shown = ",".join(f"{value:g}" for value in box)
    if not (box.x0 < box.x1 and box.y0 < box.y1):
        raise FaceError(
            f"the face region {shown} is empty",
            option="face_region",
            remedy="give x0,y0,x1,y1 with x0 < x1 and y0 < y1",
        )
    if box.x1 <= 0 or box.y1 <= 0 or box.x0 >= w or box.y0 >= h:
        where = f"lies outside of the picture, which is {w} x {h} pixels"
        raise FaceError(f"the face region {shown} {where}", option="face_region")
    return Box(float(max(box.x0, 0)), float(max(box.y0, 0)), float(min(box.x1, w)), float(min(box.y1, h)))


def _check_mask(mask: Any, image_size: tuple[int, int]) -> np.ndarray:
    h, w = image_size
    if isinstance(mask, Image.Image):
        mask = np.asarray(mask.convert("L"))
    if not isinstance(mask, np.ndarray) or mask.ndim not in (2, 3) or mask.dtype.kind not in "buf":
        raise FaceError(
            "the face region must be 'full', four numbers x0,y0,x1,y1 in pixels of the picture, or a mask image "
            f"of its size (arrays: bool, uint8 or float 0 to 1), not {_shown(mask)}",
            option="face_region",
        )
    if mask.shape[:2] != (h, w):
        raise FaceError(
            f"the face region's mask is {mask.shape[1]} x {mask.shape[0]} pixels but the picture {w} x {h}",
            option="face_region",
            remedy="give a mask of the picture's size",
        )
    gray = mask.mean(-1) if mask.ndim == 3 else mask
    white = gray >= (np.iinfo(mask.dtype).max / 2 if mask.dtype.kind == "u" else 0.5)
    if not white.any():
        raise FaceError(
            "the face region's mask is empty", option="face_region", remedy="paint white where the face may appear"
        )
    return white


def _shown(region: object) -> str:
    if isinstance(region, np.ndarray):
        return f"an array of {region.dtype} {region.shape}"
    return ascii(region)[:60] if isinstance(region, str | tuple | list) else repr(type(region).__name__)
