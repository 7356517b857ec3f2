"""What a reference decoder does, taken apart to be looked at."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from emo.media import contact_sheet
from emo.unets import Drawing

TITLES = ("reference", "truth", "drawn", "moved by flow", "visibility", "paint", "flow")
LONGEST = 0.25  # half sides of flow, that are colored in full


def drawing_sheet(drawings: Sequence[tuple[Drawing, Tensor, Tensor]]) -> Image.Image:
    """One row per drawing, of its first frame.

    Args:
        drawings: each with the references (B, 3, H, W) that it is drawn over and the true frames, in -1 ... 1.
    """
    cells: list[np.ndarray] = []
    for drawing, picture, frames in drawings:
        height, width = frames.shape[-2:]
        moved = drawing.moved(picture)
        shown = [picture, frames, drawing.over(moved), moved]
        shown += [(2 * drawing.visibility - 1).expand(-1, 3, -1, -1), drawing.paint, _colored(drawing.flow)]
        cells += [as_picture(part[0], height, width) for part in shown]
    return contact_sheet(cells, columns=len(TITLES), labels=[*TITLES] * len(drawings))


def _colored(flow: Tensor) -> Tensor:
    """Flow (B, 2, h, w) in colors, (B, 3, h, w) in -1 ... 1: gray where there is none."""
    x, y = (flow / LONGEST).clamp(-1, 1).unbind(1)
    return torch.stack([x, y, -(x + y) / 2], dim=1)


def as_picture(values: Tensor, height: int, width: int) -> np.ndarray:
    """(3, h, w) in about -1 ... 1 -> (height, width, 3) uint8."""
    scaled = torch.nn.functional.interpolate(values[None].float(), (height, width), mode="nearest")[0]
    return ((scaled.clamp(-1, 1) + 1) * 127.5).round().byte().movedim(0, -1).cpu().numpy()
