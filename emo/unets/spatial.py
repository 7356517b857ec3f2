"""Spatial transformers: the backbone's (3.2.1, 3.2.2) and the ReferenceNet's (3.2.3)."""

from typing import cast

import torch
from torch import nn

from emo.unets.attention import Attention, KeyValue, zero_
from emo.unets.feed_forward import FeedForward


class BackboneBlock(nn.Module):
    """Self-attention -> reference-attention -> audio-attention -> feed-forward, on the tokens of each frame.

    Args:
        dim: C, channels of the tokens.
        heads: of every attention.
        audio_dim: D, channels of the audio tokens.
        aligned: whether each token is also given, without attention, what the reference has in its own place: heads
            move little, and a small network without positions finds that place late. Not in the paper.
    """

    def __init__(self, dim: int, heads: int, audio_dim: int, aligned: bool = False):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn1 = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.attn2 = Attention(dim, heads)
        self.aligned = nn.Linear(dim, dim, bias=False) if aligned else None
        if self.aligned is not None:
            zero_(self.aligned)
        self.audio_norm = nn.LayerNorm(dim)
        self.audio_attn = Attention(dim, heads, context_dim=audio_dim, zero_init=True)
        self.norm3 = nn.LayerNorm(dim)
        self.ff = FeedForward(dim)

    def forward(self, x: torch.Tensor, reference: KeyValue, audio: torch.Tensor | None, pictures: int) -> torch.Tensor:
        """What follows of tokens, (pictures, h*w, C).

        Args:
            x: tokens, (B*F, h*w, C), or (F, h*w, C) where B rows of guidance are alike so far.
            reference: keys and values (B, h*w, heads, C/heads), or of the one reference of all B, (1, ...).
            audio: tokens (A, F, tokens, D) of the first A of B; the others hear nothing. None skips the layer.
            pictures: B*F.
        """
        batch = reference.key.shape[0]
        x = x + self.attn1(self.norm1(x))  # Q, K, V: video
        if batch > 1:
            x = repeated(x, pictures)
        # 3.2.1 reference-attention. All frames of a clip see the same keys: fold the frames into the queries.
        query = self.norm2(x).reshape(batch, -1, x.shape[-1])
        x = x + self.attn2(query, reference).reshape(x.shape)  # Q: video, K,V: reference
        if self.aligned is not None:
            in_place = self.aligned(reference.value.flatten(-2))[:, None]
            x = (x.unflatten(0, (batch, -1)) + in_place).flatten(0, 1)
        x = repeated(x, pictures)
        if audio is not None:  # 3.2.2
            x = self._hear(x, audio.flatten(0, 1))
        return x + self.ff(self.norm3(x))

    def _hear(self, x: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        """Audio-attention of as many pictures as there are tokens for, and what zero tokens would give to the rest."""
        n, parts = audio.shape[0], []
        if n > 0:
            parts.append(x[:n] + self.audio_attn(self.audio_norm(x[:n]), audio))  # Q: video, K,V: audio
        if n < x.shape[0]:  # zero values attend to zero, whatever the keys: what is left is `to_out`'s bias
            parts.append(x[n:] + self.audio_attn.to_out[0](x.new_zeros(x.shape[-1])))
        return torch.cat(parts) if len(parts) > 1 else parts[0]


class ReferenceBlock(nn.Module):
    """Self-attention -> feed-forward. Returns the tokens and the self-attention layer's normalized output."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn1 = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.norm3 = nn.LayerNorm(dim)
        self.ff = FeedForward(dim)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x (N, h*w, C) -> tokens and tap, both (N, h*w, C)."""
        x = x + self.attn1(self.norm1(x))  # Q, K, V: reference
        return x + self.ff(self.norm3(x)), self.norm2(x)


def repeated(x: torch.Tensor, count: int) -> torch.Tensor:
    """Pictures one after the other, and again from the first, until there are `count`."""
    return x if x.shape[0] == count else x.repeat(count // x.shape[0], *[1] * (x.ndim - 1))


class SpatialTransformer(nn.Module):
    """One block between 1x1 convolutions, around which the feature map is added; names as in diffusers."""

    def __init__(self, dim: int, norm_num_groups: int, block: nn.Module):
        super().__init__()
        self.norm = nn.GroupNorm(norm_num_groups, dim, eps=1e-6)
        self.proj_in = nn.Conv2d(dim, dim, kernel_size=1)
        self.transformer_blocks = nn.ModuleList([block])
        self.proj_out = nn.Conv2d(dim, dim, kernel_size=1)

    def enter(self, x: torch.Tensor) -> torch.Tensor:
        """Feature map (N, C, h, w) -> tokens (N, h*w, C)."""
        return self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)

    def leave(self, tokens: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Tokens (N, h*w, C) -> feature map, added to `x` (N or fewer, C, h, w), repeated."""
        x = repeated(x, tokens.shape[0])
        return x + self.proj_out(tokens.transpose(1, 2).reshape(x.shape))


class BackboneTransformer(SpatialTransformer):
    """The backbone's spatial transformer at one site."""

    def __init__(self, dim: int, heads: int, norm_num_groups: int, audio_dim: int, aligned: bool = False):
        super().__init__(dim, norm_num_groups, BackboneBlock(dim, heads, audio_dim, aligned))

    def forward(self, x: torch.Tensor, reference: KeyValue, audio: torch.Tensor | None, pictures: int) -> torch.Tensor:
        return self.leave(self.transformer_blocks[0](self.enter(x), reference, audio, pictures), x)

    def project_reference(self, features: torch.Tensor) -> KeyValue:
        """Keys and values of this site's reference-attention for features (B, h*w, C)."""
        block = cast("BackboneBlock", self.transformer_blocks[0])
        return block.attn2.project(features)


class ReferenceTransformer(SpatialTransformer):
    """The ReferenceNet's spatial transformer at one site; also returns the reference features of the site."""

    def __init__(self, dim: int, heads: int, norm_num_groups: int):
        super().__init__(dim, norm_num_groups, ReferenceBlock(dim, heads))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        tokens, features = self.transformer_blocks[0](self.enter(x))
        return self.leave(tokens, x), features
