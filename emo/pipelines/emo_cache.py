"""Whole layers of the backbone, forecast from the steps before instead of computed in every step (TaylorSeer)."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from diffusers.hooks.hooks import HookRegistry
from diffusers.hooks.taylorseer_cache import TaylorSeerCacheConfig, TaylorSeerCacheHook

from emo.unets import BackboneUNet

LAYERS = [r".*\.(attentions|motion_modules|resnets)\.\d+"]
FULL_STEPS = 3  # the first of a clip, in which most is decided, are computed whole


@contextmanager
def forecast_layers(unet: BackboneUNet, interval: int) -> Iterator[None]:
    """While it is entered, layers are computed in every `interval`-th step only; in between their outputs are forecast
    linearly from the last two (https://arxiv.org/abs/2503.06923). Nothing is kept from one clip to the next.

    Args:
        unet: whose layers.
        interval: 1 for every step, which changes nothing.
    """
    if interval == 1:
        yield
        return
    unet.enable_cache(
        TaylorSeerCacheConfig(
            cache_interval=interval,
            disable_cache_before_step=FULL_STEPS,
            max_order=1,
            taylor_factors_dtype=unet.dtype,
            cache_identifiers=LAYERS,
        )
    )
    try:
        yield
    finally:
        unet.disable_cache()


@contextmanager
def own_forecasts(unet: BackboneUNet, rows: str, keep: bool = True) -> Iterator[None]:
    """Let the calls within have forecasts of their own, where layers are forecast.

    Args:
        unet: whose layers.
        rows: name of the rows that are predicted, always the same ones.
        keep: whether the next call with these rows forecasts from this one; otherwise it computes all.
    """
    with unet.cache_context(rows) if unet.is_cache_enabled else nullcontext():
        yield
        if unet.is_cache_enabled and not keep:
            for state in _states(unet):
                state.reset()


def _states(unet: torch.nn.Module) -> Iterator:
    """Of every forecast layer, what it knows of the rows that are predicted now."""
    for module in unet.modules():
        registry = getattr(module, "_diffusers_hook", None)
        for hook in registry.hooks.values() if isinstance(registry, HookRegistry) else ():
            if isinstance(hook, TaylorSeerCacheHook):
                yield hook.state_manager.get_state()
