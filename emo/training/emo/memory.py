"""GPU memory that a stage needs, computed without a GPU or weights: parameters, gradients, optimizer, average, and
what the forward pass keeps for the backward pass in bf16."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from emo.hub import load_model_config
from emo.hub.build import build_encoders, build_unets
from emo.training.emo.config import CONDITIONS
from emo.training.emo.networks import EMONetworks
from emo.unets.structure import UNet


def stage_memory(
    model: str, trains: Callable[[str], bool], *, video: bool, speed: bool, batch_size: int, checkpointing: bool
) -> tuple[dict[str, int], int, int]:
    """Bytes by what they are for, and numbers of parameters.

    Args:
        model: name or file of a model configuration.
        trains: whether the stage trains a parameter of `EMONetworks`.
        video, speed: whether its samples are clips with sound, and have speeds.
        batch_size: samples per GPU.
        checkpointing: `model.gradient_checkpointing`.

    Returns:
        The bytes, and how many parameters there are in all and train.
    """
    with FakeTensorMode():
        networks, inputs = _networks_and_inputs(model, batch_size, video=video, speed=speed)
        for name, parameter in networks.named_parameters():
            parameter.requires_grad_(trains(name))
        kept = _activations(networks, inputs, checkpointing)
    total = sum(p.numel() for p in networks.parameters())
    trained = sum(p.numel() for p in networks.parameters() if p.requires_grad)
    rows = {
        "weights, fp32": 4 * total,
        "gradients, fp32": 4 * trained,
        "AdamW, fp32": 8 * trained,
        "average (EMA), fp32": 4 * trained,
        "kept for the backward pass": kept + (2 * trained if checkpointing else 0),  # autocast's bf16 weights
    }
    return rows, total, trained


class _Saved:
    """Bytes that autograd keeps while the context lasts; what several layers keep counts once."""

    def __enter__(self) -> "_Saved":
        self.storages: dict[int, int] = {}
        self.hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, self._unpack)
        self.hooks.__enter__()
        return self

    def _pack(self, tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            self.storages |= _storage(tensor)
        return tensor

    def _unpack(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor

    def __exit__(self, *exception: object) -> None:
        self.hooks.__exit__(*exception)

    @property
    def bytes(self) -> int:
        return sum(self.storages.values())


def _storage(tensor: torch.Tensor) -> dict[int, int]:
    """A tensor's memory, by its address, in bytes."""
    storage = tensor.untyped_storage()
    return {storage._cdata: storage.nbytes()}


def _networks_and_inputs(model: str, batch: int, *, video: bool, speed: bool) -> tuple[EMONetworks, dict[str, Any]]:
    """A stage's networks and inputs of its shapes; call in fake mode."""
    config = load_model_config(model)
    unet, reference_unet = build_unets(config)
    networks = EMONetworks(unet, reference_unet, **cast(Any, build_encoders(config)))
    frames = config.num_frames if video else 1
    size, channels = unet.config["sample_size"], unet.config["in_channels"]
    audio = networks.audio_projection.config
    window = (batch, frames, 2 * audio["num_neighbors"] + 1)
    inputs: dict[str, Any] = {
        "sample": torch.zeros(batch, frames, channels, size, size),
        "timestep": torch.zeros(batch, dtype=torch.long),
        "reference_latents": torch.zeros(batch, channels, size, size),
        "face_mask": torch.zeros(batch, 1, config.image_size, config.image_size),
        "keep": dict.fromkeys(CONDITIONS, torch.zeros(batch)),
    }
    if video:
        inputs["motion_latents"] = torch.zeros(batch, config.num_motion_frames, channels, size, size)
        inputs["audio"] = torch.zeros(*window, audio["num_layers"], audio["layer_dim"])
    if speed:
        inputs["speed"] = torch.zeros(*window)
    return networks, inputs


def _activations(networks: EMONetworks, inputs: dict[str, Any], checkpointing: bool) -> int:
    """Bytes kept for the backward pass; with checkpointing sites' inputs, and all of the site that keeps most."""
    inside: list[int] = [0]
    between: dict[int, int] = {}
    alive = []  # or storages would be counted under one address

    def run_site(self: UNet, site: Callable[..., Any], *inputs: Any) -> Any:
        with _Saved() as saved:
            result = site(*inputs)
        inside.append(saved.bytes)
        for tensor in inputs:
            if isinstance(tensor, torch.Tensor):
                between.update(_storage(tensor))
        alive.append((inputs, result))
        return result

    original = UNet._run
    UNet._run = run_site if checkpointing else original
    try:
        with _Saved() as outside, torch.autocast("cpu", torch.bfloat16):
            networks(**inputs)
    finally:
        UNet._run = original
    return outside.bytes + sum(between.values()) + max(inside)
