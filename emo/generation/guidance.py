"""Classifier-free guidance per condition: pred = c + Σ_k (w_k − 1) (c − c without condition k).

This is VASA-1's eq. 2 with λ = w − 1. What a row of the batch holds, and what dropping a condition is, the model says.
"""

from collections.abc import Callable, Mapping

import torch


def guidance_rows(scales: Mapping[str, float]) -> dict[str | None, float]:
    """The predictions that guidance needs, each a row of one batch.

    Args:
        scales: w by condition. A scale of 1 needs no row and so costs no time.

    Returns:
        The weight of each row by the name of the condition that it lacks, None for none, which comes first. The
        weights sum to one.
    """
    dropped: dict[str | None, float] = {name: 1 - scale for name, scale in scales.items() if scale != 1}
    return {None: 1.0 - sum(dropped.values())} | dropped


def guided(predictions: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The rows' predictions (rows, ...), weighted by (rows,) and added, float32 (1, ...)."""
    # A weighted sum and no matrix product, which TF32 would round.
    weights = weights.view(-1, *[1] * (predictions.ndim - 1))
    return (weights * predictions.float()).sum(dim=0, keepdim=True)


Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(noisy latents, timestep) -> predictions (rows, ...)."""


class ReusedGuidance:
    """Guided predictions of one clip, step after step, whose guidance is computed every N steps and kept between.

    pred = c + g, where g = Σ_k (w_k − 1) (c − c without condition k) changes little from step to step.

    Args:
        rows: predicts all rows.
        whole: predicts the first one alone.
        weights: of all rows, (rows,).
        every: N.
    """

    def __init__(self, rows: Predict, whole: Predict, weights: torch.Tensor, every: int):
        self.rows, self.whole = rows, whole
        self.weights = weights
        self.every = every
        self.steps = 0
        self.guidance: torch.Tensor | float = 0.0

    def __call__(self, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The guided prediction (1, ...), float32, of the next step."""
        step, self.steps = self.steps, self.steps + 1
        if step % self.every:
            return self.whole(latents, timestep).float() + self.guidance
        predictions = self.rows(latents, timestep)
        prediction = guided(predictions, self.weights)
        self.guidance = prediction - predictions[:1].float()
        return prediction
