"""Stage 3, speed layers (3.3): only temporal modules and speed layers train. The audio layers deliberately do not:
otherwise motion would come to follow the speed instead of the voice.

    accelerate launch train/stage3_speed.py --config configs/train/emo-sd15/stage3.yaml data.root=DATASET \
        model.init=runs/emo-sd15/stage2/model
"""

import sys
from dataclasses import asdict, dataclass, field
from typing import Annotated

from emo.bounds import SHARE, Numbers
from emo.training.config import load_settings, run
from emo.training.emo.networks import is_speed, is_temporal
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
    speed: Annotated[float, SHARE] = 0.1
    face_mask: Annotated[float, SHARE] = 0.1


@dataclass
class SpeedConfig(EMOConfig):
    """Stage 3."""

    drop: DropConfig = field(default_factory=DropConfig)
    motion_noise: Annotated[float, Numbers(0, 10)] = 0.15


class SpeedStage(EMOStage):
    """Clips with sound and head rotation speeds."""

    video = True

    def trains(self, name: str) -> bool:
        return is_temporal(name) or is_speed(name)

    def rates(self) -> dict[str, float]:
        return asdict(self.config.drop)

    def prepare_inputs(self, batch, draws) -> dict:
        return {
            "motion_latents": self.motion_latents(batch, draws, self.config.motion_noise),
            "audio": self.audio(batch),
            "speed": batch.speed,
        }

    def validate(self, networks, folder) -> dict[str, float]:
        validate_clips(self.pipeline(networks), self.config.validation, folder, speed=self.config.validation.speed)
        return {}


def main() -> int:
    config, resume = load_settings(SpeedConfig, description=__doc__)
    if config.train.validate_every:
        check_validation(config.validation, sounds=True)
    accelerator = make_accelerator(config.train)
    return train(SpeedStage(config, accelerator), config.train, accelerator, resume)


if __name__ == "__main__":
    sys.exit(run(main))
