"""What configures an audio encoder's training."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import SHARE, Name, Numbers
from emo.config import key
from emo.training.config import BATCH, WORKERS, LoopConfig


@dataclass
class SpeechDataConfig:
    """What is listened to; see `SpeechSamples`."""

    seconds: Annotated[float, Numbers(0.1, 600)] = key(3.0, "length of a sound")
    utterances: Annotated[int, Numbers(1, 10**7)] = key(
        512, "how many different ones; they are kept in memory, 64 kB a second"
    )
    noise_share: Annotated[float, SHARE] = key(0.5, "of sounds with more noise, 0 to 40 dB below them")
    speech: Annotated[str | None, Name()] = key(
        None, "folder of recordings, of which log-mel alone is learned", unset="none"
    )
    speech_share: Annotated[float, SHARE] = key(0.3, "of sounds that are pieces of recordings")
    talkers: Annotated[str | None, Name()] = key(
        None, "folder of talks with real mouths, as `train/articulation_data.py` writes them", unset="none"
    )
    held_out: Annotated[int, Numbers(2, 10**6)] = key(
        10, "of every so many talkers' clips, sorted by name, the first is kept aside"
    )
    voices: Annotated[str | None, Name()] = key(None, "folder of talks with phones, likewise", unset="none")
    talk_share: Annotated[float, SHARE] = key(0.6, "of sounds that are pieces of talks, where there are any")
    voice_share: Annotated[float, SHARE] = key(0.6, "of these that are of `voices`, where there are talkers too")
    measured: Annotated[str | None, Name()] = key(
        None, "folder of talks with real mouths of other people, only measured on", unset="none"
    )
    aligned: Annotated[str | None, Name()] = key(
        None, "folder of talks with phones of other people, only measured on", unset="none"
    )
    batch_size: Annotated[int, BATCH] = key(8, "sounds per process and batch")
    workers: Annotated[int, WORKERS] = key(1, "loader processes per process")


@dataclass
class AudioEncoderStartConfig:
    """Where the weights come from."""

    config: Annotated[str, Name()] = key(MISSING, "name or file of the configuration of the model whose it is")
    init: Annotated[str | None, Name()] = key(None, "folder of a trained one to go on from", unset="none")


@dataclass
class SpeechLossConfig:
    """What the heads are to tell, and its weight."""

    mel_bins: Annotated[int, Numbers(1, 128)] = key(32, "mel bands")  # more would leave bands without a frequency
    mouth: Annotated[float, Numbers(0, 1e4)] = key(2.0, "weight of jaw, width and rounding against all bands together")
    sounds: Annotated[float, Numbers(0, 1e4)] = key(1.0, "weight of the classes of sounds, where talks have phones")
    lips: Annotated[float, Numbers(0, 1e4)] = key(
        1.0, "weight of the measures of real mouths, where there are talkers"
    )


@dataclass
class AudioEncoderTrainingConfig:
    """All options."""

    data: SpeechDataConfig = key(SpeechDataConfig(), "what is listened to")
    model: AudioEncoderStartConfig = key(AudioEncoderStartConfig(), "where the weights come from")
    loss: SpeechLossConfig = key(SpeechLossConfig(), "what the heads are to tell, and its weight")
    train: LoopConfig = key(LoopConfig(), "the loop")
    validated: Annotated[int, Numbers(1, 10**6)] = key(32, "utterances of a validation")
