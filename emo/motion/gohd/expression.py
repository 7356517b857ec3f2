"""GoHD's expressions in two stages: lips frame by frame from speech, then what eyes do over time (3.2)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from emo.errors import ConfigError
from emo.motion.gohd.past_transformer import PastTransformer
from emo.motion.space import MotionSpace

Memory = tuple[Tensor, Tensor]
"""Hidden and cell state of an LSTM, (layers, B, width) each; or as `PastTransformer` has it."""

NETWORKS = ("lstm", "transformer")
"""What can make the motion of eyes over time."""


class LipMapper(ModelMixin, ConfigMixin):
    """Stage 1, E_map: e_t = MLP(Phi_a(a_t), e0, f_t) (eq. 5), one frame by itself.

    Args:
        space: of the expression, E columns, as `MotionSpace.to_dict` has it; all values are normalized by it.
        eyes: names of its F columns that are f, what eyes and brows do; none, and it makes them of the sound alone.
        audio_dim: A, of a frame's sound.
        embedding_dim: width of Phi_a(a_t).
        dim: width of hidden layers.
        layers: hidden ones; 0 makes one linear layer of it.
    """

    @register_to_config
    def __init__(
        self,
        *,
        space: Mapping[str, Any],
        eyes: Sequence[str],
        audio_dim: int,
        embedding_dim: int = 512,
        dim: int = 512,
        layers: int = 2,
    ):
        super().__init__()
        self.space = MotionSpace.from_dict(space)
        self.eyes = self.space.index(*eyes)
        self.audio_encoder = _layers(audio_dim, embedding_dim, embedding_dim, 1)  # Phi_a
        self.mapper = _layers(embedding_dim + len(self.space) + len(self.eyes), dim, len(self.space), layers)

    def embed(self, audio: Tensor) -> Tensor:
        """Phi_a of frames' sounds, (B, T, A) -> (B, T, embedding_dim)."""
        return self.audio_encoder(audio)

    def forward(self, embedding: Tensor, first: Tensor, eyes: Tensor) -> Tensor:
        """Expressions.

        Args:
            embedding: of the sound, (B, T, embedding_dim).
            first: e0, (B, E).
            eyes: f, (B, T, F).

        Returns:
            (B, T, E).
        """
        first = first[:, None].expand(-1, embedding.shape[1], -1)
        return self.mapper(torch.cat([embedding, first, eyes], -1))


class EyeMotionGenerator(ModelMixin, ConfigMixin):
    """Stage 2, G_lstm: what eyes and brows do, from sound, a beginning and noise (eqs. 6 and 7).

    Args:
        columns: F, of f.
        expression_columns: E, of e0.
        embedding_dim: width of Phi_a(a_t), of the first stage.
        noise_dim: of z, drawn for every frame.
        dim: of the LSTM and of embedded f.
        layers: of the LSTM.
        network: `lstm`, or a `transformer` in its place, as in Table 3.
        heads: of the Transformer's attention.

    Raises:
        ConfigError: there is no such network.
        ValueError: its channels do not make so many heads.
    """

    @register_to_config
    def __init__(
        self,
        *,
        columns: int,
        expression_columns: int,
        embedding_dim: int = 512,
        noise_dim: int = 512,
        dim: int = 512,
        layers: int = 2,
        network: str = "lstm",
        heads: int = 4,
    ):
        super().__init__()
        if network not in NETWORKS:
            raise ConfigError(f"eyes are moved by {' or '.join(NETWORKS)}, not by {network!r}")
        self.eyes_in = _layers(columns, dim, dim, 1)  # Phi_e
        told = embedding_dim + dim + expression_columns + noise_dim
        if network == "lstm":
            self.lstm = nn.LSTM(told, dim, layers, batch_first=True)
        else:
            self.lstm = PastTransformer(told, dim, layers, heads)
        self.eyes_out = _layers(dim, dim, columns, 1)

    def forward(
        self, embedding: Tensor, first: Tensor, eyes: Tensor, noise: Tensor, memory: Memory | None = None
    ) -> tuple[Tensor, Memory]:
        """What eyes do.

        Args:
            embedding: of the sound, (B, T, embedding_dim).
            first: e0, (B, E).
            eyes: f0, (B, F).
            noise: z, (B, T, noise_dim).
            memory: after the frames before; zeros by default.

        Returns:
            f, (B, T, F), and the memory after them.
        """
        begun = self.eyes_in(eyes)[:, None].expand(-1, embedding.shape[1], -1)
        first = first[:, None].expand(-1, embedding.shape[1], -1)
        change, after = self.lstm(torch.cat([embedding, begun, first, noise], -1), memory)
        return self.eyes_out(begun + change), after


def _layers(columns: int, dim: int, out: int, hidden: int) -> nn.Sequential:
    """So many hidden layers of width `dim`, and one more."""
    widths = [columns, *[dim] * hidden]
    steps: list[nn.Module] = []
    for before, after in pairwise(widths):
        steps += [nn.Linear(before, after), nn.SiLU()]
    return nn.Sequential(*steps, nn.Linear(widths[-1], out))
