"""Decoded pictures → frames of the kind that was asked for."""

from collections.abc import Iterator

import numpy as np
import PIL.Image
import torch

from emo.face import Portrait


def finish_frames(
    pictures: torch.Tensor, output_type: str, paste_into: Portrait | None
) -> list | np.ndarray | torch.Tensor:
    """Frames from the autoencoder's output.

    Args:
        pictures: (n, 3, H, W), in [−1, 1] but for what overshoots, or uint8; for `"latent"` (n, ...).
        output_type: `"pil"`, `"np"`, `"pt"`, `"uint8"` or `"latent"`.
        paste_into: put each frame into this portrait's full picture (h, w); the result has 8 bits of depth then.

    Returns:
        List of PIL images, array (n, H, W, 3) or tensor (n, 3, H, W) in [0, 1], array uint8 (n, H, W, 3), or the
        latents as they are.
    """
    if output_type == "latent":
        return pictures
    if paste_into is None and output_type in ("np", "pt"):
        frames = _unit(pictures)
        return frames if output_type == "np" else torch.from_numpy(frames).permute(0, 3, 1, 2)
    frames = _eight_bits(pictures)
    if paste_into is not None:
        frames = paste_into.crop.paste(frames, paste_into.picture)
    if output_type in ("uint8", "pil"):
        return frames if output_type == "uint8" else [PIL.Image.fromarray(frame) for frame in frames]
    frames = frames.astype(np.float32) / 255
    return frames if output_type == "np" else torch.from_numpy(frames).permute(0, 3, 1, 2)


def each_frame(pictures: torch.Tensor, paste_into: Portrait | None) -> Iterator[np.ndarray]:
    """The frames of `finish_frames` as `"uint8"`, one by one: full pictures of any size take the memory of one."""
    frames = _eight_bits(pictures)
    return iter(frames) if paste_into is None else paste_into.crop.paste_each(frames, paste_into.picture)


def _unit(pictures: torch.Tensor) -> np.ndarray:
    """(n, 3, H, W) -> (n, H, W, 3) float32, 0 to 1."""
    return _shares(pictures).permute(0, 2, 3, 1).numpy()


def _eight_bits(pictures: torch.Tensor) -> np.ndarray:
    """(n, 3, H, W) -> (n, H, W, 3) uint8."""
    if pictures.dtype == torch.uint8:
        return np.ascontiguousarray(pictures.permute(0, 2, 3, 1).numpy())
    return _shares(pictures).mul_(255).round_().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def _shares(pictures: torch.Tensor) -> torch.Tensor:
    """The same, 0 to 1, in memory of its own."""
    return pictures / 255 if pictures.dtype == torch.uint8 else (pictures / 2).add_(0.5).clamp_(0, 1)
