"""A stage that learns one batch by heart."""

from typing import Any

import torch


def losses(stage: Any, batch: Any, steps: int, learning_rate: float) -> list[float]:
    """What it loses before each of so many steps."""
    optimizer = torch.optim.AdamW([p for p in stage.networks.parameters() if p.requires_grad], learning_rate)
    found = []
    for _ in range(steps):
        loss, _ = stage.loss(stage.networks, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found
