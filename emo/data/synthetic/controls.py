"""Per-frame controls of a face and head, and how they are made: the mouth from the sound, the rest at random."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from emo import face
from emo.data.synthetic.articulation import Articulation
from emo.data.synthetic.avatar_shapes import rotation


@dataclass(frozen=True)
class FaceControls:
    """What every frame commands; all fields (T,) float32. 0 is rest (scale: 1).

    Attributes:
        jaw: 0 closed lips ... 1 wide open.
        width: -1 narrow ... 1 spread lips.
        rounding: 0 ... 1 rounded, protruded lips.
        blink: 0 open ... 1 closed eyes.
        brow: -1 lowered ... 1 raised.
        gaze_x: -1 ... 1, toward the picture's right.
        gaze_y: -1 ... 1, toward the picture's top.
        smile: -1 ... 1.
        yaw: degrees, as in `emo.face.HeadPose`; positive turns the face to the picture's right.
        pitch: degrees; positive looks up.
        roll: degrees; positive tilts the head clockwise in the picture.
        tx: shift to the right, in halves of the picture's side.
        ty: shift up, in halves of the picture's side.
        scale: size relative to the default framing.
        rotation_speed: degrees per frame; geodesic angle between this frame's head rotation and the one before; the
            first frame repeats the second.
    """

    jaw: Tensor
    width: Tensor
    rounding: Tensor
    blink: Tensor
    brow: Tensor
    gaze_x: Tensor
    gaze_y: Tensor
    smile: Tensor
    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    tx: Tensor
    ty: Tensor
    scale: Tensor
    rotation_speed: Tensor

    def __len__(self) -> int:
        return len(self.jaw)

    @property
    def distance(self) -> Tensor:
        """Of the camera, (T,), in those of the default framing."""
        return 1 / self.scale

    def __getitem__(self, frames: slice | Tensor) -> "FaceControls":
        return FaceControls(*(getattr(self, f.name)[frames] for f in fields(self)))

    def to(self, device: torch.device | str) -> "FaceControls":
        """The same controls on another device."""
        return FaceControls(*(getattr(self, f.name).to(device) for f in fields(self)))

    @classmethod
    def rest(cls, frames: int) -> "FaceControls":
        """`frames` frames of a still face that looks ahead with closed lips."""
        zero = torch.zeros(frames)
        return replace(cls(*[zero] * len(fields(cls))), scale=torch.ones(frames))


LIMITS = (20.0, 12.0, 10.0)  # degrees: yaw, pitch, roll
MAX_SWAY = 0.12  # standard deviation of the shift aside, in halves of the picture's side
MAX_SPEED = 2.5  # degrees per frame that the limits allow without haste
MAX_TRIALS = 8  # swings, each faster than the one before


def rotation_speed_of_angles(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """`emo.face.angular_speed` of heads given by their angles in degrees (T,): degrees per frame (T,) float32."""
    matrices = rotation(yaw.double(), pitch.double(), roll.double())
    return torch.from_numpy(face.angular_speed(matrices.numpy())).float()


def make_controls(articulation: Articulation, speed: float, seed: int, fps: float = 25.0) -> FaceControls:
    """A talking head: mouth as the sound wants it, head at the commanded speed, eyes and brows alive.

    Args:
        articulation: T frames of the mouth.
        speed: mean head rotation speed in degrees per frame, 0 ... 2.5 (paper: section 3.2.5, Table 2).
        seed: decides all that the sound does not.
        fps: frames per second.
    Returns:
        `FaceControls` of T frames whose `rotation_speed` has the mean `speed` (needs at least two frames).
    Raises:
        ValueError: `speed` is outside the range.
    """
    if not 0 <= speed <= MAX_SPEED:
        raise ValueError(f"mean rotation speed must be between 0 and {MAX_SPEED} degrees per frame, not {speed}")
    rng = np.random.default_rng((0x307, seed))
    frames = len(articulation.jaw)
    yaw, pitch, roll = _turn(rng, frames, speed, fps)
    blink = _blinks(rng, frames, fps)
    gaze_x, gaze_y = _gaze(rng, frames, fps)
    stress = articulation.loudness.numpy() - float(articulation.loudness.mean())
    mood = rng.uniform(-0.1, 0.5)

    def drift(amount: float) -> np.ndarray:
        return amount * _noise(rng, frames, 0.12, fps)

    sway = rng.uniform(0.01, MAX_SWAY)  # or else the face region (3.2.5) would say nothing that the reference does not
    smile = np.clip(mood + drift(0.2), -0.3, 1) * (1 - 0.7 * articulation.rounding.numpy())
    return FaceControls(
        jaw=articulation.jaw, width=articulation.width, rounding=articulation.rounding, blink=_tensor(blink),
        brow=_tensor(np.clip(drift(0.3) + rng.uniform(0, 0.7) * stress, -0.5, 1)),
        gaze_x=_tensor(gaze_x), gaze_y=_tensor(gaze_y), smile=_tensor(smile), yaw=yaw, pitch=pitch, roll=roll,
        tx=_tensor(np.clip(rng.uniform(-0.04, 0.04) + drift(sway), -0.25, 0.25)),
        ty=_tensor(np.clip(rng.uniform(-0.03, 0.02) + drift(0.4 * sway), -0.12, 0.10)),
        scale=_tensor(np.clip(rng.uniform(0.92, 1.06) + drift(0.2 * sway), 0.86, 1.12)),
        rotation_speed=rotation_speed_of_angles(yaw, pitch, roll),
    )  # fmt: skip


def _tensor(values: np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float32)


def _noise(rng: np.random.Generator, frames: int, hertz: float, fps: float) -> np.ndarray:
    """Smooth noise of unit size (T,): five sines around `hertz` with random phases."""
    time = np.arange(frames) / fps
    rate, phase = hertz * rng.uniform(0.5, 1.5, 5), rng.uniform(0, 2 * np.pi, 5)
    return (np.sin(2 * np.pi * rate * time[:, None] + phase) * rng.normal(1, 0.3, 5)).sum(1) / np.sqrt(2.5)


def _turn(rng: np.random.Generator, frames: int, speed: float, fps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Smooth yaw, pitch, roll (T,) within LIMITS with just the mean speed: bisection finds the swings' width."""
    head, high = _fast_enough(rng, frames, speed, fps)
    low = 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if head.speed(middle) < speed else (low, middle)
    return head.angles(low if speed == 0 else high)


def _fast_enough(rng: np.random.Generator, frames: int, speed: float, fps: float) -> "tuple[_Swing, float]":
    """A swing, and a width at which it has the speed or more: faster swings, should LIMITS not leave enough room."""
    limits = np.array(LIMITS)
    rest = limits * np.clip(rng.normal(0, 0.25, 3), -0.6, 0.6)
    share = limits * rng.uniform((0.7, 0.4, 0.2), (1.0, 0.9, 0.7))
    hertz = np.clip(speed * fps / 40, 0.12, 1.2) * rng.uniform(0.8, 1.25)
    trials = 0
    while True:
        trials += 1
        swing = np.stack([_noise(rng, frames, hertz, fps) for _ in range(3)], 1) * share
        head = _Swing(limits, rest, swing, speed)
        width = 1.0
        while head.speed(width) < speed and width < 4:
            width *= 1.5
        if head.speed(width) >= speed or trials == MAX_TRIALS:
            return head, width
        hertz *= 1.3


@dataclass(frozen=True)
class _Swing:
    """A head that swings about its rest, by a width that is still to be found.

    Attributes:
        limits: (3,) degrees of yaw, pitch, roll that are never passed.
        rest: (3,) degrees.
        swing: (T, 3) degrees, of width 1.
        commanded: mean speed, which a single frame has.
    """

    limits: np.ndarray
    rest: np.ndarray
    swing: np.ndarray
    commanded: float

    def angles(self, width: float) -> tuple[Tensor, Tensor, Tensor]:
        """Yaw, pitch, roll (T,) in degrees."""
        bounded = self.limits * np.tanh((self.rest + width * self.swing) / self.limits)
        yaw, pitch, roll = (torch.tensor(bounded[:, axis], dtype=torch.float32) for axis in range(3))
        return yaw, pitch, roll

    def speed(self, width: float) -> float:
        """Mean rotation speed in degrees per frame."""
        if len(self.swing) < 2:
            return self.commanded
        return float(rotation_speed_of_angles(*self.angles(width)).mean())


def _blinks(rng: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """Blinks of about 0.2 s every 1.5 to 5 s."""
    time, blink = np.arange(frames) / fps, np.zeros(frames)
    at = rng.uniform(0.2, 3.0)
    while at < frames / fps:
        close, shut = 0.07, rng.uniform(0.02, 0.06)
        blink = np.maximum(blink, np.clip(1.25 - np.maximum(np.abs(time - at) - shut, 0) / close, 0, 1))
        at += rng.uniform(1.5, 5.0)
    return blink


def _gaze(rng: np.random.Generator, frames: int, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Looks at the camera most of the time, elsewhere in between; jumps take a frame or two."""
    x = np.zeros(frames)
    y = np.zeros(frames)
    start = 0
    while start < frames:
        away = rng.random() < 0.4
        x[start:] = rng.uniform(-0.7, 0.7) if away else rng.normal(0, 0.05)
        y[start:] = rng.uniform(-0.4, 0.4) if away else rng.normal(0, 0.04)
        start += int(fps * rng.uniform(0.4, 2.2)) + 1
    kernel = np.array([0.25, 0.5, 0.25])
    x, y = (np.convolve(np.pad(values, 1, mode="edge"), kernel, "valid") for values in (x, y))
    return x, y
