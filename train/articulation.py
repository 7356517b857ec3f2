"""The articulation: how lips move for any voice, learned from talkers whose mouths were read and from voices whose
phones are known.

    python train/articulation_data.py clips VIDEOS --alignments WORDS.json --out runs/articulation/data/talkers
    python train/articulation_data.py voices --out runs/articulation/data/voices
    accelerate launch train/articulation.py --config configs/train/articulation.yaml
"""

import emo.entry  # noqa: F401

import sys

from emo.training.articulation import ArticulationStage, ArticulationTrainingConfig
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(ArticulationStage, ArticulationTrainingConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
