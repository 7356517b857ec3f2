"""The ReferenceNet's taps (3.2.3, 3.2.4) and the reference-attention that reads them (3.2.1)."""

import pytest
import torch
from diffusers import UNet2DConditionModel
from tiny_unets import (
    SHARED,
    B,
    F,
    H,
    N,
    W,
    assert_close,
    backbone_inputs,
    distance,
    fill_zero_init,
    plain_attention,
    plain_geglu,
    randn,
    raw_inputs,
    run,
    tiny_backbone,
    tiny_reference_net,
)

from emo.unets import MotionMaps, ReferenceMaps
from emo.unets.spatial import BackboneBlock


@pytest.fixture
def latents() -> tuple[torch.Tensor, torch.Tensor]:
    raw = raw_inputs()
    return raw["reference_latents"], raw["motion_latents"]


def shapes(values) -> list[tuple[int, ...]]:
    return [tuple(value.shape) for value in values.values()]


def test_taps_have_the_shapes_of_their_sites(reference_net, latents):
    features = reference_net(*latents)
    assert isinstance(features.reference, ReferenceMaps)
    assert isinstance(features.motion, MotionMaps)
    assert shapes(features.reference) == [(B, H * W, 8), (B, H * W // 4, 16), (B, H * W, 8), (B, H * W, 8)]
    assert [len(level) for level in features.reference.down] == [1, 1]
    assert [len(level) for level in features.reference.up] == [2, 2]
    assert features.reference.down[1] == (None,)  # no spatial attention at this level
    low, high = (B, N, 16, H // 2, W // 2), (B, N, 8, H, W)
    assert shapes(features.motion) == [high, low, low, low, low, high, high]


def test_one_call_with_both_equals_one_call_with_each(reference_net, latents):
    both, portrait, motion = reference_net(*latents), reference_net(latents[0]), reference_net(None, latents[1])
    assert portrait.motion is None
    assert motion.reference is None
    for a, b in ((both.reference, portrait.reference), (both.motion, motion.motion)):
        assert type(a) is type(b)
        assert shapes(a) == shapes(b)
        for x, y in zip(a.values(), b.values(), strict=True):
            assert_close(x, y)


def test_each_motion_frame_is_seen_alone_and_stays_in_its_place(reference_net, latents):
    together = reference_net(*latents).motion
    for b in range(B):
        for n in range(N):
            alone = reference_net(None, latents[1][b, n][None, None]).motion
            for x, y in zip(together.values(), alone.values(), strict=True):
                assert_close(x[b, n], y[0, 0])


def diffusers_unet() -> UNet2DConditionModel:
    torch.manual_seed(2)
    return UNet2DConditionModel(
        block_out_channels=SHARED["block_out_channels"],
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=2,  # in this diffusers class, for historical reasons, the number of heads
        cross_attention_dim=6,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ).requires_grad_(False)


def test_taps_equal_those_of_the_diffusers_unet_at_timestep_zero(latents):
    """The self-attention layer's normalized output, and the map after a site's last spatial layer."""
    unet, own = diffusers_unet(), tiny_reference_net()
    fill_zero_init(unet)
    for name, parameter in unet.named_parameters():
        if ".attn2.to_out.0." in name:
            parameter.zero_()  # ours has no such layer
    state = unet.state_dict()
    own.load_state_dict({key: state[key] for key in own.state_dict()})

    taps, maps = [], []
    for block in (*unet.down_blocks, unet.mid_block, *unet.up_blocks):
        attentions = getattr(block, "attentions", [])
        for layer in attentions:
            layer.transformer_blocks[0].norm2.register_forward_hook(lambda _, args, output: taps.append(output))
        for layer in attentions or block.resnets:
            layer.register_forward_hook(
                lambda _, args, output: maps.append(output[0] if isinstance(output, tuple) else output)
            )
    flat = torch.cat([latents[0], latents[1].flatten(0, 1)])
    unet(flat, 0, encoder_hidden_states=torch.zeros(len(flat), 1, 6))

    features = own(*latents)
    for mine, theirs in zip(features.reference.values(), taps, strict=True):
        assert_close(mine, theirs[:B])
    for mine, theirs in zip(features.motion.values(), maps, strict=True):
        assert_close(mine.flatten(0, 1), theirs[B:])


def test_layers_after_the_last_tap_are_not_built(reference_net):
    names = [name for name, _ in reference_net.named_parameters()]
    absent = ("attn2", "audio_", "motion_modules", "speed_", "conv_norm_out", "conv_out")
    assert not [name for name in names if any(part in name for part in absent)]


def test_reference_keys_are_the_projected_maps_of_the_same_site(backbone, reference_net, latents):
    maps = reference_net(latents[0]).reference
    keys = backbone.project_reference(maps)
    sites = [("down_blocks.0", 0, maps.down[0][0], keys.down[0][0]), ("mid_block", 0, maps.mid, keys.mid)]
    sites += [("up_blocks.1", j, maps.up[1][j], keys.up[1][j]) for j in (0, 1)]
    assert len(sites) == len(keys.values())
    for block, j, site, kv in sites:
        layer = backbone.get_submodule(f"{block}.attentions.{j}.transformer_blocks.0.attn2")
        assert_close(kv.key.flatten(-2), site @ layer.to_k.weight.T)
        assert_close(kv.value.flatten(-2), site @ layer.to_v.weight.T)
        assert kv.key.shape[-2:] == (2, layer.to_k.weight.shape[0] // 2)
    assert keys.down[1] == (None,)


def test_every_site_reads_its_own_keys_and_motion_maps(inputs):
    backbone, seen = tiny_backbone(), {}
    for name, layer in backbone.named_modules():
        if (name.endswith("attn2") and "attentions" in name) or name.split(".")[-2:-1] == ["motion_modules"]:
            layer.register_forward_pre_hook(lambda _, args, name=name: seen.__setitem__(name, args[1]))
    backbone(**inputs)
    reference, motion = inputs["reference"], inputs["motion"]
    expected = {"mid_block.motion_modules.0": motion.mid}
    expected["mid_block.attentions.0.transformer_blocks.0.attn2"] = reference.mid
    for part in ("down", "up"):
        for level, (keys, maps) in enumerate(zip(getattr(reference, part), getattr(motion, part), strict=True)):
            for j, (key, one) in enumerate(zip(keys, maps, strict=True)):
                expected[f"{part}_blocks.{level}.motion_modules.{j}"] = one
                if key is not None:
                    expected[f"{part}_blocks.{level}.attentions.{j}.transformer_blocks.0.attn2"] = key
    assert seen.keys() == expected.keys()
    assert all(seen[name] is value for name, value in expected.items())


def test_spatial_block_equals_the_plain_formulation():
    """Frame by frame, with the reference keys repeated for each frame (3.2.1) and the frame's own audio (3.2.2)."""
    torch.manual_seed(5)
    block = fill_zero_init(BackboneBlock(16, 2, 6)).requires_grad_(False)
    torch.nn.init.orthogonal_(block.audio_attn.to_out[0].weight)
    x, maps, audio = randn(B * F, H * W, 16, seed=6), randn(B, 7, 16, seed=7), randn(B, F, 5, 6, seed=8)
    expected, without_audio = torch.empty_like(x), torch.empty_like(x)
    for b in range(B):
        for f in range(F):
            t = x[b * F + f][None]
            t = t + plain_attention(block.attn1, block.norm1(t), block.norm1(t))
            t = t + plain_attention(block.attn2, block.norm2(t), maps[b][None])
            without_audio[b * F + f] = (t + plain_geglu(block.ff, block.norm3(t)))[0]
            t = t + plain_attention(block.audio_attn, block.audio_norm(t), audio[b, f][None])
            expected[b * F + f] = (t + plain_geglu(block.ff, block.norm3(t)))[0]
    keys = block.attn2.project(maps)
    assert_close(block(x, keys, audio, len(x)), expected)
    assert_close(block(x, keys, None, len(x)), without_audio)
    assert distance(expected, without_audio) > 1e-2


def test_dropped_reference_leaves_the_output_projection_of_its_layer_alone():
    """Keys and values of zero: attention yields zero, the layer adds its output bias and nothing of the portrait."""
    torch.manual_seed(5)
    block = fill_zero_init(BackboneBlock(16, 2, 6)).requires_grad_(False)
    x = randn(B, H * W, 16, seed=6)
    zero = block.attn2.project(torch.zeros(B, 7, 16))
    assert_close(block.attn2(x, zero), block.attn2.to_out[0].bias.expand_as(x), 0)


@pytest.mark.parametrize(
    "config",
    [
        {"layers_per_block": 2},
        {"block_out_channels": (8, 12)},
        {"block_out_channels": (8, 16, 16), "spatial_attention": (True, True, False)},
        {"spatial_attention": (True, True)},
        {"spatial_attention": (False, False)},
    ],
    ids=lambda config: "-".join(config),
)
def test_a_reference_net_of_another_structure_is_an_error(backbone, config):
    with pytest.raises((ValueError, RuntimeError)):
        run(backbone, tiny_reference_net(**config), raw_inputs())


@pytest.mark.parametrize("name", ["reference", "motion"])
def test_a_site_missing_or_too_many_is_an_error(backbone, inputs, name):
    value = inputs[name]
    mangled = {
        "layer missing": type(value)(value.down, value.mid, (value.up[0], value.up[1][:1])),
        "layer too many": type(value)((value.down[0] * 2, value.down[1]), value.mid, value.up),
        "level missing": type(value)(value.down[:1], value.mid, value.up),
        "level too many": type(value)(value.down, value.mid, (*value.up, value.up[1])),
    }
    for sites in mangled.values():
        with pytest.raises(ValueError, match="zip"):
            backbone(**{**inputs, name: sites})


def test_pairing_sites_of_unequal_structure_is_an_error(backbone, reference_net, latents):
    maps = reference_net(latents[0]).reference
    for other in (
        ReferenceMaps(maps.down, maps.mid, (maps.up[0], maps.up[1][:1])),
        ReferenceMaps(maps.down[:1], maps.mid, maps.up),
    ):
        with pytest.raises(ValueError, match="zip"):
            backbone.project_reference(other)
        with pytest.raises(ValueError, match="zip"):
            maps.map(torch.add, other)


def test_motion_maps_of_another_size_are_an_error(backbone, reference_net, inputs):
    turned = backbone_inputs(backbone, reference_net, height=W, width=H)["motion"]
    with pytest.raises(RuntimeError):
        backbone(**{**inputs, "motion": turned})


def test_a_portrait_of_another_size_than_the_video_is_possible(backbone, reference_net, inputs):
    wide = backbone_inputs(backbone, reference_net, height=8, width=8)["reference"]
    assert backbone(**{**inputs, "reference": wide}).shape == inputs["sample"].shape


def test_calling_it_with_nothing_is_an_error(reference_net):
    with pytest.raises((ValueError, RuntimeError)):
        reference_net()
