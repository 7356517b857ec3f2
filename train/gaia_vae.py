"""GAIA's autoencoder: what a frame looks like from the frame, what it does from its landmarks.

python -m emo synthesize --out DATASET --landmarks --identities 100
accelerate launch train/gaia_vae.py --config configs/train/gaia-tiny/vae.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys

from emo.training.gaia_vae import GAIAVAEConfig, GAIAVAEStage
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(GAIAVAEStage, GAIAVAEConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
