"""What reads lips, for the loss L_read (supplement B): features of the lips' landmarks that tell what is said."""

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import normalize

from emo.face.mesh import LIPS_68
from emo.motion.gohd.landmark_basis import PIXELS, mean_basis

KERNEL = 5  # frames of every convolution along time
LENGTH = 10.0  # of features


class FrameEmbedding(nn.Module):
    """Frames (B, T, columns) with those around them as features (B, T, out) of one length.

    Args:
        columns: of a frame.
        dim: width.
        out: of the features.
        layers: convolutions along time.
    """

    def __init__(self, columns: int, dim: int, out: int, layers: int):
        super().__init__()
        self.frames_in = nn.Sequential(nn.Linear(columns, dim), nn.LayerNorm(dim))
        self.convolutions = nn.ModuleList(nn.Conv1d(dim, dim, KERNEL, padding="same") for _ in range(layers))
        self.features_out = nn.Linear(dim, out)

    def forward(self, frames: Tensor) -> Tensor:
        hidden = self.frames_in(frames).transpose(1, 2)
        for convolution in self.convolutions:
            hidden = hidden + convolution(nn.functional.silu(hidden))
        return LENGTH * normalize(self.features_out(hidden.transpose(1, 2)), dim=-1)


class LipReader(ModelMixin, ConfigMixin):
    """Reads lips frame by frame, with the frames around each.

    Args:
        dim: width.
        embedding_dim: D, of what is read.
        layers: convolutions along time.
    """

    @register_to_config
    def __init__(self, *, dim: int = 64, embedding_dim: int = 64, layers: int = 2):
        super().__init__()
        self.embedding = FrameEmbedding(3 * len(LIPS_68), dim, embedding_dim, layers)

    def forward(self, moved: Tensor) -> Tensor:
        """How 20 landmarks of the lips are moved, in pixels of a picture of 256, (B, T, 20, 3) -> (B, T, D)."""
        return self.embedding(moved.flatten(-2))

    def read(self, expression: Tensor) -> Tensor:
        """The same of expressions, (B, T, E) -> (B, T, D)."""
        return self(PIXELS * mean_basis().displacements(expression, LIPS_68))
