"""Frames enlarged by networks: how, where in a video's making, and which files are refused."""

import json
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tiny import noise, tiny_pipeline
from torch.nn.functional import interpolate

from emo.cli.main import main
from emo.errors import OptionError, OutputError, ResumeError, WeightsError
from emo.generation import ResumePoint, fingerprint, write_video
from emo.generation.write import resume_path
from emo.media import VideoReader, read_origin
from emo.upscale import load_upscaler

QUICK = {"num_inference_steps": 1, "audio_guidance_scale": 1}


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (30, 42, 3), np.uint8)


@pytest.fixture
def stream(portrait):
    """`stream(**options)`: of a small pipeline, 0.4 s."""
    pipe = tiny_pipeline()
    pipe.set_progress_bar_config(disable=True)

    def open_stream(**options):
        generator = torch.Generator().manual_seed(0)
        return pipe.stream(portrait, noise(0.4), **QUICK, generator=generator, output_type="uint8", **options)

    return open_stream


def test_a_swin2sr_enlarges_as_the_library_does(swin2sr, frame):
    from transformers import Swin2SRForImageSuperResolution

    upscaler = load_upscaler(str(swin2sr))
    assert (upscaler.factor, upscaler.architecture, upscaler.name) == (2, "Swin2SR", "tiny-x2")
    network = Swin2SRForImageSuperResolution.from_pretrained(swin2sr).eval()
    with torch.no_grad():
        whole = np.pad(frame, ((0, 2), (0, 2), (0, 0)), mode="edge")  # to multiples of its windows
        pictures = torch.from_numpy(whole).permute(2, 0, 1)[None] / 255
        expected = network(pictures).reconstruction[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255
    assert upscaler(frame).shape == (60, 84, 3)
    np.testing.assert_allclose(upscaler(frame), expected[:60, :84], atol=0.51)


def test_a_file_enlarges_as_spandrel_does(compact, frame, spandrel):
    upscaler = load_upscaler(str(compact))
    assert (upscaler.factor, upscaler.architecture) == (2, "RealESRGAN Compact")
    model = spandrel.ModelLoader().load_from_file(compact)
    with torch.no_grad():
        expected = model(torch.from_numpy(frame).permute(2, 0, 1)[None] / 255)[0].permute(1, 2, 0).numpy() * 255
    np.testing.assert_allclose(upscaler(frame), expected.clip(0, 255), atol=0.51)


@pytest.mark.parametrize(("size", "expected"), [(None, (60, 84)), (64, (64, 90)), (90, (90, 126))])
def test_the_shorter_side_is_as_asked(swin2sr, frame, size, expected):
    upscaler = load_upscaler(str(swin2sr), size=size)
    assert upscaler.frame_size(30, 42) == expected
    assert upscaler(frame).shape[:2] == expected


def test_a_size_without_sense_is_refused(swin2sr):
    with pytest.raises(OptionError, match="upscale_size is 8; it must be at least 64"):
        load_upscaler(str(swin2sr), size=8)


def test_fingerprints_tell_weights_and_sizes_apart(swin2sr, tmp_path):
    one = load_upscaler(str(swin2sr))
    assert one.fingerprint() == load_upscaler(str(swin2sr)).fingerprint()
    assert one.fingerprint() != one.sized(90).fingerprint()
    next(iter(one.weights.values())).add_(1)
    assert one.fingerprint() != load_upscaler(str(swin2sr)).fingerprint()


def test_whole_frames_are_enlarged_after_the_face_is_pasted_back(swin2sr, stream, tmp_path):
    real = load_upscaler(str(swin2sr))
    upscaler = replace(real, network=lambda pictures: interpolate(pictures, scale_factor=2))  # quick at this size
    seen = []

    class Watched:
        frame_size, fingerprint, record = upscaler.frame_size, upscaler.fingerprint, upscaler.record

        def __call__(self, frame):
            seen.append(frame.shape)
            return upscaler(frame)

    made = stream(paste_back=True)
    write_video(made, tmp_path / "out.mp4", fingerprint=fingerprint(made, 0), upscaler=Watched())
    assert seen == [(512, 512, 3)] * 10
    with VideoReader(tmp_path / "out.mp4") as video:
        assert (video.num_frames, video.height, video.width) == (10, 1024, 1024)
    record = read_origin(tmp_path / "out.mp4")["upscale"]
    assert (record["name"], record["architecture"], record["factor"]) == ("tiny-x2", "Swin2SR", 2)


def test_an_interrupted_video_goes_on_with_the_same_network_alone(swin2sr, stream, tmp_path):
    upscaler, path = load_upscaler(str(swin2sr)), tmp_path / "out.mp4"
    made = stream()
    write_video(made, tmp_path / "whole.mp4", fingerprint=fingerprint(made, 0), upscaler=upscaler)

    def failing(clip):
        if clip.index == 1:
            raise KeyboardInterrupt
        yield from clip.each()

    made = stream()
    with pytest.raises(KeyboardInterrupt):
        write_video(made, path, fingerprint=fingerprint(made, 0), upscaler=upscaler, frames_of=failing)
    point = ResumePoint.load(resume_path(path))
    rest = stream(resume_from=point.state)
    for other in (None, upscaler.sized(80)):
        with pytest.raises(ResumeError, match=r"other settings \(upscale\)"):
            write_video(rest, path, fingerprint=fingerprint(rest, 0), resume=point, upscaler=other)
    write_video(rest, path, fingerprint=fingerprint(rest, 0), resume=point, upscaler=upscaler)
    assert path.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_frames_that_get_too_large_are_refused_before_any_work(swin2sr, stream, tmp_path):
    upscaler = load_upscaler(str(swin2sr)).sized(20_000)
    made = stream()
    with pytest.raises(OutputError, match="20000 x 20000 pixels do not fit"):
        write_video(made, tmp_path / "out.mp4", fingerprint=fingerprint(made, 0), upscaler=upscaler)
    assert list(tmp_path.iterdir()) == []


def test_the_command_enlarges_and_says_where_it_cannot(swin2sr, portrait, tmp_path, capfd):
    tiny_pipeline().save_pretrained(tmp_path / "model")
    Image.fromarray(portrait).save(tmp_path / "portrait.png")
    samples, rate = noise(0.4)
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((1, 2, rate, len(samples), "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    place, out = str(tmp_path), str(tmp_path / "out.mp4")
    command = ["generate", f"{place}/portrait.png", f"{place}/sound.wav", "-o", out, "--model", f"{place}/model"]
    command += ["--steps", "1", "--audio-guidance", "1"]
    assert main([*command, "--upscale", str(swin2sr), "--upscale-size", "96"]) == 0
    with VideoReader(out) as video:
        assert (video.height, video.width) == (96, 96)
    assert main(["inspect", out]) == 0
    assert "enlarged by: tiny-x2, Swin2SR, 2 times" in capfd.readouterr().out
    first = Path(out).rename(tmp_path / "first.mp4")
    assert main([*command, "--like", str(first)]) == 0
    assert "was enlarged by tiny-x2; give --upscale" in capfd.readouterr().err
    assert main([*command, "--upscale-size", "96"]) == 2
    assert "--upscale-size does nothing without --upscale" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("model.pth", "may be a pickle file; those are never loaded"),
        ("model.txt", "is no file of safetensors"),
        ("empty.safetensors", "is empty"),
        ("nothing.safetensors", "does not exist"),
        ("nothing", "does not exist; give a file of safetensors"),
    ],
)
def test_other_files_are_refused(tmp_path, name, problem):
    (tmp_path / "model.pth").write_bytes(b"\x80\x02cos\nsystem\n")
    (tmp_path / "model.txt").write_text("no model")
    (tmp_path / "empty.safetensors").touch()
    with pytest.raises((OptionError, WeightsError), match=problem):
        load_upscaler(str(tmp_path / name))


def test_files_that_are_no_such_network_are_refused(spandrel, tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="of no architecture that spandrel knows"):
        load_upscaler(str(tmp_path / "other.safetensors"))
    (tmp_path / "damaged.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(WeightsError, match="damaged"):
        load_upscaler(str(tmp_path / "damaged.safetensors"))


def test_folders_of_other_models_and_of_pickles_are_refused(swin2sr, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(WeightsError, match="a bert; give a folder or Hub name of a Swin2SR"):
        load_upscaler(str(tmp_path))
    (tmp_path / "config.json").write_bytes(Path(swin2sr / "config.json").read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"safetensors"):
        load_upscaler(str(tmp_path))
