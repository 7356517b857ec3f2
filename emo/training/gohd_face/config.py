"""What configures the training of GoHD's face animator."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import SHARE, Name, Numbers
from emo.config import key
from emo.training.config import LoopConfig, OptimizerConfig
from emo.training.reconstruction import WEIGHTS, FaceLossConfig
from emo.training.reference_decoder.config import FlowLossConfig, PairDataConfig


@dataclass
class MovingPairConfig(PairDataConfig):
    """Frames beside references, with their motion and parts."""

    cut: Annotated[float, SHARE] = key(
        0.3, "of the samples whose motion ends within the window, on a side, as where frames are drawn a few at a time"
    )


@dataclass
class AnimatorStartConfig:
    """Where the weights come from."""

    config: Annotated[str, Name()] = key(
        MISSING, "name or file of the configuration of the model whose they are, with a navigation"
    )
    init: Annotated[str | None, Name()] = key(
        None, "folder of a trained one to go on from, whose sizes then hold", unset="none"
    )
    poses: Annotated[str | None, Name()] = key(
        None,
        "folder of a face model of VASA-1, whose layers that read poses a new latent's encoder starts as",
        unset="none",
    )


@dataclass
class NavigationLossConfig(FlowLossConfig, FaceLossConfig):
    """Weights of the parts, relative to the absolute difference; mouth and eyes are M_lip&eye's. Those of moved, flow
    and visible are ours."""

    perceptual: Annotated[float, WEIGHTS] = key(0.2, "L_perc, of the absolute difference of a face reader's features")
    expression: Annotated[float, WEIGHTS] = key(0.05, "L_exp, of that of pose and expression as it reads them")
    gaze: Annotated[float, WEIGHTS] = key(0.05, "L_gaze, of that of where eyes look")
    parts: Annotated[float, WEIGHTS] = key(0.02, "L_pars, of the cross-entropy of a face's parts as it sees them")
    adversarial: Annotated[float, WEIGHTS] = key(
        0.0, "L_GAN, of what a discriminator says, which learns only where it is above 0"
    )


@dataclass
class GoHDFaceConfig:
    """All options."""

    data: MovingPairConfig = key(MovingPairConfig(), "what is learned from")
    model: AnimatorStartConfig = key(AnimatorStartConfig(), "the networks")
    loss: NavigationLossConfig = key(NavigationLossConfig(), "weights, relative to the absolute difference's")
    train: LoopConfig = key(LoopConfig(), "the loop")
    discriminator: OptimizerConfig = key(OptimizerConfig(learning_rate=2e-4), "how the discriminator learns")
    validated: Annotated[int, Numbers(1, 10**6)] = key(16, "held-out references of a validation")
