"""Classifier-free guidance per condition: pred = c + Σ_k (w_k − 1) (c − c without condition k).

This is VASA-1's eq. 2 with λ = w − 1. What a row of the batch holds, and what dropping a condition is, the model says.
"""

from collections.abc import Mapping

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
