"""GPU memory that a stage needs, computed without a GPU or weights: parameters, gradients, optimizer, average, and
what the forward pass keeps for the backward pass in bf16. The encoders' and the framework's own use is not in it.

    python train/memory.py --stage 2 --model emo-sd15 --batch-size 1 --checkpointing
"""

import argparse
import sys
from types import SimpleNamespace

import torch
from stage1_image import ImageStage
from stage2_video import VideoStage
from stage3_speed import SpeedStage
from torch._subclasses.fake_tensor import FakeTensorMode

from emo.errors import OptionError
from emo.hub import load_model_config
from emo.hub.build import build_encoders, build_unets
from emo.training.config import BATCH, run
from emo.training.emo.networks import EMONetworks, Kept
from emo.unets.structure import UNet

STAGES = {1: ImageStage, 2: VideoStage, 3: SpeedStage}
GIB = 2**30


class Saved:
    """Bytes that autograd keeps while the context lasts; what several layers keep counts once."""

    def __enter__(self) -> "Saved":
        self.storages = {}
        self.hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)
        self.hooks.__enter__()
        return self

    def _pack(self, tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            self.storages[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    def __exit__(self, *exception: object) -> None:
        self.hooks.__exit__(*exception)

    @property
    def bytes(self) -> int:
        return sum(self.storages.values())


def networks_and_inputs(stage: int, model: str, batch: int) -> tuple[EMONetworks, dict]:
    """A stage's networks, with what it trains requiring a gradient, and inputs of its shapes; call in fake mode."""
    config = load_model_config(model)
    unet, reference_unet = build_unets(config)
    networks = EMONetworks(unet, reference_unet, **build_encoders(config))
    options = SimpleNamespace(config=SimpleNamespace(freeze_spatial=False))
    for name, parameter in networks.named_parameters():
        parameter.requires_grad_(STAGES[stage].trains(options, name))
    frames, size, channels = config.num_frames if stage > 1 else 1, unet.config.sample_size, unet.config.in_channels
    audio, zeros = networks.audio_projection.config, torch.zeros
    inputs = {
        "sample": zeros(batch, frames, channels, size, size),
        "timestep": zeros(batch, dtype=torch.long),
        "reference_latents": zeros(batch, channels, size, size),
        "face_mask": zeros(batch, 1, config.image_size, config.image_size),
        "kept": Kept(*[zeros(batch)] * 5),
    }
    if stage > 1:
        window = (batch, frames, 2 * audio.num_neighbors + 1)
        inputs["motion_latents"] = zeros(batch, config.num_motion_frames, channels, size, size)
        inputs["audio"] = zeros(*window, audio.num_layers, audio.layer_dim)
    if stage > 2:
        inputs["speed"] = zeros(*window)
    return networks, inputs


def activations(networks: EMONetworks, inputs: dict, checkpointing: bool) -> int:
    """Bytes kept for the backward pass; with checkpointing sites' inputs, and all of the site that keeps most."""
    inside, between = [0], {}

    def run_site(unet: UNet, site, *given):
        with Saved() as saved:
            result = site(*given)
        inside.append(saved.bytes)
        for tensor in given:
            if isinstance(tensor, torch.Tensor):
                between[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        alive.append((given, result))  # or storages would be counted under one address
        return result

    alive, original = [], UNet._run
    UNet._run = run_site if checkpointing else original
    try:
        with Saved() as outside, torch.autocast("cpu", torch.bfloat16):
            networks(**inputs)
    finally:
        UNet._run = original
    return outside.bytes + sum(between.values()) + max(inside)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", type=int, choices=STAGES, required=True)
    parser.add_argument("--model", default="emo-sd15", help="name or file of a model configuration")
    parser.add_argument("--batch-size", type=int, default=1, help="samples per GPU")
    parser.add_argument("--checkpointing", action="store_true", help="model.gradient_checkpointing=true")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    options = parser.parse_args()
    if not BATCH.allows(options.batch_size):
        raise OptionError(f"--batch-size is {options.batch_size}; it must be {BATCH}")
    with FakeTensorMode():
        networks, inputs = networks_and_inputs(options.stage, options.model, options.batch_size)
        kept = activations(networks, inputs, options.checkpointing)
    total = sum(p.numel() for p in networks.parameters())
    trained = sum(p.numel() for p in networks.parameters() if p.requires_grad)
    rows = {
        "weights, fp32": 4 * total,
        "gradients, fp32": 4 * trained,
        "AdamW, fp32": 8 * trained,
        "average (EMA), fp32": 4 * trained,
        "kept for the backward pass": kept + (2 * trained if options.checkpointing else 0),  # autocast's bf16 weights
    }
    print(f"stage {options.stage}, {options.model}: {trained / 1e6:.0f} of {total / 1e6:.0f} million parameters train")
    for name, size in [*rows.items(), ("together", sum(rows.values()))]:
        print(f"{size / GIB:8.1f} GiB  {name}")


if __name__ == "__main__":
    sys.exit(run(main))
