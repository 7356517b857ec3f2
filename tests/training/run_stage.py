"""Runs a stage's script over random clips, for tests that need a process of its own:

python run_stage.py stage2_video --config ... key=value
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "train"), str(ROOT / "tests")]

if __name__ == "__main__":
    import torch
    from random_clips import use_random_clips

    from emo.training.script import run

    torch.set_num_threads(1)
    use_random_clips()
    sys.exit(run(importlib.import_module(sys.argv.pop(1)).main))
