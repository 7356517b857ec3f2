"""Where GoHD goes in the animator's latent space: along learned directions, as far as a motion says (3.3)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

KERNEL = 3
STRIDE = 8.0  # length of a step of 1, about that of a latent: else new networks would hear of the portrait alone
LEFT = 3  # frames that the encoder's convolutions leave of a window, at least, and pooling takes


class MotionEncoder(nn.Module):
    """What a face does at a moment, rho: pose and expression of the frames around it, and where it looks.

    Convolutions without padding narrow the window about its middle; what they leave is pooled.

    Args:
        columns: of pose and expression, q.
        gaze_columns: of the gaze.
        reach: frames r before and after the one that is drawn.
        dim: width, of rho, too.
        pooling: `max`, as in the paper, or `average`, as in its code.
    """

    def __init__(self, columns: int, gaze_columns: int, reach: int, dim: int, pooling: str):
        super().__init__()
        self.pooling = pooling
        dilation = max(1, reach // 4)
        first = 2 * dilation + 1 if reach else 1
        layers = max(0, (2 * reach + 1 - first - (LEFT - 1)) // ((KERNEL - 1) * dilation))
        self.window_in = nn.Conv1d(columns, dim, first)
        self.layers = nn.ModuleList(nn.Conv1d(dim, dim, KERNEL, dilation=dilation) for _ in range(layers))
        self.gaze_in = nn.Linear(gaze_columns, dim)
        self.out = nn.Linear(2 * dim, dim)

    def forward(self, window: Tensor, gaze: Tensor) -> Tensor:
        """Normalized q of 2 r + 1 frames (B, 2 r + 1, columns) and gaze (B, gaze_columns) -> rho, (B, dim)."""
        x = self.window_in(window.mT)
        for layer in self.layers:
            narrower = layer(silu(x))
            around = (x.shape[-1] - narrower.shape[-1]) // 2
            x = x[..., around : x.shape[-1] - around] + narrower
        pooled = x.amax(-1) if self.pooling == "max" else x.mean(-1)
        return self.out(silu(torch.cat([pooled, self.gaze_in(gaze)], -1)))


class Navigator(nn.Module):
    """Steps along directions of the latent space, which are at right angles: eta = sum of xi_i m_i.

    Args:
        motion_dim: of rho.
        latent_dim: of z.
        directions: n, of the codebook M.
        dim: width of the layers that say how far each direction is gone.
    """

    def __init__(self, motion_dim: int, latent_dim: int, directions: int, dim: int):
        super().__init__()
        self.motion_norm, self.latent_norm = (nn.LayerNorm(each) for each in (motion_dim, latent_dim))
        self.steps = nn.Sequential(
            nn.Linear(motion_dim + latent_dim, dim),
            nn.SiLU(),
            nn.Linear(dim, dim),
            nn.SiLU(),
            nn.Linear(dim, directions),
        )
        self.codebook = nn.Parameter(torch.randn(latent_dim, directions))

    def directions(self) -> Tensor:
        """M, of orthonormal rows, (n, latent_dim): the codebook's own by QR decomposition, as in LIA."""
        return torch.linalg.qr(self.codebook.float())[0].mT

    def forward(self, motion: Tensor, latent: Tensor) -> Tensor:
        """rho (B, motion_dim) and z_R (B, latent_dim) -> eta, (B, latent_dim)."""
        steps = self.steps(torch.cat([self.motion_norm(motion), self.latent_norm(latent)], -1))
        return STRIDE * steps @ self.directions().to(steps)
