"""How a distilled backbone hears how strongly it is to be guided, in place of predictions without a condition."""

import torch
from torch import nn


class GuidanceEmbedding(nn.Module):
    """Weights of guidance -> what is added to the time embedding; zero at first, so that nothing is heard yet.

    Args:
        num_conditions: whose weights are heard.
        channels: of the time embedding.
    """

    def __init__(self, num_conditions: int, channels: int):
        super().__init__()
        self.linear_1 = nn.Linear(num_conditions, channels)
        self.act = nn.SiLU()
        self.linear_2 = nn.Linear(channels, channels)
        nn.init.zeros_(self.linear_2.weight)
        nn.init.zeros_(self.linear_2.bias)

    def forward(self, guidance: torch.Tensor) -> torch.Tensor:
        """(B, channels) of weights w (B, conditions), of which 1 is no guidance."""
        return self.linear_2(self.act(self.linear_1(guidance - 1)))
