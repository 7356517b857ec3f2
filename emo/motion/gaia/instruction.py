"""An instruction in the place of speech: the same for every frame, and no pose with it (GAIA, 3.4)."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import CLIPTextModelWithProjection, CLIPTokenizer

from emo.motion.gaia.words import sentence_ids

NOTHING = ""
"""The sentence of those who are told nothing."""


@dataclass(frozen=True)
class Instruction:
    """What a sentence says to the motion model; called as `SpeechEncoder` is.

    Attributes:
        told: the sentence's embedding, (d,).
        nothing: that of no sentence, (d,).
    """

    told: Tensor = field(repr=False)
    nothing: Tensor = field(repr=False)

    @classmethod
    @torch.no_grad()
    def of(
        cls, sentence: str, tokenizer: CLIPTokenizer, encoder: CLIPTextModelWithProjection, device: torch.device
    ) -> "Instruction":
        """Encode a sentence on a device."""
        ids = sentence_ids(tokenizer, [sentence, NOTHING]).to(device)
        told, nothing = encoder(input_ids=ids).text_embeds
        return cls(told, nothing)

    def __call__(self, audio: Tensor, pose: Tensor, has_speech: Tensor) -> Tensor:
        """(B, N, d) for frames (B, N, ...), of which neither sound nor poses are looked at.

        Args:
            audio: whose number of frames counts alone.
            pose: the same.
            has_speech: (B,) bool, which rows are told anything.
        """
        chosen = torch.where(has_speech[:, None], self.told, self.nothing)
        return chosen[:, None].expand(-1, audio.shape[1], -1)
