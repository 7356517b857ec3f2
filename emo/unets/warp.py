"""Looking pictures and feature maps up where a flow says."""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate


def warp(maps: Tensor, flow: Tensor, mode: str = "bilinear") -> Tensor:
    """Maps looked up backward: what stands at x, y of the result stood at x + flow_x, y + flow_y.

    Args:
        maps: (B or 1, C, H, W), whose borders are repeated beyond them.
        flow: (B, 2, h, w), x and y in half sides, so that it means the same at every size.
        mode: between pixels, `bilinear` or `bicubic`: sharper, may overshoot, and takes two to five times as long;
            bilinear is what stands for it on Metal, whose versions do not all have it.

    Returns:
        (B, C, H, W) in the flow's precision; a flow of another size than the maps is resized first. Places are worked
        out in float32: half precision cannot tell neighboring pixels.
    """
    height, width = maps.shape[-2:]
    places = resize(flow.float(), height, width)
    grid = pixel_centers(height, width, places) + places.movedim(1, -1)
    maps = maps.float().expand(len(flow), -1, -1, -1)
    mode = "bilinear" if maps.device.type == "mps" else mode
    return grid_sample(maps, grid, mode=mode, padding_mode="border", align_corners=False).to(flow.dtype)


def resize(maps: Tensor, height: int, width: int) -> Tensor:
    """Bilinear, and averaging where pixels become fewer: (B, C, h, w) -> (B, C, height, width).

    The averaging is worked out in float32: CPUs have none of half precision.
    """
    if maps.shape[-2:] == (height, width):
        return maps
    if height < maps.shape[-2]:
        averaged = interpolate(maps.float(), (height, width), mode="bilinear", align_corners=False, antialias=True)
        return averaged.to(maps.dtype)
    return interpolate(maps, (height, width), mode="bilinear", align_corners=False)


def pixel_centers(height: int, width: int, like: Tensor) -> Tensor:
    """Places of all pixels in half sides, -1 ... 1 from border to border: (1, height, width, 2), x and y."""
    y, x = ((2 * torch.arange(side, device=like.device, dtype=like.dtype) + 1) / side - 1 for side in (height, width))
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)[None]
