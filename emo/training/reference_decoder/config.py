"""What configures the reference decoder's training."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import SHARE, Name, Numbers, Several
from emo.config import key
from emo.training.config import BATCH, WORKERS, LoopConfig
from emo.training.reconstruction import WEIGHTS, FaceLossConfig, ReconstructionConfig

WIDTHS = Numbers(8, 4096)


@dataclass
class PairDataConfig:
    """Frames beside references to learn from."""

    pairs: Annotated[str, Name()] = key(MISSING, "folder that train/reference_decoder_data.py made")
    batch_size: Annotated[int, BATCH] = key(4, "references per process and batch, with two neighboring frames each")
    workers: Annotated[int, WORKERS] = key(1, "loader processes per process")
    mirror: Annotated[float, SHARE] = key(0.5, "of the samples that are mirrored")
    color: Annotated[float, SHARE] = key(0.25, "of the samples in other colors, reference and frames alike")


@dataclass
class ReferenceDecoderStartConfig:
    """Where the weights come from."""

    init: Annotated[str, Name()] = key(
        MISSING, "folder of a patch autoencoder to begin from, or of one with a reference decoder to go on from"
    )
    out_channels: Annotated[list[int], Several(WIDTHS, None)] = key(
        [16, 32, 64, 128], "widths of a new decoder, from the finest features to the latents'"
    )
    layers: Annotated[int, Numbers(1, 64)] = key(4, "residual blocks of a new decoder at the latents' size")


@dataclass
class FlowLossConfig:
    """Weights of how a portrait is moved, relative to the absolute difference of pictures."""

    moved: Annotated[float, WEIGHTS] = key(
        0.5, "of the absolute difference of the portrait moved by flow alone, or the paint does everything"
    )
    flow: Annotated[float, WEIGHTS] = key(2.0, "of the absolute difference of flow in half sides, where it is known")
    visible: Annotated[float, WEIGHTS] = key(0.05, "of the cross-entropy of visibility")


@dataclass
class DrawingLossConfig(FlowLossConfig, FaceLossConfig, ReconstructionConfig):
    """Weights of the parts, relative to the absolute difference of pictures."""

    steady: Annotated[float, WEIGHTS] = key(
        0.5, "of the absolute difference of what changes between neighboring frames"
    )
    smooth_noise: Annotated[float, SHARE] = key(0.5, "of the samples whose latents' noise is smooth in space")
    noise_correlation: Annotated[float, SHARE] = key(0.8, "of the latents' noise between neighboring frames")


@dataclass
class ReferenceDecoderTrainingConfig:
    """All options."""

    data: PairDataConfig = key(PairDataConfig(), "frames beside references to learn from")
    model: ReferenceDecoderStartConfig = key(ReferenceDecoderStartConfig(), "where the weights come from")
    loss: DrawingLossConfig = key(DrawingLossConfig(), "weights, relative to the absolute difference's")
    train: LoopConfig = key(LoopConfig(), "the loop")
    validated: Annotated[int, Numbers(1, 10**6)] = key(16, "held-out references of a validation")
