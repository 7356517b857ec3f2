"""What the articulation network hears: a log-mel spectrogram leveled by the loudest sound so far, in pieces."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

SAMPLE_RATE = 16000
WINDOW = 400  # samples, 25 ms, centered on the hop
HOP = 160  # samples, 10 ms
FFT = 512
BAND = (60.0, 7600.0)  # Hz
FALL = 0.03  # dB per hop that the remembered peak falls by
FIRST_PEAK, LOWEST_PEAK = 10.0, 0.0  # dB of a hop's power; speech of -20 dBFS has 20 to 30
QUIET = 1e-6  # of the peak: what is below is silence


def mel_filters(mels: int, warp: float = 1.0) -> Tensor:
    """Triangular filters (mels, FFT / 2 + 1), evenly spaced in mel over BAND.

    Args:
        mels: how many.
        warp: factor on the frequencies heard; 1.1 hears a tract a tenth shorter.
    """
    frequency = torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1, dtype=torch.float64) * warp
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in BAND)
    edges = 700 * (10 ** (torch.linspace(low, high, mels + 2, dtype=torch.float64) / 2595) - 1)
    left, middle, right = (edges[i : i + mels, None] for i in range(3))
    rising = (frequency - left) / (middle - left)
    falling = (right - frequency) / (right - middle)
    return torch.minimum(rising, falling).clamp(min=0).float()


def silence(mels: int) -> Tensor:
    """Features (mels,) of a hop without sound."""
    return _scaled_log(torch.zeros(mels))


def _scaled_log(power: Tensor) -> Tensor:
    """Between about -1.5 and 2."""
    return torch.log(power + QUIET) / 4 + 2


def hops(samples: int) -> int:
    """Hops that a sound of so many samples has: hop i is centered on sample i * HOP."""
    return samples // HOP + 1


@dataclass
class LogMel:
    """Leveled log-mel features of one sound, pushed piece by piece; the pieces' sizes change nothing.

    The level follows the loudest hop so far, falling by 3 dB a second, so that neither gain nor distance matter and
    nothing later is needed.

    Attributes:
        filters: (mels, FFT / 2 + 1), see `mel_filters`.
    """

    filters: Tensor
    _rest: np.ndarray = field(default_factory=lambda: np.zeros(WINDOW // 2, np.float32), init=False)
    _count: int = field(default=0, init=False)
    _peak: float = field(default=FIRST_PEAK, init=False)  # dB, of the hop before; plus FALL for each hop so far

    def push(self, samples: np.ndarray) -> Tensor:
        """The hops (mels, n) that are complete with these samples, float32 (N,) at 16 kHz."""
        self._rest = np.concatenate([self._rest, samples.astype(np.float32, copy=False)])
        count = max(0, (len(self._rest) - WINDOW) // HOP + 1)
        if not count:
            return torch.zeros(len(self.filters), 0)
        frames = np.lib.stride_tricks.sliding_window_view(self._rest, WINDOW)[: count * HOP : HOP]
        power = torch.fft.rfft(torch.tensor(frames) * torch.hann_window(WINDOW), FFT).abs().square().T
        self._rest = self._rest[count * HOP :]
        return _scaled_log(self.filters @ (power * self._gain(power)))

    def finish(self) -> Tensor:
        """The last hops (mels, n), whose windows reach beyond the end."""
        return self.push(np.zeros(WINDOW // 2, np.float32))

    def _gain(self, power: Tensor) -> Tensor:
        level = 10 * torch.log10(power.sum(0).double() + 1e-6).numpy()
        index = self._count + np.arange(len(level))
        peaks = np.maximum.accumulate(np.maximum(level + FALL * index, self._peak))
        self._count += len(level)
        self._peak = float(peaks[-1])
        return torch.tensor(10 ** (-np.maximum(peaks - FALL * index, LOWEST_PEAK) / 10)).float()


def log_mel(waveform: np.ndarray, filters: Tensor) -> Tensor:
    """Features (mels, hops(N)) of a whole sound (N,) at 16 kHz."""
    front = LogMel(filters)
    return torch.cat([front.push(waveform), front.finish()], 1)[:, : hops(len(waveform))]
