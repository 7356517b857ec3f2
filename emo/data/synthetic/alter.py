"""A portrait changed before it talks: mirrored, mixed, of other proportions, elsewhere, in other light and colors."""

from collections.abc import Sequence

import numpy as np

from emo.data.synthetic.alteration import Alteration
from emo.data.synthetic.backdrop import cut_out, draw_backdrop
from emo.data.synthetic.morph import morph, mouth_difference
from emo.data.synthetic.portrait import CroppedPortrait, crop_portrait
from emo.data.synthetic.proportions import change_proportions
from emo.data.synthetic.relight import change_light, draw_colors

SEEDS = {"background": 0xB4C, "light": 0x117, "color": 0xC01}  # of separate streams


def alter_portrait(
    image: np.ndarray, side: int, alteration: Alteration, partners: Sequence[np.ndarray] = ()
) -> CroppedPortrait:
    """A portrait's crop, changed, for `PortraitWarper`.

    Args:
        image: (H, W, 3) uint8 RGB with one frontal face.
        side: of the crop, in pixels.
        alteration: what is changed.
        partners: pictures of the partner, of which the one with the likest mouth is mixed in.

    Raises:
        FaceError: there is no face in one of the pictures.
    """
    crop, points = _crop(image, side, alteration.mirror)
    if partners:
        crops = [_crop(picture, side, alteration.mirror) for picture in partners]
        partner = min(crops, key=lambda other: mouth_difference(points, other[1]))
        crop, points = morph((crop, points), partner, alteration.mixture)
    if alteration.proportions is not None:
        crop, points = change_proportions(crop, points, alteration.proportions)
    cover = backdrop = None
    rng = {name: np.random.default_rng((key, alteration.seed)) for name, key in SEEDS.items()}
    if alteration.background:
        cover, crop = cut_out(crop)
        backdrop = draw_backdrop(side, rng["background"])
    if alteration.light:
        crop = change_light(crop, points, rng["light"])
    if alteration.color:
        change = draw_colors(rng["color"])
        crop = change(crop)
        backdrop = None if backdrop is None else change(backdrop)
    return CroppedPortrait(crop, points, cover, backdrop)


def _crop(image: np.ndarray, side: int, mirror: bool) -> tuple[np.ndarray, np.ndarray]:
    return crop_portrait(np.ascontiguousarray(image[:, ::-1]) if mirror else image, side)
