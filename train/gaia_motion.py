"""GAIA's speech-to-motion model: how a face and head move with a voice, in the latents of a trained autoencoder.

python -m emo synthesize --out DATASET --landmarks --identities 100 --seconds 12
accelerate launch train/gaia_motion.py --config configs/train/gaia-tiny/motion.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys

from emo.training.gaia import GAIAMotionConfig, motion_stage
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(motion_stage, GAIAMotionConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
