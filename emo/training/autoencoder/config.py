"""What configures an autoencoder's training."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import Name, Numbers
from emo.config import key
from emo.training.config import BATCH, WORKERS, LoopConfig
from emo.training.reconstruction import WEIGHTS, ReconstructionConfig


@dataclass
class FrameDataConfig:
    """Frames to learn from."""

    root: Annotated[str, Name()] = key(MISSING, "folder of the dataset")
    split: Annotated[str, Name()] = key("train", "split to learn from")
    held_out: Annotated[str, Name()] = key("test", "split for validation")
    batch_size: Annotated[int, BATCH] = key(4, "pairs of frames per process and batch")
    workers: Annotated[int, WORKERS] = key(1, "loader processes per process")
    measured: Annotated[int, Numbers(1, 10**6)] = key(
        128,
        "samples from whose pictures a patch autoencoder starts, and the scaling factor is measured at the end",
    )


@dataclass
class AutoencoderStartConfig:
    """Where the weights come from."""

    config: Annotated[str, Name()] = key(MISSING, "name or file of the configuration of the model whose it is")
    init: Annotated[str | None, Name()] = key(None, "folder of a trained one to go on from", unset="none")
    decoder_only: bool = key(
        False, "keep its encoder and its scaling factor, so that what was trained on its latents still fits"
    )


@dataclass
class AutoencoderLossConfig(ReconstructionConfig):
    """Weights of the parts, relative to the absolute difference."""

    kl: Annotated[float, WEIGHTS] = key(
        1e-6, "of the KL divergence per latent number, where the autoencoder has a posterior"
    )


@dataclass
class AutoencoderTrainingConfig:
    """All options."""

    data: FrameDataConfig = key(FrameDataConfig(), "frames to learn from")
    model: AutoencoderStartConfig = key(AutoencoderStartConfig(), "where the weights come from")
    loss: AutoencoderLossConfig = key(AutoencoderLossConfig(), "weights, relative to the absolute difference's")
    train: LoopConfig = key(LoopConfig(), "the loop")
    validated: Annotated[int, Numbers(1, 10**6)] = key(64, "held-out pictures of a validation")
