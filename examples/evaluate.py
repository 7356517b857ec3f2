"""What guidance by the sound is worth: the same video with and without it, measured beside a real one.

    python examples/evaluate.py portrait.png speech.wav real.mp4 --out out/evaluated

Videos are generated from the same portrait, sound and seed; `emo evaluate` then measures each beside the real video by
what needs no network: lip sync, likeness, head motion, picture quality. OUT/report/report.html shows it all.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch

from emo import EMOPipeline

WEIGHTS = Path(__file__).parents[1] / "weights" / "emo-tiny"
MEASURES = ("psnr", "mouth_r", "likeness", "face_found")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("portrait", help="any picture with a face")
parser.add_argument("sound", help="any file with speech or song")
parser.add_argument("real", type=Path, help="the real video that the sound was taken from")
parser.add_argument("--out", type=Path, default=Path("out/evaluated"))
parser.add_argument("--model", default=WEIGHTS, help="pipeline folder, or a Hub name (default: the small model)")
parser.add_argument("--steps", type=int, default=12, help="denoising steps per clip")
options = parser.parse_args()

# 1. Two videos that differ in one thing.
(options.out / "videos").mkdir(parents=True, exist_ok=True)
pipe = EMOPipeline.from_pretrained(options.model)
pairs = []
for name, scale in {"guided": 1.5, "plain": 1.0}.items():
    video = options.out / "videos" / f"{name}.mp4"
    pipe(
        options.portrait,
        options.sound,
        num_inference_steps=options.steps,
        audio_guidance_scale=scale,
        generator=torch.Generator().manual_seed(0),
    ).save(video)
    pairs.append({"generated": str(video.resolve()), "reference": str(options.real.resolve())})

# 2. Which video belongs to which real one: a line each. Videos of one name need no such list.
manifest = options.out / "pairs.jsonl"
manifest.write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")

# 3. The report. With networks at hand, leave out --no-fetch and --metrics: FID, LPIPS, SyncNet and more join in.
report = options.out / "report"
command = ["emo", "evaluate", "--generated", str(manifest), "--reference", str(options.real), "--out", str(report)]
command += ["--metrics", ",".join(MEASURES), "--no-fetch"]
print("$", *command, flush=True)
subprocess.run([sys.executable, "-m", *command], check=True)

# 4. Every number is in the JSON too; a measure that could not be taken says why instead.
for clip in json.loads((report / "report.json").read_text(encoding="utf-8"))["clips"]:
    print(Path(clip["name"]).name, clip["values"])
