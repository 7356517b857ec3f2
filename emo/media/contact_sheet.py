"""Many frames on one picture."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 4  # px, around every cell
LABEL_HEIGHT = 16  # px, below every cell


def contact_sheet(
    frames: Sequence[np.ndarray | Image.Image] | np.ndarray,
    columns: int,
    cell: tuple[int, int] | None = None,
    labels: Sequence[str] | None = None,
) -> Image.Image:
    """Lay frames out in rows of `columns`, left to right and top to bottom, on white.

    Args:
        frames: n >= 1 pictures, uint8 (H, W, 3) or PIL; they may differ in size.
        columns: cells per row.
        cell: (width, height) of a cell in pixels; default: the first frame's. Frames are fitted in, shape kept.
        labels: n short texts, written below the cells.
    """
    images = [frame if isinstance(frame, Image.Image) else Image.fromarray(frame) for frame in frames]
    width, height = cell or images[0].size
    step_x = width + GAP
    step_y = height + GAP + (LABEL_HEIGHT if labels else 0)
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * step_x + GAP, rows * step_y + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default()
    for index, (image, label) in enumerate(zip(images, labels or [""] * len(images), strict=True)):
        x = GAP + index % columns * step_x
        y = GAP + index // columns * step_y
        scale = min(width / image.width, height / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        fitted = image.resize(size, Image.Resampling.LANCZOS) if size != image.size else image
        sheet.paste(fitted, (x + (width - size[0]) // 2, y + (height - size[1]) // 2))
        draw.text((x, y + height + 2), label, fill="black", font=font)
    return sheet
