"""What configures an articulation's training."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import SHARE, Name, Numbers, Several
from emo.config import key
from emo.training.config import BATCH, WORKERS, LoopConfig

WEIGHT = Numbers(0, 1e4)


@dataclass
class TalkDataConfig:
    """Folders that train/articulation_data.py wrote."""

    talkers: Annotated[str, Name()] = key(MISSING, "clips whose mouths were read, to learn from")
    held_out: Annotated[int, Numbers(2, 10**6)] = key(
        10, "of every so many of them, sorted by name, the first is kept aside"
    )
    voices: Annotated[str | None, Name()] = key(None, "sounds with phones, to learn from", unset="none")
    voice_share: Annotated[float, SHARE] = key(0.6, "of the samples, those by voices")
    voice_weight: Annotated[float, WEIGHT] = key(0.7, "of the mouths that the voices' phones tell")
    measured: Annotated[str | None, Name()] = key(
        None, "clips of other talkers, which are only measured on", unset="none"
    )
    aligned: Annotated[str | None, Name()] = key(None, "sounds with phones, which are only measured on", unset="none")
    seconds: Annotated[float, Numbers(0.5, 60)] = key(2.8, "of a sample")
    batch_size: Annotated[int, BATCH] = key(8, "samples per process and batch")
    workers: Annotated[int, WORKERS] = key(0, "loader processes per process")


@dataclass
class ArticulationNetworkConfig:
    """The network; see `emo.articulation.ArticulationNetwork`."""

    mels: Annotated[int, Numbers(4, 64)] = key(40, "bands of the spectrogram")
    channels: Annotated[int, Numbers(4, 1024)] = key(128, "width of the trunk")
    dilations: Annotated[list[int], Several(Numbers(1, 64))] = key([1, 2, 4, 8, 1, 2], "of the residual blocks")
    look_ahead: Annotated[int, Numbers(0, 100)] = key(7, "steps of 20 ms that the blocks hear ahead")
    dropout: Annotated[float, SHARE] = key(0.1, "within the blocks")
    init: Annotated[str | None, Name()] = key(
        None, "folder of a trained one of these sizes to go on from", unset="none"
    )


@dataclass
class ArticulationLossConfig:
    """What is learned, and how the result is scaled."""

    sounds: Annotated[float, WEIGHT] = key(0.4, "weight of telling the sounds apart")
    lips: Annotated[float, WEIGHT] = key(2.0, "weight of p b m and of f v among them")
    phone_steps: Annotated[int, Numbers(1, 10**6)] = key(
        500, "steps for which the mouths of the voices are learned from the talkers' phones"
    )
    reach: Annotated[float, Numbers(0, 10, above=True)] = key(
        1.05,
        "how far mouths move against the real ones of the clips kept aside: others are guessed more timidly",
    )
    closing: Annotated[list[float], Several(SHARE, 2)] = key(
        [0.1, 0.24], "shares of p b m in what is heard at which lips begin to meet and have met"
    )


@dataclass
class ArticulationTrainingConfig:
    """All options."""

    data: TalkDataConfig = key(TalkDataConfig(), "what is learned from")
    model: ArticulationNetworkConfig = key(ArticulationNetworkConfig(), "the network")
    loss: ArticulationLossConfig = key(ArticulationLossConfig(), "what is learned, and how the result is scaled")
    train: LoopConfig = key(LoopConfig(), "the loop")
