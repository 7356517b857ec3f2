"""Stage 4, distillation, which is not the paper's: a copy of the backbone learns to do in a few steps, and told the
weight of guidance, what its teacher does in many steps under guidance.

    accelerate launch train/stage4_distill.py --config configs/train/emo-sd15/stage4.yaml data.root=DATASET \
        model.init=runs/emo-sd15/stage3/model
"""

import emo.entry  # noqa: F401

import sys

from emo.training.emo_distillation import DistillationConfig, DistillationStage
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(DistillationStage, DistillationConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
