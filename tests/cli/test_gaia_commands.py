"""The commands take a GAIA folder wherever they take one of VASA-1's, and refuse what it has not in a line."""

import json
import os
import sys
from types import SimpleNamespace

import pytest
from cli_files import frames_of
from made_videos import talker, write_video
from tiny import noise, tiny_gaia

from emo.media import read_origin
from emo.motion import MotionTrack


@pytest.fixture(scope="session")
def gaia(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "gaia"
    tiny_gaia().save_pretrained(path)
    return path


@pytest.fixture
def generate(command, gaia, image, sound, tmp_path):
    """`generate(*options, output=…)` → exit status, output, errors."""

    def run(*options, output=tmp_path / "out.mp4", steps=("--steps", 1)):
        return command("generate", image, sound, "-o", output, "--model", gaia, *steps, *options)

    return run


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("talk") / "talk.mp4", *talker(0.8)[:2])


def test_a_video_and_its_motion_are_made_and_drawn_again(generate, command, talk, tmp_path):
    saved = tmp_path / "motion.safetensors"
    status, out, err = generate("--pose", talk, "--eta", 0.5, "--save-motion", saved, "--fps", 25)
    assert status == 0, err
    assert "10 frames, 0.40 s of video" in out
    said = read_origin(tmp_path / "out.mp4")["options"]
    assert (said["eta"], said["audio_guidance_scale"]) == (0.5, 1.0)
    assert "landmark_parts: eyes,brows,nose,outline" in command("inspect", tmp_path / "out.mp4")[1]
    assert generate("--motion", saved, output=tmp_path / "again.mp4", steps=())[0] == 0
    assert (frames_of(tmp_path / "again.mp4") == frames_of(tmp_path / "out.mp4")).all()
    assert generate("--like", tmp_path / "out.mp4", output=tmp_path / "like.mp4")[0] == 0
    assert (frames_of(tmp_path / "like.mp4") == frames_of(tmp_path / "out.mp4")).all()
    assert "eta: 0.5" in command("inspect", tmp_path / "out.mp4")[1]


def test_interrupted_and_resumed_equals_uninterrupted_and_so_does_its_motion(generate, tmp_path, interrupted):
    assert generate()[0] == 0
    whole = (tmp_path / "out.mp4").read_bytes()
    with interrupted():
        assert generate()[0] == 130
    saved, again = (tmp_path / f"{name}.safetensors" for name in ("track", "again"))
    status, _, err = generate("--resume", "--save-motion", saved)
    assert status == 0, err
    assert (tmp_path / "out.mp4").read_bytes() == whole
    assert generate("--save-motion", again)[0] == 0
    assert MotionTrack.load(saved) == MotionTrack.load(again)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--gaze", "0,0"], "--gaze is no option of this model; give --model one of VASA's, which have it"),
        (["--emotion", "happy"], "--emotion is no option of this model"),
        (["--reference-guidance", 2], "--reference-guidance is no option of this model; give --model one of EMO's"),
        (["--storage", "float8"], "--storage is for EMO's models"),
        (["--offload", "group"], "--offload is for EMO's models"),
        (["--width", 80, "--height", 64], "80 x 64 pixels: GAIA's autoencoder draws square ones"),
    ],
)
def test_what_it_has_not_is_refused_in_a_line(generate, options, words):
    status, _, err = generate(*options)
    assert (status, len(err.splitlines())) == (2, 1), err
    assert words in err


def test_a_portrait_is_driven(command, gaia, image, talk, tmp_path):
    driven = ["drive", image, talk, "-o", tmp_path / "out.mp4", "--model", gaia]
    status, out, err = command(*driven)
    assert status == 0, err
    assert "20 frames, 0.80 s of video" in out
    for options, words in (
        (["--parts", "pose"], "parts: a motion of this model is one latent of the whole face"),
        (["--pose", "1,2,3"], "pose does nothing where a motion is given"),
        (["--steps", 1], "--steps does nothing where all follows the video"),
        (["--gaze", "0,0"], "--gaze is no option of this model"),
    ):
        status, _, err = command(*driven, *options)
        assert (status, len(err.splitlines())) == (2, 1), err
        assert words in err


def test_it_is_told_of_and_made_by_name(command, gaia, tmp_path):
    status, out, err = command("inspect", gaia)
    assert status == 0, err
    lines = out.splitlines()
    assert lines[0].startswith(f"{gaia}: GAIA, GAIAPipeline, ")
    assert "Sequences of 12 frames, of which 8 are new, at 25 frames per second" in lines
    assert any(line.startswith("vae: MotionAppearanceVAE, ") for line in lines)
    assert "(4.2)" in next(line for line in lines if line.startswith("pose_predictor: PosePredictor, "))
    status, out, err = command("init", "--config", "gaia-tiny", "--out", tmp_path / "made")
    assert status == 0, err
    assert json.loads((tmp_path / "made" / "model_index.json").read_text())["vae"] == ["emo", "MotionAppearanceVAE"]


def test_reports_are_made_of_it(command, gaia, image, sound, tmp_path):
    faces, sounds, talks = (tmp_path / name for name in ("faces", "sounds", "talks"))
    for folder, file in ((faces, image), (sounds, sound)):
        folder.mkdir()
        (folder / file.name).write_bytes(file.read_bytes())
    talks.mkdir()
    for person in (0, 1):
        frames, samples, _ = talker(1.2, person=person)
        write_video(talks / f"{person}.mp4", frames, samples)
    small = ["--steps", 1, "--device", "cpu"]
    status, _, err = command(
        *("evaluate", "lips", "--model", gaia, "--real", talks, "--out", tmp_path / "lips", "--clips", 2),
        *("--seconds", 1, "--workers", 1, *small),
    )
    assert status == 0, err
    status, _, err = command(
        *("evaluate", "portraits", gaia, "--portraits", faces, "--sounds", sounds, "--out", tmp_path / "portraits"),
        *("--people", 1, "--seconds", 1, "--long", 0, *small),
    )
    assert status == 0, err


def test_it_talks_while_somebody_speaks(command, gaia, image, tmp_path, monkeypatch):
    said = (noise(0.8)[0] * 32767).astype("<i2").tobytes()
    read, write = os.pipe()
    os.write(write, said)
    os.close(write)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False, fileno=lambda: read))
    options = ["--steps", 1, "--pose", "5,0,0", "-o", tmp_path / "out.mp4"]
    status, _, err = command("live", image, "--stdin", *options, "--model", gaia)
    os.close(read)
    assert status == 0, err
    assert len(frames_of(tmp_path / "out.mp4")) == 20
    assert read_origin(tmp_path / "out.mp4")["options"]["running_normalization"] is True


@pytest.fixture(scope="session")
def controlled(tmp_path_factory):
    """A model that generates landmarks and understands sentences."""
    path = tmp_path_factory.mktemp("model") / "controlled"
    tiny_gaia(landmarks=True, sentences=("please smile",)).save_pretrained(path)
    return path


def test_landmarks_and_sentences_control_it(command, controlled, image, sound, talk, tmp_path):
    def generate(*options):
        steps = ("--steps", 1, "--restart")
        return command(
            *("generate", image, sound, "-o", tmp_path / "out.mp4", "--model", controlled), *steps, *options
        )

    status, _, err = generate("--landmarks", talk, "--landmark-parts", "eyes,brows", "--pose", talk)
    assert status == 0, err
    assert read_origin(tmp_path / "out.mp4")["options"]["landmark_parts"] == ["eyes", "brows"]
    assert "landmarks: a motion at 25 frames per second" in command("inspect", tmp_path / "out.mp4")[1]
    status, _, err = command(
        *("generate", image, sound, "-o", tmp_path / "like.mp4", "--like", tmp_path / "out.mp4"),
        *("--model", controlled),
    )
    assert status == 0, err
    assert (frames_of(tmp_path / "like.mp4") == frames_of(tmp_path / "out.mp4")).all()
    status, _, err = generate("--instruction", "please smile")
    assert status == 0, err
    assert "instruction: please smile" in command("inspect", tmp_path / "out.mp4")[1]
    for options, words in (
        (["--landmark-parts", "eyes"], "does nothing without landmarks"),
        (["--landmarks", tmp_path / "gone.mp4"], "gone.mp4: no such file"),
        (["--instruction", "smile", "--pose", "1,2,3"], "pose: an instruction says what is done, too"),
    ):
        status, _, err = generate(*options)
        assert (status, len(err.splitlines())) == (2, 1), err
        assert words in err
    shown = command("inspect", controlled)[1]
    assert "text_encoder: CLIPTextModelWithProjection, " in shown
    assert "landmark_denoiser: MotionConformer, " in shown


def test_what_a_plain_model_does_not_generate_is_refused(generate, talk):
    for options, words in (
        (["--landmarks", talk], "landmarks: this model generates none"),
        (["--instruction", "smile"], "instruction: this model understands no sentences"),
    ):
        status, _, err = generate(*options)
        assert (status, len(err.splitlines())) == (2, 1), err
        assert words in err
