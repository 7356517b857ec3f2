"""GoHD's lip reader, which the loss L_read of its stage 1 needs, learned from clips or tracks.

python -m emo synthesize --tracks --out DATASET --identities 100 --hours 10 --seconds 12
accelerate launch train/gohd_reader.py --config configs/train/gohd-tiny/reader.yaml data.root=DATASET
"""

import emo.entry  # noqa: F401

import sys

from emo.training.gohd import GoHDReaderConfig, GoHDReaderStage
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(GoHDReaderStage, GoHDReaderConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))
