"""What the numbers of a network of motion mean, kept with a run's checkpoints: later clips have other means."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import Tensor, nn

from emo.motion import MotionSpace


def keep_units(accelerator: Accelerator, network: Any, names: Sequence[str], file: str = "units.json") -> None:
    """Save values of a network's config with each checkpoint, and go on in those of the one that is loaded, whatever
    clips have come or gone since.

    Args:
        accelerator: of the run.
        network: of diffusers' kind, with a `space` that its config holds.
        names: of the values, `space` among them.
        file: their name in a checkpoint.
    """

    def save(models: list[nn.Module], weights: list[dict[str, Tensor]], folder: str) -> None:
        if accelerator.is_main_process:
            units = {name: network.config[name] for name in names}
            (Path(folder) / file).write_text(json.dumps(units), encoding="utf-8")

    def load(models: list[nn.Module], folder: str) -> None:
        path = Path(folder) / file
        if path.is_file():  # older checkpoints have none
            units = json.loads(path.read_text(encoding="utf-8"))
            network.register_to_config(**units)
            network.space = MotionSpace.from_dict(units["space"])

    accelerator.register_save_state_pre_hook(save)
    accelerator.register_load_state_pre_hook(load)
