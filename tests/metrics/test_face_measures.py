import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_faces import made_face, turn

from emo.errors import EmoError
from emo.metrics import blink, brow, eye_opening, gaze, mouth_opening, mouth_width

share = st.floats(0, 0.5)
angle = st.floats(-25, 25)


@settings(max_examples=50, deadline=None)
@given(share, st.floats(0.3, 0.9), share, st.floats(-0.3, 0.3), st.floats(-0.2, 0.2), st.floats(0.1, 0.4),
       angle, angle, st.floats(-180, 180), st.floats(5, 900), st.floats(-2000, 2000))  # fmt: skip
def test_what_is_made_is_measured_wherever_the_head_is(opening, width, eyes, x, y, raised, yaw, pitch, roll, size, at):
    face = made_face(
        opening=opening, width=width, eyes=eyes, gaze=(x, y), brow=raised,
        rotation=turn(yaw, pitch, roll), size=size, place=(at, -at, 3),
    )[None]  # fmt: skip
    measured = [mouth_opening(face), mouth_width(face), eye_opening(face), *gaze(face), brow(face)]
    assert all(values.shape == (1,) and values.dtype == np.float64 for values in measured)
    assert np.concatenate(measured) == pytest.approx([opening, width, eyes, x, y, raised], abs=1e-6)


def test_signs_of_gaze_are_those_of_the_picture():
    x, y = gaze(np.stack([made_face(gaze=(0.2, 0)), made_face(gaze=(0, 0.2))]))
    right = made_face(gaze=(0.2, 0))[468, 0] - made_face()[468, 0]
    up = made_face()[468, 1] - made_face(gaze=(0, 0.2))[468, 1]
    assert right > 0
    assert up > 0
    assert x == pytest.approx([0.2, 0], abs=1e-9)
    assert y == pytest.approx([0, 0.2], abs=1e-9)


@pytest.mark.parametrize("own", [0.2, 0.4])
def test_blink_is_relative_to_the_own_open_eye(own):
    eyes = np.full(40, own)
    eyes[10:13] = own * np.array([0.6, 0.3, 0.65])
    shut = blink(np.stack([made_face(eyes=value) for value in eyes]))
    assert shut[:10] == pytest.approx(np.zeros(10), abs=1e-9)
    assert shut[10:13] == pytest.approx([0.4 / 0.7, 1, 0.5], abs=1e-9)
    assert shut.max() <= 1


def test_a_wide_open_frame_does_not_set_what_open_is():
    eyes = np.full(40, 0.3)
    eyes[5] = 0.6
    assert np.abs(blink(np.stack([made_face(eyes=value) for value in eyes]))).max() < 1e-9


def test_every_frame_is_measured_on_its_own():
    track = np.stack([made_face(opening=value) for value in (0, 0.1, 0.4)]).astype(np.float32)
    assert mouth_opening(track) == pytest.approx([0, 0.1, 0.4], abs=1e-5)
    np.testing.assert_array_equal(mouth_opening(track)[1:2], mouth_opening(track[1:2]))


@pytest.mark.parametrize("measure", [mouth_opening, mouth_width, eye_opening, blink, gaze, brow])
def test_what_is_no_track_of_landmarks_is_refused(measure):
    for wrong in (made_face(), np.empty((0, 478, 3)), np.zeros((2, 468, 3))):
        with pytest.raises(EmoError, match="478, 3"):
            measure(wrong)
    with pytest.raises(EmoError, match="finite"):
        measure(np.full((2, 478, 3), np.nan))
