"""What configures the training of GAIA's autoencoder."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import SHARE, Name, Numbers, Several
from emo.config import key
from emo.training.config import BATCH, WORKERS, LoopConfig, OptimizerConfig
from emo.training.reconstruction import WEIGHTS, FaceLossConfig


@dataclass
class FramePairConfig:
    """Pairs of frames of one clip, framed as portraits are; landmarks that clips are not labeled with are found."""

    root: Annotated[str | None, Name()] = key(
        None, "folder of the dataset, in which landmarks are kept, too", unset="none: `data.pairs`"
    )
    pairs: Annotated[str | None, Name()] = key(
        None, "in its place a folder that train/reference_decoder_data.py made with `--landmarks`", unset="none"
    )
    split: Annotated[str, Name()] = key("train", "split to learn from")
    held_out: Annotated[str, Name()] = key("test", "split for validation")
    batch_size: Annotated[int, BATCH] = key(8, "pairs per process and batch")
    workers: Annotated[int, WORKERS] = key(1, "loader processes per process")
    mirror: Annotated[float, SHARE] = key(0.5, "of the pairs that are mirrored")
    color: Annotated[float, SHARE] = key(0.0, "of the pairs in other colors, both frames alike")

    def misfit(self) -> str | None:
        """What does not fit together."""
        if (self.root is None) == (self.pairs is None):
            return "root and data.pairs are two places to learn from; give one of them"
        return None


@dataclass
class VAEStartConfig:
    """Where the weights come from."""

    config: Annotated[str, Name()] = key(MISSING, "name or file of the configuration of the model whose it is")
    init: Annotated[str | None, Name()] = key(
        None, "folder of a trained one to go on from, whose sizes then hold", unset="none"
    )
    autoencoder: Annotated[str | None, Name()] = key(
        None, "folder or Hub name of a trained patch autoencoder, as EMO's is, that E_A and D start as", unset="none"
    )
    keep_motion: bool = key(
        False, "E_M stays as it is, as one must by whose latents a motion model has learned; all else goes on"
    )
    discriminator_channels: Annotated[list[int], Several(Numbers(1, 4096))] = key(
        [64, 128, 256], "widths of a new discriminator, each of maps half as large as those before"
    )
    discriminator_norm_num_groups: Annotated[int, Numbers(1, 4096)] = key(
        32, "of its normalizations; divides all widths but the first"
    )

    def misfit(self) -> str | None:
        """What does not fit together."""
        if self.init is not None and self.autoencoder is not None:
            return "init and model.autoencoder are two beginnings; give one"
        if self.keep_motion and self.init is None:
            return "keep_motion keeps E_M of model.init, and there is none"
        if not self.discriminator_channels:
            return "discriminator_channels is empty; it needs a width"
        groups = self.discriminator_norm_num_groups
        if wrong := [width for width in self.discriminator_channels[1:] if width % groups]:
            return f"discriminator_norm_num_groups is {groups}, which does not divide a width of {wrong[0]}"
        return None


@dataclass
class VAELossConfig(FaceLossConfig):
    """Weights of the parts, relative to the absolute difference."""

    kl: Annotated[float, WEIGHTS] = key(
        1e-6, "of the KL divergence of z_a from a standard normal one, per latent number (4.1)"
    )
    motion_kl: Annotated[float, WEIGHTS] = key(
        1e-6,
        "the same of z_m; the higher, the more alike is what all that moves a face weighs in z_m, whose squared error "
        "speech-to-motion learns by",
    )
    adversarial: Annotated[float, WEIGHTS] = key(
        0.0, "of what the discriminator says (eq. 3), which learns only where it is above 0"
    )


@dataclass
class GAIAVAEConfig:
    """All options."""

    data: FramePairConfig = key(FramePairConfig(), "what is learned from")
    model: VAEStartConfig = key(VAEStartConfig(), "where the weights come from")
    loss: VAELossConfig = key(VAELossConfig(), "weights, relative to the absolute difference's")
    train: LoopConfig = key(LoopConfig(), "the loop")
    discriminator: OptimizerConfig = key(OptimizerConfig(learning_rate=2e-4), "how the discriminator learns")
    validated: Annotated[int, Numbers(2, 10**6)] = key(32, "held-out pairs of a validation")
