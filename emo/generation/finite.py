"""Numbers that are NaN or infinite become an error, not a black video."""

from collections.abc import Iterable, Mapping

import torch

from emo.errors import GenerationError, Setting


class FiniteCheck:
    """Watches one clip. While it is denoised nothing is awaited from the device; the answer is read once, at its end.

    Args:
        clip: which one, from 0 on.
        dtype: the precision that the networks work in.
    """

    def __init__(self, clip: int, dtype: torch.dtype):
        self.clip, self.dtype = clip, dtype
        self._steps: list[torch.Tensor] = []

    def step(self, latents: torch.Tensor) -> None:
        """Note whether the latents after one more step are finite."""
        self._steps.append(torch.isfinite(latents).all())

    def conclude(self, conditions: Mapping[str, Iterable[torch.Tensor]]) -> None:
        """See that all steps gave finite latents.

        Args:
            conditions: what went into them, by the names that a message uses; looked at only if they did not.

        Raises:
            GenerationError: they did not; names the clip, the step, and the condition that was not finite already.
        """
        fine = torch.stack(self._steps).tolist()
        if all(fine):
            return
        source = next((name for name, tensors in conditions.items() if not _finite(tensors)), None)
        raise self._error(f"at step {fine.index(False) + 1}", f", already in {source}" if source else "")

    def decoded(self, pictures: torch.Tensor) -> None:
        """See that the frames are finite.

        Raises:
            GenerationError: they are not.
        """
        if not _finite([pictures]):
            raise self._error("in the frames that the vae decoded", "")

    def _error(self, where: str, source: str) -> GenerationError:
        problem = f"clip {self.clip + 1} came out as NaN or infinite numbers {where}{source}"
        if self.dtype == torch.float32:
            remedy = "the weights may be damaged: fetch or train them anew, or try other options"
            return GenerationError(problem, remedy=remedy)
        return GenerationError(problem, remedy="try {}", setting=Setting("dtype", "float32"))


def _finite(tensors: Iterable[torch.Tensor]) -> bool:
    """By the least and the greatest number, which are NaN where any is: memory is gone through once."""
    ends = (end for tensor in tensors for end in torch.aminmax(tensor))
    return all(bool(torch.isfinite(end)) for end in ends)
