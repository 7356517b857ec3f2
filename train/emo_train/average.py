"""Exponential moving average of the weights that train."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from diffusers.training_utils import EMAModel
from torch import nn


class AveragedWeights:
    """EMA of parameters in float32, with diffusers' warm-up (1 + t)/(10 + t); nothing at all for a decay of 0."""

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float):
        self.parameters = list(parameters)
        self._ema = None
        if decay:
            with torch.no_grad():
                self._ema = EMAModel([p.float() for p in self.parameters], decay=decay, foreach=True)

    def step(self) -> None:
        """Take the parameters of this step in."""
        if self._ema is not None:
            self._ema.step(self.parameters)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The averages stand in the parameters while the context lasts."""
        if self._ema is None:
            yield
            return
        self._ema.store(self.parameters)
        self._ema.copy_to(self.parameters)
        try:
            yield
        finally:
            self._ema.restore(self.parameters)

    def state_dict(self) -> dict:
        return {} if self._ema is None else self._ema.state_dict()

    def load_state_dict(self, state: dict) -> None:
        if self._ema is not None and state:
            devices = [p.device for p in self._ema.shadow_params]
            self._ema.load_state_dict(state)
            pairs = zip(self._ema.shadow_params, devices, strict=True)
            self._ema.shadow_params = [p.to(device) for p, device in pairs]
