"""How VASA-1's face model reads a head's pose: learned alone, from clips, before all else.

python -m emo synthesize --out DATASET --portraits PICTURES
accelerate launch train/vasa_pose.py --config configs/train/vasa-tiny/pose.yaml data.root=DATASET
accelerate launch train/vasa_face.py --config configs/train/vasa-tiny/face.yaml model.init=POSE ...
"""

import sys

from emo.training.script import run, train_stage
from emo.training.vasa_pose import VASAPoseConfig, VASAPoseStage


def main() -> int:
    return train_stage(VASAPoseStage, VASAPoseConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
