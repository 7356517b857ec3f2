"""Random values for layers that start at zero, so that a test can see whether they matter."""

import torch


def fill_zero_init(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Fill every parameter that is all zero with N(0, 0.02): a zero output hides whether a condition matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.02, generator=generator)
    return module
