"""`emo doctor`: what this machine has, and what to install."""

import argparse
import importlib.metadata
import os
import platform
from collections.abc import Callable

VERSIONS = ("torch", "diffusers", "transformers", "accelerate")
PACKAGES = {"PIL": "pillow", "cv2": "opencv-contrib-python", "imageio_ffmpeg": "imageio-ffmpeg"}  # module: its package


def add_parser(commands) -> argparse.ArgumentParser:
    return commands.add_parser(
        "doctor", help="show what this machine has", description="Show what this machine has, and what to install."
    )


def run(options: argparse.Namespace) -> None:
    rows = [("emo", _version("emo")), ("Python", f"{platform.python_version()} on {platform.platform()}")]
    rows += [(name, _version(name)) for name in VERSIONS]
    rows += [("memory", _tried(_memory)), ("cores", str(os.cpu_count()))]
    devices, best = _devices()
    rows += devices
    rows.append(("attention", _tried(lambda: _attention(best))))
    rows += [("ffmpeg", _tried(_ffmpeg)), ("faces", _tried(_faces))]
    rows.append(("decord", _version("decord", "optional, PyAV reads videos without it")))
    rows.append(("xformers", _version("xformers", "optional, on NVIDIA cards")))
    rows.append(("speech", _tried(_speech)))
    rows.append(("weights", _tried(_weights)))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


def _tried(probe: Callable[[], str]) -> str:
    """What a probe says, or in one line why it cannot: whatever is broken here, the other lines still matter."""
    try:
        return probe()
    except ModuleNotFoundError as error:
        module = (error.name or "").split(".")[0]
        return f"{module} is missing: pip install {PACKAGES.get(module, module)}" if module else _reason(error)
    except Exception as error:
        return _reason(error)


def _reason(error: Exception) -> str:
    text = next(iter(str(error).strip().splitlines()), "")
    return f"does not work: {type(error).__name__}{text and ': ' + text}"


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
            heads_first = query.transpose(1, 2)
            expected = torch.nn.functional.scaled_dot_product_attention(heads_first, heads_first, heads_first)
            if torch.allclose(
                dispatch_attention_fn(query, query, query, backend=backend), expected.transpose(1, 2), atol=0.05
            ):
                working.append(backend.value)
        except Exception:  # whatever a missing or unfit kernel raises, it does not work here
            continue
    return working


def _devices() -> tuple[list[tuple[str, str]], str]:
    """A row for every device, and the best one that works."""
    rows = [("cpu", _tried(_cpu))]
    best = "cpu"
    try:
        for device in _gpus():
            try:
                rows.append((device, _gpu(device)))
                best = device
            except Exception as error:  # seen and yet of no use: an older driver, no kernels for it, no memory left
                rows.append((device, _reason(error)))
    except Exception as error:
        rows.append(("gpu", _reason(error)))
    return rows, best


def _cpu() -> str:
    import torch

    return f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"


def _gpus() -> list[str]:
    import torch

    mps = ["mps"] if torch.backends.mps.is_available() else []
    return mps + [f"cuda:{index}" for index in range(torch.cuda.device_count())]


def _gpu(device: str) -> str:
    """Its name and memory, after it has computed something."""
    import torch

    torch.ones(2, device=device).sum().item()
    if device == "mps":
        return "Apple GPU"
    properties = torch.cuda.get_device_properties(device)
    return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"


def _memory() -> str:
    import psutil

    memory = psutil.virtual_memory()
    return f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"


def _attention(device: str) -> str:
    return f"{', '.join(working_backends(device)) or 'none works'} (on {device})"


def _ffmpeg() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe, get_ffmpeg_version

    return f"{get_ffmpeg_version()} ({get_ffmpeg_exe()})"


def _faces() -> str:
    import numpy as np

    from emo.face import FaceDetector
    from emo.face.networks.files import are_networks_here
    from emo.face.runner import face_runner

    runner = face_runner()
    if runner == "torch" and not are_networks_here():
        return "PyTorch will find them; networks are fetched then (36 MB). Faster: pip install 'emo[mediapipe]'"
    with FaceDetector() as detector:
        detector.detect(np.zeros((128, 128, 3), np.uint8))
    return f"{f'MediaPipe {_version(runner)}' if runner == 'mediapipe' else 'PyTorch'} finds them, works"


def _speech() -> str:
    from emo.speech.engines import OWN

    versions = {engine.name: engine.version() for engine in OWN}
    there = [f"{name} {version}" for name, version in versions.items() if version is not None]
    return ", ".join(there) or f"optional, for texts; no engine is installed: {OWN[0].advice}"


def _weights() -> str:
    from emo.resources import DEFAULT_MODEL, bundled

    folder = bundled("weights") / DEFAULT_MODEL
    return str(folder) if folder.is_dir() else "none come with this version; `emo init` makes random"


def _version(package: str, note: str = "") -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return f"not installed: pip install {package}{note and f' ({note})'}"
