"""What a video's frames depend on, so that an interrupted generation is only continued with the same."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from emo.face import Portrait
from emo.generation.stream import Faces, Marked, Pipeline, Stream
from emo.media import AudioTrack

_SAMPLES_PER_READ = 1 << 20
LEFT_OUT = ("architectures", "dtype", "transformers_version")  # differ between built, saved and loaded networks
LEFT_OUT += ("num_inference_steps", "audio_guidance_scale", "reference_guidance_scale")  # options tell what was taken
LEFT_OUT += ("guidance_embeds",)  # which tensors tell


def fingerprint(stream: Faces | Marked, seed: int | None) -> dict[str, str]:
    """Name → value or hash of everything that the frames depend on; what differs between faces is said of each."""
    if isinstance(stream, Marked):
        return stream.fingerprint(seed)
    marks = [_face_fingerprint(part, seed) for part in stream.parts]
    values = {name: [mark[name] for mark in marks] for name in marks[0]}
    return {name: each[0] if len(set(each)) == 1 else " ".join(each) for name, each in values.items()}


def _face_fingerprint(stream: Stream[Any], seed: int | None) -> dict[str, str]:
    return {
        "fps": str(stream.fps),
        **stream.options.fingerprint(),
        "seed": str(seed),
        "size": str(stream.portrait.image.shape),
        **{name: _hash([] if track is None else [track.numpy()]) for name, track in stream.controls.items()},
        "face_region": _hash([stream.portrait.mask]),
        "scheduler": scheduler_fingerprint(stream.pipeline.scheduler),
        **told_fingerprint(
            stream.pipeline,
            stream.portrait,
            stream.paste_back,
            samples_of(stream.audio),
        ),
    }


def samples_of(track: AudioTrack) -> Iterator[np.ndarray]:
    """All samples of a track, block by block."""
    for start in range(0, track.length, _SAMPLES_PER_READ):
        yield track.read(start, min(track.length, start + _SAMPLES_PER_READ))


def told_fingerprint(
    pipeline: Pipeline, portrait: Portrait, paste_back: bool, sound: Iterable[np.ndarray]
) -> dict[str, str]:
    """The part of a fingerprint that a video's origin tells.

    Args:
        pipeline: makes the frames.
        portrait: that it draws.
        paste_back: whether frames are full pictures.
        sound: samples, block by block.
    """
    return source_fingerprint(pipeline, [portrait.image, portrait.picture] if paste_back else [portrait.image], sound)


def source_fingerprint(
    pipeline: Pipeline, pictures: Iterable[bytes | np.ndarray], sound: Iterable[np.ndarray]
) -> dict[str, str]:
    """`told_fingerprint` of whatever pictures, whole or as the bytes of their file."""
    decoder = getattr(pipeline, "fast_decoder", None)
    return {
        "dtype": str(pipeline.denoiser.dtype),
        "device": pipeline._execution_device.type,
        "image": _hash(pictures),
        "audio": _hash(sound),
        "model": weights_fingerprint(pipeline),
        "decoder": "the model's" if decoder is None else modules_fingerprint({"decoder": decoder}),
    }


def weights_fingerprint(pipeline: Pipeline) -> str:
    """`modules_fingerprint` of all the pipeline's networks."""
    return modules_fingerprint({n: c for n, c in pipeline.components.items() if isinstance(c, torch.nn.Module)})


def scheduler_fingerprint(scheduler: Any) -> str:
    """Hash of a scheduler's kind and configuration."""
    return _hash([type(scheduler).__name__.encode(), _settings(scheduler)])


def modules_fingerprint(modules: Mapping[str, torch.nn.Module], samples: int = 1024) -> str:
    """Hash of networks' configs, and of every tensor's name, shape and up to `samples` evenly spaced values.

    Tensors that sequential offloading has taken away go in without values.
    """

    def parts() -> Iterator[bytes | np.ndarray]:
        for name, module in sorted(modules.items()):
            yield name.encode() + _settings(module)
            for key, tensor in module.state_dict().items():
                flat = tensor.detach().flatten()
                yield f"{name}.{key}{tuple(tensor.shape)}".encode()
                if tensor.is_meta:
                    continue
                yield np.ascontiguousarray(flat[:: max(1, len(flat) // samples)].float().cpu().numpy())

    return _hash(parts())


def _settings(component: Any) -> bytes:
    """A component's config without what the libraries keep in it for themselves."""
    config = component.config if isinstance(component.config, dict) else component.config.to_dict()
    kept = {k: v for k, v in config.items() if not k.startswith("_") and k not in LEFT_OUT}
    return json.dumps(kept, sort_keys=True, default=str).encode()


def _hash(parts: Iterable[bytes | np.ndarray]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:16]
