"""Procedural 3-D avatars: a signed-distance person, ray-marched frame by frame, with exact labels."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from emo.data.synthetic import avatar_shapes as shapes
from emo.data.synthetic.avatar_flow import Surface, project, surface_flow
from emo.data.synthetic.avatar_march import CAMERA, HALF_VIEW, TILE, Marcher, Rays, group
from emo.data.synthetic.avatar_paint import Expression, backdrop, pack_look, unpack_look
from emo.data.synthetic.avatar_parts import surface_parts
from emo.data.synthetic.avatar_shade import display
from emo.data.synthetic.avatar_shapes import Pose
from emo.data.synthetic.flow import Flow
from emo.data.synthetic.identity import Identity, Look, Shape
from emo.data.synthetic.labels import FaceLabels
from emo.motion.controls import FaceControls
from emo.motion.rotation import rotation


class AvatarRenderer:
    """Draws an `Identity` in `FaceControls`.

    Args:
        size: side of the square picture in pixels, a multiple of 8.
        samples: rays per pixel and axis; 1 is fast, 2 is smoother.
        device: where to draw.
        compile: compile the kernels with torch.compile (needs a C++ compiler; minutes at first, under a minute
            from torch's cache afterwards; then about six times faster).
        batch: frames drawn together; the pictures do not depend on it.
    Raises:
        ValueError: `size` is not a positive multiple of 8, or `samples` or `batch` is below 1.
    """

    def __init__(
        self,
        size: int = 128,
        *,
        samples: int = 1,
        device: torch.device | str = "cpu",
        compile: bool = False,
        batch: int = 8,
    ) -> None:
        if size < TILE or size % TILE or samples < 1 or batch < 1:
            raise ValueError(f"size must be a positive multiple of {TILE}, samples and batch at least 1")
        self.size = size
        self.samples = samples
        self.batch = batch
        self.device = torch.device(device)
        self._marcher = Marcher(compile)

    @torch.no_grad()
    def render(self, identity: Identity, controls: FaceControls) -> Tensor:
        """Draw every frame of `controls`.

        Args:
            identity: one person for all T frames, or T people, one per frame.
            controls: T frames.
        Returns:
            (T, size, size, 3) uint8 RGB on `device`.
        Raises:
            ValueError: neither 1 nor T people.
        """
        identity, controls = _one_per_frame(identity, len(controls)).to(self.device), controls.to(self.device)
        chunks = [slice(i, i + self.batch) for i in range(0, len(controls), self.batch)]
        return torch.cat([self._render(identity[c], controls[c]) for c in chunks])

    def _render(self, identity: Identity, controls: FaceControls) -> Tensor:
        frames, side = len(controls), self.size * self.samples
        geometry = pack_geometry(identity.shape, controls)
        look = pack_look(identity.look, _expression(controls, self.size))
        # Picture coordinates of all rays: u to the right, v up, both -1…1.
        u, v = self._picture(side)
        color = (
            display(backdrop(unpack_look(look)[0], u[None], v[None])).transpose(1, 2).reshape(frames * side * side, 3)
        )
        rays, t, coverage = self._cast(geometry, controls, u, v)
        seen = (coverage > 0).nonzero()[:, 0]
        members = group(seen, frames, side * side)
        local = Rays(*(r.reshape(-1)[members.ray] for r in rays))
        painted = self._marcher.colors(geometry[members.frame], look[members.frame], local, t[members.ray])
        painted, chosen = painted.transpose(1, 2).reshape(-1, 3), members.ray.view(-1)
        color[chosen] = torch.lerp(color[chosen], painted, coverage[chosen, None])
        picture = color.view(frames, side, side, 3).permute(0, 3, 1, 2)
        if self.samples > 1:
            picture = torch.nn.functional.avg_pool2d(picture, self.samples)
        return (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    def _picture(self, side: int) -> tuple[Tensor, Tensor]:
        """Picture coordinates of all pixels, each (side * side,): u to the right, v up, both -1 ... 1."""
        line = (torch.arange(side, device=self.device) + 0.5) / side * 2 - 1
        return line.repeat(side), -line.repeat_interleave(side)

    def _cast(self, geometry: Tensor, controls: FaceControls, u: Tensor, v: Tensor) -> tuple[Rays, Tensor, Tensor]:
        """Rays through the pixels u, v, (T, pixels) each; how far they come; how far what they meet covers them."""
        frames, side = len(controls), math.isqrt(len(u))
        # Translation and scale move the camera: an exact similarity of the picture.
        x = (u - controls.tx[:, None]) * HALF_VIEW / controls.scale[:, None]
        y = (v - controls.ty[:, None]) * HALF_VIEW / controls.scale[:, None]
        inverse = (x * x + y * y + CAMERA**2).rsqrt()
        rays = Rays(x * inverse, y * inverse, -CAMERA * inverse)
        pixel = _pixel(controls, side)[:, None]
        grid, middle = side // TILE, slice(TILE // 2, None, TILE)
        axes = Rays(*(r.view(frames, side, side)[:, middle, middle].reshape(frames, grid * grid) for r in rays))
        start = self._marcher.cones(geometry, axes, pixel).view(frames, grid, grid)
        start = start.repeat_interleave(TILE, 1).repeat_interleave(TILE, 2).view(frames, side * side)
        return rays, *self._marcher.surface(geometry, rays, start, pixel)

    @torch.no_grad()
    def flow(self, identity: Identity, controls: FaceControls, reference: FaceControls) -> Flow:
        """Where what every frame of `controls` shows stands in the frame of `reference`, exact for all that is rigid.

        Head, hair and glasses turn with the head, body and background stay. Mouth, eyes and brows are painted and not
        moved: they count as not visible, and so does what a falling jaw leaves behind or covers.

        Args:
            identity: one person for all T frames.
            controls: T frames.
            reference: one frame for all of them, or T frames, one for each.
        """
        identity, controls = identity.to(self.device), controls.to(self.device)
        reference = reference.to(self.device)
        chunks = [slice(i, i + self.batch) for i in range(0, len(controls), self.batch)]
        shared = self._surface(identity, reference) if len(reference) == 1 else None
        flows = []
        for c in chunks:
            there = shared or self._surface(identity, reference[c])
            flows.append(surface_flow(self._surface(identity, controls[c]), there, self.size))
        return Flow(torch.cat([f.offset for f in flows]), torch.cat([f.visible for f in flows]))

    @torch.no_grad()
    def parts(self, identity: Identity, controls: FaceControls) -> Tensor:
        """Which part of the person every pixel of every frame shows; arguments as for `render`.

        Told by what is hit in the pixel's middle: glasses count as the rest, and hair before the face too.

        Returns:
            (T, size, size) uint8 on the CPU, places in `emo.data.synthetic.parts.PARTS`.
        """
        identity, controls = _one_per_frame(identity, len(controls)).to(self.device), controls.to(self.device)
        maps = []
        for c in [slice(i, i + self.batch) for i in range(0, len(controls), self.batch)]:
            look = pack_look(identity[c].look, _expression(controls[c], self.size))
            maps.append(surface_parts(self._surface(identity[c], controls[c]), look))
        return torch.cat(maps).view(-1, self.size, self.size).cpu()

    def _surface(self, identity: Identity, controls: FaceControls) -> Surface:
        geometry = pack_geometry(_one_per_frame(identity, len(controls)).shape, controls)
        rays, t, coverage = self._cast(geometry, controls, *self._picture(self.size))
        t, coverage = t.view(len(controls), -1), coverage.view(len(controls), -1)
        return Surface(geometry, controls, rays.at(t), coverage > 0.5)

    @torch.no_grad()
    def labels(self, identity: Identity, controls: FaceControls) -> FaceLabels:
        """Exact places in the picture for every frame, from the geometry; arguments as for `render`."""
        identity, controls = _one_per_frame(identity, len(controls)).to("cpu"), controls.to("cpu")
        shape, pose = shapes.unpack(pack_geometry(identity.shape, controls))
        outline = project(_outline(shape, pose), controls, self.size)
        between = 2 * (identity.shape.eye_x + identity.shape.eye_size * identity.look.eye_half)
        return FaceLabels(
            face_box=torch.cat([outline.amin(1), outline.amax(1)], 1),
            points=project(_points(shape, pose), controls, self.size),
            mouth_open=(pose.lip_up + pose.lip_down)[:, 0] / between,
            mouth_width=2 * pose.lip_half[:, 0] / between,
        )


def _expression(controls: FaceControls, size: int) -> Expression:
    """What T frames command of the eyes."""
    pixel = _pixel(controls, size)
    return Expression(controls.blink, controls.gaze_x, controls.gaze_y, controls.brow, controls.smile, pixel)


def _pixel(controls: FaceControls, side: int) -> Tensor:
    """Width (T,) of a pixel in scene units."""
    return 2 * HALF_VIEW / side / controls.scale


def _one_per_frame(identity: Identity, frames: int) -> Identity:
    if len(identity) not in (1, frames):
        raise ValueError(f"{len(identity)} people for {frames} frames: give one person, or one per frame")
    shape = Shape(*(value.expand(frames, *value.shape[1:]) for value in identity.shape))
    look = Look(*(value.expand(frames, *value.shape[1:]) for value in identity.look))
    return Identity(shape, look)


def pack_geometry(shape: Shape, controls: FaceControls) -> Tensor:
    """Columns (T, GEOMETRY) for the distance fields: the person's shape and what the frame commands."""
    rounding, width, jaw = controls.rounding, controls.width, controls.jaw
    matrix = rotation(controls.yaw, controls.pitch, controls.roll)
    pose = Pose(
        *matrix.flatten(1).unbind(1),
        lip_half=shape.mouth_half * (1 + 0.28 * width) * (1 - 0.38 * rounding) * (1 - 0.08 * jaw),
        lip_up=0.05 * jaw,
        lip_down=0.26 * jaw * (1 - 0.15 * rounding),
        lip_forward=0.055 * rounding,
        lip_corner=shape.mouth_smile + 0.07 * controls.smile,
        rounding=rounding,
        width=width,
        jaw_drop=0.25 * jaw,
        brow=controls.brow,
    )
    return torch.stack([*shape, *pose], 1)


def _march_to_face(shape: Shape, pose: Pose, origin: list[Tensor], direction: list[Tensor]) -> Tensor:
    """Points (T, K, 3) where rays in head coordinates meet the bare face; coordinates broadcast to (T, K)."""
    t = torch.zeros_like(shape.eye_x)
    x, y, z = origin
    for _ in range(24):
        x, y, z = (o + d * t for o, d in zip(origin, direction, strict=True))
        t = t + 0.9 * shapes.face(shape, pose, x, y, z)
    return torch.stack([x + 0 * t, y + 0 * t, z + 0 * t], -1)


def _points(shape: Shape, pose: Pose) -> Tensor:
    """`FACE_POINTS` in head coordinates (T, 7, 3): eyes, nose and mouth as the distance fields place them."""
    eye_z, nose_z = shape.eye_z + shape.eye_size, shape.nose_z
    eyes_and_nose = [(-shape.eye_x, shape.eye_y, eye_z), (shape.eye_x, shape.eye_y, eye_z), (0, shape.nose_y, nose_z)]
    corner = shape.mouth_y + pose.lip_corner
    lips = [
        (-pose.lip_half, corner),
        (pose.lip_half, corner),
        (0, shape.mouth_y + pose.lip_up),
        (0, shape.mouth_y - pose.lip_down),
    ]

    def column(values: Iterable[Tensor | float]) -> Tensor:
        return torch.cat([torch.zeros_like(corner) + value for value in values], 1)

    x, y = (column(values) for values in zip(*lips, strict=True))
    mouth = _march_to_face(shape, pose, [x, y, torch.full_like(x, 2)], [0 * x, 0 * x, torch.full_like(x, -1)])
    mouth[..., 2] += pose.lip_forward
    known = torch.stack([column(values) for values in zip(*eyes_and_nose, strict=True)], -1)
    return torch.cat([known, mouth], 1)


def _outline(shape: Shape, pose: Pose) -> Tensor:
    """Points (T, K, 3) around the face: jaw and chin, temples, forehead up to about the hairline."""
    angle = torch.linspace(0, 2 * torch.pi, 25)[:-1]
    up = angle.sin().clamp_min(0)
    direction = torch.stack([angle.cos(), angle.sin().clamp_max(0), 0.42 + 0.58 * up])
    direction = direction / direction.norm(dim=0)
    origin = 2 * direction + torch.tensor([0.0, -0.15, 0.05])[:, None]
    origin[1] += 0.66 * up
    return _march_to_face(shape, pose, list(origin), list(-direction))
