"""A made-up second system, with one network of its own: what the registry and the store must do for any."""

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import ConfigMixin, DDIMScheduler, DiffusionPipeline, ModelMixin
from diffusers.configuration_utils import register_to_config

from emo.hub import System
from emo.options import Options, option
from emo.store import Description, SavedFormat, read_json, register_components


class ToyNetwork(ModelMixin, ConfigMixin):
    """A line from width to width."""

    @register_to_config
    def __init__(self, width: int = 3):
        super().__init__()
        self.line = torch.nn.Linear(width, width)


register_components(ToyNetwork)


def describe(folder: Path) -> Description:
    width = read_json(folder / "network" / "config.json")["width"]
    return Description(
        introduction="A line instead of a face.",
        tags=("toy",),
        license="mit",
        roles={"network": "draws a line"},
        largest="network",
        sizes=(f"Width {width}",),
        limits=("It is no face.",),
    )


@dataclass(frozen=True, kw_only=True)
class ToyOptions(Options):
    """What lines may be asked for."""

    num_inference_steps: int = option(7, "denoising steps", low=1, flag="steps")
    length: float = option(1.0, "of the line", low=0, high=2)


class ToyPipeline(SavedFormat, DiffusionPipeline):
    """Draws lines."""

    describe = staticmethod(describe)

    def __init__(self, network: ToyNetwork, scheduler: DDIMScheduler):
        super().__init__()
        self.register_modules(network=network, scheduler=scheduler)


@dataclass
class ToyConfig:
    """image_size: of the picture; here also the network's width."""

    image_size: int


def load_config(name: str) -> ToyConfig:
    return ToyConfig(int(name.removesuffix(".yaml").partition("-")[2]))


def build(config: ToyConfig, seed: int) -> ToyPipeline:
    torch.manual_seed(seed)
    return ToyPipeline(ToyNetwork(config.image_size), DDIMScheduler())


SYSTEM = System(
    name="toy", title="Toy", pipeline=ToyPipeline, options=ToyOptions, load_config=load_config, build=build
)
