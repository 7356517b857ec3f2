"""What configures all three stages of EMO; each stage's script adds its own. Explained in docs/training.md."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from emo_train.config import LoopConfig


@dataclass
class DataConfig:
    """Where samples come from."""

    root: str = MISSING
    split: str = "train"
    size: int | None = None
    cache: bool = False
    batch_size: int = 4
    workers: int = 2


@dataclass
class StartConfig:
    """Where the weights come from, and how the networks run."""

    init: str | None = None
    config: str | None = None
    sd15: str | None = None
    motion_adapter: str | None = None
    audio_encoder: str | None = None
    vae: str | None = None
    random_encoders: bool = False
    gradient_checkpointing: bool = False
    attention_backend: str | None = None


@dataclass
class ObjectiveConfig:
    """What is learned; `None` leaves the model's own."""

    prediction_type: str | None = None
    zero_terminal_snr: bool | None = None
    timestep_spacing: str | None = None
    min_snr_gamma: float | None = None
    noise_correlation: float | None = None
    mouth_weight: float = 0.0
    mouth_sigma: float = 0.6


@dataclass
class ValidationConfig:
    """What is shown every `train.validate_every` steps: each portrait, with each sound where there is any."""

    portraits: list[str] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)
    face_region: str | None = None
    seconds: float = 4.0
    num_inference_steps: int = 40
    audio_guidance_scale: float = 1.5
    speed: float | None = None
    seed: int = 0


@dataclass
class EMOConfig:
    """Common to the stages."""

    data: DataConfig = field(default_factory=DataConfig)
    model: StartConfig = field(default_factory=StartConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    train: LoopConfig = field(default_factory=LoopConfig)
