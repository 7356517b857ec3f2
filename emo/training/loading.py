"""Parts of models, as stages load and save them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emo.errors import WeightsError, first_line
from emo.hub import fetch_audio_encoder


def load_part(kind: Any, folder: str, what: str | None = None, **options: Any) -> Any:
    """An object from a folder or the Hub.

    Args:
        kind: its class, of diffusers' or transformers' kind.
        folder: its folder or Hub name.
        what: it is, in errors; by default the name of its class.
        options: of `from_pretrained`.

    Raises:
        WeightsError: it cannot be loaded.
    """
    none = f"{folder}: no {what or kind.__name__} could be loaded"
    try:
        part = kind.from_pretrained(folder, **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{none} ({first_line(error)})") from error
    if isinstance(part, nn.Module) and any(value.is_meta for value in part.state_dict().values()):
        raise WeightsError(f"{none} (the weights there are another network's)")  # which diffusers leaves unsaid
    return part


def load_hearing(folder: str, device: torch.device) -> tuple[Wav2Vec2Model, Wav2Vec2FeatureExtractor]:
    """A frozen wav2vec 2.0 on a device, and what its sound is prepared by.

    Args:
        folder: its folder or Hub name.
        device: to hear on.

    Raises:
        WeightsError: it cannot be loaded, or is another audio encoder, which EMO alone takes.
    """
    encoder, feature_extractor = fetch_audio_encoder(folder)
    if not isinstance(encoder, Wav2Vec2Model):
        raise WeightsError(f"{folder}: a {encoder.config.model_type}, which EMO alone hears by; give a wav2vec 2.0")
    return encoder.to(device).eval(), feature_extractor  # pyright: ignore[reportArgumentType] (torch's own decorator)


def copied_parts(networks: nn.Module, names: Sequence[str], weights: dict[str, Tensor]) -> dict[str, Any]:
    """Networks that train together, each a copy with its own of the weights, by name.

    Args:
        networks: has them as attributes, of the same sizes as the weights.
        names: of those that are wanted.
        weights: of all of them, by their names in `networks`.
    """
    copies = {}
    for name in names:
        network = cast(Any, getattr(networks, name))
        kind = type(network)
        copies[name] = kind.from_config(network.config) if hasattr(kind, "from_config") else kind(network.config)
        own = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
        copies[name].load_state_dict({key: value.float() for key, value in own.items()})
    return copies


def save_parts(networks: nn.Module, names: Sequence[str], folder: Path, weights: dict[str, Tensor]) -> None:
    """Networks that train together, each as diffusers loads it, in a folder of its name.

    Args:
        networks, names, weights: as of `copied_parts`.
        folder: to write them to.
    """
    for name, copy in copied_parts(networks, names, weights).items():
        copy.save_pretrained(folder / name)
