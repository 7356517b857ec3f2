"""How avatars' pixels move: what is rigid is followed from one frame's picture into another's."""

from typing import NamedTuple

import torch
from torch import Tensor

from emo.data.synthetic import avatar_shapes as shapes
from emo.data.synthetic.avatar_march import CAMERA, CENTER_Y, HALF_VIEW
from emo.data.synthetic.avatar_shapes import PIVOT
from emo.data.synthetic.flow import Flow
from emo.data.synthetic.identity import Shape
from emo.motion.controls import FaceControls
from emo.motion.rotation import rotation

NEAR = 0.05  # scene units: a head is 1.2 wide
SOFT_PARTS = (3, 4)  # of `avatar_shapes.parts`: teeth and tongue


class Surface(NamedTuple):
    """What T frames show at every pixel.

    Attributes:
        geometry: packed parameters (T, GEOMETRY).
        controls: T frames.
        points: scene points x, y, z, each (T, pixels).
        person: (T, pixels) bool, whether they are on somebody; else the pixel shows the background.
    """

    geometry: Tensor
    controls: FaceControls
    points: shapes.Point
    person: Tensor


def project(points: Tensor, controls: FaceControls, size: int) -> Tensor:
    """Head points (T, K, 3) -> pixels (T, K, 2), counted from the picture's top left corner."""
    pivot = torch.tensor(PIVOT, device=points.device)
    scene = (points - pivot) @ rotation(controls.yaw, controls.pitch, controls.roll).mT + pivot
    return _in_picture(scene, controls, size)


def _in_picture(scene: Tensor, controls: FaceControls, size: int) -> Tensor:
    """Scene points (T, K, 3) -> pixels (T, K, 2)."""
    depth = (CAMERA - scene[..., 2]) / CAMERA
    scale = controls.scale[:, None] / HALF_VIEW
    u = scene[..., 0] / depth * scale + controls.tx[:, None]
    v = (scene[..., 1] - CENTER_Y) / depth * scale + controls.ty[:, None]
    return torch.stack([(u + 1) / 2, (1 - v) / 2], -1) * size


def surface_flow(here: Surface, there: Surface, size: int) -> Flow:
    """The flow from T frames to T others, or to one."""
    shape, pose = shapes.unpack(here.geometry)
    head = torch.stack(shapes.to_head(pose, *here.points), -1)
    turns, painted = _turns(here, shape, pose, head)
    pivot = torch.tensor(PIVOT, device=head.device)
    controls = there.controls
    turned = (head - pivot) @ rotation(controls.yaw, controls.pitch, controls.roll).mT + pivot
    moved = torch.where(turns[..., None], turned, torch.stack(here.points, -1))
    line = torch.arange(size, device=head.device) + 0.5
    own = torch.stack([line.repeat(size), line.repeat_interleave(size)], -1)
    place = torch.where(here.person[..., None], _in_picture(moved, controls, size), own)
    column, row = place.floor().long().unbind(-1)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    index = row.clamp(0, size - 1) * size + column.clamp(0, size - 1)
    met = torch.stack([_at(coordinate, index) for coordinate in there.points], -1)
    camera = torch.tensor((0.0, CENTER_Y, CAMERA), device=head.device)
    behind = (moved - camera).norm(dim=-1) - (met - camera).norm(dim=-1)
    same = torch.where(here.person, (behind.abs() < NEAR) & ~painted, True)
    visible = inside & same & (_at(there.person, index) == here.person)
    frames = len(place)
    offset = (place - own).view(frames, size, size, 2)
    return Flow(offset.float().cpu(), visible.view(frames, size, size).cpu())


def _at(values: Tensor, index: Tensor) -> Tensor:
    """Values (T or 1, pixels) at pixels (T, pixels)."""
    return values.expand(len(index), -1).gather(1, index)


def _turns(here: Surface, shape: Shape, pose: shapes.Pose, head: Tensor) -> tuple[Tensor, Tensor]:
    """Whether points belong to the head, and whether they lie where features are painted, each (T, pixels)."""
    x, y, z = head.unbind(-1)
    neck, cloth = shapes.body(shape, *here.points)
    parts = shapes.parts(here.geometry, *here.points)
    on_head = torch.minimum(shapes.skin(shape, pose, x, y, z), parts[[1, 3, 4, 5]].amin(0))
    across = x.abs()
    reach = 0.16 + pose.lip_down
    mouth = (across < 1.3 * pose.lip_half) & ((y - shape.mouth_y + pose.lip_down / 2).abs() < reach)
    eyes = ((across - shape.eye_x).abs() < 0.26) & (y - shape.eye_y > -0.16) & (y - shape.eye_y < 0.34)
    soft = torch.isin(parts.argmin(0), torch.tensor(SOFT_PARTS, device=x.device))
    return on_head < torch.minimum(neck, cloth), soft | ((mouth | eyes) & (z > 0.1))
