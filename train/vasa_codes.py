"""How VASA-1's face model reads a head's pose and a face's dynamics: learned alone, from clips, before all else.

python -m emo synthesize --out DATASET --portraits PICTURES
accelerate launch train/vasa_codes.py --config configs/train/vasa-tiny/codes.yaml data.root=DATASET
accelerate launch train/vasa_face.py --config configs/train/vasa-tiny/face.yaml model.init=CODES ...
"""

import emo.entry  # noqa: F401

import sys

from emo.training.script import run, train_stage
from emo.training.vasa_codes import VASACodesConfig, VASACodesStage


def main() -> int:
    return train_stage(VASACodesStage, VASACodesConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
