import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_faces import made_face, turn

from emo import face
from emo.errors import EmoError
from emo.metrics import head_angles, rotation_speed

angle = st.floats(-40, 40)


def head(yaw=0.0, pitch=0.0, roll=0.0, opening=0.1, frames=None) -> np.ndarray:
    """(T, 478, 3) of faces with these angles and openings, numbers or (T,)."""
    tracks = np.broadcast_arrays(yaw, pitch, roll, opening, np.zeros(frames or np.size(yaw)))[:4]
    return np.stack([made_face(rotation=turn(*a), opening=o) for *a, o in zip(*tracks, strict=True)])


def babble(frames: int, seed: int = 0) -> np.ndarray:
    """A mouth's opening (T,) that changes from frame to frame as in speech."""
    steps = np.random.default_rng(seed).uniform(0, 0.4, frames // 3 + 2)
    return np.interp(np.arange(frames) / 3, np.arange(len(steps)), steps)


@settings(max_examples=30, deadline=None)
@given(angle, angle, angle)
def test_angles_are_those_of_head_pose(yaw, pitch, roll):
    angles = head_angles(head(yaw, pitch, roll, frames=5))
    for values, commanded in zip(angles, (yaw, pitch, roll), strict=True):
        assert values == pytest.approx(np.full(5, commanded), abs=1e-4)


def test_swings_of_one_hertz_keep_their_width():
    swing = 10 * np.sin(2 * np.pi * np.arange(100) / 25)
    yaw = head_angles(head(yaw=swing)).yaw
    assert np.polyfit(swing[10:-10], yaw[10:-10], 1)[0] == pytest.approx(1, abs=0.03)
    speed = rotation_speed(head(yaw=swing))
    assert speed[10:-10].mean() == pytest.approx(np.abs(np.diff(swing))[9:-10].mean(), rel=0.05)


def test_nodding_with_the_mouth_is_taken_out_and_other_nodding_is_not():
    mouth, nod = babble(150), 5 * np.sin(np.arange(150) / 15)
    false_nod = head(pitch=nod + 15 * (mouth - mouth.mean()), opening=mouth)
    plain = face.rotations(face.smooth(false_nod))
    plain = np.degrees(np.arctan2(-plain[:, 2, 1], plain[:, 2, 2]))
    error = lambda pitch: np.abs(pitch - nod)[5:-5].mean()
    assert error(head_angles(false_nod).pitch) < 0.4 * error(plain)
    assert error(head_angles(head(pitch=nod, opening=mouth)).pitch) < 0.35
    assert head_angles(false_nod).yaw == pytest.approx(np.zeros(150), abs=1e-3)


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_a_still_head_reads_almost_zero_and_a_turning_one_its_speed(noise):
    rng, frames = np.random.default_rng(3), 80
    noisy = lambda track: track + rng.normal(0, noise, track.shape)
    still, plain = noisy(head(frames=frames)), lambda track: face.angular_speed(face.rotations(face.smooth(track)))
    assert rotation_speed(still).mean() < 0.5 * plain(still).mean()
    for speed in (0.3, 1.0):
        turning = noisy(head(yaw=speed * np.arange(frames) - speed * frames / 2))
        assert rotation_speed(turning).mean() == pytest.approx(speed, rel=0.12)


def test_turns_and_rest_within_a_track_are_told_apart():
    yaw = np.r_[np.zeros(60), 1.5 * np.arange(30), np.full(60, 45.0)] - 22
    track = head(yaw=yaw) + np.random.default_rng(4).normal(0, 1.5, (150, 478, 3))
    speed, plain = rotation_speed(track), face.angular_speed(face.rotations(face.smooth(track)))
    assert speed[68:84].mean() == pytest.approx(1.5, rel=0.1)
    assert speed[:40].mean() < 0.7 * plain[:40].mean()


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_the_shortest_tracks(frames):
    track = head(yaw=5.0, pitch=-3.0, frames=frames)
    assert rotation_speed(track) == pytest.approx(np.zeros(frames), abs=1e-6)
    assert head_angles(track).pitch == pytest.approx(np.full(frames, -3), abs=1e-6)


def test_the_same_track_reads_the_same_and_bad_ones_are_refused():
    track = head(yaw=np.linspace(0, 9, 12)).astype(np.float32)
    before = track.copy()
    np.testing.assert_array_equal(rotation_speed(track), rotation_speed(track))
    np.testing.assert_array_equal(track, before)
    with pytest.raises(EmoError, match="478, 3"):
        rotation_speed(track[:, :468])
    with pytest.raises(EmoError, match="finite"):
        head_angles(track * np.inf)
