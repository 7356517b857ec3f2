"""Temporal modules (3.2.4) with motion frames and speed layers (3.2.5), named as in AnimateDiff."""

import torch
from diffusers.models.embeddings import SinusoidalPositionalEmbedding
from torch import nn

from emo.unets.attention import Attention, zero_
from emo.unets.feed_forward import FeedForward


class TemporalBlock(nn.Module):
    """Two self-attentions over frames -> speed cross-attention -> feed-forward, for every pixel on its own."""

    def __init__(self, dim: int, heads: int, speed_dim: int, max_seq_length: int):
        super().__init__()
        self.pos_embed = SinusoidalPositionalEmbedding(dim, max_seq_length)
        self.norm1 = nn.LayerNorm(dim)
        self.attn1 = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.attn2 = Attention(dim, heads)
        self.speed_pos_embed = SinusoidalPositionalEmbedding(speed_dim, max_seq_length)
        self.speed_norm = nn.LayerNorm(dim)
        self.speed_attn = Attention(dim, heads, context_dim=speed_dim, zero_init=True)
        self.norm3 = nn.LayerNorm(dim)
        self.ff = FeedForward(dim)

    def forward(self, x: torch.Tensor, num_motion_frames: int, speed: torch.Tensor | None) -> torch.Tensor:
        """x (B*h*w, n+F, C), speed (B, F, l) or None -> the F generated frames (B*h*w, F, C)."""
        n, length = num_motion_frames, x.shape[1]
        x = x + self.attn1(self.pos_embed(self.norm1(x)))  # Q, K, V: motion frames and video, along frames
        # Only the generated frames are kept, so only they ask; the motion frames are keys and values.
        tokens = self.pos_embed(self.norm2(x))
        x = x[:, n:] + self.attn2(tokens[:, n:].contiguous(), tokens)  # Q: video, K,V: motion frames and video
        if speed is not None:  # 3.2.5. Every pixel sees the same keys: fold h*w into the queries.
            query = self.speed_norm(x) + _encodings(self.pos_embed, x, n, length)
            # Without its encodings attention is blind to the order of speeds.
            key = speed + _encodings(self.speed_pos_embed, speed, n, length)
            query = query.reshape(speed.shape[0], -1, x.shape[-1])
            x = x + self.speed_attn(query, key).reshape(x.shape)  # Q: video, K,V: speed
        return x + self.ff(self.norm3(x))


class TemporalModule(nn.Module):
    """The temporal module of one site; starts as the identity, since `proj_out` starts at zero."""

    def __init__(self, dim: int, heads: int, norm_num_groups: int, speed_dim: int, max_seq_length: int):
        super().__init__()
        self.norm = nn.GroupNorm(norm_num_groups, dim, eps=1e-6)
        self.proj_in = nn.Linear(dim, dim)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(dim, heads, speed_dim, max_seq_length)])
        self.proj_out = nn.Linear(dim, dim)
        zero_(self.proj_out)

    def forward(self, x: torch.Tensor, motion: torch.Tensor, speed: torch.Tensor | None = None) -> torch.Tensor:
        """x (B*F, C, h, w), motion (B, n, C, h, w), speed (B, F, l) or None -> (B*F, C, h, w)."""
        batch, n, _, height, width = motion.shape
        frames = torch.cat([motion, x.unflatten(0, (batch, -1))], dim=1)  # 3.2.4: merged along the frames
        tokens = self.norm(frames.transpose(1, 2))  # (B, C, n+F, h, w): the statistics span n+F frames
        tokens = self.proj_in(tokens.permute(0, 3, 4, 2, 1).flatten(0, 2).contiguous())  # (B*h*w, n+F, C)
        tokens = self.proj_out(self.transformer_blocks[0](tokens, n, speed))  # (B*h*w, F, C)
        return x + tokens.unflatten(0, (batch, height, width)).permute(0, 3, 4, 1, 2).flatten(0, 1)


def _encodings(embedding: SinusoidalPositionalEmbedding, like: torch.Tensor, start: int, stop: int) -> torch.Tensor:
    """What `embedding` adds to frames start ... stop - 1, (1, stop - start, C), of tokens `like` (..., C).

    By its forward, as its table may lie elsewhere until that is called.
    """
    return embedding(like.new_zeros(1, stop, like.shape[-1]))[:, start:]
