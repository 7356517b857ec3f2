"""What configures all stages of EMO; each of them adds its own."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import SHARE, Choice, Name, Numbers, Several
from emo.config import key
from emo.training.config import BATCH, SEEDS, WORKERS, LoopConfig
from emo.training.objective import ObjectiveConfig

CONDITIONS = ("reference", "motion", "audio", "speed", "face_mask")  # that samples may go without, in the draws' order


@dataclass
class ClipDataConfig:
    """Where samples come from."""

    root: Annotated[str, Name()] = key(MISSING, "folder of the dataset")
    split: Annotated[str, Name()] = key("train", "`train`, `test`, or any folder of clips in the dataset")
    size: Annotated[int | None, Numbers(64, 4096, multiple=8)] = key(
        None,
        "pixels to which clips are scaled: a multiple of what the networks halve, 64 or more",
        unset="the model's",
    )
    max_speed: Annotated[float | None, Numbers(0, 1000)] = key(
        None, "degrees per frame; clips whose heads turn faster on the whole are left out", unset="none is"
    )
    cache: bool = key(
        False,
        "take latents and audio features from the cache that `emo cache` made with the same autoencoder and audio "
        "encoder",
    )
    batch_size: Annotated[int, BATCH] = key(4, "samples per process and batch")
    workers: Annotated[int, WORKERS] = key(2, "loader processes per process")


@dataclass
class EMOStartConfig:
    """Where the weights come from, and how the networks run."""

    init: Annotated[str | None, Name()] = key(
        None, "pipeline folder or Hub name to start from: an earlier stage", unset="none"
    )
    config: Annotated[str | None, Name()] = key(
        None, "without `init`: name or file of a model configuration, `emo-tiny` or `emo-sd15`", unset="none"
    )
    sd15: Annotated[str | None, Name()] = key(
        None, "with `config`: Stable Diffusion 1.5 as a folder or Hub name", unset="none"
    )
    motion_adapter: Annotated[str | None, Name()] = key(None, "with `sd15`: AnimateDiff, likewise", unset="none")
    audio_encoder: Annotated[str | None, Name()] = key(
        None,
        "with `sd15`: wav2vec 2.0 or Whisper, likewise; with `config` alone: a trained encoder to put beside random "
        "networks; with `init`: another in place of its own",
        unset="none",
    )
    vae: Annotated[str | None, Name()] = key(
        None, "an autoencoder, as `audio_encoder` is an encoder; with `sd15` in place of its own", unset="none"
    )
    random_encoders: bool = key(False, "from scratch without trained encoders, to try things out")
    gradient_checkpointing: bool = key(False, "recompute each site in the backward pass")
    attention_backend: Annotated[str | None, Name()] = key(
        None,
        "as `set_attention_backend` takes them; on CPUs in bf16 `_native_math`, for the usual kernel's backward pass "
        "is slow there",
        unset="torch's",
    )


@dataclass
class EMOObjectiveConfig(ObjectiveConfig):
    """What is learned; `None` leaves the model's own."""

    noise_correlation: Annotated[float | None, Numbers(0, 1, below=True)] = key(
        None,  # with 1 all frames had the same
        "of the noise of neighboring frames, 0 (the paper) to less than 1; stages 2 and 3. Saved with the model, and "
        "generation starts from the same",
        unset="the model's",
    )
    strength: Annotated[float | None, Numbers(0, 1, above=True)] = key(
        None,
        "share of the noise schedule that is learned: generation starts from the portrait's latents with the noise of "
        "that time; 1 is the paper's. Saved with the model",
        unset="the model's",
    )
    mouth_weight: Annotated[float, Numbers(0, 1e4)] = key(
        0.0, "w of the loss weight 1 + w * exp(-d²/2s²) at distance d from the mouth"
    )
    mouth_sigma: Annotated[float, Numbers(0, 100, above=True)] = key(0.6, "s as a share of the mouth's width")
    eyes_weight: Annotated[float, Numbers(0, 1e4)] = key(0.0, "the same at each eye")
    eyes_sigma: Annotated[float, Numbers(0, 100, above=True)] = key(0.3, "s as a share of the eyes' distance")


@dataclass
class ValidationConfig:
    """What is shown every `train.validate_every` steps: each portrait, with each sound where there is any."""

    portraits: Annotated[list[str], Several(Name())] = key([], "files", unset="none")
    sounds: Annotated[list[str], Several(Name())] = key(
        [], "files, from stage 2 on; every portrait is shown with every one", unset="none"
    )
    face_region: Annotated[str | None, Choice(("full",))] = key(
        None, "`full` for pictures without a detectable face", unset="the face's box"
    )
    seconds: Annotated[float, Numbers(0.1, 3600)] = key(4.0, "of each sound")
    num_inference_steps: Annotated[int | None, Numbers(1, 1000)] = key(
        None, "as in `emo generate`", unset="the model's"
    )
    audio_guidance_scale: Annotated[float | None, Numbers(-100, 100)] = key(
        None, "as in `emo generate`", unset="the model's"
    )
    speed: Annotated[float | None, Numbers(0, 180)] = key(
        None, "head rotation in degrees per frame; stage 3", unset="none"
    )
    seed: Annotated[int, SEEDS] = key(0, "of the noise")


@dataclass
class DropConfig:
    """Probabilities of dropping each condition, so that guidance has what it needs; each stage has its own class."""

    reference: Annotated[float, SHARE] = key(0.1, "probability of zero reference keys and values")
    face_mask: Annotated[float, SHARE] = key(0.1, "probability of a white face mask")

    def probabilities(self) -> dict[str, float]:
        """Of all `CONDITIONS` in their order; 0 for those that the stage does not have."""
        return {name: getattr(self, name, 0.0) for name in CONDITIONS}


@dataclass
class ClipDropConfig(DropConfig):
    """Those of the stages of clips."""

    motion: Annotated[float, SHARE] = key(0.3, "probability of zero motion maps, as before the first clip")
    audio: Annotated[float, SHARE] = key(0.1, "probability of zero audio tokens")


@dataclass
class SpeedDropConfig(ClipDropConfig):
    """Those of the stages of clips with speeds."""

    speed: Annotated[float, SHARE] = key(0.1, "probability of zero speed features")


@dataclass
class EMOConfig:
    """Common to the stages."""

    data: ClipDataConfig = key(ClipDataConfig(), "where samples come from")
    model: EMOStartConfig = key(EMOStartConfig(), "where the weights come from, and how the networks run")
    objective: EMOObjectiveConfig = key(EMOObjectiveConfig(), "what is learned")
    validation: ValidationConfig = key(ValidationConfig(), "what is shown")
    train: LoopConfig = key(LoopConfig(), "the loop")


@dataclass
class ClipConfig(EMOConfig):
    """Common to the stages of clips."""

    motion_noise: Annotated[float, Numbers(0, 10)] = key(
        0.15,
        "most noise on the motion frames' latents, so that errors do not pile up over a long video; each sample gets "
        "a share of it",
    )
