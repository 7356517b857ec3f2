"""A bump at a mouth or an eye: a loss may weigh it more than the rest, for it is small."""

import torch
from torch import Tensor


def bump(places: Tensor, height: int, width: int, sigma: float, least: float = 0.5) -> Tensor:
    """exp(-d²/2σ²), (..., 1, height, width), with d from the place and σ a share of its size.

    Args:
        places: x, y and size, in the map's pixels, (..., 3).
        height, width: of the map.
        sigma: share of the size.
        least: pixels, below which σ never is.
    """
    x = torch.arange(width, device=places.device) + 0.5
    y = torch.arange(height, device=places.device)[:, None] + 0.5
    middle_x, middle_y, size = (value[..., None, None, None] for value in places.unbind(-1))
    deviation = (sigma * size).clamp(min=least)
    distance = (x - middle_x).square() + (y - middle_y).square()
    return torch.exp(-distance / (2 * deviation.square()))
