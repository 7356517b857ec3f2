import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emo.face import head_pose, rotation_speed, rotations, smooth
from emo.face.mesh import RIGID


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """As `HeadPose` states it: Rz(roll) Ry(-yaw) Rx(-pitch)."""
    y, p, r = np.radians([-yaw, -pitch, roll])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rx = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    rz = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return rz @ ry @ rx


def face(turn: np.ndarray, size: float = 1.0, place: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    """Landmarks of the canonical face, turned; all but the rigid ones are nonsense."""
    landmarks = np.random.default_rng(0).normal(0, 100, (478, 3))
    points = np.array(list(RIGID.values()))
    landmarks[list(RIGID)] = size * (points - points.mean(0)) @ turn.T + place
    return landmarks


angles = st.floats(-80, 80)


@settings(max_examples=100, deadline=None)
@given(angles, angles, angles, st.floats(1, 1000), st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_pose_is_recovered_whatever_place_and_size(yaw, pitch, roll, size, x, y):
    pose = head_pose(face(rotation(yaw, pitch, roll), size, (x, y, 7)))
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx((yaw, pitch, roll), abs=1e-4)
    assert (pose.x, pose.y, pose.size) == pytest.approx((x, y, size), abs=1e-6, rel=1e-6)
    np.testing.assert_allclose(pose.rotation, rotation(yaw, pitch, roll), atol=1e-7)


def test_signs_are_the_stated_ones():
    nose = np.array(RIGID[4])
    assert (rotation(20, 0, 0) @ nose)[0] > nose[0]  # to the picture's right
    assert (rotation(0, 20, 0) @ nose)[1] < nose[1]  # up
    left, right = rotation(0, 0, 20) @ np.array(RIGID[33]), rotation(0, 0, 20) @ np.array(RIGID[263])
    assert right[1] > left[1]  # clockwise


def test_rotations_are_proper_under_noise_and_equal_head_pose():
    rng = np.random.default_rng(1)
    track = np.stack([face(rotation(*a), 80) for a in rng.uniform(-40, 40, (30, 3))]).astype(np.float32)
    track += rng.normal(0, 2, track.shape).astype(np.float32)
    found = rotations(track)
    assert found.shape == (30, 3, 3)
    np.testing.assert_allclose(np.linalg.det(found), 1)
    np.testing.assert_allclose(found @ found.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (30, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(found[7], head_pose(track[7]).rotation)


def test_mirrored_noise_gives_no_reflection():
    flat = face(np.eye(3))
    flat[:, 2] *= -1  # inside out: the best orthogonal fit is a reflection
    assert np.linalg.det(rotations(flat[None])[0]) == pytest.approx(1)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 60), angles, angles, angles)
def test_speed_of_a_constant_rotation(step, yaw, pitch, roll):
    axis = rotation(yaw, pitch, roll)  # turns about an arbitrary axis
    track = np.stack([axis @ rotation(0, 0, step * t) @ axis.T for t in range(6)])
    np.testing.assert_allclose(rotation_speed(track), step, atol=1e-5)


def test_speed_is_per_frame_and_frame_0_repeats_frame_1():
    track = np.stack([rotation(a, 0, 0) for a in (0, 1, 3, 3)])
    np.testing.assert_allclose(rotation_speed(track), [1, 1, 2, 0], atol=1e-9)
    np.testing.assert_array_equal(rotation_speed(track[:1]), [0])


def test_smoothing_lowers_the_speed_of_a_still_head_and_keeps_that_of_a_moving_one():
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.5, (60, 478, 3))
    still = np.stack([face(np.eye(3), 60)] * 60)
    raw, smoothed = (rotation_speed(rotations(x)).mean() for x in (still + noise, smooth(still + noise)))
    assert smoothed < raw / 4
    moving = np.stack([face(rotation(t - 30, 0, 0), 60) for t in range(60)])
    assert rotation_speed(rotations(smooth(moving)))[10:50] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("length", [1, 2, 5, 40])
def test_smoothing_keeps_shape_constants_and_symmetry(length):
    constant = np.full((length, 478, 3), 3.5, np.float32)
    assert smooth(constant).dtype == np.float32
    np.testing.assert_allclose(smooth(constant), constant, rtol=1e-6)
    noise = np.random.default_rng(3).normal(size=(length, 4, 3))
    np.testing.assert_allclose(smooth(noise)[::-1], smooth(noise[::-1]))


def test_smoothing_is_a_gaussian_of_sigma_frames():
    impulse = np.zeros((41, 1, 1))
    impulse[20] = 1
    out = smooth(impulse, sigma=3.0)[:, 0, 0]
    assert out.sum() == pytest.approx(1)
    assert np.sqrt((out * (np.arange(41) - 20) ** 2).sum()) == pytest.approx(3, rel=0.03)


def test_roll_and_mirroring_of_a_real_face(detector, astronaut):
    import cv2

    poses = []
    for angle in (-20, 0, 20):
        turn = cv2.getRotationMatrix2D((226, 124), -angle, 1)  # OpenCV turns anticlockwise
        turned = cv2.warpAffine(astronaut, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
        poses.append(head_pose(detector.detect(turned)[0].landmarks))
    assert poses[2].roll - poses[0].roll == pytest.approx(40, abs=1.5)
    assert poses[2].yaw == pytest.approx(poses[1].yaw, abs=4)
    mirrored = head_pose(detector.detect(np.ascontiguousarray(astronaut[:, ::-1]))[0].landmarks)
    assert mirrored.yaw == pytest.approx(-poses[1].yaw, abs=3)
    assert mirrored.roll == pytest.approx(-poses[1].roll, abs=2)
    assert mirrored.pitch == pytest.approx(poses[1].pitch, abs=3)


def test_turned_heads_of_real_people(detector, picture):
    left, right = (head_pose(f.landmarks) for f in detector.detect(picture("bad_input/twofaces_480x270.png")))
    assert -40 < left.yaw < -22
    assert 8 < right.yaw < 22
    assert head_pose(detector.detect(picture("bad_input/profile_threequarter.png"))[0].landmarks).yaw < -42
    assert abs(head_pose(detector.detect(picture("images/photo_actor_man_240up.png"))[0].landmarks).yaw) < 5
