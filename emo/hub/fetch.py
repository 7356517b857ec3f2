"""Models of diffusers' and transformers' kinds from folders or the Hub, with this package's errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from emo.errors import WeightsError, first_line


def fetch(kind: Any, name: str, *, safetensors: bool = True, **options: Any) -> Any:
    """`kind.from_pretrained` of a folder or Hub name.

    Args:
        kind: the class.
        name: folder or Hub name.
        safetensors: whether it holds weights, which then come as safetensors only, and in float32.
        options: of `from_pretrained`.

    Raises:
        WeightsError: it cannot be had.
    """
    load: Callable[..., Any] = kind.from_pretrained
    try:
        precise = {"use_safetensors": True, "dtype": torch.float32} if safetensors else {}
        return load(name, **precise, **options)
    except (OSError, ValueError, RuntimeError) as error:
        where = str(Path(name) / options["subfolder"]) if "subfolder" in options else name
        held = " in safetensors" if safetensors else ""
        raise WeightsError(f"{where}: no {kind.__name__}{held} could be loaded ({first_line(error)})") from error
