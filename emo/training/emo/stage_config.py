"""What configures all three stages of EMO; each stage's script adds its own. Explained in docs/training.md."""

from dataclasses import dataclass, field
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import Choice, Name, Numbers, Several
from emo.training.config import BATCH, SEEDS, WORKERS, LoopConfig


@dataclass
class DataConfig:
    """Where samples come from."""

    root: Annotated[str, Name()] = MISSING
    split: Annotated[str, Name()] = "train"
    size: Annotated[int | None, Numbers(64, 4096, multiple=8)] = None
    cache: bool = False
    batch_size: Annotated[int, BATCH] = 4
    workers: Annotated[int, WORKERS] = 2


@dataclass
class StartConfig:
    """Where the weights come from, and how the networks run."""

    init: Annotated[str | None, Name()] = None
    config: Annotated[str | None, Name()] = None
    sd15: Annotated[str | None, Name()] = None
    motion_adapter: Annotated[str | None, Name()] = None
    audio_encoder: Annotated[str | None, Name()] = None
    vae: Annotated[str | None, Name()] = None
    random_encoders: bool = False
    gradient_checkpointing: bool = False
    attention_backend: Annotated[str | None, Name()] = None


@dataclass
class ObjectiveConfig:
    """What is learned; `None` leaves the model's own."""

    prediction_type: Annotated[str | None, Choice(("epsilon", "v_prediction"))] = None
    zero_terminal_snr: bool | None = None
    timestep_spacing: Annotated[str | None, Choice(("leading", "trailing", "linspace"))] = None
    min_snr_gamma: Annotated[float | None, Numbers(0, 1e6, above=True)] = None
    noise_correlation: Annotated[float | None, Numbers(0, 1, below=True)] = None  # with 1 all frames had the same
    mouth_weight: Annotated[float, Numbers(0, 1e4)] = 0.0
    mouth_sigma: Annotated[float, Numbers(0, 100, above=True)] = 0.6

    def misfit(self) -> str | None:
        """What does not go together."""
        if self.prediction_type == "epsilon" and self.zero_terminal_snr:
            return "prediction_type=epsilon says nothing of the picture with zero_terminal_snr=true; use v_prediction"
        return None


@dataclass
class ValidationConfig:
    """What is shown every `train.validate_every` steps: each portrait, with each sound where there is any."""

    portraits: Annotated[list[str], Several(Name())] = field(default_factory=list)
    sounds: Annotated[list[str], Several(Name())] = field(default_factory=list)
    face_region: Annotated[str | None, Choice(("full",))] = None
    seconds: Annotated[float, Numbers(0.1, 3600)] = 4.0
    num_inference_steps: Annotated[int, Numbers(1, 1000)] = 40
    audio_guidance_scale: Annotated[float, Numbers(-100, 100)] = 1.5
    speed: Annotated[float | None, Numbers(0, 180)] = None
    seed: Annotated[int, SEEDS] = 0


@dataclass
class EMOConfig:
    """Common to the stages."""

    data: DataConfig = field(default_factory=DataConfig)
    model: StartConfig = field(default_factory=StartConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    train: LoopConfig = field(default_factory=LoopConfig)
