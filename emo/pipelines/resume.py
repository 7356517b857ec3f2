"""What lies beside an unfinished output, so that an interrupted generation continues as if nothing had happened."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DiffusionPipeline
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from emo.errors import ResumeError
from emo.pipelines.output import ClipState, EMOStream

_SAMPLES_PER_READ = 1 << 20


@dataclass(frozen=True)
class ResumePoint:
    """One interrupted generation.

    state: where the next clip starts.
    position: bytes of finished video in the spool.
    fingerprint: what the frames depend on, by name; see `fingerprint`.
    """

    state: ClipState
    position: int
    fingerprint: dict[str, str]

    def save(self, path: Path) -> None:
        """Write atomically, as one safetensors file."""
        tensors = {"motion_latents": self.state.motion_latents.contiguous()}
        if self.state.generator_state is not None:
            tensors["generator_state"] = self.state.generator_state
        header = {"next_clip": self.state.next_clip, "position": self.position, "fingerprint": self.fingerprint}
        temporary = path.with_name(path.name + ".new")
        save_file(tensors, temporary, metadata={"emo": json.dumps(header)})
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: Path) -> "ResumePoint":
        """Read back.

        Raises:
            ResumeError: the file is damaged.
        """
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads(file.metadata()["emo"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            state = ClipState(header["next_clip"], tensors["motion_latents"], tensors.get("generator_state"))
            return cls(state, header["position"], header["fingerprint"])
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise ResumeError(f"{path}: damaged ({error}); start anew with --restart") from None

    def check(self, path: Path, current: dict[str, str]) -> None:
        """Make sure that model, inputs and options are those of the interrupted run.

        Raises:
            ResumeError: they are not; the message names what differs.
        """
        if changed := [key for key in current if current[key] != self.fingerprint.get(key)]:
            raise ResumeError(
                f"{path}: the unfinished video was made with other settings ({', '.join(changed)}); repeat the "
                "command as it was, or start anew with --restart"
            )


def fingerprint(pipe: DiffusionPipeline, stream: EMOStream, seed: int) -> dict[str, str]:
    """Name → value or hash of everything that the frames depend on."""
    values = {
        name: str(getattr(stream, name))
        for name in (
            "fps",
            "num_inference_steps",
            "audio_guidance_scale",
            "reference_guidance_scale",
            "eta",
            "paste_back",
        )
    }
    speed = [] if stream.speed is None else [stream.speed.numpy().tobytes()]
    portrait = stream.portrait
    pictures = (
        [portrait.image.tobytes(), portrait.picture.tobytes()] if stream.paste_back else [portrait.image.tobytes()]
    )
    track = stream.audio
    reads = range(0, track.length, _SAMPLES_PER_READ)
    return values | {
        "seed": str(seed),
        "size": str(portrait.image.shape),
        "dtype": str(pipe.unet.dtype),
        "device": pipe.device.type,
        "speed": _hash(speed),
        "image": _hash(pictures),
        "face_region": _hash([portrait.mask.tobytes()]),
        "audio": _hash(track.read(i, min(track.length, i + _SAMPLES_PER_READ)).tobytes() for i in reads),
        "scheduler": _hash([repr(sorted(pipe.scheduler.config.items())).encode()]),
        "model": weights_fingerprint(pipe),
    }


def weights_fingerprint(pipe: DiffusionPipeline, samples: int = 1024) -> str:
    """Hash of every tensor's name, shape and up to `samples` evenly spaced values, over all components."""

    def parts():
        for name, component in sorted(pipe.components.items()):
            if isinstance(component, torch.nn.Module):
                for key, tensor in component.state_dict().items():
                    flat = tensor.detach().flatten()
                    yield f"{name}.{key}{tuple(tensor.shape)}".encode()
                    yield np.ascontiguousarray(flat[:: max(1, len(flat) // samples)].float().cpu().numpy()).tobytes()

    return _hash(parts())


def _hash(parts) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]
