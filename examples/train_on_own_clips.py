"""From fifty videos of talking people to a model of one's own and a first video by it.

    python examples/train_on_own_clips.py interviews/ portrait.png speech.wav --out runs/mine
    python examples/train_on_own_clips.py --toy --out out/own     # every step at toy size, in minutes, without a GPU

Each command is printed as it could be typed, and can be stopped and repeated: the same command goes on. Stage 1 starts
from public weights (Stable Diffusion 1.5, AnimateDiff, wav2vec 2.0), which it downloads, and wants a GPU of 40 GB;
docs/training.md tells of several GPUs, of LoRA, which suits few clips, and of every key. Needs `emo[prepare,train]`.
"""

import argparse
import shlex
import subprocess
import sys
import wave
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FEW = ("train.steps=2", "train.save_every=0", "train.tensorboard=false", "data.workers=0", "data.batch_size=1")


def run(*command: object) -> None:
    """Print a command as it could be typed, and run it; the first that fails ends all."""
    words = [str(word) for word in command]
    print(f"\n$ {shlex.join(words)}", flush=True)
    words = [sys.executable, *(["-m"] if words[0] == "emo" else []), *words[words[0] == "python" :]]
    if status := subprocess.run(words, cwd=ROOT).returncode:
        sys.exit(status)


def train(clips: list[Path], portrait: Path, sound: Path, out: Path, toy: bool) -> None:
    data, configs = out / "data", f"configs/train/{'emo-tiny' if toy else 'emo-sd15'}"
    model = {stage: out / stage / "model" for stage in ("stage1", "stage2", "stage3")}
    few = FEW if toy else ()

    # 1. Clips of one talking face each, with labels on every frame; data/report.json tells why the rest was dropped.
    small = ("size=128", "min_seconds=1", "test_share=0")
    small += tuple(f"filters.{key}" for key in ("min_face=40", "min_lip_match=-1", "max_lip_lag=1"))
    run("emo", "prepare", *clips, "--out", data, *(word for key in small if toy for word in ("--set", key)))
    run("emo", "inspect", data)  # counts, histograms, and a sheet of labelled frames to look at

    # 2. Stage 1: single frames. How people look, from one frame of a clip to another.
    common = (f"data.root={data}", *few)
    start = ("model.config=null", "model.vae=null", "model.audio_encoder=null", "model.init=weights/emo-tiny")
    stage = ("python", "train/stage1_image.py", "--config", f"{configs}/stage1.yaml", "--resume", "latest", *common)
    run(*stage, f"train.output={out / 'stage1'}", "data.cache=false", *(start if toy else ()))

    # 3. Latents and sound features of every frame, computed once: stages 2 and 3 are faster by that.
    run("emo", "cache", data, "--model", model["stage1"])

    # 4. Stage 2: twelve frames with sound, after the four before them.
    stage = ("python", "train/stage2_video.py", "--config", f"{configs}/stage2.yaml", "--resume", "latest", *common)
    run(*stage, f"train.output={out / 'stage2'}", "data.cache=true", f"model.init={model['stage1']}")

    # 5. Stage 3: the speed of the head.
    stage = ("python", "train/stage3_speed.py", "--config", f"{configs}/stage3.yaml", "--resume", "latest", *common)
    run(*stage, f"train.output={out / 'stage3'}", "data.cache=true", f"model.init={model['stage2']}")

    # 6. A video of somebody the model has not seen. `emo push` shares the folder of the model.
    steps = ("--steps", 2) if toy else ()
    run("emo", "generate", portrait, sound, "-o", out / "video.mp4", "--model", model["stage3"], "--restart", *steps)


def made_up(out: Path) -> tuple[list[Path], Path, Path]:
    """What `--toy` learns from: scikit-image's astronaut, made to talk; a portrait, and a second of silence to say."""
    from PIL import Image
    from skimage.data import astronaut

    portrait, sound = out / "portraits" / "astronaut.png", out / "sound.wav"
    portrait.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(astronaut()).save(portrait)
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 16000, 16000, "NONE", ""))
        file.writeframes(bytes(2 * 16000))
    amount = ("--hours", 0.0008, "--seconds", 1.4, "--size", 160, "--no-compile")
    run("emo", "synthesize", "--out", out / "talks", "--identities", 0, "--portraits", portrait.parent, *amount)
    return sorted((out / "talks").glob("*/*.mp4")), portrait, sound


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?", help="folder of videos, or one video")
    parser.add_argument("portrait", type=Path, nargs="?", help="picture to animate at the end")
    parser.add_argument("sound", type=Path, nargs="?", help="what it says then")
    parser.add_argument("--out", type=Path, default=Path("runs/own"), help="folder of all that is made")
    parser.add_argument("--toy", action="store_true", help="made-up clips, the small model, two steps a stage")
    options = parser.parse_args()
    out = options.out.resolve()
    if options.toy:
        train(*made_up(out), out, toy=True)
    elif options.sound is None:
        parser.error("give CLIPS, PORTRAIT and SOUND, or --toy")
    else:
        train([options.clips.resolve()], options.portrait.resolve(), options.sound.resolve(), out, toy=False)


if __name__ == "__main__":
    main()
