"""Frames one by one while the rest is still being made, in memory that does not grow with the video's length.

    python examples/stream.py portrait.png speech.wav --out out/frames

A stream is checked before any work is done, and gives clips of a few frames; what is done with the frames (a socket,
a window, an encoder) is up to you. Here they become numbered pictures. Each clip also carries the state after it:
generation that goes on from there equals one that never stopped.
"""

import argparse
import time
from pathlib import Path

import torch

from emo import EMOPipeline

WEIGHTS = Path(__file__).parents[1] / "weights" / "emo-tiny"

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("portrait", help="any picture with a face")
parser.add_argument("sound", help="any file with speech or song")
parser.add_argument("--out", type=Path, default=Path("out/frames"), help="folder of the frames")
parser.add_argument("--model", default=WEIGHTS, help="pipeline folder, or a Hub name (default: the small model)")
parser.add_argument("--steps", type=int, default=4, help="denoising steps per clip")
options = parser.parse_args()

options.out.mkdir(parents=True, exist_ok=True)
pipe = EMOPipeline.from_pretrained(options.model)
stream = pipe.stream(
    options.portrait,
    options.sound,
    num_inference_steps=options.steps,
    generator=torch.Generator().manual_seed(0),
)

start, number = time.monotonic(), 0
for clip in stream:
    for frame in clip.frames:  # PIL pictures
        frame.save(options.out / f"{number:06d}.png")
        number += 1
    seconds = time.monotonic() - start
    print(f"clip {clip.index + 1} of {clip.num_clips}: frame {number} after {seconds:.1f} s", flush=True)

# To go on later: keep `clip.state` of the last clip, and give it to `pipe.stream(..., resume_from=state)`.
