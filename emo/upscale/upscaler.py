"""A network that enlarges whole frames."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from emo.errors import OptionError

SMALLEST = 64
"""Pixels of the shorter side that frames may be brought to."""


@dataclass(frozen=True)
class Upscaler:
    """Frames uint8 (H, W, 3) -> larger ones; in memory is one at a time.

    Attributes:
        network: pictures (1, 3, H, W) in 0 to 1 -> (1, 3, factor H, factor W).
        factor: by which it enlarges.
        name: of its file or repository, without folders.
        architecture: of the network.
        weights: its tensors by name.
        device, dtype: where and in which precision it computes.
        size: pixels of the shorter side that frames are brought to after it; None for as it enlarges them.

    Raises:
        OptionError: the size is too small.
    """

    network: Callable[[Tensor], Tensor] = field(repr=False)
    factor: int
    name: str
    architecture: str
    weights: Mapping[str, Tensor] = field(repr=False)
    device: torch.device
    dtype: torch.dtype
    size: int | None = None

    def __post_init__(self):
        if self.size is not None and self.size < SMALLEST:
            raise OptionError(f"upscale_size is {self.size}; it must be at least {SMALLEST}", option="upscale_size")

    def sized(self, size: int | None) -> "Upscaler":
        """The same, to another size."""
        return replace(self, size=size)

    def frame_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of frames that were so large before."""
        height, width = height * self.factor, width * self.factor
        if self.size is None:
            return height, width
        shorter = min(height, width)
        even = (2 * round(side * self.size / shorter / 2) for side in (height, width))
        return next(even), next(even)

    @torch.no_grad()
    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """One frame uint8 (H, W, 3) -> uint8 of `frame_size`."""
        height, width = self.frame_size(*frame.shape[:2])
        picture = torch.from_numpy(frame).to(self.device).permute(2, 0, 1)[None].to(self.dtype) / 255
        large = self.network(picture)[0].float().clamp(0, 1).mul(255).round().to(torch.uint8)
        pixels = np.ascontiguousarray(large.permute(1, 2, 0).cpu().numpy())
        if pixels.shape[:2] == (height, width):
            return pixels
        smaller = height < pixels.shape[0]
        return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LANCZOS4)

    def fingerprint(self) -> str:
        """What the frames depend on."""
        digest = hashlib.sha256(f"{self.architecture} {self.factor} {self.size} {self.dtype}".encode())
        for name, tensor in sorted(self.weights.items()):
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def record(self) -> dict[str, str | int | None]:
        """What a video's origin says of it."""
        return {
            "name": self.name,
            "architecture": self.architecture,
            "factor": self.factor,
            "size": self.size,
            "fingerprint": self.fingerprint(),
        }
