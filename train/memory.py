"""GPU memory that a stage needs, computed without a GPU or weights: parameters, gradients, optimizer, average, and
what the forward pass keeps for the backward pass in bf16. The encoders' and the framework's own use is not in it.

    python train/memory.py --stage 2 --model emo-sd15 --batch-size 1 --checkpointing
"""

import emo.entry  # noqa: F401

import argparse
import sys
from types import SimpleNamespace

from stage1_image import ImageStage
from stage2_video import VideoStage
from stage3_speed import SpeedStage

from emo.errors import OptionError
from emo.training.config import BATCH
from emo.training.emo.memory import stage_memory
from emo.training.script import run

STAGES = {1: ImageStage, 2: VideoStage, 3: SpeedStage}
GIB = 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", type=int, choices=STAGES, required=True)
    parser.add_argument("--model", default="emo-sd15", help="name or file of a model configuration")
    parser.add_argument("--batch-size", type=int, default=1, help="samples per GPU")
    parser.add_argument("--checkpointing", action="store_true", help="model.gradient_checkpointing=true")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    options = parser.parse_args()
    if not BATCH.allows(options.batch_size):
        raise OptionError(f"--batch-size is {options.batch_size}; it must be {BATCH}")
    stage = STAGES[options.stage]
    plain = SimpleNamespace(config=SimpleNamespace(freeze_spatial=False))  # all of a stage that `trains` looks at
    rows, total, trained = stage_memory(
        options.model,
        lambda name: stage.trains(plain, name),  # pyright: ignore[reportArgumentType] (no whole stage)
        video=stage.video,
        speed=options.stage == 3,
        batch_size=options.batch_size,
        checkpointing=options.checkpointing,
    )
    print(f"stage {options.stage}, {options.model}: {trained / 1e6:.0f} of {total / 1e6:.0f} million parameters train")
    for name, size in [*rows.items(), ("together", sum(rows.values()))]:
        print(f"{size / GIB:8.1f} GiB  {name}")


if __name__ == "__main__":
    sys.exit(run(main))
