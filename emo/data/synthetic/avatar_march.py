"""Ray marching of many frames and many people in one call; rays are regrouped as others finish, so that none waits."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from emo.data.synthetic import avatar_shapes as shapes
from emo.data.synthetic.avatar_shade import light_direction, shade

CAMERA = 8.0  # distance of the camera from the plane z = 0
HALF_VIEW = 1.52  # half of the picture's height at that plane, scene units
CENTER_Y = -0.10  # scene height at the picture's middle
NEAR, FAR = CAMERA - 1.45, CAMERA + 1.6
TILE = 8  # rays are marched in tiles of TILE × TILE
CAUTION = 0.93  # the fields are estimates: step this part of the distance
SURFACE = 0.006  # near enough to count as hit; a quarter of a pixel at 128
WIDTH = 64  # rays per kernel tile
LAPS = (2, 1, 1, 1, 2, 2, 3, 4, 10)  # steps between two regroupings of the rays still under way
HASTE = 0.004  # least step, growing lap by lap: rays that graze a surface must not stall


class Rays(NamedTuple):
    """Rays from the camera, each field (tiles, rays)."""

    dx: Tensor
    dy: Tensor
    dz: Tensor

    def at(self, t: Tensor) -> shapes.Point:
        """Scene points at distance `t`."""
        return self.dx * t, self.dy * t + CENTER_Y, self.dz * t + CAMERA


class Group(NamedTuple):
    """Rays gathered for one kernel call: `ray` (tiles, WIDTH) indexes the flat list of all rays, `frame` (tiles,)
    tells whose parameters a tile needs. Tiles hold rays of one frame each; the last is filled up with repeats."""

    ray: Tensor
    frame: Tensor


def group(rays: Tensor, frames: int, rays_per_frame: int) -> Group:
    """Pack the flat, ascending ray numbers `rays` (K,) densely into tiles."""
    frame = rays.div(rays_per_frame, rounding_mode="floor")
    count = torch.bincount(frame, minlength=frames)
    tiles = (count + WIDTH - 1) // WIDTH
    first, first_tile = count.cumsum(0) - count, tiles.cumsum(0) - tiles
    slot = torch.arange(len(rays), device=rays.device) - first[frame] + first_tile[frame] * WIDTH
    if len(rays) <= WIDTH:  # never a single tile: compiled kernels would be specialised, and compiled again, for it
        tiles = tiles * 2
    tile_frame = torch.repeat_interleave(tiles)
    packed = rays[first[tile_frame]].repeat_interleave(WIDTH)
    packed[slot] = rays
    return Group(packed.view(-1, WIDTH), tile_frame)


def _kernel(function: Callable, compile: bool) -> Callable:
    return torch.compile(function, dynamic=True) if compile else function


class Marcher:
    """The three kernels (compiled or not) and the loops around them."""

    def __init__(self, compile: bool) -> None:
        self.parts = _kernel(shapes.parts, compile)
        self.coarse = _kernel(shapes.coarse_distance, compile)
        self.shade = _kernel(shade, compile)

    def distance(self, packed: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """Distance to the nearest part, shaped like `x`."""
        return self.parts(packed, x, y, z).amin(0)

    def cones(self, packed: Tensor, axes: Rays, pixel: Tensor) -> Tensor:
        """March one cone around each tile of the picture until it may touch something.

        Args:
            packed: parameters (frames, GEOMETRY).
            axes: the tiles' middle rays, (frames, tiles).
            pixel: width of one ray in scene units, (frames, 1).
        Returns:
            Start distances (frames, tiles), safe for all rays of the tile; beyond FAR where there is nothing.
        """
        # Row by row of the picture, so that one frame alone is no special case for compiled kernels.
        frames, tiles = axes.dx.shape
        rows = math.isqrt(tiles)
        packed = packed.repeat_interleave(rows, 0)
        axes = Rays(*(v.reshape(frames * rows, rows) for v in axes))
        radius = (pixel * TILE * 0.75 / CAMERA).repeat_interleave(rows, 0)
        t = torch.full_like(axes.dx, NEAR)
        for _ in range(14):
            t = t + (0.85 * self.distance(packed, *axes.at(t)) - radius * t).clamp_min(0)
        return t.view(frames, tiles)

    def surface(self, packed: Tensor, rays: Rays, start: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor]:
        """March rays to the surface. A ray that passes a silhouette within a pixel covers part of it, so that outlines
        are smooth with one sample per pixel.

        Args:
            packed: parameters (frames, GEOMETRY).
            rays: all rays, (frames, rays per frame).
            start: safe distances (frames, rays per frame).
            pixel: (frames, 1).
        Returns:
            Distance to the nearest point of each ray's way and coverage 0…1, both flat (frames * rays per frame,).
        """
        frames, per_frame = start.shape
        found, nearest = start.reshape(-1).clone(), torch.full((start.numel(),), 9.0, device=start.device)
        flat = [v.reshape(-1) for v in rays]
        way = found.clone()  # how far each ray has come; FAR when it is done
        members = group((way < FAR).nonzero()[:, 0], frames, per_frame)
        for lap, steps in enumerate(LAPS):
            local, ray = packed[members.frame], Rays(*(v[members.ray] for v in flat))
            close, close_t, t = nearest[members.ray], found[members.ray], way[members.ray]
            for _ in range(steps):
                d = self.distance(local, *ray.at(t))
                close, close_t = torch.where(d < close, d, close), torch.where(d < close, t, close_t)
                t = torch.where((close < SURFACE) | (t > FAR), t, t + (CAUTION * d).clamp_min(HASTE * lap))
            nearest[members.ray], found[members.ray] = close, close_t
            way[members.ray] = torch.where(close < SURFACE, FAR, t)
            going = (way < FAR).nonzero()[:, 0]
            if len(going) == 0:
                break
            members = group(going, frames, per_frame)
        gap = (nearest.view(frames, per_frame) - SURFACE) / pixel
        return found, (1 - gap).clamp(0, 1).view(-1)

    def colors(self, packed: Tensor, look: Tensor, rays: Rays, t: Tensor) -> Tensor:
        """Colors (tiles, 3, rays) of the points at distance `t`."""
        x, y, z = rays.at(t)
        parts, e = self.parts(packed, x, y, z), 0.004
        ahead = [
            self.distance(packed, x + e, y, z),
            self.distance(packed, x, y + e, z),
            self.distance(packed, x, y, z + e),
        ]
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
