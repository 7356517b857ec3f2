"""Parameters of people who do not exist, drawn from seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emo.data.synthetic.traits import draw_person


class Shape(NamedTuple):
    """Geometry of a head and shoulders, each field (N,). Unit: about one head radius, origin between the ears,
    x to the picture's right, y up, z toward the camera. The scene shows about 3.2 units from top to bottom."""

    skull_width: Tensor
    skull_height: Tensor
    skull_depth: Tensor
    face_width: Tensor
    face_height: Tensor
    cheek_x: Tensor
    cheek_y: Tensor
    cheek_size: Tensor
    jaw_width: Tensor
    jaw_y: Tensor
    jaw_size: Tensor
    chin_y: Tensor
    chin_z: Tensor
    chin_width: Tensor
    chin_size: Tensor
    brow_ridge: Tensor
    eye_x: Tensor
    eye_y: Tensor
    eye_z: Tensor
    eye_size: Tensor
    nose_y: Tensor
    nose_z: Tensor
    nose_tip: Tensor
    nose_wing: Tensor
    nose_bridge: Tensor
    mouth_y: Tensor
    mouth_half: Tensor
    lip_upper: Tensor
    lip_lower: Tensor
    mouth_smile: Tensor
    ear_size: Tensor
    ear_out: Tensor
    neck: Tensor
    shoulders: Tensor
    beard: Tensor  # thickness of a full beard, 0 for none
    hair_side: Tensor  # thickness of the hair at the sides
    hair_top: Tensor  # thickness on the crown; negative where there is none
    hair_lift: Tensor  # more thickness above the forehead
    hair_front: Tensor  # height of the hairline above the forehead
    hair_recess: Tensor  # how far the hairline climbs at the temples
    hair_sweep: Tensor  # slope of the hairline from one side to the other
    hair_taper: Tensor  # distance over which the hair grows to its thickness
    hair_burn: Tensor  # lower end of the hair in front of the ears
    hair_nape: Tensor  # lower end behind
    hair_wave: Tensor  # amplitude of long waves
    hair_curl: Tensor  # amplitude of small curls
    curtain: Tensor  # lower end of long hair; above the head for none
    curtain_wide: Tensor
    curtain_open: Tensor  # half width of the opening for the face
    bun_y: Tensor
    bun_z: Tensor
    bun_size: Tensor  # 0 for none
    glasses: Tensor  # radius of the lenses, 0 for none
    glasses_square: Tensor


class Look(NamedTuple):
    """Colors (N, 3), linear RGB 0…1, and scalar properties (N,) of paint, clothes, place and light."""

    skin: Tensor
    lips: Tensor
    hair: Tensor
    brows: Tensor
    iris: Tensor
    frame: Tensor
    cloth: Tensor
    trim: Tensor
    wall: Tensor
    wall_far: Tensor
    rim: Tensor
    blush: Tensor
    freckles: Tensor
    stubble: Tensor
    beard_mask: Tensor
    age: Tensor
    lash: Tensor
    eye_half: Tensor  # half width of the opening between the lids, in eyeball radii
    eye_upper: Tensor
    eye_lower: Tensor
    eye_tilt: Tensor
    brow_y: Tensor
    brow_half: Tensor
    brow_thick: Tensor
    brow_arch: Tensor
    brow_tilt: Tensor
    strand: Tensor  # contrast of the strands
    strand_phase: Tensor
    part: Tensor  # where the hair is parted
    garment: Tensor  # 0 crew neck, 1 V-neck, 2 stripes, 3 jacket and shirt
    wall_angle: Tensor
    wall_kind: Tensor  # 0 gradient, 1 two-tone wall, 2 soft lights
    light_side: Tensor  # radians
    light_height: Tensor  # radians
    ambient: Tensor
    warmth: Tensor


COLORS = ("skin", "lips", "hair", "brows", "iris", "frame", "cloth", "trim", "wall", "wall_far", "rim")


@dataclass(frozen=True)
class Identity:
    """N people. `identity[i]` is one of them (N = 1), `identity[2:5]` several."""

    shape: Shape
    look: Look

    def __len__(self) -> int:
        return len(self.shape.skull_width)

    def __getitem__(self, index: int | slice) -> "Identity":
        rows = slice(index, index + 1 or None) if isinstance(index, int) else index
        return Identity(Shape(*(v[rows] for v in self.shape)), Look(*(v[rows] for v in self.look)))

    def to(self, device: torch.device | str) -> "Identity":
        """The same people on another device."""
        return Identity(Shape(*(v.to(device) for v in self.shape)), Look(*(v.to(device) for v in self.look)))


def draw_identities(seeds: Sequence[int]) -> Identity:
    """Draw one person per seed. The same seed always gives the same person, in whatever company.

    Args:
        seeds: N non-negative integers.
    Returns:
        `Identity` of N people on the CPU, float32.
    Raises:
        ValueError: `seeds` is empty or holds a negative number.
    """
    if len(seeds) == 0:
        raise ValueError("draw_identities needs at least one seed")
    if min(seeds) < 0:
        raise ValueError("identity seeds must be non-negative")
    people = [draw_person(np.random.default_rng((0x1D, int(seed)))) for seed in seeds]
    columns = {
        name: torch.tensor(np.array([person[name] for person in people]), dtype=torch.float32)
        for name in (*Shape._fields, *Look._fields)
    }
    return Identity(
        Shape(**{name: columns[name] for name in Shape._fields}),
        Look(**{name: columns[name] for name in Look._fields}),
    )
