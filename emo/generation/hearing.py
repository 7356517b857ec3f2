"""What an audio encoder hears of samples: hidden states of all its blocks, and when each of them is.

wav2vec 2.0 takes samples of any length; a state sees 25 ms, one every 20 ms. Whisper's encoder takes log-mel
spectrograms of 30 s, filled with silence; a state every 20 ms as well.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import Wav2Vec2Config


class ReceptiveField(NamedTuple):
    """Which samples a hidden state sees: state j those from `j * hop` on, `size` of them.

    Attributes:
        hop: samples from one state to the next; 320, which are 20 ms.
        size: samples that one sees; 400, which are 25 ms.
    """

    hop: int
    size: int


def receptive_field(config: Wav2Vec2Config) -> ReceptiveField:
    """The receptive field of wav2vec 2.0's hidden states, by its convolutions."""
    kernels: Any = config.conv_kernel
    strides: Any = config.conv_stride
    reach = [(kernel - 1) * math.prod(strides[:i]) for i, kernel in enumerate(kernels)]
    return ReceptiveField(math.prod(strides), 1 + sum(reach))


class Hearing(ABC):
    """An audio encoder and its settings, whatever its kind.

    Args:
        encoder, feature_extractor: of one kind; the second is the first's settings.

    Attributes:
        sampling_rate: in Hz, of the samples that it takes.
        normalizes: whether samples are to have mean 0 and variance 1.
        chunk_seconds: of a recording that is heard at once, between its contexts.
    """

    normalizes: bool
    chunk_seconds: int

    def __init__(self, encoder: Any, feature_extractor: Any):
        self.encoder = encoder
        self.feature_extractor = feature_extractor
        self.sampling_rate: int = feature_extractor.sampling_rate

    @abstractmethod
    def states(self, samples: torch.Tensor) -> torch.Tensor:
        """Hidden states of all blocks for samples (N,), (states, layers, width)."""

    @abstractmethod
    def position(self, sample: Fraction) -> Fraction:
        """The number of the state whose center is at a sample; a fraction lies between two."""

    def at(self, samples: torch.Tensor, centers: Sequence[Fraction]) -> torch.Tensor:
        """Hidden states at moments of a sound, (moments, layers, width), in straight lines between states.

        Args:
            samples: (N,), normalized where the encoder wants that.
            centers: the moments, in samples; beyond the first and the last state these repeat.
        """
        states = self.states(samples)
        position = torch.tensor([float(self.position(center)) for center in centers])
        position = position.clamp(0, len(states) - 1).to(states.device)
        below = position.floor().long()
        above = (below + 1).clamp(max=len(states) - 1)
        weight = (position - below)[:, None, None]
        return torch.lerp(states[below].float(), states[above].float(), weight).to(states.dtype)


class Wav2Vec2Hearing(Hearing):
    """wav2vec 2.0, in any of its sizes and languages."""

    chunk_seconds = 8

    def __init__(self, encoder: Any, feature_extractor: Any):
        super().__init__(encoder, feature_extractor)
        self.normalizes = feature_extractor.do_normalize
        self.field = receptive_field(encoder.config)

    def states(self, samples: torch.Tensor) -> torch.Tensor:
        if len(samples) < self.field.size:
            samples = torch.nn.functional.pad(samples, (0, self.field.size - len(samples)))
        samples = samples[None].to(self.encoder.device, self.encoder.dtype)
        return torch.cat(self.encoder(samples, output_hidden_states=True).hidden_states[1:]).transpose(0, 1)

    def position(self, sample: Fraction) -> Fraction:
        # State j sees the samples j * hop ... j * hop + size.
        return (sample - Fraction(self.field.size, 2)) / self.field.hop


class WhisperHearing(Hearing):
    """The encoder of Whisper (https://arxiv.org/abs/2212.04356).

    Its spectrogram is scaled by the loudest of what is heard at once, so samples are not normalized. 28 s of a
    recording and 1 s of context on both sides fill its window.
    """

    normalizes = False
    chunk_seconds = 28

    def __init__(self, encoder: Any, feature_extractor: Any):
        super().__init__(encoder, feature_extractor)
        strides = encoder.conv1.stride[0] * encoder.conv2.stride[0]
        self.hop: int = feature_extractor.hop_length * strides  # 320, which are 20 ms

    def states(self, samples: torch.Tensor) -> torch.Tensor:
        count = max(1, math.ceil(len(samples) / self.hop))
        spectrogram = self.feature_extractor(
            samples.float().cpu().numpy().astype(np.float32), sampling_rate=self.sampling_rate, return_tensors="pt"
        ).input_features
        heard = self.encoder(
            spectrogram.to(self.encoder.device, self.encoder.dtype), output_hidden_states=True
        ).hidden_states[1:]
        return torch.cat(heard).transpose(0, 1)[:count]  # without the silence that fills the window

    def position(self, sample: Fraction) -> Fraction:
        # Columns of the spectrogram are centered at multiples of their hop, and so are the convolutions on them.
        return sample / self.hop


def hearing_of(encoder: Any, feature_extractor: Any) -> Hearing:
    """An audio encoder as what can be asked of it, by its kind."""
    kind = WhisperHearing if encoder.config.model_type == "whisper" else Wav2Vec2Hearing
    return kind(encoder, feature_extractor)
