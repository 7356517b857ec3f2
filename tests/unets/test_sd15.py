"""Against diffusers' own networks of SD 1.5's layout: names, sizes, values."""

import re

import pytest
import torch
from diffusers import UNet2DConditionModel, UNetMotionModel
from tiny_unets import B, F, assert_close, distance, fill_zero_init, randn

from emo.unets import BackboneUNet, FaceLocator, MotionMaps, ReferenceNet, SpeedEncoder

WIDTHS, CONTEXT = (32, 64, 128, 128), 48
SMALL = {"block_out_channels": WIDTHS, "norm_num_groups": 8, "cross_attention_dim": CONTEXT}
NEW = re.compile(r"\.(audio_attn|audio_norm|speed_attn|speed_norm|speed_pos_embed)\.")


def shapes(model: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


def parameters(model: torch.nn.Module) -> float:
    """In millions."""
    return sum(parameter.numel() for parameter in model.parameters()) / 1e6


@pytest.fixture(scope="module")
def full_size() -> dict[str, torch.nn.Module]:
    """emo-sd15 without memory: our defaults, and diffusers'."""
    with torch.device("meta"):
        return {
            "backbone": BackboneUNet(),
            "without_mid": BackboneUNet(use_motion_mid_block=False),
            "reference": ReferenceNet(),
            "unet": UNet2DConditionModel(cross_attention_dim=768),
            "motion": UNetMotionModel(cross_attention_dim=768),
            "motion_without_mid": UNetMotionModel(cross_attention_dim=768, use_motion_mid_block=False),
        }


def test_reference_net_has_sd15s_names_and_shapes(full_size):
    theirs = {
        name: shape
        for name, shape in shapes(full_size["unet"]).items()
        if ".attn2." not in name and not name.startswith(("conv_norm_out", "conv_out"))
    }
    assert shapes(full_size["reference"]) == theirs


@pytest.mark.parametrize(("ours", "theirs"), [("backbone", "motion"), ("without_mid", "motion_without_mid")])
def test_backbone_has_animatediffs_names_and_shapes(full_size, ours, theirs):
    own, expected = shapes(full_size[ours]), shapes(full_size[theirs])
    assert {name for name in own if name not in expected} == {name for name in own if NEW.search(name)}
    assert [name for name in expected if name not in own] == []
    other_shape = {name for name in expected if own[name] != expected[name]}
    keys_of_text = {n for n in expected if re.search(r"\.attentions\.\d\..*attn2\.to_[kv]\.", n)}
    assert other_shape <= keys_of_text
    for name in keys_of_text:  # reference keys are as wide as the site, not as a text embedding
        assert own[name] == (expected[name][0], expected[name][0])


def test_full_size_parameter_counts(full_size):
    assert parameters(full_size["unet"]) == pytest.approx(859.5, abs=0.1)  # SD 1.5's, as a check of this test
    assert 770 < parameters(full_size["reference"]) < 860
    assert 1300 < parameters(full_size["backbone"]) < 1600
    mid = parameters(full_size["backbone"]) - parameters(full_size["without_mid"])
    assert 25 < mid < 45
    assert parameters(FaceLocator()) < 3
    assert parameters(SpeedEncoder()) < 0.2


def test_width_changes_shapes_only(full_size):
    with torch.device("meta"):
        small = BackboneUNet(block_out_channels=WIDTHS, norm_num_groups=8, audio_dim=6, speed_dim=8)
    assert list(small.state_dict()) == list(full_size["backbone"].state_dict())
    assert [type(m) for m in small.modules()] == [type(m) for m in full_size["backbone"].modules()]


def test_a_smaller_layout_needs_no_other_code():
    """One ResNet per level, attention everywhere: same class, subset of the same names."""
    with torch.device("meta"):
        tiny = BackboneUNet(
            block_out_channels=(96, 160, 224), layers_per_block=1, spatial_attention=(True,) * 3, num_attention_heads=4
        )
        prediction = tiny(
            torch.empty(1, 2, 4, 16, 24),
            torch.empty(1),
            tiny.project_reference(
                ReferenceNet(block_out_channels=(96, 160, 224), layers_per_block=1, spatial_attention=(True,) * 3)(
                    torch.empty(1, 4, 16, 24)
                ).reference
            ),
        )
    assert prediction.shape == (1, 2, 4, 16, 24)


def without_text(model: torch.nn.Module) -> torch.nn.Module:
    """Zero the text attention's output, weight and bias; fill every other all-zero tensor."""
    fill_zero_init(model)
    for name, parameter in model.named_parameters():
        if re.search(r"\.attentions\.\d\..*attn2\.to_out\.0\.", name):
            parameter.data.zero_()
    return model.requires_grad_(False).eval()


def load_shared(ours: BackboneUNet, theirs: torch.nn.Module) -> None:
    """Every key of theirs but the text keys and values."""
    state = {k: v for k, v in theirs.state_dict().items() if not re.search(r"\.attentions\.\d\..*attn2\.to_[kv]\.", k)}
    assert ours.load_state_dict(state, strict=False).unexpected_keys == []


def own_networks(frames: int) -> tuple[BackboneUNet, ReferenceNet]:
    layout = {"block_out_channels": WIDTHS, "norm_num_groups": 8}
    backbone = BackboneUNet(**layout, num_frames=frames, audio_dim=6, speed_dim=8, motion_num_attention_heads=4)
    return backbone.requires_grad_(False).eval(), ReferenceNet(**layout).requires_grad_(False)


def test_one_frame_equals_the_sd15_unet():
    torch.manual_seed(0)
    theirs = without_text(UNet2DConditionModel(**SMALL, attention_head_dim=8))
    backbone, reference_net = own_networks(1)
    load_shared(backbone, theirs)
    sample, timestep = randn(2, 4, 16, 24, seed=1), torch.tensor([3, 871])
    expected = theirs(sample, timestep, encoder_hidden_states=randn(2, 7, CONTEXT, seed=2)).sample
    reference = backbone.project_reference(reference_net(randn(2, 4, 16, 24, seed=3)).reference)
    output = backbone(sample[:, None], timestep, reference)[:, 0]
    assert_close(output, expected)
    assert expected.std() > 0.1
    assert distance(expected[:1], expected[1:]) > 0.1


@pytest.mark.parametrize("mid", [True, False])
def test_a_clip_equals_the_animatediff_unet(mid):
    """All temporal modules at their sites, without motion frames: `UNetMotionModel` has none."""
    torch.manual_seed(0)
    theirs = UNetMotionModel(**SMALL, num_attention_heads=8, motion_num_attention_heads=4, use_motion_mid_block=mid)
    without_text(theirs)
    backbone, reference_net = own_networks(F)
    if not mid:
        backbone.mid_block.motion_modules = torch.nn.ModuleList()
    load_shared(backbone, theirs)
    sample, timestep = randn(B, F, 4, 8, 16, seed=1), torch.tensor([3, 871])
    text = randn(B * F, 7, CONTEXT, seed=2)
    expected = theirs(sample.transpose(1, 2), timestep, encoder_hidden_states=text).sample.transpose(1, 2)
    features = reference_net(randn(B, 4, 8, 16, seed=3), randn(B, 1, 4, 8, 16, seed=4))
    none = features.motion.map(lambda maps: maps[:, :0])
    assert isinstance(none, MotionMaps)
    keys = backbone.project_reference(features.reference)
    assert_close(backbone(sample, timestep, keys, motion=none), expected)
    assert distance(backbone(sample, timestep, keys), expected) > 1e-3
