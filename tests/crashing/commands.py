"""The commands that write, at toy size: what they are told, what may stand there at any moment, and what comes out."""

import hashlib
import importlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzzing.judge import HALF, judge_dataset, judge_video

ROOT = Path(__file__).parents[2]
SMALL = ("--workers", "1", "--set", "size=64", "--set", "min_seconds=1", "--set", "filters.min_face=60")
FRAMES = 40  # of the generated video


@dataclass(frozen=True)
class Inputs:
    """Files that all runs share, in a folder."""

    folder: Path

    def make(self) -> None:
        """Make them; costs some seconds, and leaves threads behind: best in a process of its own."""
        import wave

        import numpy as np
        from made_videos import pasted, talker, write_video
        from PIL import Image
        from skimage.data import astronaut
        from tiny import noise, tiny_pipeline

        for name in ("videos", "generated", "reference"):
            (self.folder / name).mkdir(parents=True)
        Image.fromarray(astronaut()[:340, 50:390]).save(self.folder / "portrait.png")
        samples, rate = noise(FRAMES / 25)
        with wave.open(str(self.folder / "sound.wav"), "wb") as file:
            file.setparams((1, 2, rate, len(samples), "NONE", ""))
            file.writeframes((samples * 32767).astype("<i2").tobytes())
        tiny_pipeline().save_pretrained(self.folder / "model")
        for number, (seed, person) in enumerate(((1, 0), (2, 1), (3, 0))):
            frames, sound, _ = talker(1.2, seed, person)
            write_video(self.folder / "videos" / f"{number}.mp4", pasted(frames), sound)
            if number < 2:
                write_video(self.folder / "reference" / f"{number}.mp4", frames, sound)
                write_video(
                    self.folder / "generated" / f"{number}.mp4", np.ascontiguousarray(frames[:, :, ::-1]), sound
                )


def emo(*arguments: str) -> int:
    from emo.cli.main import main

    return main(list(arguments))


def stage1(*arguments: str) -> int:
    from random_clips import use_random_clips

    from emo.training.script import run

    use_random_clips()
    sys.argv = ["stage1_image", *arguments]
    return run(importlib.import_module("stage1_image").main)


@dataclass(frozen=True)
class Command:
    """call: what runs it. told: its arguments, of the inputs and a folder for what it writes. more: what is added when
    it is repeated and says so. whole: faults in what stands there, at any moment. shown: what counts of the result."""

    call: Callable[..., int]
    told: Callable[[Inputs, Path], list[str]]
    whole: Callable[[Path], list[str]]
    shown: tuple[str, ...]
    more: tuple[str, ...] = ()
    always_more: bool = False

    def result(self, out: Path) -> dict[str, str]:
        """Digests of the files that the command is for, by name."""
        paths = sorted({path for pattern in self.shown for path in out.glob(pattern) if path.is_file()})
        return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def half(self, out: Path) -> list[str]:
        """What a run that ended by itself should not leave on a full disk."""
        odd = lambda name: name.endswith((".tmp", ".emo-new")) or name == "saving"
        return [f"half left: {path.relative_to(out)}" for path in sorted(out.rglob("*")) if odd(path.name)]

    def left(self, out: Path) -> list[str]:
        """What a finished run should have cleared away."""
        odd = lambda name: name.endswith((*HALF, ".emo-old")) or name == "saving"
        return [f"left behind: {path.relative_to(out)}" for path in sorted(out.rglob("*")) if odd(path.name)]


def generate(inputs: Inputs, out: Path) -> list[str]:
    files = [str(inputs.folder / name) for name in ("portrait.png", "sound.wav")]
    quick = ["--model", str(inputs.folder / "model"), "--steps", "2", "--audio-guidance", "1"]
    return ["generate", *files, "-o", str(out / "out.mp4"), *quick]


def video_is_whole(out: Path) -> list[str]:
    return judge_video(out / "out.mp4", FRAMES, sound=True) if (out / "out.mp4").exists() else []


def prepare(inputs: Inputs, out: Path) -> list[str]:
    return ["prepare", str(inputs.folder / "videos"), "--out", str(out / "dataset"), *SMALL]


def synthesize(inputs: Inputs, out: Path) -> list[str]:
    few = ["--identities", "3", "--hours", str(6 * 0.4 / 3600), "--seconds", "0.4", "--size", "64"]
    return ["synthesize", "--out", str(out / "dataset"), *few, "--test-share", "0.3", "--workers", "1", "--no-compile"]


def dataset_is_whole(out: Path) -> list[str]:
    """Tables name clips that are there; labels stand beside whole videos; videos under final names are whole."""
    from emo.data.format import load_labels, read_info

    root, faults = out / "dataset", []
    for path in (*root.glob("t*/*.safetensors"), *root.glob(".prepare/clips/*.safetensors")):
        info = read_info(path)
        load_labels(path, info.frames)
        places = (path.with_suffix(".mp4"), *(root.glob(f"t*/{info.file_name}")))
        if not any(place.exists() for place in places):
            faults.append(f"half: {path.relative_to(root)} has no video")
    for path in (*root.glob("t*/*.mp4"), *root.glob(".prepare/clips/*.mp4")):
        faults += _decodes(path)
    if list(root.glob("t*/metadata.jsonl")):
        faults += [fault for fault in judge_dataset(root) if "in no table" not in fault]
    for path in root.glob("*.json"):
        faults += _is_json(path)
    return faults


def evaluate(inputs: Inputs, out: Path) -> list[str]:
    folders = [word for name in ("generated", "reference") for word in (f"--{name}", str(inputs.folder / name))]
    measures = ["--metrics", "psnr,ssim,likeness,velocity,mouth_r", "--no-fetch", "--workers", "1"]
    return ["evaluate", *folders, "--out", str(out / "report"), *measures]


def report_is_whole(out: Path) -> list[str]:
    from PIL import Image
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    root = out / "report"
    faults = [fault for path in root.glob("*.json") for fault in _is_json(path)]
    faults += [f"half: {p.name}" for p in root.glob("*.html") if not p.read_text().rstrip().endswith("</html>")]
    for path in root.rglob("*.png"):
        try:
            with Image.open(path) as picture:
                picture.load()
        except (OSError, SyntaxError) as error:
            faults.append(f"half: {path.relative_to(root)} ({error})")
    for path in root.glob("cache/*/*.safetensors"):
        try:
            load_file(path)
        except SafetensorError as error:
            faults.append(f"half: {path.relative_to(root)} ({error})")
    return faults


def train(inputs: Inputs, out: Path) -> list[str]:
    told = {
        "data.root": "unused",
        "data.workers": 0,
        "model.init": inputs.folder / "model",
        "train.output": out / "run",
    }
    told |= {"train.steps": 8, "train.save_every": 2, "train.keep_last": 2, "train.log_every": 1}
    told |= {"train.tensorboard": "false", "train.optimizer.learning_rate": 1e-3, "train.ema_decay": 0.9}
    return [f"{key}={value}" for key, value in told.items()]


def checkpoints_are_whole(out: Path) -> list[str]:
    import torch
    from safetensors.torch import load_file

    faults = []
    for folder in (*(out / "run" / "checkpoints").glob("step-????????"), out / "run" / "model"):
        for path in folder.rglob("*"):
            try:
                if path.suffix == ".safetensors":
                    load_file(path)
                elif path.suffix in (".bin", ".pkl", ".pt"):
                    torch.load(path, weights_only=False)
                elif path.suffix == ".json":
                    faults += _is_json(path)
            except Exception as error:
                faults.append(f"half: {path.relative_to(out)} ({type(error).__name__}: {str(error)[:80]})")
    return faults


def _is_json(path: Path) -> list[str]:
    import json

    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return [f"half: {path.name} ({error})"]
    return []


def _decodes(path: Path) -> list[str]:
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(path)) as container:
            stated, shown = container.streams.video[0].frames, sum(1 for _ in container.decode(video=0))
    except (FFmpegError, IndexError) as error:
        return [f"half: {path.name} does not decode ({error})"]
    return [] if stated == shown else [f"half: {path.name} shows {shown} of {stated} frames"]


COMMANDS = {
    "generate": Command(emo, generate, video_is_whole, ("out.mp4",), ("--resume",)),
    "prepare": Command(
        emo, prepare, dataset_is_whole, ("dataset/t*/*", "dataset/report.json", "dataset/prepare.json")
    ),
    "synthesize": Command(emo, synthesize, dataset_is_whole, ("dataset/t*/*", "dataset/synthesize.json")),
    "evaluate": Command(emo, evaluate, report_is_whole, ("report/*",)),
    "train": Command(stage1, train, checkpoints_are_whole, ("run/model/**/*",), ("--resume", "latest"), True),
}


def empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
