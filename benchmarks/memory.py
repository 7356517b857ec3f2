"""Memory of generation on a GPU by computation, on any machine: weights, and the most that is alive beside them.

    python benchmarks/memory.py --config emo-sd15 --size 512 --dtype bfloat16

Networks are built without values and run on such tensors, while every storage that is made and let go is counted.
Attention is counted as kernels do it that keep no matrix of weights. What is left out: the device's own context
(0.3 to 0.6 GiB), fragments of the allocator, and what convolutions' kernels borrow.
"""

import argparse
import weakref
from collections.abc import Callable
from itertools import pairwise

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from emo.hub import build_pipeline, load_model_config
from emo.pipelines.emo_conditions import batch_conditions
from emo.unets.attention import AttentionProcessor

GIB = 2**30
NETWORKS = ("unet", "reference_unet", "vae", "audio_encoder", "audio_projection", "face_locator", "speed_encoder")
SMALL = ("unet", "reference_unet")  # whose weights --storage float8 keeps in 8 bits


class Alive(TorchDispatchMode):
    """Bytes of the storages that operations make, while they are alive, and the most there were."""

    def __init__(self):
        super().__init__()
        self.now = self.most = 0
        self.seen: set[int] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in tree_flatten(result)[0]:
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self.seen:
            return
        self.seen.add(key)
        self.now += size
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self.seen.discard(key)
        self.now -= size


@torch.no_grad()
def most_alive(run: Callable[[], object]) -> int:
    """Bytes that `run` has alive at once, at most, besides what it was given."""
    with Alive() as alive:
        run()
    return alive.most


def weight_bytes(module: torch.nn.Module, width: int, small: int | None = None) -> int:
    """Of a network's weights, `width` bytes each, or `small` in the layers that are kept in 8 bits."""
    norms = [layer for name, layer in module.named_modules() if "norm" in name or "pos_embed" in name]
    kept = sum(p.numel() for layer in norms for p in layer.parameters())
    count = sum(p.numel() for p in module.parameters())
    return kept * width + (count - kept) * (width if small is None else small)


def largest_layers(module: torch.nn.Module, width: int) -> int:
    """Bytes of the two largest layers that stand one after the other: one at work, one on its way."""
    leaves = [sum(p.numel() for p in layer.parameters(recurse=False)) * width for layer in module.modules()]
    leaves = [size for size in leaves if size]
    return max(map(sum, pairwise(leaves)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="emo-sd15")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--dtype", default="bfloat16", choices=["float32", "float16", "bfloat16"])
    options = parser.parse_args()
    dtype = getattr(torch, options.dtype)
    AttentionProcessor.__call__ = lambda self, query, key_value: torch.empty_like(query)
    with torch.device("meta"):
        pipe = build_pipeline(load_model_config(options.config))
    pipe.to(dtype=dtype)
    config, side = pipe.unet.config, options.size // pipe.vae_scale_factor
    latents = torch.empty(1, config.in_channels, side, side, dtype=dtype, device="meta")
    clip = latents.new_empty(1, config.num_frames, *latents.shape[1:])
    with torch.no_grad():
        maps = pipe.reference_unet(latents, clip[:, : config.num_motion_frames])
        reference = pipe.unet.project_reference(maps.reference)
    audio = latents.new_empty(1, config.num_frames, pipe.audio_projection.config.num_tokens, config.audio_dim)
    mask = latents.new_empty(1, config.block_out_channels[0], side, side)
    speed = latents.new_empty(1, config.num_frames, config.speed_dim)
    timestep = torch.empty((), dtype=torch.long, device="meta")
    held = sum(t.numel() for pair in reference.values() for t in pair) + sum(t.numel() for t in maps.motion.values())
    held *= latents.element_size()
    peaks = {
        "a step without guidance": lambda: step(1.0),
        "a step with guidance": lambda: step(1.5),
        "decoding of a clip at once": lambda: pipe.vae.decode(clip[0], return_dict=False),
        "decoding frame by frame": lambda: pipe.vae.decode(clip[0, :1], return_dict=False),
        "encoding the portrait": lambda: pipe.vae.encode(latents.new_empty(1, 3, options.size, options.size)),
        "ReferenceNet": lambda: pipe.reference_unet(latents, clip[:, : config.num_motion_frames]),
    }

    def step(scale: float) -> torch.Tensor:
        scales = {"audio": scale, "reference": 1.0}
        return batch_conditions(reference, maps.motion, audio, mask, speed, scales).predict_rows(
            pipe.unet, clip, timestep
        )

    bytes_of = {name: most_alive(run) for name, run in peaks.items()}
    networks = {name: getattr(pipe, name) for name in NETWORKS}
    width = dtype.itemsize
    plain = {name: weight_bytes(network, width) for name, network in networks.items()}
    stored = {name: weight_bytes(network, width, 1 if name in SMALL else None) for name, network in networks.items()}
    largest = max(largest_layers(network, width) for network in networks.values())
    guided, sliced = bytes_of["a step with guidance"], bytes_of["decoding frame by frame"]
    print(f"{options.config}, {options.size} px, {options.dtype}; GiB")
    for name, size in [*plain.items(), ("reference and motion features of a clip", held), *bytes_of.items()]:
        print(f"  {name}: {size / GIB:.2f}")
    for name, weights, most in (
        ("plain", sum(plain.values()), max(guided, bytes_of["decoding of a clip at once"])),
        ("--offload model", max(plain.values()), max(guided, sliced)),
        ("--storage float8", sum(stored.values()), max(guided, bytes_of["decoding of a clip at once"])),
        ("--storage float8 --offload model", max(stored.values()), max(guided, sliced)),
        ("--offload group", largest, max(guided, sliced)),
    ):
        print(f"{name}: weights {weights / GIB:.2f}, at most {(weights + held + most) / GIB:.2f}")


if __name__ == "__main__":
    main()
