"""What configures the training of VASA-1's face model."""

from dataclasses import dataclass
from typing import Annotated

from emo.bounds import Name, Numbers, Several
from emo.config import key
from emo.training.config import LoopConfig
from emo.training.reconstruction import WEIGHTS, FaceLossConfig
from emo.training.reference_decoder.config import FlowLossConfig, PairDataConfig

WIDTH = Numbers(2, 4096)
BLOCKS = Numbers(0, 64)
OTHERS = 2  # samples, the least of which one can be another's driver


@dataclass
class FaceNetworkConfig:
    """The networks; see `emo.motion.vasa.VolumeAnimator`."""

    sample_size: Annotated[int, Numbers(32, 4096, multiple=32)] = key(256, "pixels of pictures")
    volume_channels: Annotated[int, WIDTH] = key(16, "of the appearance volume")
    volume_depth: Annotated[int, Numbers(1, 256)] = key(8, "of the same, in voxels")
    block_out_channels: Annotated[list[int], Several(WIDTH)] = key(
        [16, 32, 96], "widths from half of the pictures' size to the volume's, two or more"
    )
    layers_per_block: Annotated[int, BLOCKS] = key(3, "residual blocks at the volume's size, encoder and decoder")
    volume_layers: Annotated[int, BLOCKS] = key(1, "residual blocks of three dimensions")
    code_channels: Annotated[list[int], Several(WIDTH)] = key(
        [32, 64, 96], "widths of the encoders of identity, pose and dynamics"
    )
    identity_dim: Annotated[int, Numbers(1, 4096)] = key(32, "of z_id")
    dynamics_dim: Annotated[int, Numbers(1, 4096)] = key(32, "of z_dyn")
    warp_channels: Annotated[list[int], Several(WIDTH)] = key(
        [64, 32, 16, 8], "widths of the non-rigid warps, from 4 x 4 voxels on, each twice as many"
    )
    norm_num_groups: Annotated[int, Numbers(1, 256)] = key(8, "of every normalization; divides all widths")
    pixel_skip: bool = key(False, "move the portrait's own pixels, too; not the paper's")
    init: Annotated[str | None, Name()] = key(
        None, "folder of a trained one to go on from, whose sizes but the pictures' then hold", unset="none"
    )

    def misfit(self) -> str | None:
        """What does not fit together."""
        widths = [self.volume_channels, *self.block_out_channels, *self.code_channels, *self.warp_channels]
        if wrong := [width for width in widths if width % self.norm_num_groups]:
            return f"model: a width of {wrong[0]} is no multiple of model.norm_num_groups={self.norm_num_groups}"
        if len(self.block_out_channels) < 2 or not self.code_channels or not self.warp_channels:
            return "model.block_out_channels needs two widths, model.code_channels and model.warp_channels one"
        return None


@dataclass
class SwapLossConfig(FlowLossConfig, FaceLossConfig):
    """Weights of the parts, relative to the absolute difference; those of moved, flow and visible count with
    model.pixel_skip alone."""

    transfer: Annotated[float, WEIGHTS] = key(
        1.0, "of the absolute difference of a person with another frame's pose and that frame with its dynamics (3.1)"
    )
    identity: Annotated[float, WEIGHTS] = key(
        0.1, "of 1 - cosine of the identities of a person and of the same in another's motion (3.1)"
    )
    contrast: Annotated[float, WEIGHTS] = key(0.1, "of what the encoder that tells identities for it learns by")
    pose: Annotated[float, WEIGHTS] = key(
        0.1, "of the absolute difference of the pose, in usual deviations, from what a face's points tell"
    )


@dataclass
class VASAFaceConfig:
    """All options."""

    data: PairDataConfig = key(PairDataConfig(), "what is learned from")
    model: FaceNetworkConfig = key(FaceNetworkConfig(), "the networks")
    loss: SwapLossConfig = key(SwapLossConfig(), "weights, relative to the absolute difference's")
    train: LoopConfig = key(LoopConfig(), "the loop")
    validated: Annotated[int, Numbers(OTHERS, 10**6)] = key(16, "held-out references of a validation")

    def misfit(self) -> str | None:
        """What does not fit together."""
        if self.data.batch_size < OTHERS:
            return f"data.batch_size is {self.data.batch_size}; people learn from each other: at least {OTHERS}"
        return None
