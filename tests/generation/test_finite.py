"""NaN and infinite numbers in any network become an error that says where; never a black video."""

import pytest
import torch
from tiny import noise

from emo.errors import GenerationError
from emo.generation import ResumePoint, fingerprint, write_video
from emo.generation.finite import FiniteCheck
from emo.media import VideoReader


def spoil(pipe, name: str, value: float) -> None:
    """One weight of the component's last layer that has any."""
    last = [module for module in getattr(pipe, name).modules() if getattr(module, "weight", None) is not None][-1]
    last.weight.data.flatten()[0] = value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unet", "clip 1 .* at step 1;"),
        ("audio_projection", "clip 1 .* at step 1, already in the sound's features;"),
        ("face_locator", "clip 1 .* at step 1, already in the face region's features;"),
        ("speed_encoder", "clip 1 .* at step 1, already in the speed's features;"),
        ("vae", "clip 1 .* in the frames that the vae decoded;"),
    ],
)
def test_a_spoiled_weight_is_an_error(pipe, generate, name, message, value):
    spoil(pipe, name, value)
    with pytest.raises(GenerationError, match=message):
        generate(0.2, speed=0.5)


def test_a_spoiled_encoder_shows_in_the_portraits_latents(pipe, generate):
    pipe.vae.encoder.conv_out.weight.data.fill_(float("nan"))
    with pytest.raises(GenerationError, match="already in the portrait's latents"):
        generate(0.2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_one_number_of_a_picture_is_enough(value, dtype):
    pictures = torch.zeros(2, 3, 8, 8, dtype=dtype)
    check = FiniteCheck(0, dtype)
    check.decoded(pictures)
    pictures[1, 2, 3, 4] = value
    with pytest.raises(GenerationError, match="in the frames"):
        check.decoded(pictures)


@pytest.mark.parametrize("output_type", ["pil", "np", "pt", "uint8", "latent"])
def test_for_every_kind_of_frames(pipe, generate, output_type):
    spoil(pipe, "unet", float("nan"))
    with pytest.raises(GenerationError):
        generate(0.2, output_type=output_type)


def test_the_advice_goes_with_the_precision(pipe, generate):
    spoil(pipe, "unet", float("inf"))
    with pytest.raises(GenerationError, match="weights may be damaged"):
        generate(0.2)
    pipe.to(torch.bfloat16)
    with pytest.raises(GenerationError, match="try dtype='float32'"):
        generate(0.2)


def test_the_step_is_named_and_what_was_finished_can_be_resumed(pipe, portrait, tmp_path):
    """Numbers that overflow in the second step of the second clip, once."""

    def overflow(pipe, step, timestep, tensors):
        return {"latents": tensors["latents"] * float("inf")} if step == 4 and broken else None

    def stream(**options):
        generator = torch.Generator().manual_seed(0)
        options |= dict(num_inference_steps=3, audio_guidance_scale=1, output_type="uint8", generator=generator)
        return pipe.stream(portrait, noise(0.4), callback_on_step_end=overflow, **options)

    broken, marks = False, fingerprint(stream(), 0)
    write_video(stream(), tmp_path / "whole.mp4", fingerprint=marks)
    broken = True
    with pytest.raises(GenerationError, match=r"clip 2 .* at step 3"):
        write_video(stream(), tmp_path / "a.mp4", fingerprint=marks)
    assert not (tmp_path / "a.mp4").exists()
    broken, point = False, ResumePoint.load(tmp_path / "a.mp4.resume")
    assert point.state.next_clip == 1
    write_video(stream(resume_from=point.state), tmp_path / "a.mp4", fingerprint=marks, resume=point)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    with VideoReader(tmp_path / "a.mp4") as video:
        assert video.num_frames == 10
