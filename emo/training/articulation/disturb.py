"""What happens to a voice on its way: speed, a room, an equalizer, noise, gain, a telephone."""

import numpy as np

from emo.articulation.features import SAMPLE_RATE

NOISE_SECONDS = 4.0
PITCHED, SEMITONES = 0.35, 6.0


def fft_size(samples: int) -> int:
    return 1 << max(1, samples - 1).bit_length()


def resampled(waveform: np.ndarray, speed: float) -> np.ndarray:
    """Played so many times faster: pitch, tract and rate alike."""
    return np.interp(np.arange(0, len(waveform) - 1, speed), np.arange(len(waveform)), waveform)


def in_room(waveform: np.ndarray, seconds: float, share: float, rng: np.random.Generator) -> np.ndarray:
    """With an echo that decays by 60 dB in so many seconds, `share` of the direct sound."""
    length = round(seconds * SAMPLE_RATE)
    echo = rng.normal(0, 1, length) * np.exp(-6.9 * np.arange(length) / length) * (np.arange(length) > 60)
    echo *= share / np.sqrt((echo**2).sum())
    echo[0] = 1
    size = fft_size(len(waveform) + length)
    return np.fft.irfft(np.fft.rfft(waveform, size) * np.fft.rfft(echo, size), size)[: len(waveform)]


def equalized(waveform: np.ndarray, decibels: float, rng: np.random.Generator) -> np.ndarray:
    """Through a smooth random curve and a tilt that deviate by about so many decibels."""
    size = fft_size(len(waveform))
    place = np.linspace(0, 1, size // 2 + 1)
    curve = rng.normal(0, 3 * decibels) * (place - 0.5)
    for k in (1, 2, 3):
        curve += rng.normal(0, decibels) * np.cos(np.pi * k * place + rng.uniform(0, 2 * np.pi))
    return np.fft.irfft(np.fft.rfft(waveform, size) * 10 ** (curve / 20), size)[: len(waveform)]


def low_passed(waveform: np.ndarray, hertz: float) -> np.ndarray:
    """Without what lies above, as at a lower sampling rate."""
    size = fft_size(len(waveform))
    spectrum = np.fft.rfft(waveform, size)
    spectrum[np.fft.rfftfreq(size, 1 / SAMPLE_RATE) > hertz] = 0
    return np.fft.irfft(spectrum, size)[: len(waveform)]


def colored_noise(samples: int, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of deviation 1 whose power falls with frequency to the power of twice the slope."""
    size = fft_size(samples)
    spectrum = np.fft.rfft(rng.normal(0, 1, size)) / np.maximum(np.arange(size // 2 + 1), 20.0) ** slope
    noise = np.fft.irfft(spectrum, size)[:samples]
    return noise / noise.std()


def pitched(waveform: np.ndarray, semitones: float) -> np.ndarray:
    """Higher or lower by so many semitones at the same pace: stretched by a phase vocoder, then resampled."""
    factor = 2 ** (semitones / 12)
    size, hop = 1024, 256
    window = np.hanning(size + 1)[:-1]
    padded = np.pad(waveform, size)
    frames = np.stack([padded[i : i + size] * window for i in range(0, len(padded) - size, hop)])
    spectrum = np.fft.rfft(frames, axis=1)
    expected = 2 * np.pi * hop * np.arange(size // 2 + 1) / size
    positions = np.arange(0, len(spectrum) - 1, 1 / factor)
    phase = np.angle(spectrum[0])
    out = np.zeros(len(positions) * hop + size)
    for i, position in enumerate(positions):
        low, share = int(position), position % 1
        size_now = (1 - share) * np.abs(spectrum[low]) + share * np.abs(spectrum[low + 1])
        out[i * hop : i * hop + size] += np.fft.irfft(size_now * np.exp(1j * phase)) * window
        turn = np.angle(spectrum[low + 1]) - np.angle(spectrum[low]) - expected
        phase = phase + expected + turn - 2 * np.pi * np.round(turn / (2 * np.pi))
    stretched = out / 1.5  # the squared windows' sum
    faster = resampled(stretched, factor)
    start = size  # the padding before, of the same length once the pace is restored
    return np.pad(faster, (0, size))[start : start + len(waveform)]


class Disturber:
    """Draws what happens to a voice.

    Args:
        seed: of the noises, of which it keeps some.
        noises: how many.
    """

    def __init__(self, seed: int, noises: int = 32):
        rng = np.random.default_rng((0xD15, seed))
        length = round(NOISE_SECONDS * SAMPLE_RATE)
        slopes = [0.0 if i % 2 == 0 else rng.uniform(0.2, 1.0) for i in range(noises)]
        self.noises = [colored_noise(length, slope, rng).astype(np.float32) for slope in slopes]

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The voice (N,) as it is heard somewhere."""
        heard = waveform
        if rng.random() < PITCHED:
            heard = pitched(heard, rng.uniform(-SEMITONES, SEMITONES))
        if rng.random() < 0.4:
            heard = in_room(heard, rng.uniform(0.05, 0.5), rng.uniform(0.1, 1.0), rng)
        heard = equalized(heard, 2.0, rng)
        noise = self.noises[rng.integers(len(self.noises))]
        start = int(rng.integers(len(noise)))
        piece = np.take(noise, np.arange(start, start + len(heard)), mode="wrap")
        heard = heard + piece * np.sqrt((heard**2).mean()) * 10 ** (-rng.uniform(3, 40) / 20)
        if rng.random() < 0.3:
            heard = low_passed(heard, rng.uniform(3300, 6000))
        return heard * 10 ** (rng.uniform(-6, 6) / 20)
