"""What stages of motion ask of a dataset's clips."""

from torch import Tensor

from emo.data import ClipReader
from emo.data.samples.emo_features import AUDIO
from emo.errors import ConfigError


def clip_audio(reader: ClipReader, number: int) -> Tensor:
    """All of a clip's sound from the cache, (T, A): all hidden states in a row."""
    return reader.cached(number, [AUDIO])[AUDIO].flatten(1).float()


def check_one_rate(reader: ClipReader) -> None:
    """Refuse clips of several rates.

    Raises:
        ConfigError: there are such.
    """
    if len(rates := {clip.rate for clip in reader.clips}) > 1:
        raise ConfigError(f"data.root: clips of {', '.join(map(str, sorted(rates)))} frames per second; use one")
