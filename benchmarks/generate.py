"""Seconds, memory and TFLOP/s of generation, split by part, for any model folder, size and dtype.

    python benchmarks/generate.py --model weights/emo-tiny --size 128 --dtype float32 --steps 20
    python benchmarks/generate.py --config emo-sd15 --size 512 --dtype bfloat16 --device cuda --steps 40

With --config the weights are random, which costs the same time. TFLOP/s are counted from the operations themselves
(with native attention, whose operations the counter knows, whatever --attention is) and set against the device's own
matrix multiplication, measured beside them. Times and memory are those of one run that follows a warm-up: on CUDA the
most that torch had allocated; on other devices the largest of samples taken every 10 ms, of what the Metal driver had
allocated on MPS, of the process's resident size on CPU. The weights are in it.
"""

import argparse
import json
import platform
import threading
import time
from pathlib import Path

import diffusers
import numpy as np
import psutil
import torch
from skimage.data import astronaut
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from emo.hub import build_pipeline, load_model_config
from emo.pipelines import EMOPipeline

PARTS = {  # part: the methods of the pipeline's components that it consists of
    "audio": [("audio_encoder", "forward"), ("audio_projection", "forward")],
    "reference": [
        ("vae", "encode"),
        ("reference_unet", "forward"),
        ("unet", "project_reference"),
        ("face_locator", "forward"),
    ],
    "denoising": [("unet", "forward")],
    "decoding": [("vae", "decode")],
}


def attention_flop(query, key, value, *rest, **named) -> int:
    return sdpa_flop_count(query, key, value)


ATTENTION = {  # native attention on CPU and MPS, which torch's counter leaves out
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention_flop,
    torch.ops.aten._scaled_dot_product_attention_math_for_mps: attention_flop,
}


class Meter:
    """Time of every part's calls, or their operations while `counting`."""

    def __init__(self, pipe: EMOPipeline):
        self.device, self.counting = pipe.device, False
        self.seconds, self.flops = dict.fromkeys(PARTS, 0.0), dict.fromkeys(PARTS, 0)
        for part, methods in PARTS.items():
            for component, method in methods:
                owner = getattr(pipe, component)
                setattr(owner, method, self._measured(part, getattr(owner, method)))

    def _measured(self, part, method):
        def run(*args, **kwargs):
            if self.counting:
                with FlopCounterMode(display=False, custom_mapping=ATTENTION) as counter:
                    result = method(*args, **kwargs)
                self.flops[part] += counter.get_total_flops()
                return result
            synchronize(self.device)
            start = time.perf_counter()
            result = method(*args, **kwargs)
            synchronize(self.device)
            self.seconds[part] += time.perf_counter() - start
            return result

        return run


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine() if device.type == "cpu" else f"Apple {platform.machine()} GPU"


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """The device's own TFLOP/s in a large matrix multiplication: the best of five runs."""
    n = 8192 if device.type == "cuda" else 2048
    a, b = torch.randn(2, n, n, device=device).to(dtype)
    best = float("inf")
    for _ in range(6):
        synchronize(device)
        start = time.perf_counter()
        a @ b
        synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2 * n**3 / best / 1e12


class PeakMemory:
    """The most memory in use while it is entered, in `gib`; see the top for what is counted."""

    def __init__(self, device: torch.device):
        self.device, self.gib, self._stop = device, 0.0, threading.Event()
        self._sampler = None if device.type == "cuda" else threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "PeakMemory":
        if self._sampler is None:
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            self._sampler.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._sampler is None:
            self.gib = torch.cuda.max_memory_allocated(self.device) / 2**30
        else:
            self._stop.set()
            self._sampler.join()

    def _sample(self) -> None:
        process = psutil.Process()
        while True:
            used = torch.mps.driver_allocated_memory() if self.device.type == "mps" else process.memory_info().rss
            self.gib = max(self.gib, used / 2**30)
            if self._stop.wait(0.01):
                return


def load(options: argparse.Namespace) -> EMOPipeline:
    dtype = getattr(torch, options.dtype)
    if options.model:
        return EMOPipeline.from_pretrained(options.model, dtype=dtype).to(options.device)
    # In float32 (10 GB for emo-sd15), then cast, as loading does: positional tables computed in half are wrong.
    diffusers.logging.set_verbosity_error()  # it warns of the cast, although no module asks to stay float32
    with torch.device(options.device):
        pipe = build_pipeline(load_model_config(options.config))
    return pipe.to(options.device, dtype)


def measure(options: argparse.Namespace) -> dict:
    pipe = load(options)
    pipe.set_progress_bar_config(disable=True)
    meter = Meter(pipe)
    frames_per_clip = pipe.unet.config.num_frames
    sound = np.random.default_rng(0).normal(0, 0.1, 16000 * 60).astype(np.float32)

    def generate(clips: int, steps: int) -> float:
        samples = sound[: clips * frames_per_clip * 16000 // 25]
        start = time.perf_counter()
        for _ in pipe.stream(
            astronaut(),
            (samples, 16000),
            height=options.size,
            width=options.size,
            num_inference_steps=steps,
            audio_guidance_scale=options.audio_guidance,
            reference_guidance_scale=options.reference_guidance,
            generator=torch.Generator().manual_seed(0),
            output_type="np",
        ):
            pass
        synchronize(pipe.device)
        return time.perf_counter() - start

    meter.counting = True
    generate(options.clips, 1)  # the same work but for the steps
    meter.counting = False
    meter.flops["denoising"] *= options.steps
    if options.attention:
        pipe.set_attention_backend(options.attention)
    if options.compile:
        # Blocks of one class share their compiled code, and each level's width and size is a variant of it.
        torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, 64)
        pipe.unet.compile_repeated_blocks(fullgraph=True)
    generate(min(2, options.clips), 2)  # warm-up, with compilation where it is on: the first clip and a later one
    meter.seconds = dict.fromkeys(PARTS, 0.0)
    rate = matmul_rate(pipe.device, getattr(torch, options.dtype))
    with PeakMemory(pipe.device) as memory:
        total = generate(options.clips, options.steps)
    parts = {
        part: {
            "seconds_per_clip": round(meter.seconds[part] / options.clips, 4),
            "tflops_per_second": round(meter.flops[part] / meter.seconds[part] / 1e12, 3),
        }
        for part in PARTS
    }
    return {
        "model": options.model or options.config,
        "device": pipe.device.type,
        "device_name": device_name(pipe.device),
        **{
            key: getattr(options, key)
            for key in ("size", "dtype", "steps", "clips", "audio_guidance", "reference_guidance")
        },
        "attention": options.attention or "native",
        "compile": options.compile,
        "seconds_per_clip": round(total / options.clips, 3),
        "seconds_per_frame": round(total / options.clips / frames_per_clip, 4),
        "peak_memory_gib": round(memory.gib, 2),
        "matmul_tflops_per_second": round(rate, 2),
        "denoising_tflop_per_step": round(meter.flops["denoising"] / options.clips / options.steps / 1e12, 4),
        "parts": parts,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", help="pipeline folder or Hub name")
    source.add_argument("--config", help="random weights of this configuration: emo-tiny, emo-sd15 or a YAML file")
    parser.add_argument("--size", type=int, default=None, help="pixels (default: the model's)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--clips", type=int, default=1)
    parser.add_argument("--audio-guidance", type=float, default=1.5)
    parser.add_argument("--reference-guidance", type=float, default=1.0)
    parser.add_argument("--attention", help="attention backend")
    parser.add_argument("--compile", action="store_true", help="torch.compile the repeated blocks of the backbone")
    parser.add_argument("--out", type=Path, help="append the result to this JSON-lines file")
    options = parser.parse_args()
    result = measure(options)
    print(json.dumps(result, indent=2))
    if options.out:
        with open(options.out, "a") as file:
            file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
