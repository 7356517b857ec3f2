"""The sound of a segment: whether there is any to hear, and the voice of a song without its accompaniment.

The voice is taken out by demucs, which fetches its weights at the first use.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from emo.errors import ConfigError
from emo.media import SAMPLE_RATE, AudioTrack, ConstantRateReader

INAUDIBLE = 1e-3  # of full scale: a track that stays below is a video without sound

Separator = Callable[[np.ndarray], np.ndarray]
"""Mono float32 (N,) at 16 kHz in, the same of the voice alone out."""


def audible_sound(
    reader: ConstantRateReader, start: int, stop: int, separator: Separator | None = None
) -> np.ndarray | None:
    """The sound of frames `start` to `stop`, mono (N,) at 16 kHz, None where there is none to be heard.

    Args:
        reader: the video.
        start: the first frame.
        stop: the frame after the last one.
        separator: takes the voice out of the music.
    """
    if not reader.has_audio:
        return None
    sound = reader.sound(start, stop)
    if separator is not None:
        sound = separator(sound)
    return sound if len(sound) and np.abs(sound).max() > INAUDIBLE else None


@lru_cache(maxsize=1)
def demucs_separator(model: str) -> Separator:
    """A separator with demucs' weights of this name.

    Raises:
        ConfigError: demucs is not installed, or has no such weights.
    """
    try:
        import torch
        from demucs.api import LoadModelError  # type: ignore[import-not-found]  (an extra)
        from demucs.api import Separator as Demucs  # type: ignore[import-not-found]
    except ImportError:
        raise ConfigError("separate_vocals needs demucs: pip install 'emo[vocals]'") from None
    try:
        demucs = Demucs(model=model, shifts=0, jobs=0, progress=False)  # shifts are random
    except (LoadModelError, OSError) as error:
        raise ConfigError(f"vocals_model {model}: its weights cannot be had ({error})") from error

    def separate(samples: np.ndarray) -> np.ndarray:
        with AudioTrack.open((samples, SAMPLE_RATE), demucs.samplerate) as track:
            mixed = torch.from_numpy(track.read(0, track.length)).expand(demucs.audio_channels, -1)
        _, stems = demucs.separate_tensor(mixed.contiguous(), demucs.samplerate)
        with AudioTrack.open((stems["vocals"].mean(0).cpu().numpy(), demucs.samplerate), SAMPLE_RATE) as track:
            voice = track.read(0, min(track.length, len(samples)))
        return np.pad(voice, (0, len(samples) - len(voice)))

    return separate
