"""Eyes and brows free of the head's motion, and blinks counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_faces import made_face, turn

from emo.errors import EmoError
from emo.face.mesh import BROWS_68, EYES_68
from emo.metrics import blink_rate, eye_and_brow_points

angle = st.floats(-25, 25)


def faces(**tracks) -> np.ndarray:
    """(T, 478, 3), one face per entry of the tracks."""
    names, values = list(tracks), zip(*tracks.values(), strict=True)
    return np.stack([made_face(**dict(zip(names, row, strict=True))) for row in values])


@settings(max_examples=25, deadline=None)
@given(angle, angle, angle, st.floats(30, 200), st.floats(-50, 50))
def test_head_motion_changes_nothing(yaw, pitch, roll, size, shift):
    plain = eye_and_brow_points(made_face()[None])
    moved = made_face(rotation=turn(yaw, pitch, roll), size=size, place=(64 + shift, 64 - shift, shift))
    assert plain.shape == (1, 44)
    np.testing.assert_allclose(eye_and_brow_points(moved[None]), plain, atol=1e-5)


def test_brows_and_lids_move_their_own_points():
    points = eye_and_brow_points(faces(brow=[0.2, 0.25, 0.2], eyes=[0.3, 0.3, 0.15])).reshape(3, 22, 2)
    raised, shut = points[1] - points[0], points[2] - points[0]
    brows, eyes = slice(0, len(BROWS_68)), slice(len(BROWS_68), len(BROWS_68) + len(EYES_68))
    np.testing.assert_allclose(raised[brows], np.tile([0, -0.05], (10, 1)), atol=1e-6)
    np.testing.assert_allclose(raised[eyes], 0, atol=1e-9)
    np.testing.assert_allclose(shut[brows], 0, atol=1e-9)
    corners = [EYES_68.index(c) for c in (33, 133, 362, 263)]
    assert np.abs(shut[eyes][corners]).max() < 1e-9
    lids = np.delete(shut[eyes], corners, axis=0)
    assert (np.abs(lids[:, 1]) > 0.01).all()


@pytest.mark.parametrize(("times", "expected"), [([], 0), ([20], 1), ([10, 40, 70], 3), ([0], 1), ([97], 1)])
def test_blinks_are_counted(times, expected):
    eyes = np.full(100, 0.4)
    for time in times:
        eyes[time : time + 4] = (0.2, 0.1, 0.12, 0.3)[: len(eyes[time : time + 4])]
    landmarks = faces(eyes=eyes)
    assert blink_rate(landmarks, 25) == pytest.approx(expected * 15)  # in 4 seconds
    assert blink_rate(landmarks, 50) == pytest.approx(expected * 30)


def test_eyes_that_flutter_while_shut_blink_once():
    eyes = np.full(50, 0.4)
    eyes[20:30] = (0.1, 0.28, 0.1, 0.28, 0.1, 0.28, 0.1, 0.28, 0.1, 0.28)  # less than half open in between
    assert blink_rate(faces(eyes=eyes), 25) == pytest.approx(30)


@pytest.mark.parametrize("fps", [0, -1, float("nan")])
def test_bad_rates(fps):
    with pytest.raises(EmoError, match="fps"):
        blink_rate(made_face()[None], fps)
