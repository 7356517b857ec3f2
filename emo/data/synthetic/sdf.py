"""Building blocks of signed-distance shapes, elementwise on tensors of any matching shape."""

import torch
from torch import Tensor


def step(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """Smooth step from 0 at `low` to 1 at `high` (falling where high < low)."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def bump(x: Tensor) -> Tensor:
    """exp(-x²) as a cheap rational bell: 1 at 0, 0.25 at |x| = 1, no transcendental."""
    q = 1 / (1 + x * x)
    return q * q


def wave(x: Tensor) -> Tensor:
    """sin(x) to 0.06, from parabolas: no transcendental."""
    f = x * 0.15915494
    f = f - f.round()
    return f * (8 - 16 * f.abs())


def union(a: Tensor, b: Tensor, k: float) -> Tensor:
    """Smooth minimum with blending radius `k`."""
    h = (k - (a - b).abs()).clamp_min(0)
    return torch.minimum(a, b) - h * h * (0.25 / k)


def carve(a: Tensor, b: Tensor, k: float) -> Tensor:
    """`a` without `b`, with an edge rounded by `k`."""
    h = (k - (a + b).abs()).clamp_min(0)
    return torch.maximum(a, -b) + h * h * (0.25 / k)


def ellipsoid(x: Tensor, y: Tensor, z: Tensor, rx, ry, rz) -> Tensor:
    """Distance estimate to an axis-aligned ellipsoid at the origin."""
    x, y, z = x / rx, y / ry, z / rz
    k0 = (x * x + y * y + z * z + 1e-9).sqrt()
    x, y, z = x / rx, y / ry, z / rz
    return k0 * (k0 - 1) * (x * x + y * y + z * z + 1e-9).rsqrt()


def sphere(x: Tensor, y: Tensor, z: Tensor, radius) -> Tensor:
    """Distance to a sphere at the origin."""
    return (x * x + y * y + z * z + 1e-9).sqrt() - radius


def capsule(x: Tensor, y: Tensor, z: Tensor, a, b, ra, rb) -> Tensor:
    """Distance to a rounded cone from `a` (radius ra) to `b` (radius rb); ends are triples of numbers or tensors."""
    bx, by, bz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    x, y, z = x - a[0], y - a[1], z - a[2]
    h = ((x * bx + y * by + z * bz) / (bx * bx + by * by + bz * bz)).clamp(0, 1)
    return sphere(x - bx * h, y - by * h, z - bz * h, ra + (rb - ra) * h)
