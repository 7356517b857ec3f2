"""Kinds of options that are more than a number: where the face may move, and how fast the head turns."""

import base64
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.errors import ImageError, OptionError
from emo.options import Kind
from emo.values import number

if TYPE_CHECKING:
    import numpy as np
    import torch


def parse_region(text: str) -> str | tuple[float, ...] | None:
    """`auto` is the portrait's own region, None; `full`; or a box as `x0,y0,x1,y1`.

    Raises:
        OptionError: it is none of these.
    """
    if text == "auto":
        return None
    if text == "full":
        return text
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        raise OptionError(
            f"{text!r} is no face region: a box is four numbers, x0,y0,x1,y1", option="face_region"
        ) from None
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise OptionError(f"face_region {text}: its corners must be finite numbers", option="face_region")
    return x0, y0, x1, y1


def load_region(text: str) -> Any:
    """A mask picture.

    Raises:
        OptionError: the text was meant as a box.
        ImageError: it cannot be read.
    """
    from emo.media import load_image

    if text.count(",") == 3 and not Path(text).exists():
        return parse_region(text)
    return load_image(text)


def _plain_region(region: Any, name: str) -> Any:
    from emo.face import plain_region

    return plain_region(region)


def _region_to_json(region: Any) -> str | list[float] | dict[str, str]:
    import numpy as np
    from PIL import Image

    from emo.face import check_region

    if isinstance(region, str):
        return region
    if isinstance(region, tuple):
        return list(region)
    size = (region.height, region.width) if isinstance(region, Image.Image) else region.shape[:2]
    mask = np.asarray(check_region(region, size))
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG", optimize=True)
    return {"mask": base64.b64encode(file.getvalue()).decode()}


def _region_from_json(record: Any) -> "str | list[float] | np.ndarray":
    import numpy as np

    from emo.media.image import read_image

    if not isinstance(record, dict):
        return record
    try:
        picture = read_image(io.BytesIO(base64.b64decode(record["mask"], validate=True)), "it")
    except (ImageError, KeyError, TypeError, ValueError) as error:
        raise OptionError(f"face_region: its mask is no picture: {error}", option="face_region") from None
    return np.asarray(picture.convert("1"))


def parse_speed(text: str) -> float | None:
    """`free` is whatever comes, None; or one number.

    Raises:
        OptionError: it is neither.
    """
    if text == "free":
        return None
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"{text!r} is no speed in degrees per frame", option="speed") from None


def load_speeds(text: str) -> list[float]:
    """The numbers of a text file.

    Raises:
        OptionError: there is no such file, or it holds other things.
    """
    try:
        return [float(word) for word in Path(text).read_text(encoding="utf-8-sig").replace(",", " ").split()]
    except (OSError, ValueError) as error:
        raise OptionError(
            f"--speed {text}: neither a number nor a file of numbers ({error})", option="speed"
        ) from None


def plain_speed(speed: Any, name: str = "speed") -> float | list[float]:
    """Head rotation in degrees per frame as one number, or a list of one per frame.

    Args:
        speed: of any kind of number, sequence, array or tensor.
        name: of the option.

    Raises:
        OptionError: it is none of these, not finite, or negative.
    """
    called = "speed, in degrees per frame,"
    if hasattr(speed, "detach"):  # a torch tensor; numpy knows fewer kinds of numbers
        speed = speed.detach().cpu()
    if hasattr(speed, "ndim") and hasattr(speed, "tolist"):
        speed = speed.reshape(-1).tolist() if speed.ndim else speed.item()
    if isinstance(speed, Iterable) and not isinstance(speed, str | bytes | Mapping):
        plain = [number(value, name, called) for value in speed]
    else:
        plain = number(speed, name, called)
    if not all(math.isfinite(value) and value >= 0 for value in (plain if isinstance(plain, list) else [plain])):
        raise OptionError("speed must be finite and not negative, in degrees per frame", option=name)
    return plain


def speed_track(speed: Any, num_frames: int) -> "torch.Tensor | None":
    """Head rotation (1, T) in degrees per frame, from one number or one per frame as `plain_speed` gives them.

    Raises:
        OptionError: the values are not as many as frames.
    """
    import torch

    if speed is None:
        return None
    track = torch.tensor(speed, dtype=torch.float32).reshape(1, -1)
    if track.shape[1] == 1:
        track = track.expand(1, num_frames)
    if track.shape[1] != num_frames:
        problem = f"speed has {track.shape[1]} values, but the video has {num_frames} frames"
        raise OptionError(problem, option="speed")
    return track


FACE_REGION = Kind(
    "face_region",
    _plain_region,
    parse_region,
    (str, list, dict),
    load=load_region,
    to_json=_region_to_json,
    from_json=_region_from_json,
)
SPEED = Kind("speed", plain_speed, parse_speed, (int, float, list), load=load_speeds)
