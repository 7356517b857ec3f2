"""Stage 3, speed layers (3.3): only temporal modules and speed layers train. The audio layers deliberately do not:
otherwise motion would come to follow the speed instead of the voice.

    accelerate launch train/stage3_speed.py --config configs/train/emo-sd15/stage3.yaml data.root=DATASET \
        model.init=runs/emo-sd15/stage2/model
"""

import emo.entry  # noqa: F401

import sys
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from emo.config import key
from emo.training.emo.config import ClipConfig, SpeedDropConfig
from emo.training.emo.draws import Draws
from emo.training.emo.encoders import EncodedBatch
from emo.training.emo.networks import EMONetworks, is_speed, is_temporal
from emo.training.emo.stage import EMOStage
from emo.training.emo.validation import validate_clips
from emo.training.script import run, train_stage


@dataclass
class SpeedConfig(ClipConfig):
    """Stage 3."""

    drop: SpeedDropConfig = key(SpeedDropConfig(), "how often conditions are dropped")


class SpeedStage(EMOStage[SpeedConfig]):
    """Clips with sound and head rotation speeds."""

    video = True

    def trains(self, name: str) -> bool:
        return is_temporal(name) or is_speed(name)

    def drop_probabilities(self) -> dict[str, float]:
        return self.config.drop.probabilities()

    def prepare_inputs(self, batch: EncodedBatch, draws: Draws) -> dict[str, Tensor | None]:
        motion_latents = self.noisy_motion_frames(batch, draws, self.config.motion_noise)
        return {"motion_latents": motion_latents, "audio": batch.audio, "speed": batch.speed}

    def validate(self, networks: EMONetworks, folder: Path) -> dict[str, float]:
        validate_clips(self.pipeline(networks), self.config.validation, folder, speed=self.config.validation.speed)
        return {}


def main() -> int:
    return train_stage(SpeedStage, SpeedConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
