"""VASA-1's face model: a head as a volume, turned and deformed by what a frame does.

python train/reference_decoder_data.py --out PAIRS --portraits PICTURES
accelerate launch train/vasa_face.py --config configs/train/vasa-tiny/face.yaml data.pairs=PAIRS
"""

import emo.entry  # noqa: F401

import sys

from emo.training.script import run, train_stage
from emo.training.vasa_face import VASAFaceConfig, VASAFaceStage


def main() -> int:
    return train_stage(VASAFaceStage, VASAFaceConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
