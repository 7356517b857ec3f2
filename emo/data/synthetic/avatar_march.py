"""Ray marching in tiles: many frames, many people in one call; tiles drop out as soon as all their rays are done."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from emo.data.synthetic import avatar_shapes as shapes
from emo.data.synthetic.avatar_shade import light_direction, shade

CAMERA = 8.0  # distance of the camera from the plane z = 0
HALF_VIEW = 1.60  # half of the picture's height at that plane, scene units
CENTRE_Y = -0.12  # scene height at the picture's middle
NEAR, FAR = CAMERA - 1.45, CAMERA + 1.6
TILE = 8  # rays are marched in tiles of TILE × TILE
CAUTION = 0.85  # the fields are estimates: step this part of the distance
SURFACE = 0.003


class Rays(NamedTuple):
    """Tiles of rays from the camera, each field (tiles, rays); `pixel` is (tiles, 1), one ray's share of the scene."""

    dx: Tensor
    dy: Tensor
    dz: Tensor
    pixel: Tensor

    def take(self, tiles: Tensor) -> Rays:
        return Rays(*(v[tiles] for v in self))

    def at(self, t: Tensor) -> shapes.Point:
        """Scene points at distance `t`."""
        return self.dx * t, self.dy * t + CENTRE_Y, self.dz * t + CAMERA


class Marcher:
    """The four kernels (compiled or not) and the loops around them."""

    def __init__(self, compile: bool) -> None:
        wrap: Callable = (lambda f: torch.compile(f, dynamic=True)) if compile else (lambda f: f)
        self.distance, self.coarse = wrap(shapes.distance), wrap(shapes.coarse_distance)
        self.parts, self.shade = wrap(shapes.parts), wrap(shade)

    def cones(self, packed: Tensor, rays: Rays) -> Tensor:
        """One cone around each tile, marched until it may touch something: start distances (tiles, 1), safe for all rays."""
        middle = TILE * (TILE // 2) + TILE // 2
        axis = Rays(*(v[:, middle : middle + 1] for v in rays[:3]), rays.pixel)
        radius = rays.pixel * TILE * 0.75 / CAMERA
        t = torch.full_like(axis.dx, NEAR)
        for _ in range(14):
            t = t + (CAUTION * self.distance(packed, *axis.at(t)) - radius * t).clamp_min(0)
        return t

    def surface(self, packed: Tensor, rays: Rays, start: Tensor) -> tuple[Tensor, Tensor]:
        """All rays to the surface: distances and coverage 0…1, (tiles, rays). A ray that passes a silhouette within a
        pixel covers part of it, so that outlines are smooth with one sample per pixel."""
        found = start.expand_as(rays.dx).clone()
        coverage = torch.zeros_like(found)
        tile = torch.arange(len(start), device=start.device)
        t, nearest, nearest_t = found.clone(), torch.full_like(found, 9.0), found.clone()
        for i in range(40):
            d = self.distance(packed, *rays.at(t))
            closer = d < nearest
            nearest, nearest_t = torch.where(closer, d, nearest), torch.where(closer, t, nearest_t)
            done = (nearest < SURFACE) | (t > FAR)
            t = torch.where(done, t, t + CAUTION * d)
            if i % 3 == 2 or i == 39:
                finished = done.all(1) if i < 39 else torch.ones_like(done[:, 0])
                index = tile[finished]
                found[index] = nearest_t[finished]
                gap = (nearest[finished] - SURFACE) / rays.pixel[finished]
                coverage[index] = (1 - gap).clamp(0, 1)
                going = (~finished).nonzero()[:, 0]
                if len(going) == 0:
                    break
                packed, rays, tile, t = packed[going], rays.take(going), tile[going], t[going]
                nearest, nearest_t = nearest[going], nearest_t[going]
        return found, coverage

    def colours(self, packed: Tensor, look: Tensor, rays: Rays, t: Tensor) -> Tensor:
        """Colours (tiles, 3, rays) of the points at distance `t`."""
        x, y, z = rays.at(t)
        parts, e = self.parts(packed, x, y, z), 0.004
        ahead = [self.distance(packed, x + e, y, z), self.distance(packed, x, y + e, z), self.distance(packed, x, y, z + e)]
        normal = torch.stack(ahead, 1) - parts.amin(0).unsqueeze(1)
        normal = normal * (normal.square().sum(1, keepdim=True) + 1e-12).rsqrt()
        nx, ny, nz = normal.unbind(1)
        occlusion = torch.ones_like(x)
        for reach, weight in ((0.08, 0.36), (0.25, 0.24)):
            d = self.coarse(packed, x + nx * reach, y + ny * reach, z + nz * reach)
            occlusion = occlusion - weight * (1 - d / reach).clamp(0, 1)
        lx, ly, lz = light_direction(look)
        shadow, reach = torch.ones_like(x), torch.full_like(x, 0.07)
        for _ in range(5):
            d = self.coarse(packed, x + nx * 0.03 + lx * reach, y + ny * 0.03 + ly * reach, z + nz * 0.03 + lz * reach)
            shadow = torch.minimum(shadow, (5 * d / reach + 0.3).clamp(0, 1))
            reach = reach + d.clamp(0.06, 0.35)
        ray = torch.stack([rays.dx, rays.dy, rays.dz], 1)
        return self.shade(packed, look, x, y, z, parts, normal, ray, occlusion, shadow)
