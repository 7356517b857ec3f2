"""Variance and likeness of sequences; how far landmarks lie apart and how steadily they move."""

import numpy as np
import pytest
from made_faces import made_face, turn

from emo.errors import EmoError
from emo.metrics import (
    HeadAngles,
    keypoint_distance,
    motion_stability,
    pose_change,
    sequence_similarity,
    sequence_variance,
)

TIME = np.arange(100) / 25
WAVE = np.stack([np.sin(2 * np.pi * TIME), np.cos(3 * np.pi * TIME)], 1)


def moving(places: np.ndarray) -> np.ndarray:
    """(T, 478, 3): one face shifted by (T, 2) pixels."""
    return np.stack([made_face(place=(64 + x, 64 + y, 0)) for x, y in places])


def test_variance_by_hand():
    assert sequence_variance([[0.0, 1.0], [2.0, 1.0]]) == pytest.approx(0.5)
    assert sequence_variance(2 * WAVE) == pytest.approx(4 * sequence_variance(WAVE))


def test_similarity_by_the_equation_written_out():
    rng = np.random.default_rng(0)
    one, other, span = rng.normal(0, 1, (30, 3)), rng.normal(0.3, 2, (30, 3)), 5.0
    expected = []
    for i in range(3):
        x, y = one[:, i], other[:, i]
        c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
        (vx, covariance), (_, vy) = np.cov(x, y, bias=True)
        above = (2 * x.mean() * y.mean() + c1) * (2 * covariance + c2)
        expected.append(above / ((x.mean() ** 2 + y.mean() ** 2 + c1) * (vx + vy + c2)))
    assert sequence_similarity(one, other, span) == pytest.approx(np.mean(expected))
    assert sequence_similarity(other, one, span) == pytest.approx(np.mean(expected))


def test_similarity_of_equal_late_and_opposite_sequences():
    scores = [sequence_similarity(WAVE, np.roll(WAVE, k, axis=0), 2.0) for k in (0, 1, 2, 4)]
    assert scores[0] == pytest.approx(1)
    assert scores == sorted(scores, reverse=True)
    assert sequence_similarity(WAVE, -WAVE, 2.0) < -0.5
    assert sequence_similarity(WAVE, WAVE[:60], 2.0) == pytest.approx(1)  # what both have


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((1, 3)), np.zeros((5, 0)), np.full((5, 3), np.nan)])
def test_bad_sequences(bad):
    with pytest.raises(EmoError, match="sequence"):
        sequence_variance(bad)
    with pytest.raises(EmoError, match="sequence"):
        sequence_similarity(WAVE, bad, 1.0)


def test_sequences_of_other_widths():
    with pytest.raises(EmoError, match="2 and 3 dimensions"):
        sequence_similarity(WAVE, np.zeros((10, 3)), 1.0)


def test_keypoint_distance_by_hand():
    face = np.stack([made_face()] * 4)
    assert keypoint_distance(face, face, 128) == 0
    assert keypoint_distance(face, np.add(face, [3, 4, 100]), 256) == pytest.approx(5)
    assert keypoint_distance(face, np.add(face, [3, 4, 0]), 128) == pytest.approx(10)  # as in a picture of 256
    assert keypoint_distance(face, 2 * face, 128, 256) == pytest.approx(0)
    assert keypoint_distance(face, face[:2], 128) == 0
    moved = face.copy()
    moved[:, 7] += [3, 4, 0]
    assert keypoint_distance(face, moved, 256, points=[7, 8]) == pytest.approx(2.5)


def test_stability_by_hand():
    steps = np.zeros((50, 2))
    steps[:, 0] = np.random.default_rng(1).normal(0, 2, 50)
    expected = 1 / np.diff(steps[:, 0], n=2).var()
    assert motion_stability(moving(steps), 256) == pytest.approx(expected)
    assert motion_stability(moving(steps), 512) == pytest.approx(4 * expected)  # shakes by half as much of its height
    assert motion_stability(moving(3 * steps), 256) == pytest.approx(expected / 9)


def test_even_motion_is_stable_and_jitter_is_not():
    glide = np.stack([np.arange(30.0), -np.arange(30.0)], 1)
    assert motion_stability(moving(glide), 256) == np.inf
    noise = np.random.default_rng(2).normal(0, 1, (30, 2))
    scores = [motion_stability(moving(glide + level * noise), 256) for level in (0.1, 0.3, 1.0)]
    assert scores == sorted(scores, reverse=True)
    with pytest.raises(EmoError, match="3 frames are too few"):
        motion_stability(moving(glide[:3]), 256)


def test_pose_change_is_the_mean_over_angles_and_frames():
    ramp = np.arange(5.0)
    assert pose_change(HeadAngles(3 * ramp, -ramp, 0 * ramp)) == pytest.approx(4 / 3)
    assert pose_change(HeadAngles(*np.zeros((3, 4)))) == 0
    with pytest.raises(EmoError, match="two frames"):
        pose_change(HeadAngles(*np.zeros((3, 1))))


def test_stability_is_of_raw_landmarks_and_ignores_irises():
    still = np.stack([made_face(rotation=turn(0, 0, 0))] * 20)
    still[::2, -10:] += 5
    assert motion_stability(still, 256) == np.inf
