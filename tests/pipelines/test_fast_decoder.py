"""A small decoder in the place of Stable Diffusion's."""

import pytest
import torch
from diffusers import AutoencoderTiny
from tiny import noise, patch_pipeline

from emo.errors import OptionError, WeightsError
from emo.generation.fingerprint import fingerprint
from emo.pipelines.emo_decoder import load_fast_decoder


def tiny_decoder(levels: int = 3) -> AutoencoderTiny:
    torch.manual_seed(0)
    widths, blocks = (8,) * levels, (1,) * levels
    return AutoencoderTiny(
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=blocks,
        num_decoder_blocks=blocks,
    ).eval()


@pytest.fixture
def folder(tmp_path):
    tiny_decoder().save_pretrained(tmp_path / "decoder")
    return tmp_path / "decoder"


def test_frames_are_what_it_makes_of_the_latents(pipe, generate, folder):
    latents, plain = generate(0.1, output_type="latent"), generate(0.1, output_type="pt")
    decoder = load_fast_decoder(folder)
    pipe.set_fast_decoder(decoder)
    frames = generate(0.1, output_type="pt")
    with torch.no_grad():
        expected = (decoder.decode(latents.float(), return_dict=False)[0] / 2 + 0.5).clamp(0, 1)
    torch.testing.assert_close(frames, expected, rtol=0, atol=1e-5)
    assert frames.shape == plain.shape
    pipe.set_fast_decoder(None)
    torch.testing.assert_close(generate(0.1, output_type="pt"), plain, rtol=0, atol=0)


def test_it_is_told_of_the_video_and_marks_what_may_be_resumed(pipe, portrait, folder):
    before = pipe.stream(portrait, noise(0.1))
    marks = fingerprint(before, 0)
    pipe.set_fast_decoder(load_fast_decoder(folder))
    after = pipe.stream(portrait, noise(0.1))
    assert {name for name, value in fingerprint(after, 0).items() if marks[name] != value} == {"decoder"}
    assert (before.origin["fast_decoder"], after.origin["fast_decoder"]) == (None, "decoder")


def test_only_stable_diffusions_autoencoder_has_one(pipe):
    with pytest.raises(OptionError, match="Stable Diffusion's autoencoder"):
        patch_pipeline().set_fast_decoder(tiny_decoder())
    with pytest.raises(OptionError, match="1/8 of the size"):
        pipe.set_fast_decoder(tiny_decoder(levels=4))
    assert pipe.fast_decoder is None


def test_a_folder_without_one_is_named(tmp_path):
    with pytest.raises(WeightsError, match=f"{tmp_path}: no fast decoder"):
        load_fast_decoder(tmp_path)
