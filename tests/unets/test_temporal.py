"""Temporal modules: AnimateDiff's computation (3.2.4) and the speed layers (3.2.5)."""

import pytest
import torch
from diffusers.models.embeddings import SinusoidalPositionalEmbedding
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from tiny_unets import assert_close, distance, fill_zero_init, plain_attention, plain_geglu, randn

from emo.unets.temporal import TemporalModule

DIM, HEADS, GROUPS, SPEED_DIM, LENGTH = 24, 3, 4, 10, 20
B, F, N, H, W = 2, 12, 4, 3, 5


@pytest.fixture(scope="module")
def module() -> TemporalModule:
    torch.manual_seed(0)
    layer = TemporalModule(DIM, HEADS, GROUPS, SPEED_DIM, LENGTH)
    return fill_zero_init(layer).requires_grad_(False)


@pytest.fixture(scope="module")
def maps() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The video's maps, the motion frames' (of another scale, to make shared statistics visible) and the speeds."""
    return randn(B * F, DIM, H, W, seed=1), 3 + 2 * randn(B, N, DIM, H, W, seed=2), randn(B, F, SPEED_DIM, seed=3)


def animatediff(length: int = LENGTH) -> AnimateDiffTransformer3D:
    """As `UNetMotionModel` and `MotionAdapter` build it."""
    return AnimateDiffTransformer3D(
        num_attention_heads=HEADS,
        attention_head_dim=DIM // HEADS,
        in_channels=DIM,
        norm_num_groups=GROUPS,
        activation_fn="geglu",
        attention_bias=False,
        double_self_attention=True,
        positional_embeddings="sinusoidal",
        num_positional_embeddings=length,
    )


@pytest.mark.parametrize("motion_frames", [0, 1, N])
def test_equals_animatediff_on_motion_frames_and_video(module, maps, motion_frames):
    x, motion, _ = maps
    motion = motion[:, :motion_frames]
    theirs = animatediff()
    own = {key: value for key, value in module.state_dict().items() if ".speed_" not in key}
    theirs.load_state_dict(own, strict=True)
    assert {key: value.shape for key, value in theirs.state_dict().items()} == {k: v.shape for k, v in own.items()}

    length = motion_frames + F
    both = torch.cat([motion, x.view(B, F, DIM, H, W)], dim=1).reshape(B * length, DIM, H, W)
    with torch.no_grad():
        expected = theirs(both, num_frames=length).view(B, length, DIM, H, W)[:, motion_frames:].flatten(0, 1)
    assert_close(module(x, motion), expected)
    assert distance(expected, x) > 1e-2


def test_starts_as_the_identity(maps):
    x, motion, speed = maps
    assert torch.equal(TemporalModule(DIM, HEADS, GROUPS, SPEED_DIM, LENGTH)(x, motion, speed), x)


def test_normalization_spans_motion_and_generated_frames(maps):
    """With the blocks cut out, what is added to x is proj_out(proj_in(norm)) over all n + F frames of one video."""
    x, motion, _ = maps
    torch.manual_seed(3)
    layer = TemporalModule(DIM, HEADS, GROUPS, SPEED_DIM, LENGTH).requires_grad_(False)
    torch.nn.init.eye_(layer.proj_in.weight)
    torch.nn.init.eye_(layer.proj_out.weight)
    block = layer.transformer_blocks[0]
    for last in (layer.proj_in.bias, block.attn1.to_out[0], block.attn2.to_out[0], block.ff.net[2]):
        for parameter in [last] if isinstance(last, torch.Tensor) else last.parameters():
            parameter.zero_()
    video = torch.cat([motion, x.view(B, F, DIM, H, W)], dim=1)
    groups = video.view(B, N + F, GROUPS, DIM // GROUPS, H, W)
    mean = groups.mean(dim=(1, 3, 4, 5), keepdim=True)
    variance = groups.var(dim=(1, 3, 4, 5), keepdim=True, unbiased=False)
    normed = ((groups - mean) / (variance + 1e-6).sqrt()).view_as(video)[:, N:].reshape(x.shape)
    assert_close(layer(x, motion) - x, normed)


def plain_temporal_module(
    module: TemporalModule,
    x: torch.Tensor,
    motion: torch.Tensor,
    speed: torch.Tensor | None,
    key_positions: bool = True,
) -> torch.Tensor:
    """Pixel by pixel, speed keys repeated for each (3.2.5), all n + F frames through every layer, the last F kept."""
    block, out = module.transformer_blocks[0], torch.empty_like(x)
    positions = SinusoidalPositionalEmbedding(DIM, LENGTH).pe[0, : N + F]
    speed_positions = SinusoidalPositionalEmbedding(SPEED_DIM, LENGTH).pe[0, : N + F]
    for b in range(B):
        frames = torch.cat([motion[b], x[b * F : (b + 1) * F]])
        normed = module.norm(frames.transpose(0, 1)[None])[0]  # (C, n+F, h, w)
        for i in range(H):
            for j in range(W):
                t = module.proj_in(normed[:, :, i, j].T)[None]
                q = block.norm1(t) + positions
                t = t + plain_attention(block.attn1, q, q)
                q = block.norm2(t) + positions
                t = t + plain_attention(block.attn2, q, q)
                if speed is not None:
                    keys = speed[b][None] + (speed_positions[N:] if key_positions else 0)
                    t = t + plain_attention(block.speed_attn, block.speed_norm(t) + positions, keys)
                t = t + plain_geglu(block.ff, block.norm3(t))
                out[b * F : (b + 1) * F, :, i, j] = frames[N:, :, i, j] + module.proj_out(t[0, N:])
    return out


def test_speed_attention_equals_the_repeated_keys_of_the_paper(module, maps):
    assert_close(module(*maps), plain_temporal_module(module, *maps))
    assert_close(module(*maps[:2]), plain_temporal_module(module, *maps[:2], None))


def loud_speed(module: TemporalModule) -> TemporalModule:
    """A copy with strong speed layers, so that the order of the keys is far above rounding."""
    torch.manual_seed(4)
    copy = TemporalModule(DIM, HEADS, GROUPS, SPEED_DIM, LENGTH).requires_grad_(False)
    copy.load_state_dict(module.state_dict())
    for linear in (copy.transformer_blocks[0].speed_attn.to_out[0], copy.proj_out):
        torch.nn.init.orthogonal_(linear.weight)
    return copy


def test_speed_attention_sees_the_order_of_the_speeds(module, maps):
    """Without positions on the keys, attention cannot tell one order from another: a speed per frame says nothing."""
    x, motion, speed = maps
    loud = loud_speed(module)
    permuted = speed[:, torch.randperm(F, generator=torch.Generator().manual_seed(0))]
    assert distance(loud(x, motion, permuted), loud(x, motion, speed)) > 1e-2
    assert_close(loud(x, motion, permuted), plain_temporal_module(loud, x, motion, permuted), 1e-4)
    blind = [plain_temporal_module(loud, x, motion, s, key_positions=False) for s in (speed, permuted)]
    assert_close(*blind)  # the reason for the positions, and a check of this test
    assert distance(blind[0], loud(x, motion, speed)) > 1e-2


def test_a_constant_speed_has_no_order_but_a_level(module, maps):
    x, motion, speed = maps
    loud = loud_speed(module)
    constant = speed[:, :1].repeat(1, F, 1)
    assert torch.equal(loud(x, motion, constant), loud(x, motion, constant[:, torch.randperm(F)]))
    assert distance(loud(x, motion, constant), loud(x, motion, 2 * constant)) > 1e-2
    assert distance(loud(x, motion, constant), loud(x, motion, speed)) > 1e-2


def test_speed_of_one_video_does_not_reach_another(module, maps):
    x, motion, speed = maps
    before, after = module(x, motion, speed), module(x, motion, speed * torch.tensor([1.0, -1.0])[:, None, None])
    assert torch.equal(before[:F], after[:F])
    assert distance(before[F:], after[F:]) > 1e-5


def test_more_frames_than_positions_are_an_error(module, maps):
    x, motion, _ = maps
    longer = motion.repeat(1, 3, 1, 1, 1)[:, : LENGTH - F + 1]
    assert module(x, longer[:, :-1]).shape == x.shape
    with pytest.raises(RuntimeError, match=str(LENGTH + 1)):
        module(x, longer)
