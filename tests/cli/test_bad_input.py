"""Bad input: one line that names the file and what to do, status 2, and nothing lost or half written."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_files import frames_of, write_wav
from PIL import Image

from emo.media import VideoWriter


@pytest.fixture
def refused(emo, tmp_path):
    """Run with bad input; checks what holds for all of it and returns the one line."""

    def run(*options, **inputs):
        status, out, err = emo(*options, **inputs)
        line = err.strip().splitlines()[-1]
        assert status == 2, err
        assert out == ""
        assert line.startswith("emo: ")
        assert "Traceback" not in err
        assert not inputs.get("output", tmp_path / "out.mp4").is_file()
        assert not list(tmp_path.glob("*.part")), "a half video was left"
        return line

    return run


def save(path, array):
    Image.fromarray(array).save(path)
    return path


def test_no_face_names_the_picture_and_the_way_on(refused, emo, tmp_path):
    path = save(tmp_path / "cat.png", np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8))
    line = refused(image=path)
    assert "cat.png" in line
    assert "--face-region full" in line
    assert emo("--face-region", "full", image=path)[0] == 0


def test_real_pictures_without_a_face(refused, data):
    for name in ("noface_cat.png", "noface_coffee.png"):
        assert name in refused(image=data / "bad_input" / name)


def test_a_face_cut_off_or_too_small(refused, tmp_path, portrait):
    cut = refused(image=save(tmp_path / "cut.png", portrait[:, :225]))
    assert "cut.png" in cut
    small = Image.fromarray(portrait).resize((256, 256))
    assert "64" in refused(image=save(tmp_path / "small.png", np.asarray(small)))


def test_several_faces_take_the_largest_with_a_note(emo, tmp_path, portrait):
    small = np.asarray(Image.fromarray(portrait).resize((384, 384)))
    both = np.zeros((512, 896, 3), np.uint8)
    both[:384, :384], both[:, 384:] = small, portrait
    path = save(tmp_path / "both.png", both)
    status, _, err = emo(image=path)
    assert status == 0
    note = next(line for line in err.splitlines() if "both.png" in line)
    assert "number 2" in note
    assert "--face" in note
    largest = frames_of(tmp_path / "out.mp4")
    status, _, err = emo("--face", 1, image=path)
    assert status == 0
    assert "both.png" not in err
    assert np.abs(frames_of(tmp_path / "out.mp4").astype(int) - largest).max() > 5


def test_no_such_face(refused):
    assert "no face 3" in refused("--face", 3)


@pytest.mark.parametrize("kind", ["text", "truncated", "empty", "missing", "directory", "bomb"])
def test_no_picture(refused, image, tmp_path, kind, monkeypatch):
    path = tmp_path / "broken.png"
    if kind == "text":
        path.write_text("not a picture")
    elif kind == "truncated":
        path.write_bytes(image.read_bytes()[:5000])
    elif kind == "empty":
        path.touch()
    elif kind == "directory":
        path.mkdir()
    elif kind == "bomb":
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
        shutil.copy(image, path)
    assert "broken.png" in refused(image=path)


@pytest.mark.parametrize("kind", ["text", "empty", "missing", "directory", "nan", "no samples", "short", "no track"])
def test_no_sound(refused, tmp_path, kind):
    path = tmp_path / "broken.wav"
    if kind == "text":
        path.write_text("not a recording")
    elif kind == "empty":
        path.touch()
    elif kind == "directory":
        path.mkdir()
    elif kind == "nan":
        soundfile.write(path, np.full(16000, np.nan, np.float32), 16000, subtype="FLOAT")
    elif kind == "no samples":
        write_wav(path, 0)
    elif kind == "short":
        write_wav(path, 0.03)
    elif kind == "no track":
        path = tmp_path / "broken.mp4"
        with VideoWriter(path, 25) as writer:
            writer.write(np.zeros((5, 64, 64, 3), np.uint8))
            writer.finish()
    assert "broken" in refused(audio=path)


def test_an_mp3_named_wav_silence_and_odd_rates_work(emo, tmp_path):
    samples = np.random.default_rng(0).normal(0, 0.1, (9600, 2)).astype(np.float32)
    soundfile.write(tmp_path / "really.mp3", samples, 48000)
    (tmp_path / "really.mp3").rename(tmp_path / "mp3.wav")
    soundfile.write(tmp_path / "silence.flac", np.zeros((3200, 8), np.float32), 8000)
    for name in ("mp3.wav", "silence.flac"):
        status, _, err = emo(audio=tmp_path / name)
        assert status == 0, err


@pytest.mark.parametrize("where", ["no folder", "directory", "wrong ending", "here"])
def test_output_not_writable(refused, tmp_path, where):
    if where == "no folder":
        path = tmp_path / "none" / "out.mp4"
    elif where == "directory":
        path = tmp_path / "folder.mp4"
        path.mkdir()
    elif where == "here":
        path = Path(".")
    else:
        path = tmp_path / "out.gif"
    assert path.name in refused(output=path)


@pytest.mark.parametrize("file", ["out.mp4.part", "out.mp4.resume.tmp"])
def test_disk_full_keeps_what_was_generated(emo, tmp_path, monkeypatch, file):
    """The second write of the spool, or of the resume point, finds no space."""
    calls, fsync, write_bytes = [], os.fsync, Path.write_bytes

    def no_space_at_the_second():
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    def full_fsync(descriptor):
        no_space_at_the_second()
        fsync(descriptor)

    def full_write_bytes(path, data):
        if path.name == file:
            no_space_at_the_second()
        return write_bytes(path, data)

    with monkeypatch.context() as patch:
        if file.endswith(".part"):
            patch.setattr(os, "fsync", full_fsync)
        else:
            patch.setattr(Path, "write_bytes", full_write_bytes)
        status, _, err = emo()
    assert status == 2
    assert "No space left" in err
    assert "--resume" in err
    assert not (tmp_path / "out.mp4").exists()
    assert emo("--resume")[0] == 0
    assert len(frames_of(tmp_path / "out.mp4")) == 10
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.mp4"]


@pytest.mark.parametrize("which", ["audio", "image"])
def test_an_input_is_never_overwritten(emo, tmp_path, sound, image, which):
    path = (sound if which == "audio" else image).rename(tmp_path / "talk.mp4")
    before = path.read_bytes()
    status, _, err = emo(output=path, **{which: path})
    assert status == 2
    assert "one of the inputs" in err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--model", "/no/such/model"], "/no/such/model"),
        (["--steps", "0"], "1 to 1000"),
        (["--eta", "3"], "eta"),
        (["--guidance-every", "0"], "guidance_every is 0"),
        (["--fast-decoder", "/no/such/decoder"], "/no/such/decoder"),
        (["--height", "60"], "multiples of 8"),
        (["--fps", "0"], "fps"),
        (["--speed", "fast"], "--speed fast"),
        (["--face-region", "1,2,3"], "1,2,3"),
        (["--face-region", "1,2,x,4"], "four numbers"),
        (["--face-region", "10,10,5,5"], "region"),
        (["--device", "gpu"], "--device gpu"),
        (["--attention", "magic"], "--attention magic"),
    ],
)
def test_bad_options_are_named(refused, options, word):
    assert word in refused(*options)


def test_damaged_weights_are_named(emo, model, tmp_path, capfd):
    broken = shutil.copytree(model, tmp_path / "broken")
    (broken / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    status, _, err = emo("--model", broken)
    assert status == 2
    assert "unet" in err
    shutil.rmtree(broken)
    shutil.copytree(model, broken)
    config = json.loads((broken / "unet" / "config.json").read_text())
    (broken / "unet" / "config.json").write_text(json.dumps(config | {"audio_dim": 99}))
    status, _, err = emo("--model", broken)
    assert status == 2
    assert "audio_attn" in err


def test_debug_shows_the_traceback(emo, tmp_path):
    from emo.errors import ImageError

    with pytest.raises(ImageError):
        emo("--debug", image=tmp_path / "none.png")


@pytest.mark.parametrize("side", ["height", "width"])
@pytest.mark.parametrize("value", [0, -64, 60, 16392])
def test_a_size_that_no_video_has_is_named(emo, tmp_path, side, value):
    status, _, err = emo(f"--{side}={value}")
    assert status == 2
    assert f"{side} is {value}; it must be one of the multiples of 8 from 8 to 16384" in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out.mp4").exists()
