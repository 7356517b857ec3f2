"""`emo inspect VIDEO` and `emo generate --like VIDEO`."""

import json
import shutil

import numpy as np
import pytest
from cli_files import frames_of, write_wav
from PIL import Image
from tiny import tiny_pipeline

from emo.media import VideoWriter, read_origin


@pytest.fixture
def like(command, model, image, sound, tmp_path):
    """`like(video, *options)`: repeat a video as again.mp4."""

    def like(video, *options, image=image, sound=sound, model=("--model", model)):
        return command("generate", image, sound, "-o", tmp_path / "again.mp4", "--like", video, *model, *options)

    return like


def test_inspect_reads_back_what_generate_says(emo, command, tmp_path):
    assert emo("--seed", 5, "--speed", 0.5, "--face-region", "150,40,330,260")[0] == 0
    status, out, err = command("inspect", tmp_path / "out.mp4")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"{tmp_path}/out.mp4: AI-generated video, 10 frames, 0.40 s, 64x64"
    for line in ("seed: 5", "speed: 0.5", "face_region: 150,40,330,260", "num_inference_steps: 1", "height: default"):
        assert line in lines
    assert any(line.startswith("model: tiny, weights ") for line in lines)
    status, out, _ = command("inspect", tmp_path / "out.mp4", "--json")
    assert json.loads(out) == read_origin(tmp_path / "out.mp4")


def test_inspect_tells_of_masks_and_speeds(emo, command, tmp_path):
    (tmp_path / "speeds.txt").write_text(" ".join(["0.5"] * 9 + ["1.5"]))
    Image.fromarray((np.arange(512)[:, None] < 300).repeat(512, 1)).save(tmp_path / "mask.png")
    assert emo("--face-region", tmp_path / "mask.png", "--speed", tmp_path / "speeds.txt")[0] == 0
    _, out, _ = command("inspect", tmp_path / "out.mp4")
    assert {"face_region: a mask picture", "speed: 10 values, 0.5 to 1.5"} <= set(out.splitlines())


def test_inspect_names_a_video_without_an_origin_and_options_of_the_other_kind(command, tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(np.zeros((5, 64, 64, 3), np.uint8))
        writer.finish()
    status, out, err = command("inspect", tmp_path / "a.mp4")
    assert (status, out) == (2, "")
    assert "a.mp4 says nothing of its origin" in err
    assert command("inspect", tmp_path / "a.mp4", "--frames", 3)[0] == 2
    assert command("inspect", tmp_path, "--json")[0] == 2


@pytest.mark.slow
def test_like_repeats_the_video(emo, like, tmp_path):
    """Frame for frame, from inputs and video alone, with the model's place where it was not the default."""
    (tmp_path / "speeds.txt").write_text(" ".join(["0.5"] * 5 + ["1.5"] * 5))
    Image.fromarray((np.arange(512)[:, None] < 300).repeat(512, 1)).save(tmp_path / "mask.png")
    options = ["--seed", 9, "--eta", 0.5, "--steps", 2, "--paste-back", "--dtype", "bfloat16", "--height", 96]
    assert emo(*options, "--face-region", tmp_path / "mask.png", "--speed", tmp_path / "speeds.txt")[0] == 0
    (tmp_path / "speeds.txt").unlink()
    (tmp_path / "mask.png").unlink()
    status, _, err = like(tmp_path / "out.mp4")
    assert status == 0, err
    assert "emo:" not in err
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()


def test_like_takes_other_inputs_and_options_given_win(emo, like, tmp_path, portrait):
    assert emo("--seed", 9, "--steps", 2, "--paste-back", "--speed", 0.5, "--face-region", "full")[0] == 0
    Image.fromarray(portrait[:400, 40:440]).save(tmp_path / "other.png")
    options = ["--steps", 1, "--no-paste-back", "--speed", "free", "--face-region", "auto"]
    other = write_wav(tmp_path / "other.wav", 0.3)
    status, _, err = like(tmp_path / "out.mp4", *options, image=tmp_path / "other.png", sound=other)
    assert status == 0, err
    first, second = (read_origin(tmp_path / name) for name in ("out.mp4", "again.mp4"))
    assert second["seed"] == first["seed"] == 9
    changed = {"num_inference_steps": 1, "paste_back": False, "speed": None, "face_region": None}
    assert second["options"] == first["options"] | changed
    assert second["inputs"] != first["inputs"]
    assert len(frames_of(tmp_path / "again.mp4")) == 8


def test_values_that_fit_other_inputs_only_are_named(emo, like, tmp_path):
    (tmp_path / "speeds.txt").write_text(" ".join(["0.5"] * 10))
    assert emo("--speed", tmp_path / "speeds.txt")[0] == 0
    status, _, err = like(tmp_path / "out.mp4", sound=write_wav(tmp_path / "other.wav", 0.6))
    assert status == 2
    assert "speed has 10 values, but the video has 15 frames" in err
    assert "--speed came from" in err
    assert "out.mp4" in err


def test_other_weights_are_said_and_missing_ones_asked_for(emo, like, command, image, sound, tmp_path):
    assert emo()[0] == 0
    tiny_pipeline(seed=1).save_pretrained(tmp_path / "other")
    status, _, err = like(tmp_path / "out.mp4", model=("--model", tmp_path / "other"))
    assert status == 0
    assert "out.mp4 was made with other weights than these" in err
    status, _, err = like(tmp_path / "out.mp4", model=())
    assert status == 2
    assert "local model 'tiny'" in err
    assert "--model" in err


def test_a_model_named_from_here_is_found_again(emo, like, model, tmp_path, monkeypatch):
    shutil.copytree(model, tmp_path / "models" / "mine")
    monkeypatch.chdir(tmp_path)
    assert emo("--model", "models/mine")[0] == 0
    status, _, err = like("out.mp4", model=())
    assert status == 0, err
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()


def test_like_needs_a_video_that_says_its_origin_and_is_not_the_output(
    like, tmp_path, sound, emo, command, image, model
):
    status, _, err = like(sound)
    assert status == 2
    assert "sound.wav" in err
    assert emo()[0] == 0
    before = (tmp_path / "out.mp4").read_bytes()
    status, _, err = command("generate", image, sound, "-o", tmp_path / "out.mp4", "--like", tmp_path / "out.mp4")
    assert status == 2
    assert "one of the inputs" in err
    assert (tmp_path / "out.mp4").read_bytes() == before


def test_interrupted_and_resumed_says_the_same(emo, tmp_path, interrupted):
    assert emo("--seed", 4)[0] == 0
    whole = (tmp_path / "out.mp4").read_bytes()
    (tmp_path / "out.mp4").unlink()
    with interrupted():
        assert emo("--seed", 4)[0] == 130
    assert emo("--seed", 4, "--resume")[0] == 0
    assert (tmp_path / "out.mp4").read_bytes() == whole
    assert read_origin(tmp_path / "out.mp4")["seed"] == 4
