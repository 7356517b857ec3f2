"""The first edition: the mouth from the sound, all else at random, whatever is said."""

import numpy as np

from emo.data.synthetic.articulation import Articulation
from emo.data.synthetic.motion.gaze import in_jumps
from emo.data.synthetic.motion.swing import MAX_SPEED, turn_at_random
from emo.motion.controls import FaceControls, as_track
from emo.motion.lids import SHUT, one_blink
from emo.motion.noise import smooth_noise
from emo.motion.rotation import rotation_speed_of_angles

MAX_SWAY = 0.12  # standard deviation of the shift aside, in halves of the picture's side


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
    yaw, pitch, roll = turn_at_random(rng, frames, speed, fps)
    blink = _blinks(rng, frames, fps)
    gaze_x, gaze_y = _gaze(rng, frames, fps)
    stress = articulation.loudness.numpy() - float(articulation.loudness.mean())
    mood = rng.uniform(-0.1, 0.5)

    def drift(amount: float) -> np.ndarray:
        return amount * smooth_noise(rng, frames, 0.12, fps)

    sway = rng.uniform(0.01, MAX_SWAY)  # or else the face region (3.2.5) would say nothing that the reference does not
    smile = np.clip(mood + drift(0.2), -0.3, 1) * (1 - 0.7 * articulation.rounding.numpy())
    return FaceControls(
        jaw=articulation.jaw, width=articulation.width, rounding=articulation.rounding, blink=as_track(blink),
        brow=as_track(np.clip(drift(0.3) + rng.uniform(0, 0.7) * stress, -0.5, 1)),
        gaze_x=as_track(gaze_x), gaze_y=as_track(gaze_y), smile=as_track(smile), yaw=yaw, pitch=pitch, roll=roll,
        tx=as_track(np.clip(rng.uniform(-0.04, 0.04) + drift(sway), -0.25, 0.25)),
        ty=as_track(np.clip(rng.uniform(-0.03, 0.02) + drift(0.4 * sway), -0.12, 0.10)),
        scale=as_track(np.clip(rng.uniform(0.92, 1.06) + drift(0.2 * sway), 0.86, 1.12)),
        rotation_speed=rotation_speed_of_angles(yaw, pitch, roll),
    )  # fmt: skip


def _blinks(rng: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """Blinks of about 0.2 s every 1.5 to 5 s."""
    time, blink = np.arange(frames) / fps, np.zeros(frames)
    at = rng.uniform(0.2, 3.0)
    while at < frames / fps:
        blink = np.maximum(blink, one_blink(time, at, rng.uniform(*SHUT)))
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
    return in_jumps(x), in_jumps(y)
