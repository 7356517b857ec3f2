"""The resume point beside an unfinished output."""

import pytest
import torch
from tiny import noise, tiny_pipeline

from emo.errors import ResumeError, command_words
from emo.generation import ClipState, ResumePoint, fingerprint


@pytest.fixture
def point():
    generator = torch.Generator().manual_seed(3)
    tensors = {"motion_latents": torch.randn(1, 2, 4, 8, 8), "noise": torch.randn(1, 4, 4, 8, 8).flip(1)}
    state = ClipState(7, tensors, generator.get_state())
    return ResumePoint(state, 1234, {"seed": "3"})


def test_round_trip(point, tmp_path):
    point.save(tmp_path / "out.mp4.resume")
    loaded = ResumePoint.load(tmp_path / "out.mp4.resume")
    assert (loaded.state.next_clip, loaded.position, loaded.fingerprint) == (7, 1234, {"seed": "3"})
    assert torch.equal(loaded.state.generator_state, point.state.generator_state)
    assert loaded.state.tensors.keys() == point.state.tensors.keys()
    assert all(torch.equal(tensor, point.state.tensors[name]) for name, tensor in loaded.state.tensors.items())
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4.resume"]


def test_without_a_generator(point, tmp_path):
    ResumePoint(ClipState(1, {"motion_latents": torch.zeros(1, 2, 4, 8, 8)}, None), 1, {}).save(tmp_path / "r")
    state = ResumePoint.load(tmp_path / "r").state
    assert state.generator_state is None
    assert state.tensors.keys() == {"motion_latents"}


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:20], lambda data: b"{}" + data])
def test_a_damaged_file_is_named(point, tmp_path, damage):
    path = tmp_path / "out.mp4.resume"
    point.save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ResumeError, match=r"out\.mp4\.resume") as error:
        ResumePoint.load(path)
    assert error.value.told(command_words).endswith("; start anew with --restart")


def test_changed_settings_are_named(point, tmp_path):
    point.check(tmp_path / "r", {"seed": "3"})
    with pytest.raises(ResumeError, match="seed"):
        point.check(tmp_path / "r", {"seed": "4"})


def test_the_fingerprint_names_all_that_frames_depend_on(portrait):
    pipe = tiny_pipeline()
    marks = lambda pipe=pipe, image=portrait, seconds=0.3, seed=0, **options: fingerprint(
        pipe.stream(image, noise(seconds, seed=seed), **options), seed=0
    )
    base = marks()
    assert marks() == base
    changed = lambda **options: {key for key, value in marks(**options).items() if value != base[key]}
    assert changed(num_inference_steps=3) == {"num_inference_steps"}
    assert changed(audio_guidance_scale=3) == {"audio_guidance_scale"}
    assert changed(reference_guidance_scale=3) == {"reference_guidance_scale"}
    assert changed(noise_correlation=0.5) == {"noise_correlation"}
    assert changed(noise_mirroring=0.5) == {"noise_mirroring"}
    assert changed(fps=30) == {"fps"}
    assert changed(speed=1.0) == {"speed"}
    assert changed(face_region="full") == {"face_region"}
    assert changed(seconds=0.2) == changed(seed=5) == {"audio"}
    assert changed(height=96) == {"size", "image", "face_region"}
    assert changed(image=portrait[:, ::-1].copy()) >= {"image"}
    assert changed(pipe=tiny_pipeline(seed=1)) == {"model"}
