"""What configures the training of what VASA-1's face model reads motion with."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import Name, Numbers
from emo.config import key
from emo.training.config import BATCH, WORKERS, LoopConfig
from emo.training.vasa_face.config import FaceNetworkConfig


@dataclass
class CodesDataConfig:
    """Clips with pictures to learn from, framed as portraits are, whose labels hold every control."""

    root: Annotated[str, Name()] = key(MISSING, "folder of the dataset")
    split: Annotated[str, Name()] = key("train", "split to learn from")
    held_out: Annotated[str, Name()] = key("test", "split for validation")
    batch_size: Annotated[int, BATCH] = key(
        24, "clips per process and batch: of few, their people are learned and not what they do"
    )
    frames: Annotated[int, Numbers(1, 4096)] = key(2, "pictures of each, anywhere in it")
    workers: Annotated[int, WORKERS] = key(0, "loader processes per process")


@dataclass
class VASACodesConfig:
    """All options."""

    data: CodesDataConfig = key(CodesDataConfig(), "what is learned from")
    model: FaceNetworkConfig = key(FaceNetworkConfig(), "the face model, whose encoders of pose and dynamics learn")
    train: LoopConfig = key(LoopConfig(), "the loop")
    validated: Annotated[int, Numbers(1, 10**6)] = key(64, "held-out clips of a validation")
