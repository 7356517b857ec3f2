"""Stage 2, video training (3.3): temporal modules and audio layers join, over n + F contiguous frames of which the
first n are motion frames.

    accelerate launch train/stage2_video.py --config configs/train/emo-sd15/stage2.yaml data.root=DATASET \
        model.init=runs/emo-sd15/stage1/model
"""

import sys
from dataclasses import asdict, dataclass, field
from typing import Annotated

from emo.bounds import SHARE, Numbers
from emo.training.config import load_settings, run
from emo.training.emo.networks import is_audio, is_speed, is_temporal
from emo.training.emo.stage import EMOStage
from emo.training.emo.stage_config import EMOConfig
from emo.training.emo.validation import check_validation, validate_clips
from emo.training.loop import make_accelerator, train


@dataclass
class DropConfig:
    """Probability of dropping each condition; see docs/training.md."""

    reference: Annotated[float, SHARE] = 0.1
    motion: Annotated[float, SHARE] = 0.3
    audio: Annotated[float, SHARE] = 0.1
    face_mask: Annotated[float, SHARE] = 0.1


@dataclass
class LoraConfig:
    """Low-rank adapters instead of whole weights; rank 0 for none."""

    rank: Annotated[int, Numbers(0, 4096)] = 0
    alpha: Annotated[float, Numbers(0, 1e6, above=True)] = 16.0


@dataclass
class VideoConfig(EMOConfig):
    """Stage 2."""

    drop: DropConfig = field(default_factory=DropConfig)
    motion_noise: Annotated[float, Numbers(0, 10)] = 0.15
    freeze_spatial: bool = False
    spatial_rate: Annotated[float, Numbers(0, 100)] = 1.0
    lora: LoraConfig = field(default_factory=LoraConfig)


class VideoStage(EMOStage):
    """Clips with sound; no speed."""

    video = True

    def trains(self, name: str) -> bool:
        if is_temporal(name) or is_audio(name):
            return not is_speed(name)
        return not (is_speed(name) or self.config.freeze_spatial)

    def parameter_groups(self, learning_rate: float) -> list[dict]:
        new, old = [], []  # what stage 1 has trained may learn more slowly
        for name, parameter in self.networks.named_parameters():
            if parameter.requires_grad:
                (new if is_temporal(name) or is_audio(name) else old).append(parameter)
        groups = [
            {"params": new, "lr": learning_rate},
            {"params": old, "lr": learning_rate * self.config.spatial_rate},
        ]
        return [group for group in groups if group["params"]]

    def rates(self) -> dict[str, float]:
        return asdict(self.config.drop)

    def prepare_inputs(self, batch, draws) -> dict:
        return {
            "motion_latents": self.motion_latents(batch, draws, self.config.motion_noise),
            "audio": self.audio(batch),
        }

    def validate(self, networks, folder) -> dict[str, float]:
        validate_clips(self.pipeline(networks), self.config.validation, folder, speed=None)
        return {}


def main() -> int:
    config, resume = load_settings(VideoConfig, description=__doc__)
    if config.train.validate_every:
        check_validation(config.validation, sounds=True)
    accelerator = make_accelerator(config.train)
    return train(VideoStage(config, accelerator), config.train, accelerator, resume)


if __name__ == "__main__":
    sys.exit(run(main))
