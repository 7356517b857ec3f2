"""Low-rank adapters on attention layers, by peft; the result is saved as plain weights."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

from torch import Tensor, nn

from emo.bounds import Numbers
from emo.config import key
from emo.errors import ConfigError
from emo.unets import Attention

ADAPTER = "default"


@dataclass
class LoraConfig:
    """Low-rank adapters instead of whole weights."""

    rank: Annotated[int, Numbers(0, 4096)] = key(
        0, "of low-rank adapters on the attention layers, which train instead of whole weights; 0 for none"
    )
    alpha: Annotated[float, Numbers(0, 1e6, above=True)] = key(16.0, "the adapters are scaled by alpha/rank")


def add_lora(networks: nn.Module, trainable: Collection[str], config: LoraConfig) -> list[str]:
    """Put adapters beside the linear layers of those attention layers whose weights would train.

    Args:
        networks: they go into these.
        trainable: names of the parameters that the stage trains.
        config: their rank and scale.

    Returns:
        Names of the adapters' parameters, all that trains from now on.

    Raises:
        ConfigError: peft is not installed.
    """
    try:
        import peft
    except ImportError:
        raise ConfigError("lora.rank needs peft: pip install 'emo[train]', or set it to 0") from None
    targets = [
        f"{name}.{layer}"
        for name, module in networks.named_modules()
        if isinstance(module, Attention)
        for layer in ("to_q", "to_k", "to_v", "to_out.0")
        if f"{name}.{layer}.weight" in trainable
    ]
    adapters = peft.LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=targets)  # pyright: ignore[reportArgumentType] (fractions work)
    peft.inject_adapter_in_model(adapters, networks, ADAPTER)
    return [name for name, _ in networks.named_parameters() if ".lora_" in name]


def merge_lora(weights: dict[str, Tensor], scale: float) -> dict[str, Tensor]:
    """Plain weights of a state dict with adapters: W + scale * B A, under the names they had without.

    Args:
        weights: of networks that `add_lora` has changed.
        scale: alpha / rank.
    """
    merged = {}
    for name, tensor in weights.items():
        if ".lora_" in name:
            continue
        if name.endswith(".base_layer.weight"):
            layer = name.removesuffix(".base_layer.weight")
            up, down = (weights[f"{layer}.lora_{part}.{ADAPTER}.weight"] for part in "BA")
            tensor = tensor + scale * (up.float() @ down.float()).to(tensor)
        merged[name.replace(".base_layer.", ".")] = tensor
    return merged
