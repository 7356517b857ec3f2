"""Stage 2, video training (3.3): temporal modules and audio layers join, over n + F contiguous frames of which the
first n are motion frames.

    accelerate launch train/stage2_video.py --config configs/train/emo-sd15/stage2.yaml data.root=DATASET \
        model.init=runs/emo-sd15/stage1/model
"""

import emo.entry  # noqa: F401

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from accelerate import Accelerator
from torch import Tensor

from emo.bounds import Numbers
from emo.config import key
from emo.training.emo.config import ClipConfig, ClipDropConfig
from emo.training.emo.draws import Draws
from emo.training.emo.encoders import EncodedBatch
from emo.training.emo.networks import EMONetworks, is_audio, is_speed, is_temporal
from emo.training.emo.stage import EMOStage
from emo.training.emo.validation import validate_clips
from emo.training.lora import LoraConfig
from emo.training.script import run, train_stage


@dataclass
class VideoConfig(ClipConfig):
    """Stage 2."""

    drop: ClipDropConfig = key(ClipDropConfig(), "how often conditions are dropped")
    freeze_spatial: bool = key(False, "train temporal and audio layers alone")
    spatial_rate: Annotated[float, Numbers(0, 100)] = key(1.0, "learning rate of what stage 1 has trained, as a share")
    lora: LoraConfig = key(LoraConfig(), "low-rank adapters instead of whole weights")


class VideoStage(EMOStage[VideoConfig]):
    """Clips with sound; no speed."""

    video = True

    def __init__(self, config: VideoConfig, accelerator: Accelerator):
        super().__init__(config, accelerator, config.lora)

    def trains(self, name: str) -> bool:
        if is_temporal(name) or is_audio(name):
            return not is_speed(name)
        return not (is_speed(name) or self.config.freeze_spatial)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        new, old = [], []  # what stage 1 has trained may learn more slowly
        for name, parameter in self.networks.named_parameters():
            if parameter.requires_grad:
                (new if is_temporal(name) or is_audio(name) else old).append(parameter)
        slower = learning_rate * self.config.spatial_rate
        groups = [{"params": new, "lr": learning_rate}, {"params": old, "lr": slower}]
        return [group for group in groups if group["params"]]

    def drop_probabilities(self) -> dict[str, float]:
        return self.config.drop.probabilities()

    def prepare_inputs(self, batch: EncodedBatch, draws: Draws) -> dict[str, Tensor | None]:
        motion_latents = self.noisy_motion_frames(batch, draws, self.config.motion_noise)
        return {"motion_latents": motion_latents, "audio": batch.audio}

    def validate(self, networks: EMONetworks, folder: Path) -> dict[str, float]:
        validate_clips(self.pipeline(networks), self.config.validation, folder, speed=None)
        return {}


def main() -> int:
    return train_stage(VideoStage, VideoConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
