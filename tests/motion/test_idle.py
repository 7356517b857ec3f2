"""What a face does in silence."""

import torch

from emo.motion import CONTROLS
from emo.motion.idle import BLINKS, IdleMotion
from emo.motion.rotation import rotation_speed_of_angles

MINUTE = 60 * 25


def column(values: torch.Tensor, name: str) -> torch.Tensor:
    return values[:, CONTROLS.names.index(name)]


def test_any_frames_are_those_of_the_whole():
    whole = IdleMotion(3).frames(0, 500, 25)
    for start, stop in ((0, 1), (137, 139), (400, 500), (90, 90)):
        assert torch.equal(whole[start:stop], IdleMotion(3).frames(start, stop, 25))
    assert not torch.equal(whole, IdleMotion(4).frames(0, 500, 25))


def test_a_face_blinks_looks_about_hardly_moves_and_says_nothing():
    values = IdleMotion(1).frames(0, 10 * MINUTE, 25)
    shut = column(values, "blink") > 0.6
    blinks = int((shut[1:] & ~shut[:-1]).sum())
    assert abs(blinks - 600 / BLINKS) <= 3
    assert 0.01 < shut.float().mean() < 0.08
    assert not values[:, CONTROLS.index("mouth")].any()
    speed = rotation_speed_of_angles(*(column(values, name) for name in ("yaw", "pitch", "roll")))
    assert 0.02 < speed.mean() < 0.1
    assert speed.max() < 0.3
    assert column(values, "yaw").abs().max() < 8
    assert 0.03 < column(values, "gaze_x").std() < 0.2
    assert column(values, "gaze_x").abs().max() <= 0.3
    assert (column(values, "scale") - 1).abs().max() < 0.02


def test_frames_do_not_jump():
    steps = IdleMotion(2).frames(0, 4 * MINUTE, 25).diff(dim=0).abs().max(0).values
    quiet = [name for name in CONTROLS.names if name not in ("blink", "gaze_x", "gaze_y")]
    assert steps[CONTROLS.index(*quiet)].max() < 0.3
