"""What configures the training of VASA-1's motion model."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import SHARE, Name, Numbers
from emo.config import key
from emo.motion.vasa import CONDITIONS
from emo.training.config import BATCH, SEEDS, LoopConfig, SoundClipsConfig

WIDTH = Numbers(1, 65536)
SCALE = Numbers(-100, 100)


@dataclass
class MotionDataConfig(SoundClipsConfig):
    """Clips or tracks to learn from, all of one rate, labeled with all controls; for a face model with pictures."""

    batch_size: Annotated[int, BATCH] = key(32, "windows per process and batch")


@dataclass
class MotionNetworkConfig:
    """The network; see `emo.motion.vasa.HolisticMotionTransformer`."""

    audio_encoder: Annotated[str, Name()] = key(MISSING, "folder or Hub name of wav2vec 2.0; it stays as it is")
    animator: Annotated[str | None, Name()] = key(
        None, "folder of a trained face model, in whose codes motion is learned", unset="named controls"
    )
    window_length: Annotated[int, WIDTH] = key(50, "W, frames of a window")
    prefix_length: Annotated[int, WIDTH] = key(10, "K, frames before it that are known, at most W")
    dim: Annotated[int, Numbers(4, 65536, multiple=2)] = key(512, "width")
    layers: Annotated[int, Numbers(1, 256)] = key(8, "Transformer layers")
    heads: Annotated[int, Numbers(1, 4096)] = key(8, "attention heads")
    init: Annotated[str | None, Name()] = key(
        None, "folder of a trained one to go on from, whose sizes, units and rate then hold", unset="none"
    )

    def misfit(self) -> str | None:
        """What does not fit together."""
        if self.prefix_length > self.window_length:
            return f"prefix_length is {self.prefix_length}, more than a window of {self.window_length}"
        if self.dim % (2 * self.heads):
            return f"dim is {self.dim}, which {self.heads} heads do not share evenly"
        return None


@dataclass
class MotionDropConfig:
    """Probabilities of dropping each condition (3.2)."""

    audio: Annotated[float, SHARE] = key(0.1, "of the window's sound")
    gaze: Annotated[float, SHARE] = key(0.1, "of the main direction of the eyes")
    distance: Annotated[float, SHARE] = key(0.1, "of the camera's distance")
    emotion: Annotated[float, SHARE] = key(0.1, "of the emotion")
    previous: Annotated[float, SHARE] = key(0.5, "of motion and sound before the window, together")
    tail: Annotated[float, SHARE] = key(0.1, "of the last frames of the window, a random number of them")

    def probabilities(self) -> dict[str, float]:
        """Of all conditions in their order."""
        return {name: getattr(self, name) for name in CONDITIONS}


@dataclass
class MotionLossConfig:
    """What is learned beside the paper's squared error."""

    mouth_weight: Annotated[float, Numbers(0, 1e4)] = key(
        3.0, "of the mouth's columns, in learned codes all but the pose's, against all others; 1: alike"
    )
    velocity_weight: Annotated[float, Numbers(0, 1e4)] = key(
        0.0, "of the squared error of what changes from frame to frame, which is not the paper's"
    )
    border_weight: Annotated[float, Numbers(0, 1e4)] = key(
        4.0, "more weight of a window's first frames where those before are given, which is not the paper's; 0: none"
    )
    previous_noise: Annotated[float, Numbers(0, 10)] = key(
        0.05, "most noise on the motion before the window, in deviations; each sample gets a share of it"
    )


@dataclass
class MotionValidationConfig:
    """What is generated every `train.validate_every` steps: whole held-out clips with their own labels."""

    clips: Annotated[int, Numbers(2, 10**6)] = key(8, "how many")
    num_inference_steps: Annotated[int, Numbers(1, 1000)] = key(10, "in each window; the paper's are 50")
    audio_guidance_scale: Annotated[float, SCALE] = key(1.5, "1 + lambda of the sound")
    gaze_guidance_scale: Annotated[float, SCALE] = key(2.0, "1 + lambda of the gaze")
    seed: Annotated[int, SEEDS] = key(0, "of the noise")


@dataclass
class VASAMotionConfig:
    """All options."""

    data: MotionDataConfig = key(MotionDataConfig(), "what is learned from")
    model: MotionNetworkConfig = key(MotionNetworkConfig(), "the network")
    drop: MotionDropConfig = key(MotionDropConfig(), "how often conditions are dropped")
    loss: MotionLossConfig = key(MotionLossConfig(), "what is learned")
    validation: MotionValidationConfig = key(MotionValidationConfig(), "what is generated and measured")
    train: LoopConfig = key(LoopConfig(), "the loop")
