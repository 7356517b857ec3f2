"""`emo doctor`: what this machine has, and what to install."""

import argparse
import importlib.metadata
import os
import platform


def add_parser(commands) -> argparse.ArgumentParser:
    return commands.add_parser(
        "doctor", help="show what this machine has", description="Show what this machine has, and what to install."
    )


def run(options: argparse.Namespace) -> None:
    import torch

    from emo.hub.locate import DEFAULT_MODEL
    from emo.resources import bundled

    rows = [("emo", _version("emo")), ("Python", f"{platform.python_version()} on {platform.platform()}")]
    rows += [(name, _version(name)) for name in ("torch", "diffusers", "transformers", "accelerate")]
    rows += [("memory", _memory()), ("cores", str(os.cpu_count()))]
    rows += _devices(torch)
    device = rows[-1][0]
    rows.append(("attention", ", ".join(working_backends(device)) + f" (on {device})"))
    rows += [("ffmpeg", _ffmpeg()), ("MediaPipe", _mediapipe()), ("decord", _version("decord", "PyAV reads videos"))]
    rows.append(("xformers", _version("xformers", "optional on NVIDIA: pip install 'emo[xformers]'")))
    weights = bundled("weights") / DEFAULT_MODEL
    rows.append(
        ("weights", str(weights) if weights.is_dir() else "none come with this version; `emo init` makes random")
    )
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


def working_backends(device: str) -> list[str]:
    """Attention backends that really compute on a device, found by trying each on a small input."""
    import torch
    from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

    dtype = torch.float32 if device == "cpu" else torch.float16
    working = []
    for backend in AttentionBackendName:
        if "hub" in backend.value:  # those would be fetched from the network
            continue
        try:
            query = torch.randn(1, 16, 2, 64, device=device, dtype=dtype)
            expected = torch.nn.functional.scaled_dot_product_attention(*[query.transpose(1, 2)] * 3).transpose(1, 2)
            if torch.allclose(dispatch_attention_fn(query, query, query, backend=backend), expected, atol=0.05):
                working.append(backend.value)
        except Exception:  # whatever a missing or unfit kernel raises, it does not work here
            continue
    return working


def _devices(torch) -> list[tuple[str, str]]:
    """The devices, the best one last."""
    rows = [("cpu", f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads")]
    if torch.backends.mps.is_available():
        rows.append(("mps", "Apple GPU"))
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        rows.append((f"cuda:{index}", f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"))
    return rows


def _memory() -> str:
    import psutil

    memory = psutil.virtual_memory()
    return f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"


def _ffmpeg() -> str:
    import imageio_ffmpeg

    return f"{imageio_ffmpeg.get_ffmpeg_version()} (comes with imageio-ffmpeg)"


def _mediapipe() -> str:
    import numpy as np

    from emo.face import FaceDetector

    with FaceDetector() as detector:
        detector.detect(np.zeros((128, 128, 3), np.uint8))
    return f"{_version('mediapipe')}, works"


def _version(package: str, without: str = "missing: pip install emo") -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return f"not installed ({without})"
