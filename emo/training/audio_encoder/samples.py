"""Sound for the small audio encoder, and what it must hear in it, at the times of its hidden states."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers.audio_utils import mel_filter_bank

from emo.articulation import MEASURES
from emo.data.sample_batch import SampleBatch
from emo.data.synthetic.articulation import articulate_speech
from emo.data.synthetic.speech import SAMPLE_RATE, synthesize
from emo.media import AudioTrack
from emo.training.articulation.talks import UNKNOWN
from emo.training.audio_encoder.talks import TalkPieces

MOUTH: tuple[str, ...] = ("jaw", "width", "rounding")
TRACK_FPS = 100.0  # at which the mouth is sampled before it is read at the states' times
LEAST_POWER = 1e-4  # of a mel band of sound at unit variance: what lies below is silence
TRAINING, HELD_OUT = 0x7A1, 0x4E1  # never the same utterances


@dataclass(frozen=True)
class StateTimes:
    """Which samples hidden state j sees: j * hop ... j * hop + field, so that its center is the middle of these; just
    as `emo.generation.audio_features` takes it.

    Attributes:
        hop: samples at 16 kHz from one state to the next.
        field: samples that one sees.
    """

    hop: int
    field: int

    def centers(self, samples: int) -> np.ndarray:
        """Seconds, (S,), of all states of a sound of so many samples."""
        return (np.arange((samples - self.field) // self.hop + 1) * self.hop + self.field / 2) / SAMPLE_RATE


@dataclass(frozen=True)
class SpeechBatch(SampleBatch):
    """B sounds of N samples.

    Attributes:
        index: (B,) int64, sample numbers.
        waveform: (B, N) float32 at 16 kHz, mean 0 and variance 1, with noise.
        mel: (B, S, bins), common logarithm of the power in mel bands, of the sound without the noise.
        mouth: (B, S, 3), jaw, width and rounding as in `emo.motion.controls.FaceControls`; 0 for recordings.
        articulated: (B,), 1 where the mouth is known, that is for synthetic speech, else 0.
        sounds: (B, S) int64, classes of `emo.articulation.SOUNDS`, UNKNOWN but for talks with phones.
        lips: (B, S, measures), a real mouth, standardized; 0 where none was read.
        seen: (B, S), 1 where one was read, else 0.
        names: of what is heard, for messages.
    """

    waveform: Tensor
    mel: Tensor
    mouth: Tensor
    articulated: Tensor
    sounds: Tensor
    lips: Tensor
    seen: Tensor
    names: tuple[str, ...]


class SpeechSamples(Dataset[SpeechBatch]):
    """Sample g, any natural number, is drawn from the seed and g alone.

    It is utterance g mod U of synthetic speech, each with a voice, a room and a noise of its own, or with probability
    `recorded_share` a piece of a recording; and with probability `noise_share` there is more noise on it, 0 to 40 dB
    below. Where there are talks, their share of all samples is pieces of them instead, each heard somewhere.

    Args:
        times: of the encoder's states.
        seed: of all draws.
        seconds: length of a sound.
        utterances: U; they are kept in memory once made, 64 kB a second.
        bins: mel bands.
        noise_share: of sounds with more noise.
        recordings: files of speech.
        recorded_share: of sounds that are pieces of them, where there are any.
        talks: real and other voices with phones and mouths, if there are any.
        clean: synthetic speech as it is, without a room and noise of its own.
        pool: `TRAINING` or `HELD_OUT`.
    """

    def __init__(
        self,
        times: StateTimes,
        seed: int,
        seconds: float,
        utterances: int,
        bins: int,
        *,
        noise_share: float = 0.0,
        recordings: Sequence[Path] = (),
        recorded_share: float = 0.0,
        talks: TalkPieces | None = None,
        clean: bool = False,
        pool: int = TRAINING,
    ):
        self.times = times
        self.seed = seed
        self.seconds = seconds
        self.utterances = utterances
        self.bins = bins
        self.noise_share = noise_share
        self.recordings = tuple(recordings)
        self.recorded_share = recorded_share
        self.talks = talks
        self.clean = clean
        self.pool = pool

    def __getitem__(self, number: int) -> SpeechBatch:
        rng = np.random.default_rng((self.pool, self.seed, number))
        if self.talks is not None and rng.random() < self.talks.share:
            return self._talk(number, self.talks, rng)
        recorded = bool(self.recordings) and rng.random() < self.recorded_share
        if recorded:
            path = self.recordings[rng.integers(len(self.recordings))]
            (waveform, name), mouth = _piece(path, self.seconds, rng), None
        else:
            utterance = number % self.utterances
            waveform, mouth = _utterance(self.pool, self.seed, utterance, self.seconds, self.clean, self.times)
            name = f"utterance {utterance}"
        noisy = add_noise(waveform, rng.uniform(0, 40), rng) if rng.random() < self.noise_share else waveform
        return self._sample(number, name, waveform, noisy, mouth)

    def _talk(self, number: int, talks: TalkPieces, rng: np.random.Generator) -> SpeechBatch:
        samples = round(self.seconds * SAMPLE_RATE)
        talk = talks.draw(samples, self.times.centers(samples), rng)
        sample = self._sample(number, talk.name, talk.clean, talk.heard)
        return replace(
            sample,
            sounds=torch.from_numpy(talk.sounds)[None],
            lips=torch.from_numpy(talk.lips)[None].float(),
            seen=torch.from_numpy(talk.seen)[None].float(),
        )

    def _sample(
        self, number: int, name: str, clean: np.ndarray, heard: np.ndarray, mouth: np.ndarray | None = None
    ) -> SpeechBatch:
        """One of which nothing is known but the spectrum, and the mouth (S, 3) where it is given."""
        states = len(self.times.centers(len(clean)))
        return SpeechBatch(
            index=torch.tensor([number]),
            waveform=torch.from_numpy(normalized(heard))[None],
            mel=log_mel(torch.from_numpy(normalized(clean))[None], self.times, self.bins),
            mouth=torch.zeros(1, states, len(MOUTH)) if mouth is None else torch.from_numpy(mouth)[None],
            articulated=torch.tensor([0.0 if mouth is None else 1.0]),
            sounds=torch.full((1, states), UNKNOWN),
            lips=torch.zeros(1, states, len(MEASURES)),
            seen=torch.zeros(1, states),
            names=(name,),
        )


def normalized(waveform: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1, as the feature extractor has it; silence stays silent."""
    return ((waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)).astype(np.float32)


def log_mel(waveform: Tensor, times: StateTimes, bins: int) -> Tensor:
    """Common logarithm of the power in mel bands of what each state sees, (B, N) at 16 kHz -> (B, S, bins)."""
    windows = waveform.unfold(-1, times.field, times.hop) * torch.hann_window(times.field, periodic=False)
    size = 1 << (times.field - 1).bit_length()
    power = torch.fft.rfft(windows, size).abs().square() / times.field
    return (power @ _mel_bands(size, bins)).clamp(min=LEAST_POWER).log10()


def add_noise(waveform: np.ndarray, decibel: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise so many decibels below the sound, between white and pink."""
    spectrum = np.fft.rfft(rng.normal(0, 1, len(waveform)))
    spectrum /= np.maximum(np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE), 40) ** rng.uniform(0, 1)
    noise = np.fft.irfft(spectrum, len(waveform))
    return waveform + noise / noise.std() * waveform.std() * 10 ** (-decibel / 20)


@cache
def _utterance(
    pool: int, seed: int, number: int, seconds: float, clean: bool, times: StateTimes
) -> tuple[np.ndarray, np.ndarray]:
    """Waveform (N,) and mouth (S, 3)."""
    own = int(np.random.SeedSequence((pool, seed, number)).generate_state(1, np.uint64)[0])
    speech = synthesize(own, seconds, clean=clean)
    motion = articulate_speech(speech, TRACK_FPS)
    tracks = [getattr(motion, name).numpy() for name in MOUTH]
    known = (np.arange(len(tracks[0])) + 0.5) / TRACK_FPS
    centers = times.centers(len(speech.waveform))
    return speech.waveform, np.stack([np.interp(centers, known, track) for track in tracks], 1).astype(np.float32)


def _piece(path: Path, seconds: float, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A piece of a recording, (N,), and its name; a short one is repeated."""
    track = _recording(path)
    samples = round(seconds * SAMPLE_RATE)
    start = int(rng.integers(max(1, track.length - samples + 1)))
    piece = track.read(start, min(track.length, start + samples))
    return np.resize(piece, samples), f"{path} from {start / SAMPLE_RATE:.2f} s"


@lru_cache(maxsize=256)
def _recording(path: Path) -> AudioTrack:
    return AudioTrack.open(path, SAMPLE_RATE)


@cache
def _mel_bands(size: int, bins: int) -> Tensor:
    """(size / 2 + 1, bins), each band's weights with sum 1."""
    bands = mel_filter_bank(size // 2 + 1, bins, 60.0, 7600.0, SAMPLE_RATE)
    return torch.from_numpy(bands / bands.sum(axis=0)).float()
