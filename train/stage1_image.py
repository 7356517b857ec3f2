"""Stage 1, image pretraining (3.3): backbone, ReferenceNet and face locator learn to draw one frame of a clip from
another one of the same clip. No sound, no motion frames, no speed.

    accelerate launch train/stage1_image.py --config configs/train/emo-sd15/stage1.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from accelerate import Accelerator
from torch import Tensor

from emo.bounds import Numbers
from emo.config import key
from emo.training.emo.config import DropConfig, EMOConfig
from emo.training.emo.draws import Draws
from emo.training.emo.encoders import EncodedBatch
from emo.training.emo.networks import EMONetworks, is_audio, is_speed, is_temporal
from emo.training.emo.stage import EMOStage
from emo.training.emo.validation import validate_pictures
from emo.training.script import run, train_stage


@dataclass
class ImageConfig(EMOConfig):
    """Stage 1."""

    targets: Annotated[int, Numbers(1, 1024)] = key(
        1,
        "frames to draw from each reference, each at a noise time of its own: the ReferenceNet runs once for all of "
        "them, which so cost less",
    )
    drop: DropConfig = key(DropConfig(), "how often conditions are dropped")

    def misfit(self) -> str | None:
        """What this stage has no use for."""
        if self.objective.noise_correlation is not None:
            return "objective.noise_correlation is for the stages of videos; stage 1 draws single frames"
        return None


class ImageStage(EMOStage[ImageConfig]):
    """Single frames; the reference is another frame of the clip."""

    video = False

    def __init__(self, config: ImageConfig, accelerator: Accelerator):
        self.targets = config.targets
        super().__init__(config, accelerator)

    def trains(self, name: str) -> bool:
        return not (is_temporal(name) or is_audio(name) or is_speed(name))

    def drop_probabilities(self) -> dict[str, float]:
        return self.config.drop.probabilities()

    def prepare_inputs(self, batch: EncodedBatch, draws: Draws) -> dict[str, Tensor | None]:
        return {}  # without motion, audio and speed the backbone skips those layers

    def validate(self, networks: EMONetworks, folder: Path) -> dict[str, float]:
        validate_pictures(self.pipe, networks, self.config.validation, folder)
        return {}


def main() -> int:
    return train_stage(ImageStage, ImageConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
