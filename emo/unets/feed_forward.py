"""The gated feed-forward of every transformer block, with the names of diffusers' `FeedForward`."""

import torch
from torch import nn
from torch.nn import functional


class GEGLU(nn.Module):
    """Channels `dim` -> `inner`, half of a product times the GELU of the other (https://arxiv.org/abs/2002.05202)."""

    def __init__(self, dim: int, inner: int):
        super().__init__()
        self.proj = nn.Linear(dim, 2 * inner)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values, gates = self.proj(x).chunk(2, dim=-1)
        return functional.gelu(gates).mul_(values)  # in place: half the traffic of new memory on a CPU


class FeedForward(nn.Module):
    """GEGLU to four times the channels, and a linear layer back; state dict as in diffusers (`net.0.proj net.2`)."""

    def __init__(self, dim: int):
        super().__init__()
        self.net = nn.ModuleList([GEGLU(dim, 4 * dim), nn.Identity(), nn.Linear(4 * dim, dim)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., dim) -> (..., dim)."""
        for layer in self.net:
            x = layer(x)
        return x
