"""Layers for sequences of frames (B, T, D): Transformer and Conformer blocks whose attention knows distances in time.

Masks (B, T) are true for frames that count; others are neither attended to nor seen by convolutions.
"""

import torch
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from torch import Tensor, nn
from torch.nn.functional import glu, scaled_dot_product_attention, silu

from emo.unets.attention import Attention

BASE = 10_000.0  # of the rotary angles' geometric series


class StepEmbedding(nn.Module):
    """Diffusion timesteps as D channels: sinusoids and two layers.

    Args:
        dim: D, even.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.sinusoids = Timesteps(dim, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.embedding = TimestepEmbedding(dim, dim)

    def forward(self, timestep: Tensor) -> Tensor:
        """(B,) -> (B, D)."""
        return self.embedding(self.sinusoids(timestep).to(self.embedding.linear_1.weight.dtype))


class RotaryAttention(nn.Module):
    """Self-attention by content and distance in time (RoFormer): the same wherever a sequence begins.

    Args:
        dim: D.
        heads: number of heads, whose channels D / heads are even.
    """

    rates: Tensor

    def __init__(self, dim: int, heads: int):
        super().__init__()
        if dim % (2 * heads):
            raise ValueError(f"{dim} channels do not make {heads} heads of an even number of channels")
        self.heads = heads
        self.to_qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.to_out = nn.Linear(dim, dim)
        rates = BASE ** (-torch.arange(0, dim // heads, 2) / (dim // heads))
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, x: Tensor, mask: Tensor | None = None, seen: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D); with `seen`, (T, T) bool, a frame attends to those that its row names, and not by a
        mask."""
        query, key, value = self.to_qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        angles = torch.arange(x.shape[1], device=x.device)[:, None] * self.rates.float()
        turn = torch.polar(torch.ones_like(angles), angles)
        if seen is None and mask is not None:
            seen = mask[:, None, None]
        hidden = scaled_dot_product_attention(_turned(query, turn), _turned(key, turn), value, attn_mask=seen)
        return self.to_out(hidden.transpose(1, 2).flatten(-2))


def _turned(x: Tensor, turn: Tensor) -> Tensor:
    """Pairs of channels of (B, heads, T, d), turned by angles as unit complex numbers (T, d / 2)."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * turn).flatten(-2).to(x)


class FeedForward(nn.Module):
    """Two layers on every frame, `expansion` times as wide in between."""

    def __init__(self, dim: int, expansion: int = 4):
        super().__init__()
        self.linear_1 = nn.Linear(dim, expansion * dim)
        self.linear_2 = nn.Linear(expansion * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        return self.linear_2(silu(self.linear_1(x)))


class TransformerBlock(nn.Module):
    """One layer of an encoder over frames, normalized first (VASA-1, 3.2).

    Args:
        dim: D.
        heads: of the attention.
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = RotaryAttention(dim, heads)
        self.feed_forward = FeedForward(dim)

    def forward(self, x: Tensor, mask: Tensor | None = None, seen: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D); see `RotaryAttention`."""
        x = x + self.attention(self.norm1(x), mask, seen)
        return x + self.feed_forward(self.norm2(x))


class FrameConvolution(nn.Module):
    """The Conformer's convolution: gated, each channel along time, normalized per frame.

    Args:
        dim: D.
        kernel: frames that one sees, odd.
        dilation: frames from one that it sees to the next.
    """

    def __init__(self, dim: int, kernel: int, dilation: int = 1):
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"a convolution over frames needs an odd kernel, not {kernel}")
        self.to_gated = nn.Linear(dim, 2 * dim)
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv1d(dim, dim, kernel, padding=padding, dilation=dilation, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        hidden = glu(self.to_gated(x))
        if mask is not None:
            hidden = hidden * mask[..., None]
        hidden = self.depthwise(hidden.transpose(1, 2)).transpose(1, 2)
        return self.to_out(silu(self.norm(hidden)))


class ConformerBlock(nn.Module):
    """Half a feed-forward, attention, convolution, the other half (GAIA, 3.3).

    Args:
        dim: D.
        heads: of the attentions.
        kernel: frames that the convolution sees, odd.
        context_dim: channels of tokens that frames attend to between attention and convolution; None for none. This
            layer starts at zero.
        dilation: frames from one that the convolution sees to the next.
        attention: whether frames attend to each other; else only convolutions see others.
        convolution: whether there is one; else only attention sees others, as in a Transformer.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        kernel: int = 31,
        context_dim: int | None = None,
        dilation: int = 1,
        attention: bool = True,
        convolution: bool = True,
    ):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim) if attention else None
        self.norm3 = nn.LayerNorm(dim) if convolution else None
        self.norm4, self.norm5 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.feed_forward1, self.feed_forward2 = FeedForward(dim), FeedForward(dim)
        self.attention = RotaryAttention(dim, heads) if attention else None
        self.convolution = FrameConvolution(dim, kernel, dilation) if convolution else None
        self.cross_attention = None
        if context_dim is not None:
            self.cross_norm = nn.LayerNorm(dim)
            self.cross_attention = Attention(dim, heads, context_dim, zero_init=True)

    def forward(self, x: Tensor, mask: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        """(B, T, D), and context (B, tokens, context_dim) where there is an attention to it -> (B, T, D)."""
        x = x + self.feed_forward1(self.norm1(x)) / 2
        if self.norm2 is not None and self.attention is not None:
            x = x + self.attention(self.norm2(x), mask)
        if self.cross_attention is not None:
            assert context is not None
            x = x + self.cross_attention(self.cross_norm(x), context)  # Q: frames, K,V: context
        if self.norm3 is not None and self.convolution is not None:
            x = x + self.convolution(self.norm3(x), mask)
        return self.norm5(x + self.feed_forward2(self.norm4(x)) / 2)


def with_bit(value: Tensor, kept: Tensor) -> Tensor:
    """Values (B, ..., C) and whether they are there, (B,) -> (B, ..., C + 1); zeros where they are not."""
    bit = kept.bool().view(-1, *[1] * (value.ndim - 1))
    return torch.cat([torch.where(bit, value, 0), bit.to(value).expand(*value.shape[:-1], 1)], -1)
