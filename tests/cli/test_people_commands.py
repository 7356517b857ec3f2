"""`emo generate` of several people, and `emo dub`."""

import numpy as np
import pytest
from cli_files import frames_of, write_wav
from PIL import Image
from tiny import tiny_vasa

from emo.media import AudioTrack, VideoWriter, read_origin


@pytest.fixture(scope="module")
def vasa(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny-vasa"
    tiny_vasa().save_pretrained(path)
    return path


@pytest.fixture
def two(tmp_path, portrait):
    """A picture of two faces."""
    one = portrait[:320, 60:380]
    Image.fromarray(np.concatenate([one, one[:, ::-1]], 1)).save(tmp_path / "two.png")
    return tmp_path / "two.png"


@pytest.fixture
def people(command, vasa, two, tmp_path):
    """`people(*options)` -> exit status, output, errors."""
    return lambda *options: command(
        "generate", two, "-o", tmp_path / "out.mp4", "--model", vasa, "--steps", 1, *options
    )


@pytest.fixture
def sounds(tmp_path):
    return write_wav(tmp_path / "a.wav", 0.6), write_wav(tmp_path / "b.wav", 0.3)


def test_each_face_has_its_sound(people, sounds, command, tmp_path):
    options = ("--face", 1, "--audio", sounds[0], "--face", 2, "--audio", sounds[1])
    status, out, err = people(*options)
    assert status == 0, err
    assert "out.mp4: 15 frames, 0.60 s of video" in out
    assert frames_of(tmp_path / "out.mp4").shape == (15, 320, 640, 3)
    assert AudioTrack.open(tmp_path / "out.mp4").duration == pytest.approx(0.6, abs=0.03)
    assert read_origin(tmp_path / "out.mp4")["faces"] == [1, 2]
    assert "faces: 1,2" in command("inspect", tmp_path / "out.mp4")[1].splitlines()


def test_interrupted_and_resumed_equals_uninterrupted(people, sounds, tmp_path, interrupted):
    options = ("--face", 2, "--audio", sounds[0], "--face", 1)
    assert people(*options)[0] == 0
    whole = (tmp_path / "out.mp4").read_bytes()
    with interrupted():
        assert people(*options)[0] == 130
    status, _, err = people("--face", 2, "--audio", sounds[1], "--face", 1, "--resume")
    assert (status, "audio" in err) == (2, True), err
    assert people(*options, "--resume")[0] == 0
    assert (tmp_path / "out.mp4").read_bytes() == whole


def test_who_says_what_must_be_clear(people, command, vasa, two, sounds, tmp_path):
    one, other = sounds
    for options, words in (
        (("--face", 1, "--audio", one, "--face", 1, "--audio", other), "--face 1 is given twice"),
        (("--face", 1, "--face", 2), "audio: not given"),
        (("--face", 1, "--audio", one, "--face", 3), "there is no face 3, 2 faces are found"),
        (("--face", 1, "--audio", tmp_path / "gone.wav"), "gone.wav"),
        (("--face", 1, "--audio", one, "--save-motion", tmp_path / "a.safetensors"), "--save-motion is of one face"),
    ):
        status, _, err = people(*options)
        assert (status, len(err.splitlines()), words in err) == (2, 1, True), err
    with pytest.raises(SystemExit):
        people("--audio", one)
    options = ("--face", 1, "--face", 2, "--audio", other, "--model", vasa)
    status, _, err = command("generate", two, one, "-o", tmp_path / "out.mp4", *options)
    assert (status, "who says it is not told" in err) == (2, True), err


def test_a_video_is_dubbed(command, vasa, portrait, sounds, tmp_path):
    video = tmp_path / "face.mp4"
    with VideoWriter(video, 25) as writer:
        writer.write(np.stack([np.roll(portrait[:320, 60:380], shift, axis=1) for shift in range(6)]))
        writer.finish()
    dub = ["dub", video, sounds[0], "-o", tmp_path / "out.mp4", "--model", vasa]
    status, out, err = command(*dub, "--steps", 1)
    assert status == 0, err
    assert "15 frames, 0.60 s of video" in out
    assert frames_of(tmp_path / "out.mp4").shape == (15, 320, 320, 3)
    assert read_origin(tmp_path / "out.mp4")["dubbed"] is True
    for options, words in (
        (("--face", 2), "no face 2"),
        (("-o", video), "one of the inputs"),
        (("--model", "emo-tiny"), "emo dub: EMO makes pictures and no motion"),
    ):
        status, _, err = command(*dub, *options)
        assert (status, len(err.splitlines()), words in err) == (2, 1, True), err
