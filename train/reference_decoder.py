"""The decoder that is given the portrait, for a trained patch autoencoder, whose latents stay what they are.

python train/reference_decoder_data.py --out PAIRS --portraits PICTURES
accelerate launch train/reference_decoder.py --config configs/train/emo-tiny/reference_decoder.yaml data.pairs=PAIRS
"""

import emo.entry  # noqa: F401

import sys

from emo.training.reference_decoder import ReferenceDecoderStage, ReferenceDecoderTrainingConfig
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(ReferenceDecoderStage, ReferenceDecoderTrainingConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
