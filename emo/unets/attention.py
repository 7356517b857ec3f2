"""The one attention layer of every network here: self- and cross-attention with swappable backends."""

from typing import NamedTuple

import torch
from diffusers.models.attention import AttentionModuleMixin
from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch import nn


class KeyValue(NamedTuple):
    """Projected keys and values, each (B, tokens, heads, channels / heads)."""

    key: torch.Tensor
    value: torch.Tensor


class AttentionProcessor:
    """Calls the attention kernel that `set_attention_backend` chose; `None` means diffusers' active one."""

    _attention_backend = None
    _parallel_config = None

    def __call__(self, query: torch.Tensor, key_value: KeyValue) -> torch.Tensor:
        return dispatch_attention_fn(
            query, *key_value, backend=self._attention_backend, parallel_config=self._parallel_config
        )


class Attention(nn.Module, AttentionModuleMixin):
    """Multi-head attention whose state dict equals that of diffusers' `Attention` (`to_q to_k to_v to_out.0`).

    Args:
        dim: channels of the queries and of the output.
        heads: number of heads; must divide `dim`.
        context_dim: channels of the keys' and values' source, `dim` for self-attention.
        zero_init: start `to_out.0` at zero, so that a layer added to a pretrained network changes nothing at first.

    Raises:
        ValueError: `heads` does not divide `dim`.
    """

    processor: AttentionProcessor  # diffusers declares its own kinds only

    _default_processor_cls = AttentionProcessor
    _available_processors = (AttentionProcessor,)
    _supports_qkv_fusion = False

    def __init__(self, dim: int, heads: int, context_dim: int | None = None, *, zero_init: bool = False):
        super().__init__()
        if dim % heads:
            raise ValueError(f"{heads} attention heads do not divide {dim} channels")
        self.heads = heads
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(context_dim or dim, dim, bias=False)
        self.to_v = nn.Linear(context_dim or dim, dim, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(dim, dim)])
        if zero_init:
            zero_(self.to_out[0])
        self.set_processor(AttentionProcessor())  # pyright: ignore[reportArgumentType]

    def project(self, context: torch.Tensor) -> KeyValue:
        """Keys and values of `context` (B, tokens, context_dim)."""
        return KeyValue(*(linear(context).unflatten(-1, (self.heads, -1)) for linear in (self.to_k, self.to_v)))

    def forward(self, hidden_states: torch.Tensor, context: torch.Tensor | KeyValue | None = None) -> torch.Tensor:
        """Attend from `hidden_states` (B, L, dim) to `context`, which may be projected already, or to themselves."""
        if context is None:
            context = hidden_states
        key_value = context if isinstance(context, KeyValue) else self.project(context)
        query = self.to_q(hidden_states).unflatten(-1, (self.heads, -1))
        return self.to_out[0](self.processor(query, key_value).flatten(-2))


def zero_(layer: nn.Module) -> None:
    """Set a layer's weight and bias to zero, in place."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
