"""Syllables by source and filter: speech without a speaker, whose every sound is known."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emo.data.synthetic.phones import CONSONANTS, PAUSE, PHONES, VOWELS, Phone
from emo.media.rate import SAMPLE_RATE

WINDOW, HOP = 512, 128  # 32 ms frames every 8 ms for the filter
BLOCK = 64  # of these worked out together, which fit into a core's cache


class Speaker(NamedTuple):
    """A speaker: mean pitch in Hz, pitch range in octaves, formant scale (1: adult male tract; 1.3: a child's),
    speaking rate (1: as in the table), breath noise 0…1, spectral tilt in dB per octave."""

    pitch: float
    range: float
    formants: float
    rate: float
    breath: float
    tilt: float


class PhoneSegment(NamedTuple):
    """A phone and when it sounds, in seconds."""

    phone: str
    start: float
    end: float
    stress: float


@dataclass(frozen=True)
class Speech:
    """Synthetic speech.

    waveform: (N,) float32, -1…1, 16 kHz mono.
    segments: phones from 0 to N / 16000 s without gaps; `PHONES[segment.phone]` tells how each is shaped.
    voice: who speaks.
    """

    waveform: np.ndarray
    segments: tuple[PhoneSegment, ...]
    voice: Speaker


def draw_speaker(rng: np.random.Generator) -> Speaker:
    """A random adult or child: pitch and tract length go together, loosely."""
    size = rng.uniform(0, 1)  # 0 large man … 1 child
    return Speaker(
        pitch=float(95 * 2 ** (1.55 * size) * rng.uniform(0.88, 1.14)),
        range=float(rng.uniform(0.15, 0.55)),
        formants=float((0.96 + 0.30 * size) * rng.uniform(0.96, 1.04)),
        rate=float(rng.uniform(0.8, 1.25)),
        breath=float(rng.uniform(0.0, 0.25) ** 1.5),
        tilt=float(rng.uniform(-11.0, -6.5)),
    )


def synthesize(
    seed: int, seconds: float, *, voice: Speaker | None = None, phones: str | None = None, clean: bool = False
) -> Speech:
    """Speak for a while.

    Args:
        seed: decides what is said, how, by whom and where; the same seed gives the same samples.
        seconds: length; the result has round(seconds * 16000) samples.
        voice: speaker; drawn from the seed by default.
        phones: what to say, as symbols of `PHONES` (a space is a pause), cut or padded with pause to `seconds`;
            random syllables by default.
        clean: leave out background noise and room.
    Raises:
        ValueError: `seconds` is not positive, or `phones` holds an unknown symbol.
    """
    samples = round(seconds * SAMPLE_RATE)
    if samples < 1:
        raise ValueError(f"speech must last longer than {seconds} seconds")
    if phones is not None and (unknown := set(phones) - set(PHONES)):
        raise ValueError(f"unknown phones {sorted(unknown)}; known are {' '.join(PHONES)}")
    rng = np.random.default_rng((0x5EE, seed))
    voice = voice or draw_speaker(rng)
    segments = _time(_script(rng) if phones is None else iter(phones), samples / SAMPLE_RATE, voice, rng)
    wave = _sound(segments, samples, voice, rng)
    wave *= rng.uniform(0.25, 0.85) / max(1e-6, float(np.abs(wave).max()))
    if not clean:
        wave = _room(wave, rng)
    return Speech(np.clip(wave, -1, 1).astype(np.float32), segments, voice)


def _script(rng: np.random.Generator):
    """Endless random phrases: 2 to 9 syllables, consonant, vowel, sometimes a final consonant; then a pause."""
    vowels, consonants, finals = list(VOWELS), list(CONSONANTS), ["m", "n", "l", "s", "t", "k", "p"]
    if rng.random() < 0.7:
        yield " "
    while True:
        for _ in range(rng.integers(2, 10)):
            if rng.random() < 0.93:
                yield consonants[rng.integers(len(consonants))]
            yield vowels[rng.integers(len(vowels))]
            if rng.random() < 0.2:
                yield finals[rng.integers(len(finals))]
        yield " "


def _time(symbols, seconds: float, voice: Speaker, rng: np.random.Generator) -> tuple[PhoneSegment, ...]:
    """Give each phone a length and a stress, until `seconds` are full."""
    segments: list[PhoneSegment] = []
    now = 0.0
    for symbol in symbols:
        phone = PHONES[symbol]
        stress = float(rng.uniform(0.55, 1.0)) if phone.kind == "vowel" else 1.0
        length = phone.seconds / voice.rate * float(rng.uniform(0.75, 1.35)) * (0.7 + 0.5 * stress)
        end = min(now + length, seconds)
        segments.append(PhoneSegment(symbol, now, end, stress))
        now = end
        if now >= seconds:
            break
    if now < seconds:
        segments.append(PhoneSegment(PAUSE.symbol, now, seconds, 1.0))
    return tuple(segments)


def track(segments: tuple[PhoneSegment, ...], times: np.ndarray, values, blend: float) -> np.ndarray:
    """Sample a property of the phones over time, gliding from phone to phone.

    Args:
        segments: the phones.
        times: (T,) seconds.
        values: function of a `PhoneSegment` → number or row of numbers.
        blend: length of the glide in seconds (standard deviation of the smoothing).
    Returns:
        (T,) or (T, K) float64.
    """
    step = 0.002
    grid = np.arange(0, segments[-1].end + step, step)
    index = np.searchsorted([s.end for s in segments[:-1]], grid, side="right")
    table = np.array([values(s) for s in segments], dtype=np.float64)[index]
    radius = max(1, round(3 * blend / step))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) * step / blend) ** 2)
    kernel /= kernel.sum()
    columns = table.reshape(len(grid), -1)
    smooth = [np.convolve(np.pad(c, radius, mode="edge"), kernel, "valid") for c in columns.T]
    sampled = np.stack([np.interp(times, grid, c) for c in smooth], -1)
    return sampled.reshape(len(times), *table.shape[1:])


def _phone(segment: PhoneSegment) -> Phone:
    return PHONES[segment.phone]


def _sound(segments: tuple[PhoneSegment, ...], samples: int, voice: Speaker, rng: np.random.Generator) -> np.ndarray:
    """Glottal pulses and noise through the phones' resonances."""
    padded = samples + 2 * WINDOW
    times = (np.arange(padded) - WINDOW) / SAMPLE_RATE
    frames = (padded - WINDOW) // HOP + 1
    centers = (np.arange(frames) * HOP + WINDOW / 2 - WINDOW) / SAMPLE_RATE
    # Source: pulses with a wandering, falling pitch.
    wander = np.interp(
        times, np.arange(-1, times[-1] + 1, 0.25), rng.normal(0, 0.5, len(np.arange(-1, times[-1] + 1, 0.25)))
    )
    stress = track(segments, times, lambda s: s.stress - 0.8, 0.05)
    pitch = voice.pitch * 2 ** (voice.range * (0.5 * wander + stress))
    phase = np.cumsum(pitch / SAMPLE_RATE * (1 + 0.004 * rng.normal(0, 1, padded)))
    pulses = np.diff(np.floor(phase), prepend=0.0) * np.sqrt(SAMPLE_RATE / pitch)
    hiss = rng.normal(0, 1, padded)
    loud = track(segments, times, lambda s: _phone(s).loudness * s.stress, 0.012)
    rough = track(_with_bursts(segments), times, lambda s: _phone(s).noise * s.stress, 0.006)
    # Filter: resonances of the vocal tract per frame, applied in the spectrum.
    formants = track(segments, centers, lambda s: _phone(s).formants, 0.018) * voice.formants
    center = track(segments, centers, lambda s: _phone(s).noise_center or 2500.0, 0.012)
    frequency = np.fft.rfftfreq(WINDOW * 2, 1 / SAMPLE_RATE)
    tract = np.concatenate([_resonances(frequency, formants[block], voice) for block in _blocks(frames)])
    friction = 1 / (1 + ((frequency - center[:, None]) / (0.28 * center[:, None] + 300)) ** 2)
    voiced = (pulses + voice.breath * 0.5 * hiss) * loud
    return _filter(voiced, tract)[WINDOW:][:samples] + 0.9 * _filter(hiss * rough, friction)[WINDOW:][:samples]


def _with_bursts(segments: tuple[PhoneSegment, ...]) -> tuple[PhoneSegment, ...]:
    """Split plosives into a silent closure and a burst."""
    split: list[PhoneSegment] = []
    for segment in segments:
        if segment.phone in "bpdtk":
            release = segment.start + 0.6 * (segment.end - segment.start)
            split += [segment._replace(end=release, stress=0.0), segment._replace(start=release)]
        else:
            split.append(segment)
    return tuple(split)


def _resonances(frequency: np.ndarray, formants: np.ndarray, voice: Speaker) -> np.ndarray:
    """Complex response (frames, frequencies) of five resonances, glottal tilt and lip radiation."""
    response = np.ones((len(formants), len(frequency)), dtype=complex)
    upper = np.tile([3500.0 * voice.formants, 4500.0 * voice.formants], (len(formants), 1))
    s = 1j * frequency
    centers = np.concatenate([formants, upper], 1).T
    for center, bandwidth in zip(centers, (70.0, 100.0, 150.0, 220.0, 300.0), strict=True):
        pole = -bandwidth / 2 + 1j * center[:, None]
        response *= (np.abs(pole) ** 2) / ((s - pole) * (s - pole.conj()))
    tilt = 10 ** ((voice.tilt + 6) / 20 * np.log2(np.maximum(frequency, 100) / 100))  # +6: radiation at the lips
    return response * tilt * (frequency > 50)


def _filter(source: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Time-varying filter by overlap-add: (N,) through (frames, WINDOW + 1) responses."""
    window = np.hanning(WINDOW + 1)[:-1] * (2 * HOP / WINDOW)
    windows = np.lib.stride_tricks.sliding_window_view(source, WINDOW)[::HOP]
    pieces = np.concatenate([
        np.fft.irfft(np.fft.rfft(windows[block] * window, 2 * WINDOW, axis=1) * response[block], axis=1)
        for block in _blocks(len(response))
    ])  # fmt: skip
    hops = pieces.reshape(len(pieces), -1, HOP)
    out = np.zeros((len(pieces) + hops.shape[1], HOP))
    for hop in reversed(range(hops.shape[1])):  # the earlier frame first
        out[hop : hop + len(pieces)] += hops[:, hop]
    return out.ravel()[: len(source)]


def _blocks(frames: int) -> list[slice]:
    return [slice(start, min(start + BLOCK, frames)) for start in range(0, frames, BLOCK)]


def _room(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add a room's decaying echo and background noise 12 to 50 dB below the voice."""
    decay = rng.uniform(0.04, 0.30)
    length = int(decay * SAMPLE_RATE)
    echo = rng.normal(0, 1, length) * np.exp(-6.9 * np.arange(length) / length) * (np.arange(length) > 80)
    echo *= rng.uniform(0.0, 0.35) / max(1e-9, np.sqrt((echo**2).sum()))
    size = 1 << int(np.ceil(np.log2(len(wave) + length)))
    wet = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(echo, size), size)[: len(wave)]
    color = np.fft.rfft(rng.normal(0, 1, len(wave)))
    color /= np.maximum(np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE), 40) ** rng.uniform(0.0, 1.0)
    noise = np.fft.irfft(color, len(wave))
    level = np.sqrt((wave**2).mean()) * 10 ** (-rng.uniform(12, 50) / 20)
    return wave + wet + noise * level / max(1e-9, float(noise.std()))
