"""The autoencoder of a model without pretrained parts, trained on the frames of a dataset. It comes first: all stages
leave it as it is.

    accelerate launch train/autoencoder.py --config configs/train/emo-tiny/autoencoder.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys

from emo.training.autoencoder import AutoencoderStage, AutoencoderTrainingConfig
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(AutoencoderStage, AutoencoderTrainingConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
