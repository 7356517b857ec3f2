"""From a picture to what is animated: the crop around its face and the region where the face may appear."""

import math
import warnings
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from emo.errors import FaceError
from emo.face.crop import FACE_SHARE, Box, Crop
from emo.face.detector import Face, FaceDetector
from emo.face.pose import head_pose
from emo.face.region import REGION_SCALE, Region, bounding_box, check_region, face_region_mask

MIN_FACE = 64
"""Pixels of the face box's longer side: fewer carry too little of a person."""

MAX_CUT = 0.05
"""Share of the face box's side that may lie beyond the picture's border. A face cut by 10 % measures 6 % and more."""

MAX_TURN = 40.0
"""Degrees between the face's direction and the camera. On head turns the far eye is whole up to 37 degrees as measured
here, and gone from 45 on."""

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

    A face that is cut off, smaller than MIN_FACE or turned away by more than MAX_TURN is refused; with a region given
    it is taken as it is, with a UserWarning. With a region given, a picture without a face will do as well: the crop
    is then its largest centred rectangle for 'full', and lies around the box or mask otherwise.
    Raises FaceError, which names the picture and the way on, and for a region that `face_region_mask` refuses.
    """
    picture = np.asarray(image)
    size = picture.shape[:2]
    region = None if face_region is None else check_region(face_region, size)
    with FaceDetector() as detector:
        faces = detector.detect(picture)
    if face is not None and not 1 <= face <= len(faces):
        raise FaceError(
            f"{name}: there is no face {face}, {_count(faces)} found in it (counted from the left, from 1 on)"
        )
    if faces:
        chosen = faces[face - 1] if face is not None else _choose(faces, region, name)
        problem = _problem(chosen, size)
        if problem and region is None:
            raise FaceError(f"{name}: {problem}; give another picture, or animate it all the same with {WAY_ON}")
        if problem:
            warnings.warn(f"{name}: {problem}; animated all the same, as a face region is given", stacklevel=2)
        crop = Crop.around(chosen.box, size, height=height, width=width)
    elif region is None:
        raise FaceError(f"{name}: no face found in it; give another picture, or animate it without one with {WAY_ON}")
    else:
        chosen = None
        crop = _crop_without_face(region, size, height, width)
    mask = face_region_mask(region, crop, size, chosen and chosen.box)
    return Portrait(crop.apply(picture), mask, crop, chosen, picture)


def _crop_without_face(region: str | Box | np.ndarray, size: tuple[int, int], height: int, width: int) -> Crop:
    if isinstance(region, str):
        return Crop.centre(size, height=height, width=width)
    box = region if isinstance(region, tuple) else bounding_box(region)
    return Crop.around(box, size, height=height, width=width, share=FACE_SHARE * REGION_SCALE)


def _choose(faces: list[Face], region: str | Box | np.ndarray | None, name: str) -> Face:
    """The largest face, of those in a region that was given if there are any."""
    if isinstance(region, tuple | np.ndarray):
        x0, y0, x1, y1 = region if isinstance(region, tuple) else bounding_box(region)
        centre = lambda box: ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        inside = [f for f in faces if x0 <= centre(f.box)[0] <= x1 and y0 <= centre(f.box)[1] <= y1]
        if len(inside) == 1:
            return inside[0]
    chosen = max(faces, key=lambda face: (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))
    if len(faces) > 1:
        warnings.warn(
            f"{name}: {_count(faces)} found in it; the largest is taken, number {faces.index(chosen) + 1} from the "
            f"left (choose with --face 1 ... {len(faces)}, face=N in Python)",
            stacklevel=3,
        )
    return chosen


def _problem(face: Face, size: tuple[int, int]) -> str | None:
    """Why the face cannot be animated, for the user, or None."""
    x0, y0, x1, y1 = face.box
    side = max(x1 - x0, y1 - y0)
    if side < MIN_FACE:
        return f"its face is {side:.0f} pixels large, at least {MIN_FACE} are needed"
    cut = max(-x0 / (x1 - x0), -y0 / (y1 - y0), (x1 - size[1]) / (x1 - x0), (y1 - size[0]) / (y1 - y0))
    if cut > MAX_CUT:
        return f"its face is cut off by the picture's border, about {cut:.0%} of it is missing"
    turn = math.degrees(math.acos(np.clip(head_pose(face.landmarks).rotation[2, 2], -1, 1)))
    if turn > MAX_TURN:
        return f"its face is turned {turn:.0f} degrees away from the camera, at most {MAX_TURN:.0f} can be animated"
    return None


def _count(faces: list[Face]) -> str:
    return "no face is" if not faces else "1 face is" if len(faces) == 1 else f"{len(faces)} faces are"
