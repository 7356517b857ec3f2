"""Single measurements for gpu_checks.py; each prints a JSON object as its last line.

python benchmarks/gpu_probe.py emo generate ...           # seconds and peak memory of a command
python benchmarks/gpu_probe.py train 50 LOG SCRIPT ...     # of a training, until its log has so many steps
python benchmarks/gpu_probe.py same A B                    # PSNR of videos or of all videos in two folders
python benchmarks/gpu_probe.py resume OUT ...             # a command killed after a clip and resumed, and not
python benchmarks/gpu_probe.py kernels|compile CONFIG SIZE STEPS DTYPE DEVICE
python benchmarks/gpu_probe.py draw CONFIG FRAMES DTYPE DEVICE
python benchmarks/gpu_probe.py windows MODEL SOUND STEPS DEVICE
"""

import json
import math
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

PERFECT = 99.0  # dB, of equal pictures


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of pictures from 0 to 255."""
    error = np.square(a.astype(np.float64) - b).mean()
    return min(PERFECT, 10 * math.log10(255**2 / error)) if error else PERFECT


def peak_gib() -> float:
    """The most that torch had allocated on the GPU; 0 without one."""
    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0


def emo(*arguments: str) -> dict:
    from emo.cli.main import main

    started = time.monotonic()
    if status := main(arguments):
        sys.exit(status)
    return {"seconds": time.monotonic() - started, "peak_gib": peak_gib()}


def train(steps: str, log: str, script: str, *arguments: str) -> dict:
    """The script ends when so many steps are logged: what it would save is of no use."""

    def watch() -> None:
        while True:
            time.sleep(0.2)
            lines = Path(log).read_text().splitlines() if Path(log).is_file() else []
            entries = [json.loads(line) for line in lines if line.endswith("}")]
            known = [entry for entry in entries if "samples_per_second" in entry]
            if known and known[-1]["step"] >= int(steps):
                rate, loss = known[-1]["samples_per_second"], known[-1].get("loss")
                print(json.dumps({"samples_per_second": rate, "loss": loss, "peak_gib": peak_gib()}), flush=True)
                os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).parent))
    runpy.run_path(script, run_name="__main__")
    raise SystemExit(f"{script} ended before {steps} steps were logged")


def same(a: str, b: str) -> dict:
    from emo.media import VideoReader

    def frames(path: Path) -> np.ndarray:
        with VideoReader(path) as video:
            return video.read(range(video.num_frames))

    first, second = Path(a), Path(b)
    pairs = [(p, second / p.relative_to(first)) for p in sorted(first.rglob("*.mp4"))] or [(first, second)]
    figures = [psnr(frames(x), frames(y)) for x, y in pairs]
    return {"psnr_db": min(figures), "videos": len(figures)}


def resume(out: str, *command: str) -> dict:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    begin = [sys.executable, "-m", "emo", *command]
    subprocess.run([*begin, "-o", str(folder / "whole.mp4")], check=True)
    killed = [*begin, "-o", str(folder / "killed.mp4")]
    process = subprocess.Popen(killed)
    while process.poll() is None and not (folder / "killed.mp4.resume").exists():
        time.sleep(0.002)
    was_killed = process.poll() is None
    if was_killed:
        process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run([*killed, "--resume"], check=True)
    equal = (folder / "whole.mp4").read_bytes() == (folder / "killed.mp4").read_bytes()
    return {"killed": was_killed, "equal": equal}


def generator(config: str, size: str, steps: str, dtype: str, device: str) -> tuple[object, Callable[[], tuple]]:
    """A pipeline of random weights, and what makes one clip with it: frames, and seconds."""
    from skimage.data import astronaut

    from emo.hub import build_pipeline, load_model_config

    with torch.device(device):
        pipe = build_pipeline(load_model_config(config))
    pipe = pipe.to(device, getattr(torch, dtype))
    pipe.set_progress_bar_config(disable=True)
    sound = np.random.default_rng(0).normal(0, 0.1, 16000 * pipe.unet.config.num_frames // 25).astype(np.float32)

    def clip() -> tuple[np.ndarray, float]:
        started = time.monotonic()
        made = pipe.stream(
            astronaut(),
            (sound, 16000),
            height=int(size),
            width=int(size),
            num_inference_steps=int(steps),
            generator=torch.Generator().manual_seed(0),
            output_type="uint8",
        )
        frames = np.concatenate([clip.frames for clip in made])
        return frames, time.monotonic() - started

    return pipe, clip


def kernels(*settings: str) -> dict:
    from emo.cli.doctor import working_backends

    pipe, clip = generator(*settings)
    clip()
    expected, seconds = clip()
    found = {"default": {"seconds_per_clip": seconds, "psnr_db": PERFECT}}
    for backend in working_backends(settings[-1]):
        pipe.set_attention_backend(backend)
        try:
            clip()
            frames, seconds = clip()
        except RuntimeError as error:
            found[backend] = {"error": str(error).splitlines()[0]}
            continue
        found[backend] = {"seconds_per_clip": seconds, "psnr_db": psnr(frames, expected)}
    return {"kernels": found}


def compile(*settings: str) -> dict:
    pipe, clip = generator(*settings)
    clip()
    expected, eager = clip()
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, 64)
    pipe.unet.compile_repeated_blocks(fullgraph=True)
    clip()
    frames, compiled = clip()
    return {"eager_seconds": eager, "compiled_seconds": compiled, "psnr_db": psnr(frames, expected)}


@torch.no_grad()
def draw(config: str, frames: str, dtype: str, device: str) -> dict:
    """VASA-1's face model, of a configuration or, named tiny, as small as it gets."""
    from emo.hub.vasa_config import load_vasa_config
    from emo.motion.vasa import VolumeAnimator

    tiny = dict(
        sample_size=32, volume_channels=8, volume_depth=4, block_out_channels=(8, 8, 16), layers_per_block=1,
        code_channels=(8, 16), identity_dim=5, dynamics_dim=6, warp_channels=(8, 8), norm_num_groups=4,
    )  # fmt: skip
    sizes = tiny if config == "tiny" else vars(load_vasa_config(config).animator)
    animator = VolumeAnimator(**sizes).eval().to(device, getattr(torch, dtype))
    side = animator.config.sample_size
    picture = torch.rand(1, 3, side, side, device=device, dtype=getattr(torch, dtype)) * 2 - 1
    appearance = animator.encode(picture)
    motion = animator.space.rest.repeat(int(frames), 1)
    animator.render(appearance, motion)
    started = time.monotonic()
    animator.render(appearance, motion)  # frames on the CPU: nothing is left to wait for
    return {"frames_per_second": int(frames) / (time.monotonic() - started), "peak_gib": peak_gib()}


def windows(model: str, sound: str, steps: str, device: str) -> dict:
    from emo.hub import load_pipeline

    pipe = load_pipeline(model).to(device)
    pipe.set_progress_bar_config(disable=True)

    def seconds() -> tuple[float, int]:
        started = time.monotonic()
        track = pipe.generate_motion(sound, num_inference_steps=int(steps), generator=torch.Generator().manual_seed(0))
        return time.monotonic() - started, math.ceil(len(track) / pipe.window_length)

    seconds()
    took, count = seconds()
    return {"seconds_per_window": took / count, "windows": count}


if __name__ == "__main__":
    probes = {probe.__name__: probe for probe in (emo, train, same, resume, kernels, compile, draw, windows)}
    if len(sys.argv) < 2 or sys.argv[1] not in probes:
        sys.exit(__doc__)
    print(json.dumps(probes[sys.argv[1]](*sys.argv[2:])), flush=True)
