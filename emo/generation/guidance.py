"""Classifier-free guidance per condition."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from emo.unets import BackboneUNet, KeyValue, MotionMaps, ReferenceKeyValues


@dataclass(frozen=True)
class ClipConditions:
    """Everything that guides one clip, as rows of one batch; a row is the whole or has one condition dropped.

    reference: keys and values, (rows, h·w, heads, C/heads) per site.
    motion: maps of the motion frames, (rows, n, C, h, w) per site.
    audio: tokens (rows, F, tokens, D).
    face_mask_features: (rows, C, h, w).
    speed: features (rows, F, l), or `None` for "No Speed".
    weights: weight of each row's prediction, (rows,); they sum to one.
    """

    reference: ReferenceKeyValues
    motion: MotionMaps
    audio: torch.Tensor
    face_mask_features: torch.Tensor
    speed: torch.Tensor | None
    weights: torch.Tensor

    def predict(self, unet: BackboneUNet, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The guided prediction (1, F, L, h, w) for noisy latents of that shape at a timestep ()."""
        rows = len(self.weights)
        prediction = unet(
            latents.to(unet.dtype).expand(rows, -1, -1, -1, -1),
            timestep.to(latents.device).expand(rows),
            self.reference,
            motion=self.motion,
            audio=self.audio,
            face_mask_features=self.face_mask_features,
            speed=self.speed,
        )
        # A weighted sum and no matrix product, which TF32 would round.
        return (self.weights.view(-1, 1, 1, 1, 1) * prediction.float()).sum(dim=0, keepdim=True)

    def by_name(self) -> dict[str, Iterable[torch.Tensor]]:
        """The tensors of each condition, by what a user calls it."""
        return {
            "the portrait's features": [t for pair in self.reference.values() for t in pair],
            "the motion frames' features": self.motion.values(),
            "the sound's features": [self.audio],
            "the face region's features": [self.face_mask_features],
            "the speed's features": [] if self.speed is None else [self.speed],
        }


def guide(
    reference: ReferenceKeyValues,
    motion: MotionMaps,
    audio: torch.Tensor,
    face_mask_features: torch.Tensor,
    speed: torch.Tensor | None,
    *,
    audio_guidance_scale: float,
    reference_guidance_scale: float,
) -> ClipConditions:
    """Batch one clip's conditions (one row each) for pred = c + Σ_k (w_k − 1) (c − c_{k=∅}).

    This is VASA-1's eq. 2 with λ = w − 1. A dropped audio is zero tokens, a dropped reference is zero features with
    the motion frames kept. A scale of 1 adds no row and so costs no time.
    """
    audios, references, weights = [audio], [reference], [1.0]
    if audio_guidance_scale != 1:
        audios.append(torch.zeros_like(audio))
        references.append(reference)
        weights.append(1 - audio_guidance_scale)
    if reference_guidance_scale != 1:
        audios.append(audio)
        references.append(reference.dropped())
        weights.append(1 - reference_guidance_scale)
    weights[0] -= sum(weights[1:])
    rows = len(weights)
    repeat = lambda tensor: tensor.expand(rows, *tensor.shape[1:])
    stack = lambda *key_values: KeyValue(*(torch.cat(tensors) for tensors in zip(*key_values, strict=True)))
    return ClipConditions(
        reference=references[0].map(stack, *references[1:]),
        motion=motion.map(repeat),
        audio=torch.cat(audios),
        face_mask_features=repeat(face_mask_features),
        speed=None if speed is None else repeat(speed),
        weights=torch.tensor(weights, device=audio.device),
    )
