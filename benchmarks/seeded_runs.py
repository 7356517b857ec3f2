"""The runs of `seeded.py`: commands, scripts and the pipeline in Python, each small, from fixed seeds."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from seeded_items import sha, tensor_items, text_items
from seeded_workshop import DRAWN, ROOT, Items, Workshop
from skimage.data import astronaut

PREPARED = ("--set", "size=64", "--set", "min_seconds=1", "--set", "filters.min_face=60", "--workers", "1")
MOST_WAIT = 120  # seconds for a clip of the run that is interrupted

RUNS: dict[str, Callable[["Workshop"], Items]] = {}


def run(function: Callable[["Workshop"], Items]) -> Callable[["Workshop"], Items]:
    """Enter a run by its function's name."""
    RUNS[function.__name__.replace("_", "-")] = function
    return function


@run
def synthesize(shop: Workshop) -> Items:
    return shop.tree(shop.people)


@run
def synthesize_portraits(shop: Workshop) -> Items:
    """Portraits and recordings, and avatars between them; frames that are smoothed, of another rate."""
    portrait, sound = shop.face_and_voice
    for name, file in (("faces", portrait), ("voices", sound)):
        (shop.folder / name).mkdir()
        shutil.copy(shop.folder / file, shop.folder / name)
    sources = ("--portraits", "faces", "--portrait-share", "0.5", "--speech", "voices", "--speech-share", "0.5")
    size = ("--size", "64", "--seconds", "0.6", "--fps", "20", "--hours", "0.001", "--samples", "2", "--seed", "5")
    shop.emo("synthesize", "--out", "mixed", "--identities", "2", *sources, *size, *DRAWN)
    return shop.tree("mixed")


@run
def prepare(shop: Workshop) -> Items:
    """A photograph that talks, and two real videos where they are lent."""
    videos = [f"{shop.talkers}/train"]
    if shop.lent is not None:
        videos += [shop.lent / "video" / "grid_bbaf2n.mp4", shop.lent / "bad_input" / "twofaces_with_sound_12fps.mp4"]
    said = shop.emo("prepare", *videos, "--out", "prepared", *PREPARED)
    return shop.tree("prepared") | text_items(said, shop.folder)


@run
def inspect(shop: Workshop) -> Items:
    said = shop.emo("inspect", shop.people, "--out", "sheet.png", "--frames", "6")
    return shop.files("sheet.png", "sheet.html") | text_items(said, shop.folder)


@run
def inspect_video(shop: Workshop) -> Items:
    said = shop.emo("inspect", shop.optioned)
    return text_items(said + shop.emo("inspect", shop.optioned, "--json"), shop.folder)


@run
def init_model(shop: Workshop) -> Items:
    return shop.tree(shop.toy)


@run
def cache(shop: Workshop) -> Items:
    return shop.tree(f"{shop.cached}/.cache")


@run
def generate(shop: Workshop) -> Items:
    return shop.files(shop.plain)


@run
def generate_real(shop: Workshop) -> Items:
    portrait, sound = shop.face_and_voice
    return shop.files(shop.generate("real.mp4", "--seed", "11", portrait=portrait, sound=sound))


@run
def generate_options(shop: Workshop) -> Items:
    return shop.files(shop.optioned)


@run
def generate_half(shop: Workshop) -> Items:
    return shop.files(shop.half)


@run
def generate_pasted(shop: Workshop) -> Items:
    return shop.files(shop.pasted)


@run
def generate_like(shop: Workshop) -> Items:
    """The same portrait and sound give the same video; an option that is given wins."""
    options = ("--model", shop.ddim, "--like", shop.optioned, "--dtype", "float32")
    same = shop.files(shop.generate("like.mp4", *options))
    before = {item.replace("options.mp4", "like.mp4"): value for item, value in shop.files(shop.optioned).items()}
    return same | {"equal": before == same} | shop.files(shop.generate("unlike.mp4", *options, "--seed", "8"))


@run
def generate_resumed(shop: Workshop) -> Items:
    """Interrupted by Ctrl-C after its first clip, then continued; and the same without interruption."""
    arguments = ["generate", shop.portrait, shop.long_speech, "-o", "resumed.mp4", "--steps", "2", *shop.long_options]
    command = [sys.executable, "-m", "emo", *arguments]
    process = subprocess.Popen(
        command, cwd=shop.folder, env=shop.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    left, deadline = shop.folder / "resumed.mp4.resume", time.monotonic() + MOST_WAIT
    while process.poll() is None and not left.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    process.wait()
    interrupted = left.exists() and not (shop.folder / "resumed.mp4").exists()
    shop.emo(*arguments, "--resume")
    whole = shop.files(shop.whole)
    resumed = shop.files("resumed.mp4")
    equal = whole == {item.replace("resumed.mp4", "whole.mp4"): value for item, value in resumed.items()}
    return resumed | {"interrupted": interrupted, "equal": equal}


@run
def pipeline(shop: Workshop) -> Items:
    """In Python: arrays of every kind, each clip's state, and going on from the first one's."""
    import diffusers
    import torch
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()
    sys.path.insert(0, str(ROOT))
    from emo import EMOPipeline

    torch.set_num_threads(1)
    pipe = EMOPipeline.from_pretrained(ROOT / "weights" / "emo-tiny")
    pipe.set_progress_bar_config(disable=True)
    portrait, sound, items = shop.folder / shop.portrait, shop.folder / shop.speech, {}
    mask = np.zeros(astronaut().shape[:2], bool)
    mask[20:240, 130:330] = True
    options = {"num_inference_steps": 2, "speed": [0.3] * 20, "face_region": mask, "reference_guidance_scale": 1.2}
    generator = lambda: torch.Generator().manual_seed(13)
    for kind in ("np", "pt", "pil", "uint8", "latent"):
        output = pipe(portrait, sound, output_type=kind, generator=generator(), **options)
        frames = np.stack([np.asarray(each) for each in output.frames]) if kind == "pil" else output.frames
        items[f"{kind} frames"] = sha(frames)
    items["fps"] = str(output.fps)
    stream = pipe.stream(portrait, sound, output_type="latent", generator=generator(), **options)
    clips = list(stream)
    for number, clip in enumerate(clips):
        items |= tensor_items(clip.state, f"state-{number}") | {f"clip-{number}": sha(clip.frames)}
    options |= {"generator": generator(), "resume_from": clips[0].state}
    (rest,) = pipe.stream(portrait, sound, output_type="latent", **options)
    items["resumed is equal"] = sha(rest.frames) == items["clip-1"]
    return items


@run
def evaluate(shop: Workshop) -> Items:
    """All measures that need no network of others."""
    true = f"{shop.talkers}/train/000000.mp4"
    for kind, videos in {"generated": (shop.plain, shop.whole), "real": (shop.pasted, true)}.items():
        (shop.folder / kind).mkdir()
        for name, video in zip("ab", videos, strict=True):
            shutil.copyfile(shop.folder / video, shop.folder / kind / f"{name}.mp4")
    folders = ("--generated", "generated", "--reference", "real", "--out", "report")
    said = shop.emo("evaluate", *folders, "--no-fetch", "--workers", "1", "--device", "cpu")
    return shop.tree("report") | text_items(said, shop.folder)


@run
def evaluate_mechanisms(shop: Workshop) -> Items:
    small = ("--talks", "2", "--seconds", "1", "--few", "2", "--brief", "1", "--long", "2.4", "--gallery", "2")
    where = ("--workers", "1", "--no-compile", "--device", "cpu", "--dtype", "float32")
    said = shop.emo(
        "evaluate", "mechanisms", "--model", shop.toy, "--out", "mechanisms", "--steps", "1", *small, *where
    )
    return shop.tree("mechanisms") | text_items(said, shop.folder)


@run
def autoencoder(shop: Workshop) -> Items:
    model = f"model.config={shop.toy_config}"
    options = ("data.measured=8", "data.batch_size=2", "validated=4", "train.validate_every=10")
    return shop.tree(shop.train("autoencoder.py", "autoencoder", f"data.root={shop.people}", model, *options))


@run
def audio_encoder(shop: Workshop) -> Items:
    model = f"model.config={shop.toy_config}"
    options = ("data.seconds=1", "data.utterances=8", "validated=4", "data.batch_size=4", "train.validate_every=10")
    return shop.tree(shop.train("audio_encoder.py", "audio_encoder", model, *options))


@run
def syncnet(shop: Workshop) -> Items:
    options = ("data.frames=20", "data.batch_size=2", "validated=2", "train.validate_every=10")
    return shop.tree(shop.train("syncnet.py", "syncnet", f"data.root={shop.people}", *options))


@run
def stage1(shop: Workshop) -> Items:
    return shop.tree(shop.stage(1))


@run
def stage2(shop: Workshop) -> Items:
    return shop.tree(shop.stage(2))


@run
def stage3(shop: Workshop) -> Items:
    return shop.tree(shop.stage(3))
