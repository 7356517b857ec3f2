"""GoHD's stage 1 of expressions: lips from speech, learned from clips or tracks.

python -m emo synthesize --tracks --out DATASET --identities 100 --hours 10 --seconds 12
accelerate launch train/gohd_lips.py --config configs/train/gohd-tiny/lips.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys

from emo.training.gohd import GoHDLipConfig, GoHDLipStage
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(GoHDLipStage, GoHDLipConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
