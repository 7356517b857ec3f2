"""Stage 1, image pretraining (3.3): backbone, ReferenceNet and face locator learn to draw one frame of a clip from
another one of the same clip. No sound, no motion frames, no speed.

    accelerate launch train/stage1_image.py --config configs/train/emo-sd15/stage1.yaml data.root=DATASET
"""

import sys
from dataclasses import asdict, dataclass, field
from typing import Annotated

from accelerate import Accelerator

from emo.bounds import SHARE, Numbers
from emo.training.config import load_settings, run
from emo.training.emo.networks import is_audio, is_speed, is_temporal
from emo.training.emo.stage import EMOStage
from emo.training.emo.stage_config import EMOConfig
from emo.training.emo.validation import check_validation, validate_pictures
from emo.training.loop import make_accelerator, train


@dataclass
class DropConfig:
    """Probability of dropping each condition; see docs/training.md."""

    reference: Annotated[float, SHARE] = 0.1
    face_mask: Annotated[float, SHARE] = 0.1


@dataclass
class ImageConfig(EMOConfig):
    """Stage 1. targets: frames to draw from one reference, which so costs less."""

    targets: Annotated[int, Numbers(1, 1024)] = 1
    drop: DropConfig = field(default_factory=DropConfig)

    def misfit(self) -> str | None:
        """What this stage has no use for."""
        if self.objective.noise_correlation is not None:
            return "objective.noise_correlation is for the stages of videos; stage 1 draws single frames"
        return None


class ImageStage(EMOStage):
    """Single frames; the reference is another frame of the clip."""

    video = False

    def __init__(self, config: ImageConfig, accelerator: Accelerator):
        self.targets = config.targets
        super().__init__(config, accelerator)

    def trains(self, name: str) -> bool:
        return not (is_temporal(name) or is_audio(name) or is_speed(name))

    def rates(self) -> dict[str, float]:
        return asdict(self.config.drop)

    def prepare_inputs(self, batch, draws) -> dict:
        return {}  # without motion, audio and speed the backbone skips those layers

    def validate(self, networks, folder) -> dict[str, float]:
        validate_pictures(self.pipe, networks, self.config.validation, folder)
        return {}


def main() -> int:
    config, resume = load_settings(ImageConfig, description=__doc__)
    if config.train.validate_every:
        check_validation(config.validation, sounds=False)
    accelerator = make_accelerator(config.train)
    return train(ImageStage(config, accelerator), config.train, accelerator, resume)


if __name__ == "__main__":
    sys.exit(run(main))
