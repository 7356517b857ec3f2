"""Light on the avatar: which part a point belongs to, its paint, and how key, sky and rim light fall on it."""

import torch
from torch import Tensor

from emo.data.synthetic import avatar_paint as paint
from emo.data.synthetic.avatar_paint import constant, mix, unpack_look
from emo.data.synthetic.avatar_shapes import to_head, unpack
from emo.data.synthetic.sdf import bump, step


def light_direction(look: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Direction toward the key light, three (tiles, 1), from packed look columns."""
    named, _ = unpack_look(look)
    side, height = named.light_side, named.light_height
    return side.sin() * height.cos(), height.sin(), side.cos() * height.cos()


def shade(
    packed: Tensor,
    packed_look: Tensor,
    x: Tensor,
    y: Tensor,
    z: Tensor,
    distances: Tensor,
    normal: Tensor,
    ray: Tensor,
    occlusion: Tensor,
    shadow: Tensor,
) -> Tensor:
    """Colors of surface points.

    Args:
        packed, packed_look: parameters, (tiles, GEOMETRY) and (tiles, LOOK).
        x, y, z: scene points, (tiles, rays).
        distances: distance to each part there, (6, tiles, rays).
        normal, ray: surface normal and direction of view, (tiles, 3, rays).
        occlusion, shadow: 1 where open to the sky and to the key light, (tiles, rays).
    Returns:
        (tiles, 3, rays), display RGB 0…1.
    """
    shape, pose = unpack(packed)
    look, expression = unpack_look(packed_look)
    hx, hy, hz = to_head(pose, x, y, z)
    # Where two parts meet within a pixel they share it.
    share = (1 - (distances - distances.amin(0)) / (0.45 * expression.pixel)).clamp(0, 1)
    flesh, hairy, cloth, teeth, tongue, glasses = (share / share.sum(0)).unbind(0)
    # Paint.
    base = paint.paint_skin(shape, pose, look, expression, hx, hy, hz)
    eye = paint.paint_eyes(shape, look, expression, base, hx, hy, hz)
    eye_mask = eye.mask * flesh
    strands, pattern = paint.paint_hair(shape, look, hx, hy, hz)
    enamel = constant(x, 0.92, 0.90, 0.85) * (0.6 + 0.4 * step(0.36, 0.58, hz)).unsqueeze(1)
    color = mix(eye.skin, eye.color, eye.mask) * flesh.unsqueeze(1)
    color = color + strands * hairy.unsqueeze(1) + paint.paint_cloth(shape, look, x, y, z) * cloth.unsqueeze(1)
    color = color + enamel * teeth.unsqueeze(1) + constant(x, 0.62, 0.24, 0.24) * tongue.unsqueeze(1)
    color = color + look.frame * glasses.unsqueeze(1)
    # The eye shines like the ball under the lids, not like the lids.
    ex, ey, ez = hx - torch.sign(hx) * shape.eye_x, hy - shape.eye_y, hz - shape.eye_z
    ball = torch.stack([
        pose.r00 * ex + pose.r01 * ey + pose.r02 * ez, pose.r10 * ex + pose.r11 * ey + pose.r12 * ez,
        pose.r20 * ex + pose.r21 * ey + pose.r22 * ez,
    ], 1) / shape.eye_size.unsqueeze(1)  # fmt: skip
    normal = mix(normal, ball, eye_mask * 0.6)
    normal = normal / (normal.square().sum(1, keepdim=True) + 1e-9).sqrt()
    # Key light with wrapped falloff, sky and ground, rim from behind.
    light = torch.stack(light_direction(packed_look), 1)
    facing = (normal * light).sum(1)
    wrap = 0.35
    lit = ((facing + wrap) / (1 + wrap)).clamp(0, 1) * (0.42 + 0.58 * shadow * step(-0.1, 0.25, facing))
    lit = lit + 0.22 * eye_mask * (1 - lit)
    up = 0.5 + 0.5 * normal[:, 1]
    occlusion = (occlusion + (1 - occlusion) * 0.5 * teeth).unsqueeze(1)
    sky = constant(x, 0.86, 0.90, 1.0) * up.unsqueeze(1) + constant(x, 0.74, 0.64, 0.60) * (1 - up).unsqueeze(1)
    key = torch.cat([1 + look.warmth, torch.ones_like(look.warmth), 1 - look.warmth], 1).unsqueeze(-1)
    out = color * (key * (0.74 * lit).unsqueeze(1) + sky * look.ambient.unsqueeze(1) * occlusion)
    # Light that went through skin reddens the edge of the shade.
    through = bump((facing - 0.05) / 0.33) * flesh * (1 - eye_mask)
    out = out + color * constant(x, 0.13, 0.03, 0.015) * (0.6 * through).unsqueeze(1)
    half = light - ray
    half = half / (half.square().sum(1, keepdim=True) + 1e-9).sqrt()
    gloss = (normal * half).sum(1).clamp_min(0)
    squared = gloss * gloss
    gloss8 = squared.square().square()
    shine = (
        0.075 * flesh * gloss8.square() * gloss8 + 0.18 * glasses * gloss8.square() + 0.12 * teeth * gloss8.square()
    )
    # Hair shines across the strands: a band where the strand is square to the half vector (Kajiya and Kay).
    strand = torch.stack([0.25 * hx, -0.55 - 0.45 * (hy < 0.3).float(), -0.75 * step(0.2, 0.8, hy)], 1)
    strand = strand - normal * (strand * normal).sum(1, keepdim=True)
    along = (strand * half).sum(1) * (strand.square().sum(1) + 1e-6).rsqrt() + 0.10 * pattern
    band = (1 - along * along).clamp_min(0).square().square().square()
    sheen = hairy * band * (0.4 + 0.6 * lit) * (0.10 + 0.05 * pattern)
    out = out + (shine * shadow).unsqueeze(1) + sheen.unsqueeze(1) * (0.5 + look.hair)
    edge = 1 + (normal * ray).sum(1).clamp(-1, 0)
    rim = edge.square().square() * (0.10 + 0.06 * hairy) * (1 - eye_mask)
    out = out + look.rim * rim.unsqueeze(1) * occlusion
    return display(out)


def display(linear: Tensor) -> Tensor:
    """Scene light → picture values, with a gentle shoulder instead of clipping."""
    bright = (linear * 1.08).clamp_min(0)
    soft = torch.where(bright < 0.7, bright, 0.7 + 0.3 * torch.tanh((bright - 0.7) / 0.3))
    return soft.clamp_min(1e-6).pow(1 / 1.25)
