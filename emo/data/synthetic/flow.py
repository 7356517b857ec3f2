"""Where every pixel of a frame comes from in another frame of the same person, and whether it is seen there."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Flow:
    """Backward flow from T frames to their references, on the CPU.

    What a frame shows at x, y stands in its reference at x + offset[..., 0], y + offset[..., 1]: a warping animator
    looks its reference up there. Frames and references are any two of a clip's.

    Attributes:
        offset: (T, size, size, 2) float32 pixels of the frames, x and y.
        visible: (T, size, size) bool, whether the reference shows the same point of the same thing. False where
            something lies in front of it there, where it is out of the picture, and where things are painted and not
            moved: inside open mouths, and avatars' mouths, eyes and brows.
    """

    offset: Tensor
    visible: Tensor


def warp_back(reference: Tensor, flow: Flow) -> Tensor:
    """The references, looked up where `flow` says: what the frames look like as far as it can be seen there.

    Args:
        reference: (T or 1, size, size, 3) uint8.
        flow: of T frames.

    Returns:
        (T, size, size, 3) float32, 0 ... 255.
    """
    frames, side = flow.offset.shape[:2]
    line = torch.arange(side, dtype=torch.float32)
    place = torch.stack([line.expand(side, side), line[:, None].expand(side, side)], -1) + flow.offset
    pictures = reference.float().permute(0, 3, 1, 2).expand(frames, -1, -1, -1)
    grid = (place + 0.5) * (2 / side) - 1
    drawn = torch.nn.functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return drawn.permute(0, 2, 3, 1)
