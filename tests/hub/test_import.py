"""Weights from Stable Diffusion 1.5 layouts and AnimateDiff: every key accounted for, and the numbers prove it."""

import re

import pytest
import torch
from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel, UNetMotionModel
from tiny import fill_zero_init, noise
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emo.errors import WeightsError
from emo.hub import import_pipeline, load_model_config
from emo.hub.build import build_unets
from emo.hub.sd15 import (
    LEFT_OUT_OF_BACKBONE,
    LEFT_OUT_OF_REFERENCE,
    NEW_IN_BACKBONE,
    NEW_IN_TEMPORAL,
    load_backbone,
    load_reference,
    load_temporal,
)
from emo.pipelines import EMOPipeline

WIDTHS = (32, 64, 128, 128)
FRAMES, MOTION = 12, 4


def small_config(mid=True):
    """SD 1.5's layout at a tenth of its width."""
    config = load_model_config("emo-sd15")
    config.unet.block_out_channels = list(WIDTHS)
    config.unet.norm_num_groups = 8
    config.unet.use_motion_mid_block = mid
    config.audio_projection.token_dim = 48
    config.speed_encoder.speed_dim = 16
    return config


def small_unet():
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=64, block_out_channels=WIDTHS, norm_num_groups=8, cross_attention_dim=48, attention_head_dim=8
    ).eval()


def small_adapter(mid=True):
    torch.manual_seed(1)
    adapter = MotionAdapter(block_out_channels=WIDTHS, motion_norm_num_groups=8, use_motion_mid_block=mid)
    return fill_zero_init(adapter.eval())


@pytest.mark.parametrize("mid", [True, False], ids=["v1.5-2", "v1.5-3"])
def test_every_key_and_shape_at_full_width(mid):
    """SD 1.5 and AnimateDiff themselves, on the meta device: all keys of a source are used or listed, and back."""
    config = load_model_config("emo-sd15")
    config.unet.use_motion_mid_block = mid
    with torch.device("meta"):
        unet, reference_unet = build_unets(config)
        source = UNet2DConditionModel(sample_size=64, cross_attention_dim=768).state_dict()
        adapter = MotionAdapter(motion_max_seq_length=32, use_motion_mid_block=mid).state_dict()
    load_backbone(unet, source)
    load_temporal(unet, adapter)
    load_reference(reference_unet, source)

    assert (len(source), len(adapter)) == (686, 567 if mid else 540)
    own = unet.state_dict()
    for key, value in source.items():
        assert key in own or re.search(LEFT_OUT_OF_BACKBONE, key), key
        assert key in reference_unet.state_dict() or re.search(LEFT_OUT_OF_REFERENCE, key), key
        if not re.search(LEFT_OUT_OF_BACKBONE, key):
            assert own[key].shape == value.shape
    for key, value in adapter.items():
        assert own[key].shape == value.shape
    copied = {key for key in own if ".attn2." in key and "motion_modules" not in key}
    new = {key for key in own.keys() - source.keys() - adapter.keys() if key not in copied}
    assert all(re.search(f"{NEW_IN_BACKBONE}|{NEW_IN_TEMPORAL}", key) for key in new)
    assert not reference_unet.state_dict().keys() - source.keys()


@pytest.fixture(scope="module")
def imported():
    source, adapter = small_unet(), small_adapter()
    unet, reference_unet = build_unets(small_config())
    load_backbone(unet, source.state_dict())
    load_temporal(unet, adapter.state_dict())
    load_reference(reference_unet, source.state_dict())
    return unet, reference_unet, source, adapter


def silence_cross_attention(unet):
    for name, parameter in unet.named_parameters():
        if ".attn2.to_out.0." in name and "motion_modules" not in name:
            parameter.data.zero_()


@torch.no_grad()
def test_one_frame_equals_stable_diffusion(imported):
    """With cross-attention silent on both sides and the new branches at their zero start (design of the import)."""
    unet, reference_unet, source, _ = imported
    silence_cross_attention(unet)
    silence_cross_attention(source)
    latents, timestep = torch.randn(2, 1, 4, 16, 24), torch.tensor([3, 771])
    reference = unet.project_reference(reference_unet(torch.randn(2, 4, 16, 24)).reference)
    expected = source(latents[:, 0], timestep, torch.randn(2, 7, 48)).sample
    tokens = torch.randn(2, 1, 5, 48)
    for audio in (None, tokens):  # the audio layers start at zero
        torch.testing.assert_close(
            unet(latents, timestep, reference, audio=audio)[:, 0], expected, rtol=1e-5, atol=1e-5
        )


@torch.no_grad()
def test_video_equals_animatediff_where_its_modules_are_silent():
    """Whole networks with all parts in place; what the modules compute is compared one by one in tests/unets."""
    source, adapter = small_unet(), small_adapter()
    for name, parameter in adapter.named_parameters():
        if name.endswith(("proj_out.weight", "proj_out.bias")):
            parameter.data.zero_()
    unet, reference_unet = build_unets(small_config())
    load_backbone(unet, source.state_dict())
    load_temporal(unet, adapter.state_dict())
    load_reference(reference_unet, source.state_dict())
    silence_cross_attention(unet)
    silence_cross_attention(source)
    video = UNetMotionModel.from_unet2d(source, adapter)
    latents = torch.randn(1, FRAMES, 4, 16, 16)
    maps = reference_unet(torch.randn(1, 4, 16, 16), torch.randn(1, MOTION, 4, 16, 16))
    ours = unet(latents, torch.tensor([5]), unet.project_reference(maps.reference), motion=maps.motion)
    theirs = video(latents.transpose(1, 2), torch.tensor([5]), torch.zeros(FRAMES, 7, 48)).sample.transpose(1, 2)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_reference_attention_starts_as_a_copy_of_self_attention(imported):
    _, _, source, _ = imported
    fresh, _ = build_unets(small_config())
    load_backbone(fresh, source.state_dict())
    own = fresh.state_dict()
    pairs = [(key, key.replace(".attn2.", ".attn1.")) for key in own if ".attn2." in key and "motion" not in key]
    assert len(pairs) == 16 * 5
    assert all(torch.equal(own[second], own[first]) for second, first in pairs)


@torch.no_grad()
def test_reference_attention_of_the_frame_itself_repeats_self_attention():
    """Asked and answered with norm1's output, the copy does what attn1 does."""
    unet, _ = build_unets(small_config())
    load_backbone(unet, small_unet().state_dict())
    block = unet.down_blocks[0].attentions[0].transformer_blocks[0]
    tokens = torch.randn(2, 24, 32)
    key_value = block.attn2.project(block.norm1(tokens))
    expected = block.attn1(block.norm1(tokens))
    torch.testing.assert_close(block.attn2(block.norm1(tokens), key_value), expected)


@pytest.mark.parametrize("part", ["backbone", "reference", "temporal"])
def test_unknown_missing_and_misshapen_tensors_are_named(part):
    unet, reference_unet = build_unets(small_config())
    load, target, source = {
        "backbone": (load_backbone, unet, small_unet().state_dict()),
        "reference": (load_reference, reference_unet, small_unet().state_dict()),
        "temporal": (load_temporal, unet, small_adapter().state_dict()),
    }[part]
    before = {key: value.clone() for key, value in target.state_dict().items()}
    key = next(key for key in source if "resnets.0.conv1.weight" in key or "proj_in.weight" in key)
    with pytest.raises(WeightsError, match=r"no place.*'extra'"):
        load(target, source | {"extra": torch.zeros(1)})
    with pytest.raises(WeightsError, match=re.escape(f"lacks 1 tensors, the first is {key!r}")):
        load(target, {k: v for k, v in source.items() if k != key})
    with pytest.raises(WeightsError, match=re.escape(key)):
        load(target, source | {key: torch.zeros(3, 3)})
    assert all(torch.equal(before[k], v) for k, v in target.state_dict().items()), (
        "a refused source changed the target"
    )


def test_temporal_modules_without_a_middle_do_not_fit_a_backbone_with_one():
    unet, _ = build_unets(small_config(mid=True))
    with pytest.raises(WeightsError, match="mid_block"):
        load_temporal(unet, small_adapter(mid=False).state_dict())


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Folders as the Hub has them: an SD 1.5 pipeline's unet and vae, a motion adapter, a wav2vec 2.0."""
    root = tmp_path_factory.mktemp("sources")
    small_unet().save_pretrained(root / "sd" / "unet")
    vae = dict(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        latent_channels=4,
    )
    AutoencoderKL(**vae).save_pretrained(root / "sd" / "vae")
    AutoencoderKL(**vae, scaling_factor=0.3).save_pretrained(root / "vae")
    for mid in (True, False):
        small_adapter(mid).save_pretrained(root / f"adapter-{mid}")
    encoder = dict(
        hidden_size=24, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, conv_dim=(16,) * 7
    )
    Wav2Vec2Model(Wav2Vec2Config(**encoder, num_conv_pos_embedding_groups=4)).save_pretrained(root / "wav2vec2")
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(root / "wav2vec2")
    return root


def names(root, mid=True, **changed):
    return {
        "sd15": str(root / "sd"),
        "motion_adapter": str(root / f"adapter-{mid}"),
        "audio_encoder": str(root / "wav2vec2"),
        **{key: str(value) for key, value in changed.items()},
    }


@pytest.mark.parametrize("mid", [True, False], ids=["v1.5-2", "v1.5-3"])
def test_a_whole_pipeline_from_folders(sources, tmp_path, portrait, mid):
    pipe = import_pipeline(load_model_config("emo-sd15"), **names(sources, mid))
    assert pipe.unet.config.use_motion_mid_block == mid
    assert pipe.vae.config.scaling_factor == 0.18215
    assert pipe.audio_projection.config.num_layers == 3
    pipe.save_pretrained(tmp_path / "pipeline")
    pipe = EMOPipeline.from_pretrained(tmp_path / "pipeline")
    source = UNet2DConditionModel.from_pretrained(sources / "sd" / "unet").state_dict()
    for key in ("conv_in.weight", "up_blocks.3.resnets.2.conv2.weight"):
        assert torch.equal(pipe.unet.state_dict()[key], source[key])
        assert torch.equal(pipe.reference_unet.state_dict()[key], source[key])
    pipe.set_progress_bar_config(disable=True)
    frames = pipe(portrait, noise(0.2), height=64, width=64, num_inference_steps=1, output_type="np").frames
    assert frames.shape == (5, 64, 64, 3)


def test_another_autoencoder(sources):
    pipe = import_pipeline(load_model_config("emo-sd15"), **names(sources, vae=sources / "vae"))
    assert pipe.vae.config.scaling_factor == 0.3


def test_the_seed_decides_what_no_source_has(sources):
    make = lambda seed: import_pipeline(load_model_config("emo-sd15"), **names(sources), seed=seed)
    first, same, other = make(1), make(1), make(2)
    assert torch.equal(first.face_locator.conv_in.weight, same.face_locator.conv_in.weight)
    assert not torch.equal(first.face_locator.conv_in.weight, other.face_locator.conv_in.weight)


def test_a_missing_source_is_named(sources, tmp_path):
    for part in ("sd15", "motion_adapter", "audio_encoder", "vae"):
        with pytest.raises(WeightsError, match=re.escape(str(tmp_path / "none"))):
            import_pipeline(load_model_config("emo-sd15"), **names(sources, **{part: tmp_path / "none"}))


def test_pickles_are_refused(sources, tmp_path):
    torch.save(small_unet().state_dict(), tmp_path / "diffusion_pytorch_model.bin")
    (tmp_path / "unet").mkdir()
    (tmp_path / "diffusion_pytorch_model.bin").rename(tmp_path / "unet" / "diffusion_pytorch_model.bin")
    (tmp_path / "unet" / "config.json").write_text((sources / "sd" / "unet" / "config.json").read_text())
    with pytest.raises(WeightsError, match="safetensors"):
        import_pipeline(load_model_config("emo-sd15"), **names(sources, sd15=tmp_path))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (dict(use_linear_projection=True), "use_linear_projection"),
        (dict(down_block_types=("AttnDownBlock2D",) * 2 + ("DownBlock2D",) * 2), "down_block_types"),
        (dict(in_channels=9), "in_channels"),
        (dict(transformer_layers_per_block=2), "transformer_layers_per_block"),
    ],
)
def test_other_layouts_are_refused_by_name(sources, tmp_path, options, word):
    UNet2DConditionModel(
        **{**dict(block_out_channels=WIDTHS, norm_num_groups=8, cross_attention_dim=48), **options}
    ).save_pretrained(tmp_path / "unet")
    AutoencoderKL.from_pretrained(sources / "vae").save_pretrained(tmp_path / "vae")
    with pytest.raises(WeightsError, match=word):
        import_pipeline(load_model_config("emo-sd15"), **names(sources, sd15=tmp_path))
