"""Audio features of a frame and its neighbors -> tokens for the audio layers (3.2.2)."""

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn


class AudioProjection(ModelMixin, ConfigMixin):
    """MLP from the windowed hidden states of all wav2vec 2.0 blocks to cross-attention tokens.

    Args:
        num_neighbors: m, frames on each side of a frame.
        num_layers: blocks of the audio encoder whose hidden states are concatenated.
        layer_dim: width of the audio encoder.
        hidden_dim: width of the MLP.
        num_tokens: of one frame.
        token_dim: width of a token.
    """

    @register_to_config
    def __init__(
        self,
        num_neighbors: int = 2,
        num_layers: int = 12,
        layer_dim: int = 768,
        hidden_dim: int = 512,
        num_tokens: int = 32,
        token_dim: int = 768,
    ):
        super().__init__()
        self.token_dim = token_dim
        self.linear_1 = nn.Linear((2 * num_neighbors + 1) * num_layers * layer_dim, hidden_dim)
        self.linear_2 = nn.Linear(hidden_dim, hidden_dim)
        self.linear_3 = nn.Linear(hidden_dim, num_tokens * token_dim)
        self.norm = nn.LayerNorm(token_dim)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Windows (B, F, 2m+1, layers, width), from `cut_windows` -> tokens (B, F, num_tokens, token_dim)."""
        x = torch.relu(self.linear_1(windows.flatten(2)))  # A^(f), the concatenation over neighbors and blocks
        x = torch.relu(self.linear_2(x))
        return self.norm(self.linear_3(x).unflatten(-1, (-1, self.token_dim)))
