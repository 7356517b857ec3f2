"""Head rotation speeds -> speed features by soft buckets (3.2.5)."""

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn


class SpeedEncoder(ModelMixin, ConfigMixin):
    """Buckets each speed w, in degrees per frame, and maps a frame's buckets and its neighbors' to l features.

    Args:
        num_neighbors: m, frames on each side of a frame.
        num_buckets: d. The centers lie evenly from 0 to `max_speed`; the radius is half their distance.
        max_speed: center of the last bucket, degrees per frame.
        speed_dim: l.
    """

    @register_to_config
    def __init__(self, num_neighbors: int = 2, num_buckets: int = 9, max_speed: float = 2.0, speed_dim: int = 256):
        super().__init__()
        self.num_buckets = num_buckets
        self.max_speed = max_speed
        self.linear_1 = nn.Linear((2 * num_neighbors + 1) * num_buckets, speed_dim)
        self.linear_2 = nn.Linear(speed_dim, speed_dim)

    def buckets(self, speed: torch.Tensor) -> torch.Tensor:
        """Speeds (...) -> s (..., d) in float32, the equation of 3.2.5: s_i = tanh(3 (w - c_i) / r_i)."""
        centers = torch.linspace(0, self.max_speed, self.num_buckets, device=speed.device)
        radius = self.max_speed / (self.num_buckets - 1) / 2
        return torch.tanh(3 * (speed[..., None].float() - centers) / radius)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Windows of speeds (B, F, 2m+1), from `cut_windows` -> features (B, F, l)."""
        x = self.buckets(windows).flatten(-2).to(self.dtype)
        return self.linear_2(torch.nn.functional.silu(self.linear_1(x)))
