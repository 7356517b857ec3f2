"""From a picture to what is animated: the crop around its face and the region where the face may appear."""

import math
import warnings
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from emo.errors import EmoWarning, FaceError, Setting
from emo.face.box import Box, mask_box
from emo.face.crop import FACE_SHARE, Crop, image_size
from emo.face.detector import Face, FaceDetector, largest
from emo.face.pose import head_pose
from emo.face.region import REGION_SCALE, CheckedRegion, Region, check_region, face_region_mask
from emo.face.upright import find_tilted, how_to_turn, upright_roll
from emo.values import whole

MIN_FACE = 64
"""Pixels of the face box's longer side: fewer carry too little of a person."""

MAX_CUT = 0.05
"""Share of the face box's side that may lie beyond the picture's border; see docs/measures.md."""

MAX_TURN = 40.0
"""Degrees between the face's direction and the camera; see docs/measures.md."""

MAX_ROLL = 40.0
"""Degrees by which a face may be tilted to its side. Training data ends at 30; people tilt their heads by so much."""

NO_FACE = "no face found in it"
ANOTHER = "give another picture"


@dataclass(frozen=True)
class Portrait:
    """A picture prepared for animation.

    Attributes:
        image: the crop, (height, width, 3) uint8 RGB.
        mask: the face region of 3.2.5, (height, width) float32, 1 where the face may appear, else 0.
        crop: where in the picture the crop lies.
        face: the one that the crop was laid around, in pixels of the picture, or None.
        picture: the whole picture, (h, w, 3) uint8 RGB, for `crop.paste`.
    """

    image: np.ndarray = field(repr=False)
    mask: np.ndarray = field(repr=False)
    crop: Crop
    face: Face | None
    picture: np.ndarray = field(repr=False)

    def resized(self, height: int, width: int) -> "Portrait":
        """The same part of the picture at another size, in pixels."""
        if (height, width) == self.image.shape[:2]:
            return self
        import cv2

        crop = replace(self.crop, height=height, width=width)
        covered = cv2.resize(self.mask, (width, height), interpolation=cv2.INTER_AREA)
        return replace(self, image=crop.apply(self.picture), mask=(covered >= 0.5).astype(np.float32), crop=crop)


class _Fault(NamedTuple):
    """Why a picture's face cannot be animated, and what to do about it."""

    problem: str
    remedy: str = ANOTHER


def prepare_portrait(
    image: Image.Image,
    *,
    height: int,
    width: int,
    face_region: Region | None = None,
    face: int | None = None,
    regions: bool = True,
    name: str = "portrait",
) -> Portrait:
    """Find the face in a picture, check that it can be animated, and cut out the part that is.

    A face that is tilted by more than MAX_ROLL (the picture lies on its side, or stands on its head), cut off, smaller
    than MIN_FACE or turned away by more than MAX_TURN is refused; with a region given it is taken as it is, with an
    EmoWarning. With a region given, a picture without a face will do as well: the crop is then its largest centered
    rectangle for 'full', and lies around the box or mask otherwise.

    Args:
        image: an RGB picture of any size.
        height: of the crop, in pixels.
        width: of the crop, in pixels.
        face_region: None, the face's own box times REGION_SCALE; 'full'; x0, y0, x1, y1 or a mask in the picture's
            pixels.
        face: which one of several, counted from the left from 1 on; None takes the largest, with an EmoWarning.
        regions: whether whoever asks may give a region: messages propose one then.
        name: what messages call the picture.

    Raises:
        FaceError: the picture's face cannot be animated, there is no such face, or `face_region_mask` refuses the
            region.
        OptionError: `face` is no whole number.
    """
    picture = np.asarray(image)
    size = image_size(picture)
    region = None if face_region is None else check_region(face_region, size)
    number = None if face is None else whole(face, "face")
    with FaceDetector() as detector:
        faces = detector.detect(picture)
        chosen = _choose(faces, number, region, name)
        fault = _find_fault(detector, picture, chosen)
    if fault and not regions:
        raise FaceError(f"{name}: {fault.problem}", option="image", remedy=fault.remedy)
    if fault and region is None:
        anyway = "all the same" if chosen else "without one"
        remedy = f"{fault.remedy}, or animate it {anyway} with {{}}"
        setting = Setting("face_region", "full")
        raise FaceError(f"{name}: {fault.problem}", option="image", remedy=remedy, setting=setting)
    if fault and fault.problem != NO_FACE:
        better = "" if fault.remedy == ANOTHER else f" ({fault.remedy})"
        words = f"{name}: {fault.problem}{better}; animated all the same, as a face region is given"
        warnings.warn(EmoWarning(words), stacklevel=2)
    if chosen is not None:
        crop = Crop.around(chosen.box, size, height=height, width=width)
    else:
        assert region is not None
        crop = _crop_without_face(region, size, height, width)
    mask = face_region_mask(region, crop, size, chosen and chosen.box)
    return Portrait(crop.apply(picture), mask, crop, chosen, picture)


def _crop_without_face(region: CheckedRegion, size: tuple[int, int], height: int, width: int) -> Crop:
    if isinstance(region, str):
        return Crop.center(size, height=height, width=width)
    return Crop.around(_region_box(region), size, height=height, width=width, share=FACE_SHARE * REGION_SCALE)


def _choose(faces: list[Face], number: int | None, region: CheckedRegion | None, name: str) -> Face | None:
    """The face with that number; else the largest one, of those in a region that was given if there are any."""
    if number is not None:
        if not 1 <= number <= len(faces):
            problem = f"{name}: there is no face {number}, {_count(faces)} found in it"
            raise FaceError(f"{problem} (counted from the left, from 1 on)", option="face")
        return faces[number - 1]
    if not faces:
        return None
    if isinstance(region, Box | np.ndarray):
        box = _region_box(region)
        inside = [face for face in faces if box.holds(*face.box.center)]
        if len(inside) == 1:
            return inside[0]
    chosen = largest(faces)
    if len(faces) > 1:
        place = faces.index(chosen) + 1
        words = f"{name}: {_count(faces)} found in it; the largest is taken, number {place} of them from the left"
        another = Setting("face", 2 if place == 1 else 1)
        warnings.warn(EmoWarning(words, remedy="choose another with {}", setting=another), stacklevel=3)
    return chosen


def _region_box(region: Box | np.ndarray) -> Box:
    return region if isinstance(region, Box) else mask_box(region)


def _find_fault(detector: FaceDetector, picture: np.ndarray, face: Face | None) -> _Fault | None:
    """Why the picture's face cannot be animated, if it cannot."""
    side = 0.0 if face is None else face.box.side
    if face is not None and abs(roll := upright_roll(detector, picture, face)) > MAX_ROLL:
        return _tilted(roll)
    if side < MIN_FACE:  # what was found, if anything, may be a chance likeness in a picture that lies on its side
        other = find_tilted(detector, picture)
        if other and abs(other[1]) > MAX_ROLL and other[0].box.height > max(side, MIN_FACE):
            return _tilted(other[1])
    if face is None:
        return _Fault(NO_FACE)
    if side < MIN_FACE:
        return _Fault(f"its face is {side:.0f} pixels large, at least {MIN_FACE} are needed")
    box = face.box
    h, w = image_size(picture)
    cut = max(-box.x0 / box.width, -box.y0 / box.height, (box.x1 - w) / box.width, (box.y1 - h) / box.height)
    if cut > MAX_CUT:
        return _Fault(f"its face is cut off by the picture's border, about {cut:.0%} of it is missing")
    turn = math.degrees(math.acos(np.clip(head_pose(face.landmarks).rotation[2, 2], -1, 1)))
    if turn > MAX_TURN:
        most = f"at most {MAX_TURN:.0f} can be animated"
        return _Fault(f"its face is turned {turn:.0f} degrees away from the camera, {most}")
    return None


def _tilted(roll: float) -> _Fault:
    return _Fault(f"its face is tilted by {abs(roll):.0f} degrees", how_to_turn(roll))


def _count(faces: list[Face]) -> str:
    return "no face is" if not faces else "1 face is" if len(faces) == 1 else f"{len(faces)} faces are"
