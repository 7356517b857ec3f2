"""The face region: where in the crop the face may appear (3.2.5, Fig. 7)."""

from typing import Literal

import numpy as np
from PIL import Image

from emo.errors import FaceError, OptionError
from emo.face.box import Box
from emo.face.crop import Crop
from emo.values import number

REGION_SCALE = 1.3
"""The default region's sides over the face box's: room for the head to move (Fig. 7)."""

Region = Literal["full"] | Box | np.ndarray | Image.Image
"""Given by the user: all of the crop; x0, y0, x1, y1 in pixels of the picture; or a mask of the picture's size. Boxes
may be any sequence, array or tensor of four numbers, masks tensors as well."""


def face_region_mask(
    region: Region | None, crop: Crop, image_size: tuple[int, int], face_box: Box | None = None
) -> np.ndarray:
    """The mask M of 3.2.5 for a portrait, float32 (height, width) of the crop: 1 where the face may appear, else 0.

    region: None, the portrait's own face box (`face_box`, pixels of the picture) times REGION_SCALE; or as
    `check_region` takes it. image_size: height, width of the picture.
    Raises FaceError as `check_region` does, and for a region outside of the crop.
    """
    region = face_box.scaled(REGION_SCALE) if region is None else check_region(region, image_size)
    if isinstance(region, str):
        return np.ones((crop.height, crop.width), np.float32)
    if isinstance(region, Box):
        mask = union_mask(np.array([crop.to_crop(region)]), crop.height, crop.width)
    else:
        mask = (crop.apply(region.astype(np.uint8) * 255) >= 128).astype(np.float32)
    if not mask.any():
        raise FaceError(
            f"the face region has nothing in the part of the picture that is animated, pixels {crop.x0},{crop.y0},"
            f"{crop.x1},{crop.y1}: give a region there, or --face-region full"
        )
    return mask


def union_mask(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """A clip's mask M for training: the union of its face boxes (3.2.5), float32 (height, width), 1 inside, else 0.

    boxes: (T, 4) x0, y0, x1, y1 in pixels of the frame; a pixel is inside where its center is.
    """
    x0, y0, x1, y1 = np.asarray(boxes, np.float64).T[..., None]  # (T, 1) each
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    columns, rows = (x0 <= x) & (x < x1), (y0 <= y) & (y < y1)  # (T, width), (T, height)
    return (rows[:, :, None] & columns[:, None, :]).any(0).astype(np.float32)


def plain_region(region: Region) -> Literal["full"] | Box | np.ndarray | Image.Image:
    """A region with tensors as arrays, and four numbers of any kind as a box of floats; anything else as it is."""
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


def check_region(region: Region, image_size: tuple[int, int]) -> Literal["full"] | Box | np.ndarray:
    """A region as the user gives it -> 'full', a box cut to the picture, or a mask, bool (h, w).

    A box is four numbers of any kind, an array or a tensor of them; a mask is a PIL image or an array or tensor (h, w)
    or (h, w, 3), bool, uint8 or float 0...1: white from half scale on.
    image_size: height, width of the picture.
    Raises FaceError for a box that is inverted, empty or outside of the picture, a mask that is empty or not of the
    picture's size, and anything else.
    """
    h, w = image_size
    region = plain_region(region)
    if isinstance(region, str) and region == "full":
        return region
    if isinstance(region, tuple) and len(region) == 4 and all(isinstance(value, float) for value in region):
        x0, y0, x1, y1 = region
        shown = ",".join(f"{value:g}" for value in region)
        if not (x0 < x1 and y0 < y1):
            raise FaceError(f"the face region {shown} is empty: give x0,y0,x1,y1 with x0 < x1 and y0 < y1")
        if x1 <= 0 or y1 <= 0 or x0 >= w or y0 >= h:
            raise FaceError(f"the face region {shown} lies outside of the picture, which is {w} x {h} pixels")
        return Box(float(max(x0, 0)), float(max(y0, 0)), float(min(x1, w)), float(min(y1, h)))
    if isinstance(region, Image.Image):
        region = np.asarray(region.convert("L"))
    if not isinstance(region, np.ndarray) or region.ndim not in (2, 3) or region.dtype.kind not in "buf":
        raise FaceError(
            "the face region must be 'full', four numbers x0,y0,x1,y1 in pixels of the picture, or a mask image "
            f"of its size (arrays: bool, uint8 or float 0 to 1), not {_shown(region)}"
        )
    if region.shape[:2] != (h, w):
        raise FaceError(
            f"the face region's mask is {region.shape[1]} x {region.shape[0]} pixels but the picture {w} x {h}: "
            "give a mask of the picture's size"
        )
    gray = region.mean(-1) if region.ndim == 3 else region
    white = gray >= (np.iinfo(region.dtype).max / 2 if region.dtype.kind == "u" else 0.5)
    if not white.any():
        raise FaceError("the face region's mask is empty: paint white where the face may appear")
    return white


def _shown(region: object) -> str:
    if isinstance(region, np.ndarray):
        return f"an array of {region.dtype} {region.shape}"
    return ascii(region)[:60] if isinstance(region, str | tuple | list) else repr(type(region).__name__)
