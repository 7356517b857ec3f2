"""A head's pose that is given: as columns of a motion, or as angles alone."""

from fractions import Fraction
from typing import Any

from torch import Tensor

from emo.errors import MotionError
from emo.motion import CONTROLS, MotionSpace, MotionTrack
from emo.motion.reading import ANGLES

POSE = "pose"  # part of a motion, and the option


def pose_columns(pose: Any, space: MotionSpace, rate: Fraction, frames: int) -> Tensor:
    """The part of a motion that is its pose.

    Args:
        pose: a track whose pose has the same columns, or yaw, pitch and roll in degrees for all frames.
        space: of the motion.
        rate: of the motion.
        frames: of the motion; shorter tracks are played back and forth.

    Returns:
        (frames, columns).

    Raises:
        MotionError: the track has other columns.
    """
    if isinstance(pose, MotionTrack):
        if pose.space.parts.get(POSE) != space.parts[POSE]:
            raise MotionError(
                "pose: a motion of another space than this model's, whose head moves in other columns",
                option="pose",
            )
        return _values(pose.resample(rate).fit(frames), POSE)
    rest = MotionTrack.rest(frames, rate, space)
    return _values(rest.set(**dict(zip(ANGLES, pose, strict=True))), POSE)


def pose_angles(pose: Any, rate: Fraction, frames: int) -> Tensor:
    """Yaw, pitch and roll in degrees, (frames, 3); arguments as of `pose_columns`.

    Raises:
        MotionError: the track has not all of these columns.
    """
    if not isinstance(pose, MotionTrack):
        pose = MotionTrack.rest(frames, rate, CONTROLS).set(**dict(zip(ANGLES, pose, strict=True)))
    if missing := [name for name in ANGLES if name not in pose.space.names]:
        problem = f"pose: a motion without {missing[0]}, of which no head's angles can be told"
        raise MotionError(problem, option="pose")
    return _values(pose.resample(rate).fit(frames), *ANGLES)


def _values(track: MotionTrack, *names: str) -> Tensor:
    return track.values[:, track.space.index(*names)].clone()
