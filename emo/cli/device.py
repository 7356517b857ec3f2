"""Devices and precisions as the command line names them."""

from emo.errors import OptionError, first_line


def pick_device(name: str) -> str:
    """`auto` is the best there is."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name).cpu()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = first_line(error).partition(". ")[0]
        raise OptionError(f"--device {name}: {reason}; `emo doctor` shows what there is") from None
    return name


def pick_dtype(name: str, device: str):
    """`auto` is float32 on a CPU and half precision elsewhere."""
    import torch

    if name == "auto":
        brain = device.startswith("cuda") and torch.cuda.is_bf16_supported()
        name = "float32" if device == "cpu" else "bfloat16" if brain else "float16"
    return getattr(torch, name)
