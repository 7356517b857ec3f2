"""CAPP, which tells whether a head's motion and a sound go together, trained on clips or tracks (VASA-1, 4).

python -m emo synthesize --tracks --out DATASET --identities 200 --hours 6 --seconds 10
accelerate launch train/capp.py --config configs/train/capp.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys

from emo.training.capp import CAPPStage, CAPPTrainingConfig
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(CAPPStage, CAPPTrainingConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
