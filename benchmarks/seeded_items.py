"""Files and folders as items, name -> hash or number, for `seeded.py`; read by libraries alone, not by the project."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import yaml
from PIL import Image
from safetensors import safe_open

VARIES = re.compile(  # names of values that differ from run to run, or tell versions
    r"(^|\.|: )(time|samples_per_second|data_wait_share|_diffusers_version|transformers_version|emo|version)$"
    r"|\.cpu_seconds\.|: tensor seconds$"
)
VIDEOS, PICTURES = (".mp4", ".mov"), (".png", ".jpg")
LEFT_OUT = ("checkpoints", ".prepare", "cache")  # folders of what commands keep for themselves


def sha(data: bytes | np.ndarray | torch.Tensor) -> str:
    """Of an array also its kind and shape."""
    if isinstance(data, torch.Tensor):
        data = data.detach().cpu().contiguous()
        about, data = f"{data.dtype} {tuple(data.shape)}", data.reshape(-1).view(torch.uint8).numpy()
        return sha(about.encode() + data.tobytes())
    if isinstance(data, np.ndarray):
        data = f"{data.dtype} {data.shape}".encode() + np.ascontiguousarray(data).tobytes()
    return hashlib.sha256(data).hexdigest()


def folder_items(folder: Path, work: Path) -> dict[str, Any]:
    """Items of all files below a folder, but for locks and what `LEFT_OUT` names. work: the folder that varies."""
    items = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and path.suffix != ".lock" and path.name != ".emo.lock" and name.parts[0] not in LEFT_OUT:
            items |= file_items(path, work, name.as_posix())
    return items


def file_items(path: Path, work: Path, name: str | None = None) -> dict[str, Any]:
    """Items of one file: its bytes, and what they say piece by piece."""
    name = name or path.name
    items = {f"{name}: {key}": value for key, value in _read(path, work)}
    varying = [item for item in items if VARIES.search(item)]
    if varying and path.suffix not in VIDEOS:  # of videos it is the version alone
        varying.append(f"{name}: bytes")
    return {item: value for item, value in items.items() if item not in varying}


def _read(path: Path, work: Path) -> Iterator[tuple[str, Any]]:
    kind = path.suffix.lower()
    plain = path.read_bytes().replace(str(work).encode(), b"WORK")
    if kind in (".json", ".jsonl", ".yaml"):
        text = plain.decode()
        values = [json.loads(line) for line in text.splitlines()] if kind == ".jsonl" else yaml.safe_load(text)
        yield from flat(values)
    elif kind in PICTURES:
        with Image.open(path) as picture:
            yield "pixels", sha(np.asarray(picture))
    if kind not in PICTURES:  # whose bytes tell versions
        yield "bytes", sha(plain)
    if kind in VIDEOS:
        yield from _video(path)
    elif kind == ".safetensors":
        with safe_open(path, "pt") as file:
            for key in file.keys():  # noqa: SIM118 (no mapping)
                yield f"tensor {key}", sha(file.get_tensor(key))
            for key, text in (file.metadata() or {}).items():
                yield from flat(_parsed(text), f"header {key}")


def _video(path: Path) -> Iterator[tuple[str, Any]]:
    """Pictures and sound as they decode, their times, and the tags."""
    with av.open(path) as container:
        kinds = [kind for kind in ("video", "audio") if getattr(container.streams, kind)]
        tags = {key: _parsed(text) for key, text in container.metadata.items() if key not in ("encoder", "comment")}
        yield from flat(tags, "tag")
    for kind in kinds:
        digest, times = hashlib.sha256(), []
        with av.open(path) as container:
            for frame in container.decode(**{kind: 0}):
                array = frame.to_ndarray(format="rgb24") if kind == "video" else frame.to_ndarray()
                digest.update(sha(array).encode())
                times.append((frame.pts, str(frame.time_base)))
        yield f"{kind} frames", digest.hexdigest()
        yield f"{kind} count", len(times)
        yield f"{kind} times", sha(json.dumps(times).encode())


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings and lists as `a.b.0` -> value; long lists of numbers as a hash."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from flat(each, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list) and any(isinstance(each, list | Mapping) for each in value):
        for number, each in enumerate(value):
            yield from flat(each, f"{prefix}.{number}" if prefix else str(number))
    elif isinstance(value, list) and len(value) > 4:
        yield prefix, f"{len(value)} values, {sha(json.dumps(value).encode())}"
    else:
        yield prefix, value


def tensor_items(value: Any, prefix: str) -> dict[str, str]:
    """All tensors within dataclasses and mappings by their own names, wherever they lie."""
    if isinstance(value, torch.Tensor):
        return {prefix: sha(value)}
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    found = {}
    if isinstance(value, Mapping):
        for key, each in value.items():
            found |= tensor_items(each, f"{prefix.split(' ')[0]} {key}")
    return found


def text_items(text: str, work: Path) -> dict[str, str]:
    """Lines of what a command said, without processor time and versions."""
    text = re.sub(r"minutes of processor time: .*", "minutes of processor time", text.replace(str(work), "WORK"))
    lines = re.sub(r'(\bemo"?:? "?)\d+\.\d[\w.]*', r"\1VERSION", text).splitlines()
    return {f"line {number}": line for number, line in enumerate(lines)}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
