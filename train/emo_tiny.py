"""The small model from nothing: people, autoencoder and audio encoder, four stages, weights to ship, a video.

    python train/emo_tiny.py                                # `make train-tiny`: about six hours of two cores
    python train/emo_tiny.py --stop-after 550               # ends by itself; called again, it goes on where it was
    python train/emo_tiny.py --init weights/emo-tiny        # more of the stages from 2 on for weights that are there
    python train/emo_tiny.py --init TEACHER --first stage4  # only distillation
    python train/emo_tiny.py --toy --out out/train-smoke    # `make train-smoke`: the same way at toy size, in minutes

Every command is printed as it could be typed. Pictures and speech: the folder that EMO_TEST_DATA names lends its
portraits and its read sentences, if it is there; scikit-image's astronaut always talks along. The recordings and
people that `emo evaluate mechanisms` measures on are never among them.
"""

import emo.entry  # noqa: F401

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from PIL import Image
from skimage.data import astronaut

from emo import EMOPipeline
from emo.cpu import available_cores
from emo.data.synthetic.speech import SAMPLE_RATE, synthesize
from emo.errors import EmoError
from emo.locks import claim_folder
from emo.media import VideoReader, contact_sheet
from emo.training.recipe import RecipeStep, run_recipe

ROOT = Path(__file__).resolve().parents[1]
SPEECH = ("librispeech*", "ljspeech*")  # of EMO_TEST_DATA/audio; the other recordings are for tests
SHARD = "14MB"
SECONDS = 1.0  # of the video at the end
CORRELATION = 0.84  # of the noise that the shipped weights start from: steadier than the 0.8 of training
# Of all processes together:
BATCH = {"autoencoder": 4, "decoder": 4, "audio_encoder": 8, "stage1": 8, "stage2": 4, "stage3": 4, "stage4": 2}
ON_GPU = 8  # times as much, where there is a GPU
STAGES = {"stage1": "stage1_image", "stage2": "stage2_video", "stage3": "stage3_speed", "stage4": "stage4_distill"}
PEOPLE = ("--identities", "1000", "--hours", "1", "--seconds", "3")
_TRAIN = ("train.log_every=5", "train.tensorboard=false", "train.save_every=0", "data.workers=0")
_SHOWN = ("validation.num_inference_steps=2", "validation.seconds=0.4", "train.validate_every=10", "train.steps=10")
TOY = {
    "people": (
        *("--size", "64", "--seconds", "0.8", "--hours", "0.0018", "--identities", "4"),
        *("--test-share", "0.25", "--no-compile"),
    ),
    "autoencoder": (*_TRAIN, "train.steps=20", "data.measured=32", "validated=8"),
    "decoder": (*_TRAIN, "train.steps=20", "validated=8"),
    "audio_encoder": (*_TRAIN, "train.steps=20", "data.seconds=1", "data.utterances=8", "validated=4"),
    "stage1": (*_TRAIN, *_SHOWN, "data.batch_size=4"),
    "stage2": (*_TRAIN, *_SHOWN),
    "stage3": (*_TRAIN, *_SHOWN),
    "stage4": (*_TRAIN, *_SHOWN, "distillation.validated=2"),
}


def steps(out: Path, toy: bool, processes: int, init: Path | None, first: str) -> Iterator[RecipeStep]:
    """The way, from an empty folder to a pipeline; or from a pipeline `init` on, by the stages from `first` on."""
    cuda = torch.cuda.is_available()
    emo = [sys.executable, "-m", "emo"]
    people = out / "people"
    runs = out / "runs"
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]

    def model(name: str) -> Path:
        return runs / name / "model"

    def train(name: str, script: str, *options: str) -> RecipeStep:
        config = ROOT / f"configs/train/emo-tiny/{name}.yaml"
        batch = max(1, BATCH[name] * (ON_GPU if cuda else 1) // processes)
        common = [f"train.output={runs / name}", f"data.batch_size={batch}", "--resume", "latest"]
        small = TOY[name] + (shown if name.startswith("stage") else ()) if toy else ()
        path = str(ROOT / f"train/{script}.py")
        command = [*(launch if processes > 1 else []), path, "--config", str(config), *common, *options, *small]
        return RecipeStep(name, [sys.executable, *command], model(name))

    shown = (
        f"validation.portraits=[{out / 'portraits' / 'astronaut.png'}]",
        f"validation.sounds=[{out / 'speech.wav'}]",
    )
    data = f"data.root={people}"
    size = f"model.config={ROOT / 'configs/train/smoke/model.yaml' if toy else 'emo-tiny'}"
    encoders = (f"model.vae={model('decoder')}", f"model.audio_encoder={model('audio_encoder')}")
    backend = ("model.attention_backend=native",) if cuda else ()
    speech = ("--speech", str(out / "speech")) if (out / "speech").is_dir() and not toy else ()
    amount = TOY["people"] if toy else PEOPLE
    portraits = ("--portraits", str(out / "portraits"), "--portrait-share", "0.15")
    share = ("--speech-share", "0.3") if speech else ()
    where = ("--device", "cuda") if cuda else ()
    synthesis = [*emo, "synthesize", "--out", str(people), *amount, *portraits, *speech, *share, *where]
    yield RecipeStep("people", synthesis, people / "train" / "metadata.jsonl", trains=False)
    config = str(ROOT / "configs/train/emo-tiny/stage1.yaml")
    script = str(ROOT / "train/stage1_image.py")
    start = (data, size, *encoders, "data.cache=false", "train.steps=0", f"train.output={runs / 'start'}")
    if init is None:
        yield train("autoencoder", "autoencoder", data, size)
        yield train("decoder", "autoencoder", data, size, f"model.init={model('autoencoder')}")
        yield train("audio_encoder", "audio_encoder", size, *((f"data.speech={out / 'speech'}",) if speech else ()))
        yield RecipeStep("start", [sys.executable, script, "--config", config, *start], model("start"))
    cache = [*emo, "cache", str(people), "--model", str(init or model("start"))]
    yield RecipeStep("cache", cache, people / "train" / "metadata.jsonl", trains=False)
    stages = list(STAGES)[list(STAGES).index(first) :]
    for number, name in enumerate(stages):
        before = init if number == 0 else model(stages[number - 1])
        instead = ("model.config=null", "model.vae=null", "model.audio_encoder=null")  # what stage 1's file names
        weights = (f"model.init={before}", *instead) if before else (size, *encoders)
        noise = (f"objective.noise_correlation={CORRELATION}",) if name == "stage4" else ()
        yield train(name, STAGES[name], data, *weights, *backend, *noise)


def run(way: Iterator[RecipeStep], out: Path, stop_after: float | None) -> int:
    """All steps that are not finished; returns the exit status, 0 also when the time is over."""
    prepare(out)
    status = run_recipe(way, out, ROOT, stop_after)
    if status is not None:
        return status
    teacher, student = (out / "runs" / name / "model" for name in ("stage3", "stage4"))
    if teacher.exists():
        export(teacher, out / "emo-tiny-teacher", DPMSolverMultistepScheduler)
    export(student, out / "emo-tiny", DDIMScheduler)
    return show(out)


def prepare(out: Path) -> None:
    """Portraits and recordings to learn from, and the portrait and sound of the video."""
    lent = Path(os.environ.get("EMO_TEST_DATA", ROOT.parent / "shared" / "data"))
    (out / "portraits").mkdir(parents=True, exist_ok=True)
    Image.fromarray(astronaut()).save(out / "portraits" / "astronaut.png")
    for path in lent.glob("images/*"):
        if "astronaut" not in path.name:
            shutil.copyfile(path, out / "portraits" / path.name)
    for path in (path for pattern in SPEECH for path in lent.glob(f"audio/{pattern}")):
        (out / "speech").mkdir(exist_ok=True)
        shutil.copyfile(path, out / "speech" / path.name)
    with wave.open(str(out / "speech.wav"), "wb") as file:
        samples = np.round(synthesize(seed=1, seconds=SECONDS).waveform * 32767).astype("<i2")
        file.setparams((1, 2, SAMPLE_RATE, len(samples), "NONE", ""))
        file.writeframes(samples.tobytes())


def export(model: Path, out: Path, sampler: type) -> None:
    """The pipeline in half precision, with a sampler, in files small enough for a repository."""
    shutil.rmtree(out, ignore_errors=True)
    pipe = EMOPipeline.from_pretrained(model, dtype=torch.float16)
    pipe.register_modules(scheduler=sampler.from_config(pipe.scheduler.config))
    pipe.unet.register_to_config(noise_correlation=CORRELATION)
    pipe.save_pretrained(out, max_shard_size=SHARD)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"\n{out}: {size / 1e6:.1f} MB", flush=True)


def show(out: Path) -> int:
    """A video of the new model, and its frames on a sheet."""
    video = out / "video.mp4"
    inputs = [str(out / "portraits" / "astronaut.png"), str(out / "speech.wav"), "-o", str(video), "--restart"]
    command = [sys.executable, "-m", "emo", "generate", *inputs, "--model", str(out / "emo-tiny")]
    print(f"\n$ {shlex.join(command)}", flush=True)
    if status := subprocess.run(command, cwd=ROOT).returncode:
        return status
    with VideoReader(video) as reader:
        assert len(reader) == round(25 * SECONDS), len(reader)
        frames = reader.read(np.linspace(0, len(reader) - 1, 12).round().astype(int).tolist())
    contact_sheet(frames, columns=6).save(out / "video.png")
    print(f"{video} and {out / 'video.png'}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "tiny", help="folder of all that is made")
    parser.add_argument("--toy", action="store_true", help="as small as it gets; what was there is removed first")
    parser.add_argument("--processes", type=int, help="of training (default: one per core; one on a GPU, or a toy)")
    parser.add_argument("--init", type=Path, metavar="FOLDER", help="pipeline to go on from, such as weights/emo-tiny")
    parser.add_argument("--first", choices=list(STAGES), help="stage to go on with (default with --init: stage2)")
    parser.add_argument("--stop-after", type=float, metavar="SECONDS", help="end in time; the same command goes on")
    options = parser.parse_args()
    out, one = options.out.resolve(), options.toy or torch.cuda.is_available()
    if options.first and not options.init:
        parser.error("--first needs --init: the stages before it are what it starts from")
    processes = options.processes or (1 if one else available_cores())
    first = options.first or ("stage2" if options.init else "stage1")
    way = steps(out, options.toy, processes, options.init and options.init.resolve(), first)
    try:
        with claim_folder(out):
            if options.toy:
                for made in ("people", "runs", "done", "emo-tiny", "emo-tiny-teacher"):
                    shutil.rmtree(out / made, ignore_errors=True)
            return run(way, out, options.stop_after)
    except EmoError as error:
        print(f"emo_tiny: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
