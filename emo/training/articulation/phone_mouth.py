"""From phones to a mouth, learned from a talker whose phones are known: it gives mouths to voices without a face."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emo.articulation import MEASURES, mouth_at
from emo.articulation.phones import TRAITS, Phone, timeline
from emo.training.articulation.talks import Talk

RATE = 100.0  # of its timeline and of the mouths it gives
SECONDS = 2.2  # of a sample
LAG = 4  # moments over which slopes are compared
SPEEDS = (0.75, 1.3)
DILATIONS = (1, 2, 4)
RAMP = 0.04  # seconds in which lips meet and part


class PhoneMouth(nn.Module):
    """Coarticulation as convolutions over the traits of phones, 0.2 s to both sides."""

    def __init__(self, channels: int = 64, dropout: float = 0.2):
        super().__init__()
        self.first = nn.Conv1d(len(TRAITS), channels, 7, padding=3)
        self.blocks = nn.ModuleList(nn.Conv1d(channels, channels, 5, padding=2 * d, dilation=d) for d in DILATIONS)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Conv1d(channels, len(MEASURES), 1)

    def forward(self, traits: Tensor) -> Tensor:
        """(B, traits, T) -> standardized measures (B, measures, T)."""
        x = F.gelu(self.first(traits))
        for block in self.blocks:
            x = x + self.dropout(F.gelu(block(x)))
        return self.out(x)

    @torch.no_grad()
    def speak(self, phones: list[Phone], count: int) -> np.ndarray:
        """Standardized measures (count, measures) at RATE."""
        traits, _ = timeline(phones, count, RATE)
        return self(torch.from_numpy(traits.T.copy())[None])[0].T.numpy()


def learn_phone_mouth(
    talks: Sequence[Talk], mean: np.ndarray, deviation: np.ndarray, steps: int, seed: int
) -> PhoneMouth:
    """Train one on talks with mouths and phones.

    Args:
        talks: each longer than SECONDS times the highest of SPEEDS, or silent beyond.
        mean, deviation: (measures,), by which the measures are standardized.
        steps: of 16 samples.
        seed: decides the result.
    """
    rng = np.random.default_rng((0x90A, seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PhoneMouth()
        optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min(1, (i + 1) / 30) * (1 - i / steps))
        for _ in range(steps):
            samples = [_sample(talks[i], mean, deviation, rng) for i in rng.integers(len(talks), size=16)]
            traits, mouth = (torch.from_numpy(np.stack(column)) for column in zip(*samples, strict=True))
            loss = tracking_loss(network(traits), mouth, LAG)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def lips_shut(mouth: np.ndarray, phones: list[Phone], rate: float) -> np.ndarray:
    """A mouth (T, measures) whose lips meet in p, b and m, as far as they do not yet; a mean of mouths leaves a gap.

    The lips meet within RAMP of the sound's ends, and the outer lips come nearer by as much as the inner ones.
    """
    times = np.arange(len(mouth)) / rate
    shut = np.zeros(len(mouth))
    for phone in phones:
        if phone.letters[:1] in ("p", "b", "m") and phone.letters:
            outside = np.maximum(phone.start - times, times - (phone.end - RAMP / 4)).clip(0)
            shut = np.maximum(shut, np.cos(np.pi / 2 * (outside / RAMP).clip(0, 1)) ** 2)
    closed = mouth.copy()
    opening, height = MEASURES.index("opening"), MEASURES.index("height")
    closed[:, opening] *= 1 - shut
    closed[:, height] -= mouth[:, opening] - closed[:, opening]
    return closed


def tracking_loss(found: Tensor, true: Tensor, lag: int) -> Tensor:
    """Squared error of values and, twice as heavy, of the change over `lag` moments, of (B, measures, T)."""
    change = F.mse_loss(found[..., lag:] - found[..., :-lag], true[..., lag:] - true[..., :-lag])
    return F.mse_loss(found, true) + 2 * change


def _sample(
    talk: Talk, mean: np.ndarray, deviation: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Traits (traits, T) and standardized measures (measures, T) of a talk, faster or slower than it was."""
    assert talk.phones is not None, talk.name
    speed, count = rng.uniform(*SPEEDS), round(SECONDS * RATE)
    faster = [Phone(p.letters, p.start / speed, p.end / speed) for p in talk.phones]
    mouth = mouth_at(talk.standardized(mean, deviation).measures, talk.fps, np.arange(count) / RATE * speed)
    return timeline(faster, count, RATE)[0].T.copy(), mouth.T.astype(np.float32)
