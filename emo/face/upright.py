"""Which way up a face stands in its picture.

Landmarks alone do not tell: on a face that stands on its head the mesh lies upright, with nonsense beneath it, and
the finder is merely less sure of it. So a face is looked at in all four quarter turns of the picture, and the one in
which the finder is surest gives the roll.
"""

import numpy as np
from PIL import Image

from emo.face.crop import Crop
from emo.face.detector import FINDER_SIDE, MESH_SHARE, Face, FaceDetector
from emo.face.pose import head_pose

SEARCH_SIDE = 1600
"""Pixels of the longer side to which a picture is shrunk before it is searched in other turns."""


def upright_roll(detector: FaceDetector, picture: np.ndarray, face: Face) -> float:
    """How far a face is tilted, clockwise as seen by the viewer: degrees, -180 to 180.

    picture: uint8 (h, w, 3) RGB; face: one that was found in it, upright or not.
    """
    crop = Crop.around(face.box, picture.shape[:2], height=FINDER_SIDE, width=FINDER_SIDE, share=MESH_SHARE)
    around, box = crop.apply(picture), crop.to_crop(face.box)
    x, y = box.center
    views = []
    for turns in range(4):
        found = [other for other in detector.detect(_turned(around, turns)) if other.box.holds(x, y)]
        views += [(other.score, other, turns) for other in found]
        x, y = y, FINDER_SIDE - x
    if not views:
        return head_pose(face.landmarks).roll
    _, surest, turns = max(views, key=lambda view: view[0])
    return _wrap(head_pose(surest.landmarks).roll + 90 * turns)


def find_tilted(detector: FaceDetector, picture: np.ndarray) -> tuple[Face, float] | None:
    """The largest face that shows only when the picture is turned, and its roll as `upright_roll` gives it, or None.

    picture: uint8 (h, w, 3) RGB. The face is in pixels of the turned picture, at the picture's own scale.
    """
    shrink = max(1.0, max(picture.shape[:2]) / SEARCH_SIDE)
    small = picture
    if shrink > 1:
        size = tuple(max(1, round(side / shrink)) for side in picture.shape[1::-1])
        small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    found = []
    for turns in (1, 3, 2):
        turned = _turned(small, turns)
        for face in detector.detect(turned):
            roll = _wrap(upright_roll(detector, turned, face) + 90 * turns)
            found.append((Face(face.box.in_resized(shrink), face.score, face.landmarks * shrink), roll))
    return max(found, key=lambda pair: pair[0].box.height, default=None)


def how_to_turn(roll: float) -> str:
    """What sets a face upright that is tilted by `roll` degrees, as `upright_roll` gives it: for the user."""
    angle = 90 * round(abs(roll) / 90) if abs(abs(roll) - 90 * round(abs(roll) / 90)) <= 20 else round(abs(roll))
    way = "" if angle == 180 else " counter-clockwise" if roll > 0 else " clockwise"
    return f"turn the picture by {angle} degrees{way}"


def _turned(picture: np.ndarray, turns: int) -> np.ndarray:
    """By so many quarter turns counter-clockwise."""
    return np.ascontiguousarray(np.rot90(picture, turns))


def _wrap(angle: float) -> float:
    return (angle + 180) % 360 - 180
