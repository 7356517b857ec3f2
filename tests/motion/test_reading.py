"""Motion read from a video."""

import numpy as np
import pytest

from emo.errors import EmoWarning, VideoError
from emo.media import VideoWriter
from emo.motion import CONTROLS, MotionTrack, read_landmarks


@pytest.fixture(scope="module")
def told() -> MotionTrack:
    time = np.linspace(0, 2 * np.pi, 12)
    return MotionTrack.rest(12, 12.5).set(yaw=10 * np.sin(time), jaw=0.4 + 0.4 * np.cos(time))


@pytest.fixture(scope="module")
def video(tmp_path_factory, animator, appearance, told):
    path = tmp_path_factory.mktemp("video") / "talker.mp4"
    frames = animator.render(appearance, told.values)
    with VideoWriter(path, 12.5) as writer:
        writer.write(np.concatenate([frames[:6], np.zeros_like(frames[:2]), frames[6:]]))
        writer.finish()
    return path


def test_a_video_is_read_and_its_gaps_counted(video, told):
    with pytest.warns(EmoWarning, match="no face in 2 of 14 frames"):
        track = MotionTrack.from_video(video)
    assert (len(track), track.fps, track.space) == (14, told.fps, CONTROLS)
    kept = [*range(6), *range(8, 14)]
    for name in ("yaw", "jaw"):
        assert np.corrcoef(track[name][kept], told[name])[0, 1] > 0.95
    assert track["yaw"][6].item() == pytest.approx((2 * track["yaw"][5] + track["yaw"][8]).item() / 3, abs=0.3)
    assert track["scale"].median() == pytest.approx(1, abs=1e-3)


def test_a_turn_is_no_shift(appearance):
    """Heads turn about their necks: a face that looks aside has not moved."""
    head = appearance.head
    place = []
    for yaw in (-12.0, 0.0, 12.0):
        row = dict(zip(CONTROLS.names, MotionTrack.rest(1, 25).set(yaw=yaw).values.double().numpy().T, strict=True))
        place.append(head.place(head.points[None], head.turn(row))[0])
    read = read_landmarks(np.stack(place))
    assert np.ptp(read[:, CONTROLS.names.index("yaw")].numpy()) == pytest.approx(24, abs=1)
    assert np.ptp(np.stack(place)[:, 1, 0]) > 10  # pixels by which the nose moves
    assert read[:, CONTROLS.names.index("tx")].abs().max() < 0.02


def test_what_is_no_video(tmp_path):
    with pytest.raises(VideoError):
        MotionTrack.from_video(tmp_path / "none.mp4")
