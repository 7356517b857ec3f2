"""Which part of an avatar its surface's points belong to."""

import torch
from torch import Tensor

from emo.data.synthetic import avatar_shapes as shapes
from emo.data.synthetic import parts
from emo.data.synthetic.avatar_flow import Surface
from emo.data.synthetic.avatar_paint import mask_brows, mask_lips, paint_eyes, unpack_look

MATERIALS = (parts.SKIN, parts.REST, parts.REST, parts.MOUTH, parts.MOUTH, parts.REST)  # of `avatar_shapes.parts`


def surface_parts(surface: Surface, packed_look: Tensor) -> Tensor:
    """Numbers of `PARTS`, (T, pixels) uint8, of what T frames show.

    Args:
        surface: what every pixel shows.
        packed_look: parameters (T, LOOK).
    """
    shape, pose = shapes.unpack(surface.geometry)
    look, expression = unpack_look(packed_look)
    head = shapes.to_head(pose, *surface.points)
    nearest = shapes.parts(surface.geometry, *surface.points).argmin(0)
    kind = torch.tensor(MATERIALS, dtype=torch.uint8, device=nearest.device)[nearest]
    skin = kind == parts.SKIN
    lips = mask_lips(shape, pose, expression, *head)
    neck, _ = shapes.body(shape, *surface.points)
    kind[skin & ~(_in_front(*head) & (shapes.skin(shape, pose, *head) < neck))] = parts.REST
    kind[skin & (mask_brows(shape, look, expression, *head) > 0.5)] = parts.BROWS
    kind[skin & (paint_eyes(shape, look, expression, look.skin, *head).mask > 0.5)] = parts.EYES
    kind[skin & (lips.mask > 0.5)] = parts.LIPS
    kind[skin & (lips.hollow > 0.5)] = parts.MOUTH
    return torch.where(surface.person, kind, parts.BACKGROUND)


def _in_front(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Whether points of the head, (T, pixels), lie on the face: before the ears, beneath the hairline of most."""
    y, z = y + 0.15, z - 0.05
    up = (y / 0.66).clamp(0, 1)
    return (0.1 + 0.9 * up) * x.abs() + 0.3 * y.clamp_max(0) < (1 - up * up).sqrt() * z
