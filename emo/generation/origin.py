"""The origin of a generated video: what made it, with all options, so that it can be repeated with other inputs."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from PIL import Image

import emo
from emo.errors import ImageError, VideoError
from emo.face import Portrait, check_region
from emo.media.image import read_image
from emo.unets.attention import Attention

OPTIONS: dict[str, tuple[type, ...]] = {
    "height": (int, type(None)),
    "width": (int, type(None)),
    "fps": (str,),
    "num_inference_steps": (int,),
    "audio_guidance_scale": (int, float),
    "reference_guidance_scale": (int, float),
    "noise_correlation": (int, float, type(None)),
    "noise_mirroring": (int, float),
    "eta": (int, float),
    "face_region": (str, list, dict, type(None)),
    "face": (int, type(None)),
    "speed": (int, float, list, type(None)),
    "paste_back": (bool,),
}
"""The options of `EMOPipeline.stream` that a record holds, and the kinds of value that JSON gives back for each."""


def begin_origin(
    pipe: DiffusionPipeline, portrait: Portrait, generator: torch.Generator | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known before any work.

    Args:
        options: as `plain_options` gives them; those in `OPTIONS` are kept, masks and speeds as values, so that a
            record needs no other file.
    """
    kept, region = {key: options[key] for key in OPTIONS}, options["face_region"]
    if isinstance(region, tuple):
        kept["face_region"] = list(region)
    elif region is not None and not isinstance(region, str):
        kept["face_region"] = {"mask": _pack(check_region(region, portrait.picture.shape[:2]))}
    backend = next((m.processor._attention_backend for m in pipe.unet.modules() if isinstance(m, Attention)), None)
    return {
        "emo": emo.__version__,
        "model": _model_name(pipe),
        "seed": _seed(generator),
        "options": kept,
        "scheduler": type(pipe.scheduler).__name__,
        "attention": getattr(backend, "value", backend),
    }


def complete_origin(origin: Mapping[str, Any], fingerprint: Mapping[str, str]) -> dict[str, Any]:
    """The record of a video, with hashes of weights and inputs from its `fingerprint`."""
    return {
        **origin,
        "model": {**origin["model"], "fingerprint": fingerprint["model"]},
        "dtype": fingerprint["dtype"].removeprefix("torch."),
        "device": fingerprint["device"],
        "inputs": {name: fingerprint[name] for name in ("image", "audio")},
    }


def repeat_options(origin: Mapping[str, Any], name: str | Path) -> dict[str, Any]:
    """The arguments of `EMOPipeline.stream` that repeat a video, from its record.

    Args:
        name: what messages call the video.

    Raises:
        VideoError: the record is damaged.
    """
    options = origin.get("options")
    for key, kinds in OPTIONS.items():
        if not isinstance(options, Mapping) or key not in options or not isinstance(options[key], kinds):
            raise VideoError(f"{name}: what it says of its origin is damaged ({key})")
    kept = {key: options[key] for key in OPTIONS}
    if isinstance(kept["face_region"], dict):
        kept["face_region"] = _unpack(kept["face_region"].get("mask"), name)
    return kept


def _model_name(pipe: DiffusionPipeline) -> dict[str, str | None]:
    """Repository and commit, or the folder as it was named, but of an absolute path its last part alone."""
    name = pipe.config.get("_name_or_path")
    if name is None:
        return {"name": None, "revision": None}
    parts = Path(str(pipe.unet.config.get("_name_or_path"))).parts  # …/snapshots/COMMIT/unet where it is cached
    cached = not Path(name).exists() and parts[-3:-2] == ("snapshots",)
    path = Path(name)
    shown = path.name if path.is_absolute() or ".." in path.parts else path.as_posix()
    return {"name": shown, "revision": parts[-2] if cached else None}


def _seed(generator: torch.Generator | None) -> int | None:
    """The seed that gives this generator as it is; `None` where there is none, or numbers were drawn since."""
    if generator is None:
        return None
    seed = generator.initial_seed()
    fresh = torch.Generator(generator.device).manual_seed(seed)
    return seed if torch.equal(fresh.get_state(), generator.get_state()) else None


def _pack(mask: np.ndarray) -> str:
    """A mask, bool (h, w), as a PNG in base 64."""
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _unpack(text: Any, name: str | Path) -> np.ndarray:
    try:
        picture = read_image(io.BytesIO(base64.b64decode(text, validate=True)), "it")
    except (ImageError, ValueError, TypeError) as error:
        raise VideoError(f"{name}: the mask in what it says of its origin is damaged ({error})") from None
    return np.asarray(picture.convert("1"))
