"""VASA-1's motion model: how a face and head move with a voice, learned from clips or tracks.

python -m emo synthesize --tracks --out DATASET --identities 100 --hours 10 --seconds 10
accelerate launch train/vasa_motion.py --config configs/train/vasa-tiny/motion.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys

from emo.training.script import run, train_stage
from emo.training.vasa import VASAMotionConfig, VASAMotionStage


def main() -> int:
    return train_stage(VASAMotionStage, VASAMotionConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
