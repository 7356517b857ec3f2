"""The origin of a generated video: what made it, with all options, so that it can be repeated with other inputs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from emo import __version__
from emo.errors import OptionError, VideoError
from emo.generation.stream import Pipeline
from emo.media import AudioTrack
from emo.options import Options


def begin_origin(
    pipeline: Pipeline, options: Options, generator: torch.Generator | None, audio: AudioTrack | None = None
) -> dict[str, Any]:
    """What is known before any work.

    Args:
        options: as they were given, but for what depends on the machine; they are kept as values, so that a record
            needs no other file.
    """
    return {
        "emo": __version__,
        "model": _model_name(pipeline),
        "seed": _seed(generator),
        "options": options.to_json(),
        "scheduler": type(pipeline.scheduler).__name__,
        "attention": _attention(pipeline.denoiser),
        "storage": _storage(pipeline.denoiser),
        "fast_decoder": _decoder_name(pipeline),
        **({} if audio is None or audio.speech is None else {"speech": dict(audio.speech)}),
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


def repeat_options(origin: Mapping[str, Any], name: str | Path, options: type[Options]) -> dict[str, Any]:
    """The arguments of a pipeline's `stream` that repeat a video, from its record.

    Args:
        name: what messages call the video.
        options: class of the pipeline's options, its `options_class`.

    Raises:
        VideoError: the record is damaged.
    """
    try:
        return options.from_json(origin.get("options")).values()
    except OptionError as error:
        raise VideoError(f"{name}: what it says of its origin is damaged ({error.problem})") from None


def _model_name(pipeline: Pipeline) -> dict[str, str | None]:
    """Repository and commit, or the folder as it was named, but of an absolute path its last part alone."""
    name = pipeline.config.get("_name_or_path")
    if name is None:
        return {"name": None, "revision": None}
    parts = Path(str(pipeline.denoiser.config.get("_name_or_path"))).parts  # .../snapshots/COMMIT/unet where cached
    cached = not Path(name).exists() and parts[-3:-2] == ("snapshots",)
    return {"name": _shown(name), "revision": parts[-2] if cached else None}


def _decoder_name(pipeline: Pipeline) -> str | None:
    """Of the small decoder that draws, if one does, as of the model."""
    decoder = getattr(pipeline, "fast_decoder", None)
    name = None if decoder is None else decoder.config.get("_name_or_path")
    return name and _shown(name)


def _shown(name: str) -> str:
    path = Path(name)
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def _seed(generator: torch.Generator | None) -> int | None:
    """The seed that gives this generator as it is; None where there is none, or numbers were drawn since."""
    if generator is None:
        return None
    seed = generator.initial_seed()
    fresh = torch.Generator(generator.device).manual_seed(seed)
    return seed if torch.equal(fresh.get_state(), generator.get_state()) else None


def _storage(denoiser: torch.nn.Module) -> str | None:
    """In what weights are kept that are computed with in another precision; None where there are none."""
    small = any(parameter.dtype == torch.float8_e4m3fn for parameter in denoiser.parameters())
    return "float8" if small else None


def _attention(denoiser: torch.nn.Module) -> str | None:
    """The kernels of the first attention layer, or None for the library's own choice."""
    processors = (getattr(module, "processor", None) for module in denoiser.modules())
    backends = (getattr(p, "_attention_backend", None) for p in processors if hasattr(p, "_attention_backend"))
    backend = next(backends, None)
    return getattr(backend, "value", backend)
