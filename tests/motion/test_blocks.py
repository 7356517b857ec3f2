"""Layers for sequences of frames."""

import pytest
import torch

from emo.motion import ConformerBlock, StepEmbedding, TransformerBlock
from emo.motion.blocks import RotaryAttention

BLOCKS = [TransformerBlock(16, 2), ConformerBlock(16, 2, kernel=5)]


def frames(length: int = 9) -> torch.Tensor:
    return torch.randn(2, length, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("block", BLOCKS)
def test_masked_frames_change_nothing(block):
    x, mask = frames(), torch.ones(2, 9, dtype=torch.bool)
    mask[:, 6:] = False
    other = x.clone()
    other[:, 6:] = 50
    masked = block(x, mask)[:, :6]
    torch.testing.assert_close(block(other, mask)[:, :6], masked)
    torch.testing.assert_close(block(x[:, :6]), masked)
    assert not torch.allclose(block(x)[:, :6], masked)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_parameter_learns(block):
    block(frames()).square().sum().backward()
    assert [name for name, p in block.named_parameters() if p.grad is None or p.grad.abs().max() == 0] == []
    block.zero_grad()


def test_attention_knows_distances_and_no_places():
    torch.manual_seed(0)
    attention = RotaryAttention(16, 2)
    x = frames()
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[:, :3] = False
    torch.testing.assert_close(attention(x, mask)[:, 3:], attention(x[:, 3:]))
    order = torch.tensor([0, 2, 1, 3, 4, 5, 6, 7, 8])
    assert not torch.allclose(attention(x[:, order])[:, 0], attention(x)[:, 0], atol=1e-4)


def test_context_is_heard_once_it_is_learned():
    block = ConformerBlock(16, 2, kernel=5, context_dim=8)
    one, other = torch.randn(2, 4, 8), torch.randn(2, 4, 8)
    x = frames()
    assert torch.equal(block(x, context=one), block(x, context=other))  # it starts at zero
    torch.nn.init.normal_(block.cross_attention.to_out[0].weight)
    assert not torch.allclose(block(x, context=one), block(x, context=other))


def test_steps_are_told_apart():
    embedding = StepEmbedding(16)
    one, other = embedding(torch.tensor([3, 900]))
    assert embedding(torch.tensor([3, 900])).shape == (2, 16)
    assert (one - other).abs().max() > 0.01


def test_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="heads"):
        TransformerBlock(18, 2)
    with pytest.raises(ValueError, match="odd"):
        ConformerBlock(16, 2, kernel=4)
