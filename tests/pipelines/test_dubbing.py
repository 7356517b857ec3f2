"""A video whose mouth follows another sound, and whose other pixels stay."""

import numpy as np
import pytest
import torch
from made_videos import talker
from tiny import noise, tiny_gaia, tiny_vasa

from emo.errors import FaceError, MotionError, OptionError
from emo.face import track_face
from emo.face.measures import mouth_opening
from emo.face.mesh import OUTER_EYE_CORNERS
from emo.generation import fingerprint
from emo.media import VideoReader, VideoWriter
from emo.motion import MotionTrack
from emo.pipelines.motion_dubbing import DubStream, to_and_fro


@pytest.fixture(scope="module")
def vasa():
    return tiny_vasa()


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """12 frames of somebody who talks, 160 px."""
    path = tmp_path_factory.mktemp("video") / "talk.mp4"
    with VideoWriter(path, 25) as writer:
        writer.write(talker()[0][:12])
        writer.finish()
    return path


@pytest.fixture(scope="module")
def shown(video):
    with VideoReader(video) as reader:
        return reader.read(range(12))


@pytest.fixture
def opens(monkeypatch):
    """The mouth is shut in the first 6 frames and wide open in the others."""
    values = MotionTrack.rest(12, 25).set(jaw=[0.0] * 6 + [0.8] * 6).values.numpy()
    monkeypatch.setattr(DubStream, "mouths", lambda stream: values)


def dub(vasa, video, seconds=0.48, **options):
    given = {"generator": torch.Generator().manual_seed(0), "num_inference_steps": 1, "output_type": "uint8"}
    return vasa.stream_dub(video, noise(seconds), **{**given, **options})


def frames_of(stream) -> np.ndarray:
    return np.concatenate([clip.frames for clip in stream])


def test_the_mouth_follows_and_all_above_the_nose_stays(vasa, video, shown, opens):
    stream = dub(vasa, video)
    frames = frames_of(stream)
    assert frames.shape == shown.shape
    eyes = stream.face.landmarks[:, OUTER_EYE_CORNERS, 1].mean(1)
    for frame, old, level in zip(frames, shown, eyes, strict=True):
        np.testing.assert_array_equal(frame[: round(level) + 2], old[: round(level) + 2])
        np.testing.assert_array_equal(frame[:, :8], old[:, :8])
    opening = mouth_opening(track_face(frames).landmarks)
    assert opening[:6].max() < 0.05
    assert opening[6:].min() > 0.15


def test_the_sound_says_how_long_it_is(vasa, video, shown, monkeypatch):
    monkeypatch.setattr(DubStream, "mouths", lambda stream: np.zeros((stream.num_frames, 14), np.float32))
    assert len(frames_of(dub(vasa, video, 0.2))) == 5
    frames = frames_of(dub(vasa, video, 1.2))
    assert len(frames) == 30
    for number, place in ((11, 11), (12, 10), (22, 0), (23, 1)):
        np.testing.assert_array_equal(frames[number, :40], shown[place, :40])
    assert [to_and_fro(k, 3) for k in range(7)] == [0, 1, 2, 1, 0, 1, 2]
    assert [to_and_fro(k, 1) for k in range(3)] == [0, 0, 0]


def test_it_is_repeated_and_resumed(vasa, video):
    stream = dub(vasa, video, 1.2)
    clips = list(stream)
    assert [len(clip.frames) for clip in clips] == [25, 5]
    rest = dub(vasa, video, 1.2, resume_from=clips[0].state)
    np.testing.assert_array_equal(frames_of(rest), clips[1].frames)
    marks, other = fingerprint(stream, 0), fingerprint(dub(vasa, video, 1.2, num_inference_steps=2), 0)
    assert {name for name in marks if marks[name] != other[name]} == {"num_inference_steps"}


def test_frames_without_a_face_stay(vasa, shown, tmp_path, opens):
    frames = shown.copy()
    frames[3] = 90
    with VideoWriter(tmp_path / "gap.mp4", 25) as writer:
        writer.write(frames)
        writer.finish()
    with pytest.warns(UserWarning, match="no face in 1 of 12 frames, which stay as they are"):
        stream = dub(vasa, tmp_path / "gap.mp4")
    with VideoReader(tmp_path / "gap.mp4") as reader:
        np.testing.assert_array_equal(frames_of(stream)[3], reader.read([3])[0])


def test_what_cannot_be_done_is_said(vasa, video, tmp_path):
    with pytest.raises(MotionError, match="no mouth in named controls"):
        dub(tiny_gaia(), video)
    with pytest.raises(OptionError, match="gaze changes no mouth"):
        dub(vasa, video, gaze=(0, 0))
    with pytest.raises(FaceError, match="no face 2"):
        dub(vasa, video, face=2)
    with VideoWriter(tmp_path / "grey.mp4", 25) as writer:
        writer.write(np.full((3, 120, 160, 3), 90, np.uint8))
        writer.finish()
    with pytest.raises(FaceError, match=r"grey\.mp4 cannot be tracked"):
        dub(vasa, tmp_path / "grey.mp4")
