"""GoHD's face animator: a portrait's latent, and directions that lead from it to what a frame does.

python train/reference_decoder_data.py --out PAIRS --portraits PICTURES --size 128 --at-rest 2
accelerate launch train/gohd_face.py --config configs/train/gohd-tiny/face.yaml data.pairs=PAIRS
"""

import emo.entry  # noqa: F401

import sys

from emo.training.gohd_face import GoHDFaceConfig, GoHDFaceStage
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(GoHDFaceStage, GoHDFaceConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
