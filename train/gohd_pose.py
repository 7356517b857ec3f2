"""GoHD's head poses, and where wandering eyes look: how they go with a voice, learned from clips or tracks.

python -m emo synthesize --tracks --out DATASET --identities 100 --hours 10 --seconds 12
accelerate launch train/gohd_pose.py --config configs/train/gohd-tiny/pose.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys

from emo.training.gohd import GoHDPoseConfig, GoHDPoseStage
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(GoHDPoseStage, GoHDPoseConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
