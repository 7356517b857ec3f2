"""What configures the training of VASA-1's face model."""

from dataclasses import dataclass
from typing import Annotated

from emo.bounds import SHARE, Name, Numbers
from emo.config import key
from emo.hub.vasa_config import VolumeAnimatorConfig
from emo.training.config import LoopConfig
from emo.training.reconstruction import WEIGHTS, FaceLossConfig
from emo.training.reference_decoder.config import FlowLossConfig, PairDataConfig

OTHERS = 2  # samples, the least of which one can be another's driver


@dataclass
class FaceNetworkConfig(VolumeAnimatorConfig):
    """The networks; see `emo.motion.vasa.VolumeAnimator`."""

    picture_size: Annotated[int | None, Numbers(32, 4096)] = key(
        None, "pixels of pictures where nobody asks for others", unset="sample_size"
    )
    init: Annotated[str | None, Name()] = key(
        None, "folder of a trained one to go on from, whose sizes but the pictures' then hold", unset="none"
    )


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
    codes: Annotated[float, WEIGHTS] = key(
        1.0,
        "with keep_codes and framing, of the same of pose and dynamics from what was read before it was framed anew",
    )


@dataclass
class VASAFaceConfig:
    """All options."""

    data: PairDataConfig = key(PairDataConfig(), "what is learned from")
    model: FaceNetworkConfig = key(FaceNetworkConfig(), "the networks")
    loss: SwapLossConfig = key(SwapLossConfig(), "weights, relative to the absolute difference's")
    train: LoopConfig = key(LoopConfig(), "the loop")
    keep_codes: bool = key(
        False, "whether pose and dynamics are read as model.init reads them, as train/vasa_codes.py left it"
    )
    swapped: Annotated[float, SHARE] = key(
        1.0, "of the batches in which codes are swapped; others draw true frames alone, in two thirds of the time"
    )
    codes_alone: bool = key(
        False,
        "with keep_codes and framing: whether nothing is drawn, so that alone reading learns, many times as fast",
    )
    framing: Annotated[float, SHARE] = key(0.0, "of the pairs that are framed anew: nearer, farther, aside")
    validated: Annotated[int, Numbers(OTHERS, 10**6)] = key(16, "held-out references of a validation")

    def misfit(self) -> str | None:
        """What does not fit together."""
        if self.data.batch_size < OTHERS:
            return f"data.batch_size is {self.data.batch_size}; people learn from each other: at least {OTHERS}"
        if self.keep_codes and self.model.init is None:
            return "keep_codes is for codes that are learned; give model.init"
        if self.codes_alone and not (self.keep_codes and self.framing):
            return "codes_alone is for codes that are kept in other framings; set keep_codes and framing"
        return None
