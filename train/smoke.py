"""What `make train-smoke` runs: the way of the small model from nothing to a video, at toy size, in the same commands.

    python train/smoke.py [--out out/train-smoke]

Every command is printed as it could be typed. What an earlier run left in the folder is removed first. The face is far
from learned; what is shown is that every step takes what the one before has made.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.data import astronaut

from emo.data.synthetic.speech import SAMPLE_RATE, synthesize
from emo.media import VideoReader, contact_sheet

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 1.0  # of the generated video
TRAIN = ("train.log_every=5", "train.tensorboard=false", "train.save_every=0", "data.workers=0")


def commands(out: Path) -> list[list[str]]:
    """The steps, each a command line; the last one makes `video.mp4`."""
    emo, people, runs = [sys.executable, "-m", "emo"], out / "people", out / "runs"

    def stage(name: str, script: str, *options: str) -> list[str]:
        config = ROOT / "configs" / "train" / "emo-tiny" / f"{name}.yaml"
        script = str(ROOT / "train" / f"{script}.py")
        return [sys.executable, script, "--config", str(config), f"train.output={runs / name}", *TRAIN, *options]

    small = f"model.config={ROOT / 'configs' / 'train' / 'smoke' / 'model.yaml'}"
    data, shown = f"data.root={people}", (f"validation.portraits=[{out / 'portrait.png'}]", "validation.seconds=0.4")
    heard = (*shown, f"validation.sounds=[{out / 'speech.wav'}]", "validation.num_inference_steps=2")
    encoders = (
        f"model.vae={runs / 'autoencoder' / 'model'}",
        f"model.audio_encoder={runs / 'audio_encoder' / 'model'}",
    )
    start = lambda name: f"model.init={runs / name / 'model'}"
    size = ("--size", "64", "--seconds", "0.8", "--hours", "0.0018", "--identities", "4", "--test-share", "0.25")
    return [
        [*emo, "synthesize", "--out", str(people), *size, "--no-compile"],
        stage("autoencoder", "autoencoder", data, small, "train.steps=20", "data.measured=32", "validated=8"),
        stage(
            "audio_encoder",
            "audio_encoder",
            *(small, "train.steps=20", "data.seconds=1", "data.utterances=8", "validated=4"),
        ),
        stage(
            "stage1",
            "stage1_image",
            *(data, small, *encoders, *shown, "validation.num_inference_steps=2"),
            *("train.steps=10", "train.validate_every=10", "data.cache=false", "data.batch_size=4"),
        ),
        [*emo, "cache", str(people), "--model", str(runs / "stage1" / "model")],
        stage("stage2", "stage2_video", data, start("stage1"), *heard, "train.steps=10", "train.validate_every=10"),
        stage("stage3", "stage3_speed", data, start("stage2"), *heard, "train.steps=10", "train.validate_every=10"),
        [
            *(*emo, "generate", str(out / "portrait.png"), str(out / "speech.wav"), "-o", str(out / "video.mp4")),
            *("--model", str(runs / "stage3" / "model"), "--steps", "4", "--speed", "1.0"),
        ],
    ]


def run(out: Path) -> int:
    for made in ("people", "runs"):
        shutil.rmtree(out / made, ignore_errors=True)
    (out / "video.mp4").unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    Image.fromarray(astronaut()).save(out / "portrait.png")
    with wave.open(str(out / "speech.wav"), "wb") as file:
        samples = np.round(synthesize(seed=1, seconds=SECONDS).waveform * 32767).astype("<i2")
        file.setparams((1, 2, SAMPLE_RATE, len(samples), "NONE", ""))
        file.writeframes(samples.tobytes())
    began = time.monotonic()
    for command in commands(out):
        print(f"\n$ {shlex.join(command)}", flush=True)
        started = time.monotonic()
        if status := subprocess.run(command, cwd=ROOT).returncode:
            print(f"this command failed with status {status}", file=sys.stderr)
            return status
        print(f"{time.monotonic() - started:.0f} s", flush=True)
    with VideoReader(out / "video.mp4") as reader:
        assert len(reader) == round(25 * SECONDS), len(reader)
        frames = reader.read(np.linspace(0, len(reader) - 1, 12).round().astype(int))
    contact_sheet(frames, columns=6).save(out / "video.png")
    print(f"\n{out / 'video.mp4'} and {out / 'video.png'} in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "train-smoke")
    sys.exit(run(parser.parse_args().out.resolve()))
