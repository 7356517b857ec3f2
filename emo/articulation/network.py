"""The network that hears how a mouth moves: dilated convolutions over 50 steps a second, with bounded look-ahead."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from emo.articulation.mouth import MEASURES
from emo.articulation.sounds import SOUNDS
from emo.errors import WeightsError, first_line
from emo.resources import bundled

TAPS = 5  # of every convolution over time
STEP = 2  # hops per step of the network


@dataclass(frozen=True)
class Calibration:
    """From what the network says to a mouth; see `ArticulationNetwork`.

    Attributes:
        mean, deviation, gain, rest: (measures,) float32.
        closing: two shares.
    """

    mean: np.ndarray
    deviation: np.ndarray
    gain: np.ndarray
    rest: np.ndarray
    closing: tuple[float, float]

    def measures(self, standardized: np.ndarray) -> np.ndarray:
        """Measures (..., measures) in eye distances."""
        return (self.rest + self.gain * (standardized - self.rest)) * self.deviation + self.mean

    def shut(self, bilabials: np.ndarray) -> np.ndarray:
        """How far the lips have met, 0 to 1, for shares of p, b and m in what is heard."""
        begin, met = self.closing
        return ((bilabials - begin) / (met - begin)).clip(0, 1)


class Block(nn.Module):
    """A residual convolution; it shortens its input by `left` steps at the start and `right` at the end."""

    def __init__(self, channels: int, dilation: int, right: int, dropout: float):
        super().__init__()
        self.left, self.right = (TAPS - 1) * dilation - right, right
        self.norm = nn.LayerNorm(channels)
        self.conv = nn.Conv1d(channels, channels, TAPS, dilation=dilation)
        self.out = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, T) -> (B, channels, T - left - right)."""
        hidden = self.norm(x.transpose(1, 2)).transpose(1, 2)
        hidden = self.out(self.dropout(F.gelu(self.conv(hidden))))
        return x[..., self.left : x.shape[-1] - self.right] + hidden


class ArticulationNetwork(ModelMixin, ConfigMixin):
    """From leveled log-mel features to the mouth's measures and the sounds heard.

    No padding happens inside: whoever calls it puts `before` hops ahead of the first moment and `after` behind the
    last one (`pad`), so that a stream's pieces and the whole give the same.

    Args:
        mels: bands of the spectrogram.
        channels: width of the trunk.
        dilations: of the residual blocks, one each.
        look_ahead: steps of 20 ms after a moment that the blocks may hear.
        dropout: within the blocks, while training.
        mean, deviation: of each of MEASURES over the training clips; the network speaks of standardized ones.
        gain: of each standardized measure, so that mouths move as far as real ones.
        rest: standardized measures of the mouth in silence, which the gain leaves where they are.
        closing: shares of p, b and m in what is heard from which the lips begin to meet, and at which they have met.
    """

    _supports_gradient_checkpointing = False

    @register_to_config
    def __init__(
        self,
        *,  # diffusers would take arguments by place for defaults, and forget them
        mels: int = 40,
        channels: int = 96,
        dilations: Sequence[int] = (1, 2, 4, 8, 1, 2),
        look_ahead: int = 7,
        dropout: float = 0.0,
        mean: Sequence[float] = (0.0,) * len(MEASURES),
        deviation: Sequence[float] = (1.0,) * len(MEASURES),
        gain: Sequence[float] = (1.0,) * len(MEASURES),
        rest: Sequence[float] = (0.0,) * len(MEASURES),
        closing: Sequence[float] = (0.1, 0.24),
    ):
        super().__init__()
        self.mels = mels
        self.calibration = Calibration(
            np.asarray(mean, np.float32),
            np.asarray(deviation, np.float32),
            np.asarray(gain, np.float32),
            np.asarray(rest, np.float32),
            (closing[0], closing[1]),
        )
        self.first = nn.Conv1d(mels, channels, TAPS, stride=STEP)
        blocks, ahead = [], look_ahead
        for dilation in dilations:
            right = min(ahead, TAPS // 2 * dilation) // dilation * dilation
            blocks.append(Block(channels, dilation, right, dropout))
            ahead -= right
        self.blocks = nn.ModuleList(blocks)
        self.mouth = nn.Conv1d(channels, len(MEASURES), 1)
        self.sounds = nn.Conv1d(channels, len(SOUNDS), 1)
        self.before = STEP * sum(block.left for block in blocks) + TAPS // 2
        self.after = STEP * sum(block.right for block in blocks) + TAPS // 2

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Hear a sound.

        Args:
            features: (B, mels, before + STEP * (T - 1) + 1 + after), see `LogMel`.

        Returns:
            Standardized measures (B, measures, T) and logits of the sounds (B, sounds, T), step t at hop STEP * t
            after the first `before`.
        """
        x = F.gelu(self.first(features))
        for block in self.blocks:
            x = block(x)
        return self.mouth(x), self.sounds(x)

    def pad(self, features: Tensor, silence: Tensor) -> Tensor:
        """Silence, (mels,), around features (B, mels, N), so that the steps cover all of them."""
        batch, silence = len(features), silence.to(features)
        before, after = (silence[None, :, None].expand(batch, -1, n) for n in (self.before, self.after))
        return torch.cat([before, features, after], -1)


def load_articulation(folder: str | Path | None = None) -> ArticulationNetwork:
    """The network of a folder that `save_pretrained` wrote, in float32 and ready to use; the bundled one by default.

    Raises:
        WeightsError: the folder holds no such network.
    """
    path = bundled("weights/articulation") if folder is None else Path(folder)
    try:
        network = ArticulationNetwork.from_pretrained(path, torch_dtype=torch.float32, local_files_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise WeightsError(f"{path} holds no articulation network ({first_line(error)})") from error
    return network.eval().requires_grad_(False)
