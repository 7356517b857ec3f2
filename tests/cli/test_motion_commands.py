"""`emo generate` with a model that makes motion, `emo drive`, and `emo inspect` of a saved motion."""

import json
import shutil

import numpy as np
import pytest
import torch
from cli_files import frames_of
from PIL import Image
from tiny import tiny_vasa

from emo.cli.arguments import with_values
from emo.media import read_origin
from emo.motion import MotionTrack
from emo.pipelines.vasa_motion import MotionSampler


@pytest.fixture(scope="session")
def vasa(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny-vasa"
    tiny_vasa().save_pretrained(path)
    return path


@pytest.fixture
def generate(command, vasa, image, sound, tmp_path):
    """`generate(*options, output=…)` → exit status, output, errors."""

    def run(*options, output=tmp_path / "out.mp4", image=image, sound=sound, steps=("--steps", 1)):
        return command("generate", image, sound, "-o", output, "--model", vasa, *steps, *options)

    return run


@pytest.fixture
def track(tmp_path):
    path = tmp_path / "nod.safetensors"
    MotionTrack.rest(12, 30).set(pitch=torch.linspace(0, 10, 12)).save(path)
    return path


def test_numbers_may_begin_with_a_minus():
    line = ["a.png", "--gaze", "-0.4,0", "--pose", "-10,5,-2", "--face", "2", "--gaze=-1,0", "-1,2", "--debug"]
    assert with_values(line) == [
        *("a.png", "--gaze=-0.4,0", "--pose=-10,5,-2", "--face", "2", "--gaze=-1,0", "-1,2", "--debug")
    ]


@pytest.fixture
def windows(monkeypatch):
    """A list that grows with every window that is generated."""
    window, made = MotionSampler.window, []
    monkeypatch.setattr(MotionSampler, "window", lambda *given: made.append(given) or window(*given))
    return made


def test_options_reach_the_video_and_its_motion_is_saved(generate, command, windows, tmp_path):
    saved = tmp_path / "track.safetensors"
    options = ["--gaze", "-0.4,0", "--emotion", "happy:0.5", "--distance", 1.5, "--pose", "-10,0,0", "--fps", 30]
    status, out, err = generate(*options, "--save-motion", saved, "--seed", 4)
    assert status == 0, err
    assert "out.mp4: 12 frames, 0.40 s of video" in out
    said = read_origin(tmp_path / "out.mp4")["options"]
    assert (said["gaze"], said["emotion"], said["pose"]) == ([-0.4, 0], {"happy": 0.5}, [-10, 0, 0])
    track = MotionTrack.load(saved)
    assert (len(track), track.fps, len(windows)) == (10, 25, 2)
    assert torch.equal(track["yaw"], torch.full((10,), -10.0))
    status, out, err = generate("--motion", saved, "--fps", 30, output=tmp_path / "again.mp4", steps=())
    assert status == 0, err
    np.testing.assert_array_equal(frames_of(tmp_path / "again.mp4"), frames_of(tmp_path / "out.mp4"))
    shown = command("inspect", tmp_path / "out.mp4")[1].splitlines()
    assert {"emotion: happy:0.5", "gaze: -0.4,0", "pose: -10,0,0"} <= set(shown)
    assert "motion: a motion at 25 frames per second" in command("inspect", tmp_path / "again.mp4")[1]


def test_like_repeats_a_motion_from_the_video_alone(generate, track, tmp_path):
    assert generate("--pose", track, "--seed", 3)[0] == 0
    track.unlink()
    status, _, err = generate("--like", tmp_path / "out.mp4", output=tmp_path / "again.mp4")
    assert status == 0, err
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()


def test_options_that_do_nothing_to_a_given_motion_are_refused(generate, track):
    for options, steps, flag in (
        ((), ("--steps", 1), "steps"),
        (("--fps", 30, "--gaze", "0,0"), (), "gaze"),
        (("--seed", 0), (), "seed"),
    ):
        status, _, err = generate("--motion", track, *options, steps=steps)
        assert (status, len(err.splitlines())) == (2, 1), err
        assert f"--{flag} does nothing where --motion is given; leave one of them out" in err
    assert generate("--motion", track, "--pose", "5,0,0", steps=())[0] == 0


def test_jobs_of_a_batch_take_a_motion(command, vasa, image, sound, track, tmp_path):
    output, jobs = tmp_path / "out.mp4", tmp_path / "jobs.jsonl"
    job = {"portrait": str(image), "audio": str(sound), "output": str(output), "motion": str(track)}
    jobs.write_text(json.dumps(job) + "\n", encoding="utf-8")
    status, out, err = command("generate", "--batch", jobs, "--model", vasa)
    assert status == 0, err
    assert "1 made, 0 finished before" in out
    jobs.write_text(json.dumps({**job, "seed": 3}) + "\n", encoding="utf-8")
    status, _, err = command("generate", "--batch", jobs, "--model", vasa)
    assert (status, "--seed does nothing where --motion is given" in err) == (2, True), err


def test_interrupted_and_resumed_equals_uninterrupted(generate, tmp_path, interrupted):
    assert generate("--fps", 30)[0] == 0
    whole = (tmp_path / "out.mp4").read_bytes()
    with interrupted():
        assert generate("--fps", 30)[0] == 130
    status, _, err = generate("--fps", 30, "--resume", "--gaze", "free")
    assert (status, "gaze" in err) == (2, True)
    saved, again = (tmp_path / f"{name}.safetensors" for name in ("track", "again"))
    assert generate("--fps", 30, "--resume", "--save-motion", saved)[0] == 0
    assert (tmp_path / "out.mp4").read_bytes() == whole
    assert generate("--fps", 30, "--save-motion", again)[0] == 0
    assert MotionTrack.load(saved) == MotionTrack.load(again)


def test_a_portrait_is_driven(command, vasa, image, sound, track, tmp_path):
    driven = ["drive", image, track, "-o", tmp_path / "out.mp4", "--model", vasa]
    status, out, err = command(*driven)
    assert status == 0, err
    assert "12 frames, 0.40 s of video" in out
    assert read_origin(tmp_path / "out.mp4")["seed"] == 0
    status, _, err = command(*driven, "--audio", sound, "--parts", "pose,gaze", "--steps", 1, "--seed", 2)
    assert status == 0, err
    assert len(frames_of(tmp_path / "out.mp4")) == 10
    for options, words in (
        (["--audio", sound, "--parts", "ears"], "motion has no 'ears'"),
        (["--audio", sound, "--parts", "pose,"], "--parts pose,: write names"),
        (["--parts", "pose"], "no sound for the others"),
        (["--audio", tmp_path / "gone.wav"], "gone.wav"),
        (["--steps", 1], "--steps does nothing where all follows the video; leave it out, or give --parts"),
        (["--gaze", "0,0", "--fps", 30], "--gaze does nothing"),
        (["--seed", 0], "--seed does nothing"),
    ):
        status, _, err = command(*driven, *options)
        assert (status, len(err.splitlines()), words in err) == (2, 1, True), err


def test_a_video_drives_with_its_own_sound(generate, command, vasa, image, tmp_path):
    video = tmp_path / "face.mp4"
    assert generate("--pose", "0,0,0", output=video)[0] == 0
    status, out, err = command("drive", image, video, "-o", tmp_path / "out.mp4", "--model", vasa)
    assert status == 0, err
    assert "10 frames" in out
    status, _, err = command("drive", image, video, "-o", video, "--model", vasa)
    assert (status, "one of the inputs" in err) == (2, True)


def test_what_a_model_does_not_do_is_said_in_a_line(emo, generate, command, model, image, track, tmp_path):
    def refused(result, words):
        assert (result[0], len(result[2].splitlines()), words in result[2]) == (2, 1, True), result[2]

    refused(emo("--save-motion", tmp_path / "track.safetensors"), "--save-motion: EMO makes pictures and no motion")
    refused(command("drive", image, track, "-o", tmp_path / "o.mp4", "--model", model), "emo drive: EMO makes")
    refused(generate("--save-motion", tmp_path / "track.npz"), "ends in .safetensors")
    refused(generate("--save-motion", tmp_path / "none" / "a.safetensors"), "there is no folder")
    refused(generate("--save-motion", track, "--pose", track), "one of the inputs")
    refused(generate("--attention", "native"), "--attention: this model has kernels of its own")
    refused(generate("--speed", 1), "--speed is no option of this model")
    refused(generate("--emotion", "sad"), "knows no emotion 'sad'; it knows happy, angry")
    refused(generate("--gaze", "up"), "gaze 'up'")
    refused(generate("--motion", tmp_path / "gone.safetensors"), "no such file")
    refused(command("generate", image, track, "-o", tmp_path / "o.mp4", "--model", "vasa-huge"), "emo-tiny")
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    refused(generate(image=tmp_path / "grey.png"), "no face")
    assert "region" not in generate(image=tmp_path / "grey.png")[2]
    assert not (tmp_path / "out.mp4").exists()


def test_a_recording_by_another_name(generate, sound, tmp_path):
    shutil.copy(sound, tmp_path / "sound.mp3")
    assert generate(sound=tmp_path / "sound.mp3")[0] == 0


def test_inspect_prints_and_draws_a_motion(command, track, tmp_path):
    status, out, err = command("inspect", track)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"{track}: motion, 12 frames, 0.40 s, 30 frames per second"
    assert lines[1].startswith("pose: yaw 0.00 +- 0.00 (0.00 to 0.00); pitch 5.00 +- 3.14 (0.00 to 10.00); roll")
    assert lines[-1] == str(tmp_path / "nod.png")
    assert Image.open(tmp_path / "nod.png").size[0] == 1000
    assert command("inspect", track, "--out", tmp_path / "other.png")[0] == 0
    assert (tmp_path / "other.png").read_bytes() == (tmp_path / "nod.png").read_bytes()
    (tmp_path / "wrong.safetensors").write_bytes(b"no motion")
    for options, words in (
        ([track, "--json"], "--json"),
        ([track, "--frames", 3], "--frames"),
        ([track, "--out", tmp_path / "a.pdf"], ".png"),
        ([tmp_path / "wrong.safetensors"], "wrong.safetensors"),
    ):
        status, _, err = command("inspect", *options)
        assert (status, len(err.splitlines()), words in err) == (2, 1, True), err
