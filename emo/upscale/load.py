"""Networks for super-resolution: a file of safetensors by spandrel, or a folder or repository of Swin2SR."""

from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import pad

from emo.errors import EmoError, HubError, OptionError, WeightsError, first_line
from emo.files import require_file
from emo.upscale.upscaler import Upscaler

SAFE = ".safetensors"
PICKLES = (".pth", ".pt", ".ckpt", ".bin", ".pkl")
PURPOSES = ("SR", "Restoration")  # of whole pictures, not of faces cut out of them
SWIN2SR = "swin2sr"


def load_upscaler(place: str, device: str = "cpu", size: int | None = None) -> Upscaler:
    """A network that enlarges frames.

    Args:
        place: a file of safetensors of any architecture that spandrel knows; or a folder or Hub name of a Swin2SR.
        device: where it computes.
        size: pixels of the shorter side that frames are brought to after it; as it enlarges them by default.

    Raises:
        OptionError: it is none of these, or the size is too small.
        WeightsError: the file is a pickle, damaged, or of no known architecture, or enlarges no pictures.
        EmoError: spandrel is needed and not installed; the Hub cannot be reached.
    """
    path = Path(place)
    if path.suffix.lower() in PICKLES and not path.is_dir():
        raise WeightsError(
            f"{place} may be a pickle file; those are never loaded, only safetensors are: take the model as such, or "
            "convert it",
            option="upscale",
        )
    if path.suffix.lower() == SAFE and not path.is_dir():
        require_file(path, _wrong)
        return _by_spandrel(path, torch.device(device), size)
    if path.exists() and not path.is_dir():
        raise _wrong(f"{place} is no file of safetensors")
    if not path.exists() and place.count("/") != 1:
        raise _wrong(f"{place} does not exist; give a file of safetensors, or a folder or Hub name of a Swin2SR")
    return _swin2sr(place, torch.device(device), size)


def _by_spandrel(path: Path, device: torch.device, size: int | None) -> Upscaler:
    try:
        from spandrel import (  # pyright: ignore[reportMissingImports] (an extra)
            ImageModelDescriptor,
            ModelLoader,
            UnsupportedModelError,
        )
    except (ImportError, RuntimeError) as error:  # torchvision of another build of torch raises the latter
        problem = f"--upscale {path} needs spandrel ({first_line(error)}); install it: pip install 'emo[upscale]'"
        raise EmoError(problem) from None
    from safetensors import SafetensorError

    try:
        model = ModelLoader(device).load_from_file(path)
    except UnsupportedModelError:
        raise WeightsError(f"{path}: of no architecture that spandrel knows", option="upscale") from None
    except (SafetensorError, RuntimeError, KeyError, ValueError) as error:
        raise WeightsError(f"{path}: damaged ({first_line(error)})", option="upscale") from None
    if not isinstance(model, ImageModelDescriptor) or model.purpose not in PURPOSES or _channels(model) != (3, 3):
        raise WeightsError(f"{path}: {model.architecture.name} enlarges no color pictures", option="upscale")
    half = device.type == "cuda" and model.supports_half
    dtype = torch.float16 if half else torch.float32
    model.eval().to(device, dtype)
    return Upscaler(
        network=model,
        factor=model.scale,
        name=path.name,
        architecture=model.architecture.name,
        weights=model.model.state_dict(),
        device=device,
        dtype=dtype,
        size=size,
    )


def _channels(model: Any) -> tuple[int, int]:
    return model.input_channels, model.output_channels


def _swin2sr(place: str, device: torch.device, size: int | None) -> Upscaler:
    from transformers import AutoConfig, Swin2SRForImageSuperResolution

    try:
        config = AutoConfig.from_pretrained(place)
        if config.model_type != SWIN2SR:
            problem = f"{place}: a {config.model_type}; give a folder or Hub name of a Swin2SR"
            raise WeightsError(problem, option="upscale")
        model = Swin2SRForImageSuperResolution.from_pretrained(place, config=config, use_safetensors=True)
    except (OSError, ValueError) as error:
        if isinstance(error, EmoError):
            raise
        kind = WeightsError if Path(place).is_dir() else HubError
        raise kind(f"{place}: {first_line(error)}", option="upscale") from None
    if not config.upsampler or config.num_channels != 3:
        raise WeightsError(f"{place}: this Swin2SR enlarges no color pictures", option="upscale")
    model.eval().to(device)  # pyright: ignore[reportArgumentType] (a decorated method)

    def network(pictures: torch.Tensor) -> torch.Tensor:
        """Sides that are no multiples of its windows are continued by their edges; the library takes none such."""
        height, width = pictures.shape[2:]
        beyond = (0, -width % config.window_size, 0, -height % config.window_size)
        large = model(pixel_values=pad(pictures, beyond, mode="replicate")).reconstruction
        return large[..., : height * config.upscale, : width * config.upscale]

    return Upscaler(
        network=network,
        factor=config.upscale,
        name=Path(place).name if Path(place).is_dir() else place,
        architecture="Swin2SR",
        weights=model.state_dict(),
        device=device,
        dtype=torch.float32,
        size=size,
    )


def _wrong(problem: str) -> OptionError:
    return OptionError(problem, option="upscale")
