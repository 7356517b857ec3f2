"""SyncNet, which tells whether lips and sound go together, trained on any dataset with faces and sound.

accelerate launch train/syncnet.py --config configs/train/emo-tiny/syncnet.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys

from emo.training.script import run, train_stage
from emo.training.syncnet import SyncNetStage, SyncNetTrainingConfig


def main() -> int:
    return train_stage(SyncNetStage, SyncNetTrainingConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
