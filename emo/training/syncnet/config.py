"""What configures SyncNet's training."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import SHARE, Choice, Name, Numbers, Several
from emo.config import key
from emo.metrics.face_crops import REGIONS
from emo.metrics.syncnet import FRAMES, LAYERS
from emo.training.config import BATCH, WORKERS, LoopConfig

WIDTHS = Several(Numbers(1, 65536), LAYERS)


@dataclass
class SyncDataConfig:
    """Clips to learn from."""

    root: Annotated[str, Name()] = key(MISSING, "folder of the dataset")
    split: Annotated[str, Name()] = key("train", "split to learn from")
    held_out: Annotated[str, Name()] = key("test", "split for validation")
    frames: Annotated[int, Numbers(FRAMES + 2, 10**5)] = key(75, "of each clip, at 25 per second")
    batch_size: Annotated[int, BATCH] = key(4, "clips per process and batch")
    workers: Annotated[int, WORKERS] = key(1, "loader processes per process")


@dataclass
class SyncNetworkConfig:
    """The network; see `emo.metrics.syncnet.SyncNet`."""

    audio_widths: Annotated[list[int], WIDTHS] = key([64, 192, 384, 256, 256, 512], "channels of the sound's layers")
    lip_widths: Annotated[list[int], WIDTHS] = key([96, 256, 256, 256, 256, 512], "channels of the pictures' layers")
    embedding: Annotated[int, Numbers(1, 65536)] = key(1024, "size of what both are compared by")
    crop_size: Annotated[int, Numbers(51, 1024)] = key(224, "pixels of the square crops")
    region: Annotated[str, Choice(tuple(REGIONS))] = key("face", "what the crops show: `face` or `mouth`")
    zero_ends: bool = key(True, "compare beyond a clip's ends with zeros, as the published measure does")
    init: Annotated[str | None, Name()] = key(
        None, "folder of a trained network to go on from, in place of all these", unset="none"
    )


@dataclass
class AugmentConfig:
    """How much crops and sound are changed, a draw each for the whole of a sample, so that time stays as it is."""

    place: Annotated[float, SHARE] = key(0.06, "shift, as a share of the crop's side")
    scale: Annotated[float, SHARE] = key(0.18, "of its side, 1/(1 + scale) to 1 + scale")
    turn: Annotated[float, Numbers(0, 180)] = key(8.0, "degrees")
    color: Annotated[float, Numbers(0, 4)] = key(
        0.35, "spread of gain and gamma, and half of it of each channel's own gain"
    )
    gray: Annotated[float, SHARE] = key(0.15, "share of samples without color")
    blur: Annotated[float, Numbers(0, 100)] = key(1.5, "standard deviation in pixels, at most")
    grain: Annotated[float, Numbers(0, 255)] = key(8.0, "standard deviation of the noise, of 255, at most")
    mirror: Annotated[float, SHARE] = key(0.5, "share of samples")
    noise_share: Annotated[float, SHARE] = key(0.6, "of samples with noise on the sound, 0 to 40 dB below it")
    loudness: Annotated[float, Numbers(0, 100)] = key(12.0, "dB up or down")
    warp: Annotated[float, SHARE] = key(0.15, "of the mel bands' frequencies, as `emo.metrics.mfcc`")


@dataclass
class SyncLossConfig:
    """What is learned."""

    kind: Annotated[str, Choice(("lags", "pairs"))] = key(
        "lags",
        "`lags`: which of all moments of its clip a picture's sound is, and a sound's picture; `pairs`: the paper's "
        "contrastive loss of true pairs and pairs from two moments of a clip",
    )
    margin: Annotated[float, Numbers(0, 1e4, above=True)] = key(
        2.0, "of `pairs`: those from two moments that are nearer are pushed apart"
    )


@dataclass
class SyncNetTrainingConfig:
    """All options."""

    data: SyncDataConfig = key(SyncDataConfig(), "clips to learn from")
    model: SyncNetworkConfig = key(SyncNetworkConfig(), "the network")
    augment: AugmentConfig = key(AugmentConfig(), "how much crops and sound are changed; 0: not at all")
    loss: SyncLossConfig = key(SyncLossConfig(), "what is learned")
    train: LoopConfig = key(LoopConfig(), "the loop")
    validated: Annotated[int, Numbers(1, 10**6)] = key(32, "held-out clips of a validation")
