"""One portrait and one recording become a video, in Python.

    python examples/generate.py portrait.png speech.wav -o out/talking.mp4

The same on the command line: emo generate portrait.png speech.wav -o out/talking.mp4 --model emo-tiny --steps 12
"""

import argparse
from pathlib import Path

import torch

from emo import EMOPipeline, read_origin

WEIGHTS = Path(__file__).parents[1] / "weights" / "emo-tiny"

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("portrait", help="any picture with a face")
parser.add_argument("sound", help="any file with speech or song")
parser.add_argument("-o", "--output", type=Path, default=Path("out/talking.mp4"))
parser.add_argument("--model", default=WEIGHTS, help="pipeline folder, or a Hub name (default: the small model)")
parser.add_argument("--steps", type=int, default=12, help="denoising steps per clip: more are finer and slower")
parser.add_argument("--seed", type=int, default=0, help="same seed, same video")
options = parser.parse_args()

device = "cuda" if torch.cuda.is_available() else "cpu"
pipe = EMOPipeline.from_pretrained(options.model).to(device)

output = pipe(
    options.portrait,
    options.sound,
    num_inference_steps=options.steps,
    audio_guidance_scale=1.5,  # how strongly the sound drives; 1 halves the time and follows it less
    generator=torch.Generator().manual_seed(options.seed),
)
options.output.parent.mkdir(parents=True, exist_ok=True)
output.save(options.output)

# Every video tells that it was generated, and how: `emo generate --like VIDEO` repeats it with other inputs.
print(f"{options.output}: {len(output.frames)} frames, made by {read_origin(options.output)}")
