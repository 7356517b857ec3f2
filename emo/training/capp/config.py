"""What configures CAPP's training."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import Name, Numbers
from emo.config import key
from emo.training.config import BATCH, WORKERS, LoopConfig

WIDTH = Numbers(1, 65536)
LAYERS = Numbers(1, 256)


@dataclass
class CAPPDataConfig:
    """Clips or tracks to learn from, with sound and labels of the head's angles, at 25 frames per second."""

    root: Annotated[str, Name()] = key(MISSING, "folder of the dataset, in which sounds' features are kept, too")
    split: Annotated[str, Name()] = key("train", "split to learn from")
    held_out: Annotated[str, Name()] = key("test", "split for validation")
    batch_size: Annotated[int, Numbers(2, BATCH.most)] = key(
        64, "windows per process and batch, each of which is told from the others"
    )
    workers: Annotated[int, WORKERS] = key(0, "loader processes per process")


@dataclass
class CAPPNetworkConfig:
    """The network; see `emo.metrics.capp.CAPP`."""

    audio_encoder: Annotated[str | None, Name()] = key(
        None,
        "folder or Hub name of wav2vec 2.0, whose hidden states are heard; it stays as it is",
        unset="log-mel bands",
    )
    frames: Annotated[int, Numbers(2, 65536)] = key(75, "of a window, at 25 per second")
    dim: Annotated[int, Numbers(4, 65536, multiple=2)] = key(128, "width of both encoders")
    pose_layers: Annotated[int, LAYERS] = key(6, "Transformer layers of the pose's encoder")
    audio_layers: Annotated[int, LAYERS] = key(2, "Conformer layers of the sound's")
    heads: Annotated[int, Numbers(1, 4096)] = key(4, "attention heads")
    channels: Annotated[int, WIDTH] = key(8, "of each frame in an embedding")

    def misfit(self) -> str | None:
        """What does not fit together."""
        if self.dim % (2 * self.heads):
            return f"dim is {self.dim}, which {self.heads} heads do not share evenly"
        return None


@dataclass
class CAPPTrainingConfig:
    """All options."""

    data: CAPPDataConfig = key(CAPPDataConfig(), "what is learned from")
    model: CAPPNetworkConfig = key(CAPPNetworkConfig(), "the network")
    train: LoopConfig = key(LoopConfig(), "the loop")
    validated: Annotated[int, Numbers(2, 10**6)] = key(64, "held-out clips of a validation")
