"""The avatar's body as signed distances: skin, mouth, hair, clothes, glasses.

Every function works on points as three tensors x, y, z of shape (tiles, rays) and on parameters of shape (tiles, 1),
so that frames and people mix freely in one call. Distances are first-order estimates: march with a factor below 1.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from emo.data.synthetic.identity import Shape
from emo.data.synthetic.sdf import bump, capsule, carve, ellipsoid, sphere, step, union, wave

Point = tuple[Tensor, Tensor, Tensor]
PIVOT = (0.0, -0.72, -0.12)  # the head turns about the top of the neck


class Pose(NamedTuple):
    """What one frame commands, as the geometry needs it; each field (frames,) or, in a kernel, (tiles, 1)."""

    r00: Tensor
    r01: Tensor
    r02: Tensor
    r10: Tensor
    r11: Tensor
    r12: Tensor
    r20: Tensor
    r21: Tensor
    r22: Tensor
    lip_half: Tensor  # half width of the mouth
    lip_up: Tensor  # inner upper lip above the mouth line, at the middle
    lip_down: Tensor  # inner lower lip below it
    lip_forward: Tensor  # protrusion when rounding
    lip_corner: Tensor  # lift of the corners
    rounding: Tensor
    width: Tensor
    jaw_drop: Tensor
    brow: Tensor


GEOMETRY = len(Shape._fields) + len(Pose._fields)  # columns of the packed parameters


def unpack(packed: Tensor) -> tuple[Shape, Pose]:
    """Columns of `packed` (tiles, GEOMETRY) as named parameters of shape (tiles, 1)."""
    columns = packed.unsqueeze(-1).unbind(1)
    return Shape(*columns[: len(Shape._fields)]), Pose(*columns[len(Shape._fields) :])


def to_head(pose: Pose, x: Tensor, y: Tensor, z: Tensor) -> Point:
    """Scene point → head coordinates (inverse rotation about the pivot)."""
    x, y, z = x - PIVOT[0], y - PIVOT[1], z - PIVOT[2]
    return (
        pose.r00 * x + pose.r10 * y + pose.r20 * z + PIVOT[0],
        pose.r01 * x + pose.r11 * y + pose.r21 * z + PIVOT[1],
        pose.r02 * x + pose.r12 * y + pose.r22 * z + PIVOT[2],
    )


class Lips(NamedTuple):
    """The mouth's curves at given x: `edge` is 1 - (x / half width)², the rest are heights in head coordinates."""

    edge: Tensor
    line: Tensor
    inner_upper: Tensor
    inner_lower: Tensor
    outer_upper: Tensor
    outer_lower: Tensor


def lip_curves(shape: Shape, pose: Pose, x: Tensor) -> Lips:
    """The one description of the mouth: it carves the cavity, shapes the lips and paints them; so labels are exact."""
    t = (x / pose.lip_half).clamp(-1.25, 1.25)
    edge = 1 - t * t
    inside = edge.clamp_min(0)
    line = shape.mouth_y + pose.lip_corner * (t * t)
    root = inside.sqrt()
    arc = inside + (0.35 + 0.35 * pose.rounding) * (root - inside)  # between a parabola and an ellipse
    upper, lower = line + pose.lip_up * arc, line - pose.lip_down * arc
    bow = 1 + 0.22 * bump((t.abs() - 0.28) / 0.22) - 0.16 * bump(t / 0.14)
    stretch = 1 - 0.22 * pose.width
    return Lips(
        edge, line, upper, lower,
        upper + shape.lip_upper * root * bow * stretch,
        lower - shape.lip_lower * (0.35 * root + 0.65 * inside) * stretch,
    )  # fmt: skip


def face(shape: Shape, pose: Pose, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Bare head without ears, features or mouth: what shadows and the face box need."""
    ax, drop = x.abs(), pose.jaw_drop
    round_x = (x * x + 0.012).sqrt()  # no crease where the halves of the jaw meet
    d = ellipsoid(x, y - 0.28, z + 0.10, shape.skull_width, shape.skull_height, shape.skull_depth)
    d = union(
        d,
        ellipsoid(x, y + 0.16 + drop * 0.25, z - 0.06, shape.face_width, shape.face_height + drop * 0.25, 0.62),
        0.16,
    )
    hinge = (shape.jaw_width, shape.jaw_y - drop * 0.3, 0.02)
    chin = (shape.chin_width, shape.chin_y + shape.chin_size - drop, shape.chin_z - drop * 0.25)
    d = union(d, capsule(round_x, y, z, hinge, chin, shape.jaw_size, shape.chin_size), 0.22)
    return union(
        d,
        sphere(
            ax - shape.cheek_x, y - shape.cheek_y + 0.2 * drop, z - 0.36 - 0.02 * pose.lip_corner, shape.cheek_size
        ),
        0.22,
    )


def skin(shape: Shape, pose: Pose, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Head with all features, ears and the open mouth's cavity."""
    ax = x.abs()
    d = face(shape, pose, x, y, z)
    # Muzzle, brow ridge, sockets.
    d = union(d, ellipsoid(x, y - shape.mouth_y + pose.jaw_drop * 0.4, z - 0.44 - pose.lip_forward * 0.6,
                           0.25, 0.22 + pose.jaw_drop * 0.3, 0.235), 0.17)  # fmt: skip
    d = union(
        d, ellipsoid(ax - 0.25, y - 0.27 - 0.08 * pose.brow, z - 0.49 - shape.brow_ridge, 0.25, 0.09, 0.15), 0.14
    )
    d = carve(d, ellipsoid(ax - shape.eye_x, y - shape.eye_y, z - shape.eye_z - 0.33, 0.20, 0.15, 0.19), 0.12)
    # Nose: bridge, tip, wings.
    ny, nz = shape.nose_y, shape.nose_z
    nose = capsule(
        x, y, z, (0.0, 0.17, 0.60), (0.0, ny + 0.025, nz - 0.07), shape.nose_bridge * 0.85, shape.nose_bridge
    )
    nose = union(nose, sphere(x, y - ny, z - nz + shape.nose_tip, shape.nose_tip), 0.08)
    nose = union(nose, ellipsoid(ax - shape.nose_wing * 0.9, y - ny + 0.012, z - nz + 0.16, 0.052, 0.047, 0.075), 0.06)
    d = union(d, nose, 0.075)
    # Eyeball under its lids.
    d = union(d, sphere(ax - shape.eye_x, y - shape.eye_y, z - shape.eye_z, shape.eye_size), 0.04)
    # Ears.
    ear_x = ax - shape.skull_width + 0.03 - shape.ear_out - 0.25 * (z + 0.1).clamp(-0.3, 0)
    ear = ellipsoid(ear_x, y + 0.02, z + 0.10, 0.065, shape.ear_size, 0.12)
    ear = carve(ear, ellipsoid(ear_x - 0.07, y + 0.01, z + 0.075, 0.05, shape.ear_size * 0.62, 0.07), 0.05)
    d = union(d, ear, 0.06)
    # Full beard: the jaw grows thicker.
    d = d - shape.beard * beard_field(shape, pose, x, y, z)
    # Lips and mouth, on the front of the head only.
    lips = lip_curves(shape, pose, x)
    front, middle = step(0.25, 0.45, z), step(0.0, 0.35, lips.edge)
    inside = torch.maximum(y - lips.inner_upper, lips.inner_lower - y)
    up = ((y - lips.inner_upper) / (lips.outer_upper - lips.inner_upper).clamp_min(0.012)).clamp(0, 1)
    low = ((lips.inner_lower - y) / (lips.inner_lower - lips.outer_lower).clamp_min(0.012)).clamp(0, 1)
    up, low = 4 * up * (1 - up), 4 * low * (1 - low)
    swell = 0.8 * up * up + low * low  # flat at both ends: no crease around the lips
    d = d - front * (middle * swell * 0.042 + pose.lip_forward * bump((y - shape.mouth_y) / 0.2) * bump(x / 0.27))
    d = d + front * middle * 0.022 * bump(inside.clamp_min(0) / 0.022)
    cavity = torch.maximum(torch.maximum(inside * 0.85, 0.30 - z), ax - pose.lip_half * 0.97)
    return carve(d, cavity, 0.02)


def beard_field(shape: Shape, pose: Pose, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """1 where a beard grows: jaw, chin, upper lip; 0 on lips, cheeks and neck; trimmed, not smoky."""
    ax = x.abs()
    lips = lip_curves(shape, pose, x)
    cheek_line = shape.mouth_y - 0.03 + 3.2 * (ax - 0.22).clamp_min(0).square()  # curves up to the sideburns
    jaw = step(0.055, -0.05, y - cheek_line)
    moustache = (
        step(0.33, 0.27, ax) * step(0.01, 0.03, y - lips.outer_upper) * step(0.115, 0.075, y - lips.outer_upper)
    )
    off_lips = step(
        -0.012, 0.012, torch.maximum(y - lips.outer_upper, lips.outer_lower - y) - 0.3 * lips.edge.clamp_max(0)
    )
    below = step(shape.chin_y - pose.jaw_drop - 0.16, shape.chin_y - pose.jaw_drop - 0.04, y)
    return torch.maximum(jaw * off_lips, moustache) * below * step(-0.12, 0.05, z)


def mouth(shape: Shape, pose: Pose, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Teeth (upper and lower row) and tongue; both needed for lip tracking to see an open mouth."""
    y, z = y - shape.mouth_y, z - 0.30 - pose.lip_forward * 0.3
    upper = torch.maximum(
        ellipsoid(x, y, z, 0.24, 0.6, 0.29), torch.maximum(-0.040 + 0.09 * pose.rounding - y, y - 0.25)
    )
    row = torch.maximum(y + pose.lip_down * 0.92, -y - pose.lip_down - 0.08)
    lower = torch.maximum(ellipsoid(x, y, z, 0.22, 0.6, 0.24), row)
    tongue = ellipsoid(x, y + pose.lip_down * 0.95 + 0.02, z - 0.04, 0.17, 0.09, 0.20)
    return torch.minimum(upper, lower), tongue


def hair_growth(shape: Shape, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """About the distance from the hairline, positive where hair grows."""
    ax = x.abs()
    front = (
        shape.hair_front
        + shape.hair_sweep * x * 1.4
        + shape.hair_recess * step(0.14, 0.40, ax)
        - 0.15 * step(0.2, 0.6, ax)
    )
    front = front + 0.010 * wave(23 * x + 9 * shape.hair_front) + 0.008 * wave(41 * x + 2)  # locks
    t = ((0.44 - z) / 0.30).clamp(0, 1)
    side = shape.hair_burn + (shape.hair_nape - shape.hair_burn) * step(-0.10, -0.32, z)
    slope = (front - side) * 6 * t * (1 - t) / 0.30  # over the temples the line falls steeply: measure square to it
    return (y - (front + (side - front) * t * t * (3 - 2 * t))) * (1 + slope * slope).rsqrt()


def hair(shape: Shape, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Hair of any style. The cap's thickness grows from nothing at the hairline, so that no wig edge shows."""
    growth = hair_growth(shape, x, y, z)
    crown = step(0.30, 0.95, y)
    thick = shape.hair_side + (shape.hair_top - shape.hair_side) * crown
    thick = thick + shape.hair_lift * step(0.45, 0.85, y) * step(-0.45, 0.35, z)
    cover = ((growth / shape.hair_taper) + 0.15).clamp(-0.5, 1)
    cover = torch.where(cover > 0, cover * (2 - cover), 2 * cover)
    long_wave = shape.hair_wave * wave(9 * x - 4 * y + 5 * z + shape.hair_front * 40)
    curl = shape.hair_curl * (wave(17 * x + 2) * wave(16 * y + 1) + wave(18 * z + 5 * x))
    cap = ellipsoid(x, y - 0.28, z + 0.10, shape.skull_width, shape.skull_height, shape.skull_depth)
    bald = 0.09 * step(0.0, -0.01, shape.hair_top)  # then the cap lies well under the skin
    grown = thick * cover.clamp_min(0) + 0.09 * cover.clamp_max(0)
    d = (cap + bald - grown - (long_wave + curl) * cover.clamp_min(0)) * 0.8  # thickness changes fast: smaller steps
    # Long hair: a curtain behind the face, open in front, rounded at its lower end.
    bottom = shape.curtain
    middle, half = (bottom + 0.62) * 0.5, (0.62 - bottom).abs() * 0.5 + 0.16
    inward = 1 + 0.10 * step(bottom + 0.45, bottom, y) * step(-1.15, -0.95, bottom)
    sway = long_wave * 2.5 * step(0.3, -0.4, y)
    strands = ellipsoid(x * inward, y - middle, z + 0.24, shape.curtain_wide, half, 0.66) + sway
    below = (y + 0.30) * (1 - 0.72 * step(-0.2, -0.6, y))  # no strap under the chin; long hair parts over the chest
    opening = ellipsoid(x, below, z - 0.62, shape.curtain_open, 0.98, 0.80)
    strands = carve(strands, opening, 0.10)
    d = union(d, strands + 9 * step(1.0, 2.0, bottom), 0.12)
    bun = (
        sphere(x, y - shape.bun_y, z - shape.bun_z, shape.bun_size)
        + long_wave * 0.8
        + 9 * step(0.1, 0.0, shape.bun_size)
    )
    return union(d, bun, 0.06)


def body(shape: Shape, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Neck (skin) and torso (cloth); they do not turn with the head."""
    ax = x.abs()
    neck = capsule(x, y, z, (0.0, -0.50, -0.20), (0.0, -1.6, -0.36), shape.neck * 0.94, shape.neck * 1.05)
    slope = capsule(ax, y, z, (0.05, -1.46, -0.38), (shape.shoulders, -1.80, -0.40), 0.34, 0.36)
    chest = ellipsoid(x, y + 2.40, z + 0.22, shape.shoulders * 1.02, 1.06, 0.56)
    collar = ellipsoid(x, y + 1.36 + 0.25 * z, z + 0.33, shape.neck * 1.05 + 0.10, 0.17, shape.neck * 1.05 + 0.10)
    return neck, union(union(slope, chest, 0.22), collar, 0.10)


def spectacles(shape: Shape, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Frame with round to squarish lenses, bridge and temples."""
    ax, rim, front = x.abs(), 0.017, shape.eye_z + shape.eye_size + 0.07
    px, py, pz = ax - shape.eye_x - 0.01, (y - shape.eye_y + 0.01) * 1.08, z - front + 0.12 * ax
    circle = (px * px + py * py + 1e-9).sqrt()
    square = (px.pow(4) + py.pow(4) + 1e-9).sqrt().sqrt() * 1.04
    k = circle + (square - circle) * shape.glasses_square - shape.glasses
    lens = (k * k + pz * pz + 1e-9).sqrt() - rim
    bridge = capsule(
        x, y, z, (-0.09, shape.eye_y + 0.03, front - 0.02), (0.09, shape.eye_y + 0.03, front - 0.02), rim, rim
    )
    hinge = (shape.eye_x + shape.glasses + 0.01, shape.eye_y + 0.03, front - 0.07)
    temple = capsule(ax, y, z, hinge, (shape.skull_width + 0.04, shape.eye_y + 0.05, 0.0), rim, rim)
    return torch.minimum(torch.minimum(lens, bridge), temple) + 9 * step(0.1, 0.0, shape.glasses)


def parts(packed: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Distance to every part of the avatar, (6, tiles, rays): skin, hair, cloth, teeth, tongue, glasses."""
    shape, pose = unpack(packed)
    hx, hy, hz = to_head(pose, x, y, z)
    neck, cloth = body(shape, x, y, z)
    teeth, tongue = mouth(shape, pose, hx, hy, hz)
    flesh = union(skin(shape, pose, hx, hy, hz), neck, 0.10)
    return torch.stack([flesh, hair(shape, hx, hy, hz), cloth, teeth, tongue, spectacles(shape, hx, hy, hz)])


def coarse_distance(packed: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Distance to head, hair and body without small features: for occlusion and shadows."""
    shape, pose = unpack(packed)
    hx, hy, hz = to_head(pose, x, y, z)
    neck, cloth = body(shape, x, y, z)
    nose = capsule(hx, hy, hz, (0.0, 0.17, 0.58), (0.0, shape.nose_y, shape.nose_z - 0.09), 0.05, 0.085)
    head = union(face(shape, pose, hx, hy, hz), nose, 0.08)
    return torch.minimum(torch.minimum(union(head, neck, 0.10), hair(shape, hx, hy, hz)), cloth)
