"""GoHD's stage 2 of expressions: what lids and brows do, learned from clips or tracks; makes a whole model.

python -m emo synthesize --tracks --out DATASET --identities 100 --hours 10 --seconds 12
accelerate launch train/gohd_eyes.py --config configs/train/gohd-tiny/eyes.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys

from emo.training.gohd import GoHDEyeConfig, GoHDEyeStage
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(GoHDEyeStage, GoHDEyeConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
