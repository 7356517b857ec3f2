"""What losses of motion share."""

from torch import Tensor


def masked_mean(error: Tensor, mask: Tensor) -> Tensor:
    """Mean over samples of the means over each one's frames that there are, (B, T, columns) and (B, T)."""
    frames = error.mean(-1) * mask
    return (frames.sum(1) / mask.sum(1).clamp(min=1)).mean()
