"""A Transformer that goes on from a memory as an LSTM does: a frame sees itself and those shortly before."""

import torch
from torch import Tensor, nn

from emo.motion.blocks import TransformerBlock

REACH = 50  # frames that a layer sees, the last of them its own


class PastTransformer(nn.Module):
    """In place of `nn.LSTM(columns, dim, layers, batch_first=True)`, whose arguments and results it has.

    Its memory holds the inputs of as many frames as all layers together see; the second part is empty.
    """

    def __init__(self, columns: int, dim: int, layers: int, heads: int):
        super().__init__()
        self.frames_in = nn.Linear(columns, dim)
        self.blocks = nn.ModuleList(TransformerBlock(dim, heads) for _ in range(layers))
        self.norm_out = nn.LayerNorm(dim)

    def forward(self, x: Tensor, memory: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, T, columns) and a memory, (n, B, dim) and (0, B, dim), -> (B, T, dim) and the memory after them."""
        hidden = self.frames_in(x)
        if memory is not None:
            hidden = torch.cat([memory[0].transpose(0, 1), hidden], 1)
        after = hidden[:, -len(self.blocks) * (REACH - 1) :].transpose(0, 1)
        frame = torch.arange(hidden.shape[1], device=x.device)
        before = frame[:, None] - frame
        for block in self.blocks:
            hidden = block(hidden, seen=(before >= 0) & (before < REACH))
        return self.norm_out(hidden[:, -x.shape[1] :]), (after, after[:0])
