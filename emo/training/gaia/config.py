"""What configures the training of GAIA's speech-to-motion model."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import SHARE, Choice, Name, Numbers
from emo.config import key
from emo.training.config import BATCH, SEEDS, LoopConfig, SoundClipsConfig
from emo.training.reconstruction import WEIGHTS

FRAMES = Numbers(2, 65536)


@dataclass
class SequenceDataConfig(SoundClipsConfig):
    """Clips or tracks to learn from, all of one rate, with sound and labels of the head's angles; framed as portraits
    are, or labeled with landmarks."""

    batch_size: Annotated[int, BATCH] = key(8, "sequences per process and batch")
    min_frames: Annotated[int, FRAMES] = key(125, "of a sequence, which begins and ends anywhere in its clip")
    max_frames: Annotated[int, FRAMES] = key(250, "the same; shorter clips make shorter ones")

    def misfit(self) -> str | None:
        """What does not fit together."""
        if self.min_frames > self.max_frames:
            return f"min_frames is {self.min_frames}, more than max_frames, {self.max_frames}"
        return None


@dataclass
class SequenceNetworkConfig:
    """The networks; see `emo.motion.gaia`."""

    config: Annotated[str, Name()] = key(MISSING, "name or file of the configuration of the model whose they are")
    vae: Annotated[str, Name()] = key(MISSING, "folder of a trained autoencoder; it stays as it is")
    audio_encoder: Annotated[str, Name()] = key(MISSING, "folder or Hub name of wav2vec 2.0; it stays as it is")
    init: Annotated[str | None, Name()] = key(
        None, "folder of trained ones to go on from, whose sizes, units and rate then hold", unset="none"
    )
    base: Annotated[str | None, Name()] = key(
        None, "folder of a trained model of latents, to which one of landmarks or sentences is added", unset="none"
    )
    text_encoder: Annotated[str | None, Name()] = key(
        None, "folder or Hub name of CLIP, which stays as it is; without it a small one learns sentences", unset="none"
    )


@dataclass
class SequenceDropConfig:
    """Probabilities of dropping each condition, which is not the paper's."""

    speech: Annotated[float, SHARE] = key(0.1, "of the sound; poses stay")
    reference: Annotated[float, SHARE] = key(0.1, "of the reference's motion")


@dataclass
class SequenceValidationConfig:
    """What is generated every `train.validate_every` steps: held-out clips with their own poses."""

    clips: Annotated[int, Numbers(2, 10**6)] = key(8, "how many")
    num_inference_steps: Annotated[int, Numbers(1, 1000)] = key(20, "in each sequence")
    seed: Annotated[int, SEEDS] = key(0, "of the noise")


@dataclass
class GAIAMotionConfig:
    """All options."""

    state: Annotated[str, Choice(("latents", "landmarks", "instructed"))] = key(
        "latents",
        "what is generated: `latents`; coordinates of `landmarks`, for control by them; or latents of who is "
        "`instructed` by sentences",
    )
    data: SequenceDataConfig = key(SequenceDataConfig(), "what is learned from")
    model: SequenceNetworkConfig = key(SequenceNetworkConfig(), "the networks")
    drop: SequenceDropConfig = key(SequenceDropConfig(), "how often conditions are dropped")
    pose_weight: Annotated[float, WEIGHTS] = key(1.0, "of the predicted poses' squared error (eq. 10)")
    validation: SequenceValidationConfig = key(SequenceValidationConfig(), "what is generated and measured")
    train: LoopConfig = key(LoopConfig(), "the loop")

    def misfit(self) -> str | None:
        """What does not fit together."""
        if (self.state != "latents") != (self.model.base is not None):
            return "state and model.base go together: models of landmarks and sentences are added to one of latents"
        if self.model.text_encoder and self.state != "instructed":
            return f"model.text_encoder does nothing with state={self.state}"
        return None
