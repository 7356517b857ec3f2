"""The avatar's colors: skin, lips, eyes, brows, hair, clothes, painted in head coordinates with pixel-wide edges.

Planes are (tiles, rays), colors (tiles, 3, rays); parameters are (tiles, 1) or, for colors, (tiles, 3, 1).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from emo.data.synthetic.avatar_shapes import Pose, beard_field, hair_growth, lip_curves
from emo.data.synthetic.identity import COLORS, Look, Shape
from emo.data.synthetic.sdf import bump, step


class Expression(NamedTuple):
    """What one frame commands of the eyes, as the paint needs it; each field (frames,) or, in a kernel, (tiles, 1)."""

    blink: Tensor
    gaze_x: Tensor
    gaze_y: Tensor
    brow: Tensor
    smile: Tensor
    pixel: Tensor  # size of one pixel in scene units


LOOK = len(Look._fields) + 2 * len(COLORS) + len(Expression._fields)  # columns of the packed parameters


def pack_look(look: Look, expression: Expression) -> Tensor:
    """Columns (frames, LOOK)."""
    return torch.cat([v.reshape(len(v), -1) for v in (*look, *expression)], 1)


def unpack_look(packed: Tensor) -> tuple[Look, Expression]:
    """The inverse of `pack_look`, as parameters ready to broadcast over rays."""
    values, column = [], 0
    for name in Look._fields + Expression._fields:
        width = 3 if name in COLORS else 1
        value = packed[:, column : column + width]
        values.append(value.unsqueeze(-1) if width == 3 else value)
        column += width
    return Look(*values[: len(Look._fields)]), Expression(*values[len(Look._fields) :])


def mix(base: Tensor, color: Tensor, mask: Tensor) -> Tensor:
    """`base` (tiles, 3, rays) with `color` laid over it where `mask` (tiles, rays) is 1."""
    return base + (color - base) * mask.unsqueeze(1)


def tint(color: Tensor, red: float, green: float, blue: float) -> Tensor:
    """`color` (tiles, 3, 1) multiplied per channel."""
    return color * torch.tensor((red, green, blue), device=color.device).view(1, 3, 1)


def constant(like: Tensor, red: float, green: float, blue: float) -> Tensor:
    """A fixed color (1, 3, 1) on the device of `like`."""
    return torch.tensor((red, green, blue), device=like.device).view(1, 3, 1)


def paint_skin(
    shape: Shape, pose: Pose, look: Look, expression: Expression, x: Tensor, y: Tensor, z: Tensor
) -> Tensor:
    """Skin with blush, freckles, folds, stubble or beard, nostrils, lips, hair roots and brows."""
    ax, front, pixel = x.abs(), step(0.0, 0.25, z), expression.pixel
    base = look.skin.expand(-1, -1, x.shape[1])
    warm = bump((ax - shape.cheek_x) / 0.27) * bump((y - shape.cheek_y) / 0.20) * front
    warm = warm + 0.8 * bump(x / 0.15) * bump((y - shape.nose_y) / 0.13) * front
    warm = warm + 0.5 * step(shape.skull_width - 0.03, shape.skull_width + 0.06, ax)
    base = mix(base, tint(look.skin, 1.0, 0.66, 0.60), (warm * look.blush).clamp(0, 1))
    spots = torch.sin(x * 61 + 3) * torch.sin(y * 67) * torch.sin(x * 23 + y * 29)
    spots = step(0.35, 0.7, spots) * bump(ax / 0.55) * bump((y + 0.12) / 0.2) * front
    base = mix(base, tint(look.skin, 0.76, 0.60, 0.50), spots * look.freckles * 0.6)
    # Fold from the nose's wing to the corner of the mouth; deeper with age and smile.
    run = ((shape.nose_y - y) / (shape.nose_y - shape.mouth_y)).clamp(0, 1)
    fold = bump(
        (ax - shape.nose_wing - 0.055 - (pose.lip_half - shape.nose_wing + 0.03) * run) / (0.022 + 0.5 * pixel)
    )
    fold = fold * step(0.02, -0.05, y - shape.nose_y) * step(-0.07, 0.03, y - shape.mouth_y) * front
    base = mix(
        base, tint(look.skin, 0.66, 0.48, 0.44), fold * (0.75 * look.age + 0.25 * expression.smile.clamp(0, 1)) * 0.7
    )
    beard = beard_field(shape, pose, x, y, z)
    base = mix(base, 0.55 * look.skin + 0.45 * look.hair, beard * look.stubble)
    base = mix(base, look.hair * 0.9 + look.skin * 0.06, beard * look.beard_mask * 0.94)
    # Roots: the skin darkens toward the hairline.
    roots = (
        step(-0.045, 0.02, hair_growth(shape, x, y, z))
        * step(0.0, 0.01, shape.hair_top)
        * step(0.3, 0.0, ax - shape.skull_width)
    )
    base = mix(base, look.hair, roots * 0.75 * step(-0.5, -0.3, y))
    nostril = torch.maximum(((ax - shape.nose_wing * 0.55) / 0.036).abs(), ((y - shape.nose_y + 0.062) / 0.02).abs())
    nostril = step(1.5, 0.5, nostril) * step(shape.nose_z - 0.24, shape.nose_z - 0.16, z)
    base = mix(base, tint(look.skin, 0.36, 0.22, 0.19), nostril * 0.8)
    # Lips, and the dark line between them.
    lips = mask_lips(shape, pose, expression, x, y, z)
    base = mix(base, look.lips * (1 - 0.14 * lips.upper.float()).unsqueeze(1), lips.mask * 0.92)
    base = mix(base, tint(look.lips, 0.36, 0.24, 0.25), lips.seam * 0.85)
    base = mix(base, constant(base, 0.16, 0.035, 0.045), lips.hollow)
    return mix(base, look.brows, mask_brows(shape, look, expression, x, y, z) * 0.88)


class LipMasks(NamedTuple):
    """Where the mouth is painted, (tiles, rays): `mask` is 1 within the lips' outer edges, `seam` on the dark line
    along the inner ones, `hollow` on the walls of the open mouth; `upper` tells what lies above the mouth's line."""

    mask: Tensor
    seam: Tensor
    hollow: Tensor
    upper: Tensor


def mask_lips(shape: Shape, pose: Pose, expression: Expression, x: Tensor, y: Tensor, z: Tensor) -> LipMasks:
    """Lips, their seam and the mouth behind them."""
    lips, pixel = lip_curves(shape, pose, x), expression.pixel
    edge, on_mouth = pixel * 0.7, step(0.35, 0.45, z)
    mask = (
        step(-edge, edge, torch.minimum(lips.outer_upper - y, y - lips.outer_lower))
        * step(0.0, 0.12, lips.edge)
        * on_mouth
    )
    inside = torch.maximum(y - lips.inner_upper, lips.inner_lower - y)
    seam = bump(inside.clamp_min(0) / (0.018 + pixel * 0.35)) * step(-0.10, 0.12, lips.edge) * on_mouth
    hollow = step(0.02, -0.02, inside) * (lips.edge > 0) * step(0.62, 0.42, z) * step(0.2, 0.3, z)
    return LipMasks(mask, seam, hollow, y > lips.line)


def mask_brows(shape: Shape, look: Look, expression: Expression, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Where the eyebrows are, (tiles, rays), 0 ... 1: an arch that thins outwards."""
    pixel = expression.pixel
    u = (x.abs() - shape.eye_x + 0.01) / look.brow_half
    center = (
        look.brow_y + 0.075 * expression.brow + look.brow_arch * (0.5 - (u - 0.2).square()) + look.brow_tilt * 0.12 * u
    )
    thick = look.brow_thick * (1 - 0.6 * step(0.1, 1.05, u)) * step(-1.2, -0.75, u)
    return step(thick + 0.8 * pixel, thick - 0.8 * pixel, (y - center).abs()) * step(1.15, 0.9, u.abs()) * (z > 0.1)


class Eye(NamedTuple):
    """Painted eye: `color` where `mask` is 1; `skin` is the base with lids and lashes on it."""

    skin: Tensor
    color: Tensor
    mask: Tensor


def paint_eyes(shape: Shape, look: Look, expression: Expression, base: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Eye:
    """Lids, lashes, white, iris, pupil and highlight on the eyeball's front."""
    radius, side = shape.eye_size, torch.sign(x)
    u, v, front = (x.abs() - shape.eye_x) / radius, (y - shape.eye_y) / radius, (z - shape.eye_z) / radius > 0.2
    iris_v = v - expression.gaze_y * 0.33 - 0.03
    v, pixel = v - look.eye_tilt * u * 0.6, expression.pixel / radius
    q = 1 - (u / look.eye_half).square()
    inside = q.clamp_min(0)
    arch = torch.where(q > 0, inside.sqrt() * inside.sqrt().sqrt(), q)
    upper = look.eye_upper * arch * (1 + 0.06 * expression.brow)
    lower = -look.eye_lower * q * (1 - 0.25 * expression.smile.clamp_min(0))
    lid = upper + (lower - upper) * expression.blink - 0.02 * expression.blink
    gap = torch.minimum(lid - v, v - lower)
    mask = step(-0.5 * pixel, 0.5 * pixel, gap) * front * step(0.0, 0.1, q)
    shadow = bump(u / 1.25) * bump((v - 0.12) / 0.85) * front
    base = mix(base, tint(look.skin, 0.80, 0.66, 0.61), shadow * 0.42)
    crease = bump((v - upper - 0.20) / (0.08 + 0.35 * pixel)) * step(-0.25, 0.3, q) * front
    base = mix(base, tint(look.skin, 0.52, 0.38, 0.34), crease * 0.55)
    bag = bump((v - lower + 0.28) / 0.16) * step(-0.1, 0.5, q) * front
    base = mix(base, tint(look.skin, 0.68, 0.52, 0.50), bag * 0.45 * look.age)
    lashes = bump((v - lid - 0.04) / (0.085 + 0.4 * pixel)) * step(-0.22, 0.05, q) * front
    base = mix(base, constant(base, 0.045, 0.03, 0.03), lashes * look.lash)
    lower_line = bump((v - lower + 0.02) / (0.05 + 0.35 * pixel)) * step(-0.05, 0.2, q) * front
    base = mix(base, tint(look.skin, 0.55, 0.38, 0.35), lower_line * 0.55)
    # The white, darker under the upper lid and pinker in the corners.
    iu = u * side - expression.gaze_x * 0.40
    r, size = (iu * iu + iris_v * iris_v + 1e-9).sqrt(), 0.44
    white = mix(
        constant(base, 0.93, 0.92, 0.91).expand_as(base),
        constant(base, 0.82, 0.66, 0.63),
        step(0.55, 1.0, u.abs()) * 0.5,
    )
    iris = look.iris * (0.75 + 0.85 * step(0.12, -0.42, iris_v)).unsqueeze(1)
    iris = mix(iris, look.iris * 0.22, step(size * 0.70, size, r) * 0.85)
    iris = mix(iris, constant(base, 0.012, 0.012, 0.012), step(0.21 + 0.5 * pixel, 0.21 - 0.5 * pixel, r))
    white = mix(white, iris.clamp(0, 1), step(size + 0.6 * pixel, size - 0.6 * pixel, r))
    white = white * (1 - 0.5 * bump((lid - v).clamp_min(0) / 0.18)).unsqueeze(1)
    glint = ((iu - 0.15 * torch.sign(look.light_side)).square() + (iris_v - 0.16).square() + 1e-9).sqrt()
    white = mix(white, torch.ones_like(white), step(0.13 + 0.5 * pixel, 0.13 - 0.5 * pixel, glint) * 0.9)
    return Eye(base, white, mask)


def paint_hair(shape: Shape, look: Look, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Hair color and the strands' pattern (tiles, rays) in -1…1, which also shifts the highlight."""
    combed = torch.atan2(x - look.part * step(0.5, 1.1, y) * 0.5, (y - 0.05).clamp_min(0.12))
    hanging = 1.6 * x + 0.5 * z
    across = combed + (hanging - combed) * step(0.45, 0.05, y)
    phase = look.strand_phase + 1.2 * torch.sin(2.5 * z + 1.5 * y)
    pattern = (
        0.45 * torch.sin(across * 13 + phase)
        + 0.35 * torch.sin(across * 29 + 2 * phase)
        + 0.2 * torch.sin(across * 53 - phase)
    )
    pattern = pattern * look.strand
    root = 0.72 + 0.28 * step(0.0, 0.35, hair_growth(shape, x, y, z))
    return look.hair * (root * (1 + 0.16 * pattern)).unsqueeze(1), pattern


def paint_cloth(shape: Shape, look: Look, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Crew neck, V-neck with bare skin, stripes, or jacket over a shirt (scene coordinates)."""
    ax, front = x.abs(), step(-0.35, -0.15, z)
    base = look.cloth.expand(-1, -1, x.shape[1])
    band = step(shape.neck * 1.05 + 0.17, shape.neck * 1.05 + 0.12, (ax.square() + (z + 0.33).square() + 1e-9).sqrt())
    collar = band * step(-1.56, -1.50, y)
    base = mix(base, look.cloth * 0.72, collar * (1 - _is_kind(look.garment, 3)))
    depth = y + 1.74 - 0.95 * ax
    base = mix(base, look.skin * 0.96, _is_kind(look.garment, 1) * step(-0.01, 0.03, depth) * front)
    base = mix(base, look.trim, _is_kind(look.garment, 1) * bump(depth / 0.035) * front)
    base = mix(
        base, look.trim, _is_kind(look.garment, 2) * step(-0.35, 0.35, torch.sin(y * 30 + 1)) * step(-1.52, -1.58, y)
    )
    shirt = step(-0.02, 0.02, y + 2.05 - 1.9 * ax) * front
    base = mix(base, 0.25 * look.trim + 0.66, _is_kind(look.garment, 3) * torch.maximum(shirt, collar))
    lapel = bump((y + 2.05 - 1.9 * ax) / 0.09) * front
    base = mix(base, look.cloth * 0.6, _is_kind(look.garment, 3) * lapel * 0.8)
    tie = step(0.075, 0.055, ax + 0.10 * (y + 1.5)) * step(-1.46, -1.50, y) * front * (look.age > 0.45)
    return mix(base, look.trim * 0.55, _is_kind(look.garment, 3) * tie)


def backdrop(look: Look, x: Tensor, y: Tensor) -> Tensor:
    """Background color at picture coordinates (tiles, rays), -1 ... 1: gradient, two-tone wall, or soft lights."""
    ramp = (x * torch.cos(look.wall_angle) + y * torch.sin(look.wall_angle)) * 0.5 + 0.5
    wainscot = step(-0.02, 0.02, -0.15 + 0.25 * torch.sin(look.wall_angle) - y)
    blend = ramp * (1 - _is_kind(look.wall_kind, 1)) + wainscot * _is_kind(look.wall_kind, 1)
    base = mix(look.wall.expand(-1, -1, x.shape[1]), look.wall_far, blend.clamp(0, 1))
    lights = torch.zeros_like(ramp)
    for turn, size in ((1.0, 0.5), (2.3, 0.35), (3.1, 0.42)):
        across, height = 1.2 * torch.sin(look.wall_angle * turn + turn), torch.cos(look.wall_angle * turn)
        lights = lights + bump((x - across) / size) * bump((y - height) / size)
    base = mix(base, 0.5 * look.rim + 0.5 * look.wall, (lights * _is_kind(look.wall_kind, 2) * 0.6).clamp(0, 1))
    return base * (1 - 0.16 * (x * x + y * y)).unsqueeze(1)


def _is_kind(kind: Tensor, number: int) -> Tensor:
    """1 where a kind, a whole number as a float, is this one, else 0."""
    return ((kind - number).abs() < 0.5).float()
