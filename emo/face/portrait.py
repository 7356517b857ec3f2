"""From a picture to what is animated: the crop around its face and the region where the face may appear."""

import math
import warnings
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from emo.errors import FaceError
from emo.face.box import Box, mask_box
from emo.face.crop import FACE_SHARE, Crop
from emo.face.detector import Face, FaceDetector, largest
from emo.face.pose import head_pose
from emo.face.region import REGION_SCALE, Region, check_region, face_region_mask
from emo.face.upright import find_tilted, how_to_turn, upright_roll
from emo.values import whole

MIN_FACE = 64
"""Pixels of the face box's longer side: fewer carry too little of a person."""

MAX_CUT = 0.05
"""Share of the face box's side that may lie beyond the picture's border. A face cut by 10 % measures 6 % and more."""

MAX_TURN = 40.0
"""Degrees between the face's direction and the camera. On head turns the far eye is whole up to 37 degrees as measured
here, and gone from 45 on."""

MAX_ROLL = 40.0
"""Degrees by which a face may be tilted to its side. Training data ends at 30; people tilt their heads by so much."""

NO_FACE, ANOTHER = "no face found in it", "give another picture"
WAY_ON = "--face-region full (face_region='full' in Python)"


@dataclass(frozen=True)
class Portrait:
    """A picture prepared for animation.

    Fields: image, the crop (height, width, 3) uint8 RGB; mask, the face region of 3.2.5 (height, width) float32, 1
    where the face may appear, else 0; crop, where in the picture the crop lies; face, the one it was laid around, in
    pixels of the picture, or None; picture, the whole picture (h, w, 3) uint8 RGB, for `crop.paste`.
    """

    image: np.ndarray = field(repr=False)
    mask: np.ndarray = field(repr=False)
    crop: Crop
    face: Face | None
    picture: np.ndarray = field(repr=False)


def prepare_portrait(
    image: Image.Image,
    *,
    height: int,
    width: int,
    face_region: Region | None = None,
    face: int | None = None,
    name: str = "portrait",
) -> Portrait:
    """Find the face in a picture, check that it can be animated, and cut out the part that is.

    image: an RGB picture of any size; height, width: the crop's, in pixels.
    face_region: None, the face's own box times REGION_SCALE; 'full'; x0, y0, x1, y1 or a mask in the picture's pixels.
    face: which one of several, counted from the left from 1 on; None takes the largest, with a UserWarning.
    name: what messages call the picture.

    A face that is tilted by more than MAX_ROLL (the picture lies on its side, or stands on its head), cut off, smaller
    than MIN_FACE or turned away by more than MAX_TURN is refused; with a region given it is taken as it is, with a
    UserWarning. With a region given, a picture without a face will do as well: the crop is then its largest centered
    rectangle for 'full', and lies around the box or mask otherwise.
    Raises FaceError, which names the picture and the way on, and for a region that `face_region_mask` refuses;
    OptionError where `face` is no whole number.
    """
    picture = np.asarray(image)
    size = picture.shape[:2]
    region = None if face_region is None else check_region(face_region, size)
    face = None if face is None else whole(face, "face")
    with FaceDetector() as detector:
        faces = detector.detect(picture)
        if face is not None and not 1 <= face <= len(faces):
            raise FaceError(
                f"{name}: there is no face {face}, {_count(faces)} found in it (counted from the left, from 1 on)"
            )
        chosen = None
        if faces:
            chosen = faces[face - 1] if face is not None else _choose(faces, region, name)
        problem, remedy = _problem(detector, picture, chosen)
    if problem and region is None:
        anyway = "all the same" if chosen else "without one"
        raise FaceError(f"{name}: {problem}; {remedy}, or animate it {anyway} with {WAY_ON}")
    if problem and problem != NO_FACE:
        better = "" if remedy == ANOTHER else f" ({remedy})"
        warnings.warn(f"{name}: {problem}{better}; animated all the same, as a face region is given", stacklevel=2)
    if chosen:
        crop = Crop.around(chosen.box, size, height=height, width=width)
    else:
        crop = _crop_without_face(region, size, height, width)
    mask = face_region_mask(region, crop, size, chosen and chosen.box)
    return Portrait(crop.apply(picture), mask, crop, chosen, picture)


def _crop_without_face(region: str | Box | np.ndarray, size: tuple[int, int], height: int, width: int) -> Crop:
    if isinstance(region, str):
        return Crop.center(size, height=height, width=width)
    box = region if isinstance(region, Box) else mask_box(region)
    return Crop.around(box, size, height=height, width=width, share=FACE_SHARE * REGION_SCALE)


def _choose(faces: list[Face], region: str | Box | np.ndarray | None, name: str) -> Face:
    """The largest face, of those in a region that was given if there are any."""
    if isinstance(region, Box | np.ndarray):
        box = region if isinstance(region, Box) else mask_box(region)
        inside = [face for face in faces if box.holds(*face.box.center)]
        if len(inside) == 1:
            return inside[0]
    chosen = largest(faces)
    if len(faces) > 1:
        warnings.warn(
            f"{name}: {_count(faces)} found in it; the largest is taken, number {faces.index(chosen) + 1} from the "
            f"left (choose with --face 1 ... {len(faces)}, face=N in Python)",
            stacklevel=3,
        )
    return chosen


def _problem(detector: FaceDetector, picture: np.ndarray, face: Face | None) -> tuple[str | None, str]:
    """Why the picture's face cannot be animated, for the user, or None; and what to do about it."""
    side = 0.0 if face is None else face.box.side
    if face is not None and abs(roll := upright_roll(detector, picture, face)) > MAX_ROLL:
        return _tilted(roll)
    if side < MIN_FACE:  # what was found, if anything, may be a chance likeness in a picture that lies on its side
        other = find_tilted(detector, picture)
        if other and abs(other[1]) > MAX_ROLL and other[0].box.height > max(side, MIN_FACE):
            return _tilted(other[1])
    if face is None:
        return NO_FACE, ANOTHER
    if side < MIN_FACE:
        return f"its face is {side:.0f} pixels large, at least {MIN_FACE} are needed", ANOTHER
    box = face.box
    h, w = picture.shape[:2]
    cut = max(-box.x0 / box.width, -box.y0 / box.height, (box.x1 - w) / box.width, (box.y1 - h) / box.height)
    if cut > MAX_CUT:
        return f"its face is cut off by the picture's border, about {cut:.0%} of it is missing", ANOTHER
    turn = math.degrees(math.acos(np.clip(head_pose(face.landmarks).rotation[2, 2], -1, 1)))
    if turn > MAX_TURN:
        away = f"its face is turned {turn:.0f} degrees away from the camera, at most {MAX_TURN:.0f} can be animated"
        return away, ANOTHER
    return None, ANOTHER


def _tilted(roll: float) -> tuple[str, str]:
    return f"its face is tilted by {abs(roll):.0f} degrees", how_to_turn(roll)


def _count(faces: list[Face]) -> str:
    return "no face is" if not faces else "1 face is" if len(faces) == 1 else f"{len(faces)} faces are"
