"""EMO's conditions of one clip, as the rows of a batch that guidance weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from emo.generation.guidance import guidance_rows, guided
from emo.unets import BackboneUNet, KeyValue, MotionMaps, ReferenceKeyValues


@dataclass(frozen=True)
class ClipConditions:
    """Everything that guides one clip, as rows of one batch; a row is the whole or has one condition dropped.

    Attributes:
        reference: keys and values, (rows, h·w, heads, C/heads) per site.
        motion: maps of the motion frames, (rows, n, C, h, w) per site.
        audio: tokens (rows, F, tokens, D).
        face_mask_features: (rows, C, h, w).
        speed: features (rows, F, l).
        weights: weight of each row's prediction, (rows,); they sum to one.
        guidance: weights (rows, conditions) of which the network is told instead, or None if of none.
    """

    reference: ReferenceKeyValues
    motion: MotionMaps
    audio: torch.Tensor
    face_mask_features: torch.Tensor
    speed: torch.Tensor
    weights: torch.Tensor
    guidance: torch.Tensor | None

    def predict(self, unet: BackboneUNet, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The guided prediction (1, F, L, h, w) for noisy latents of that shape at a timestep ()."""
        rows = len(self.weights)
        predictions = unet(
            latents.to(unet.dtype).expand(rows, -1, -1, -1, -1),
            timestep.to(latents.device).expand(rows),
            self.reference,
            motion=self.motion,
            audio=self.audio,
            face_mask_features=self.face_mask_features,
            speed=self.speed,
            guidance=self.guidance,
        )
        return guided(predictions, self.weights)

    def by_name(self) -> dict[str, Iterable[torch.Tensor]]:
        """The tensors of each condition, by what a user calls it."""
        return {
            "the portrait's features": [t for pair in self.reference.values() for t in pair],
            "the motion frames' features": self.motion.values(),
            "the sound's features": [self.audio],
            "the face region's features": [self.face_mask_features],
            "the speed's features": [self.speed],
        }


def batch_conditions(
    reference: ReferenceKeyValues,
    motion: MotionMaps,
    audio: torch.Tensor,
    face_mask_features: torch.Tensor,
    speed: torch.Tensor,
    scales: Mapping[str, float],
    heard: Sequence[str] = (),
) -> ClipConditions:
    """Batch one clip's conditions (one row each) for guidance.

    A dropped audio is zero tokens, a dropped reference is zero features with the motion frames kept.

    Args:
        reference, motion, audio, face_mask_features, speed: as in `ClipConditions`, of one row.
        scales: guidance of `"audio"` and `"reference"`.
        heard: those of which the network is told, the backbone's `guidance_embeds`: they need no rows.
    """
    rows = guidance_rows({name: scale for name, scale in scales.items() if name not in heard})
    references = [reference.dropped() if name == "reference" else reference for name in rows]
    audios = [torch.zeros_like(audio) if name == "audio" else audio for name in rows]

    def stack(*key_values: KeyValue) -> KeyValue:
        return KeyValue(*(torch.cat(tensors) for tensors in zip(*key_values, strict=True)))

    def repeat(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.expand(len(rows), *tensor.shape[1:])

    return ClipConditions(
        reference=references[0].map(stack, *references[1:]),
        motion=motion.map(repeat),
        audio=torch.cat(audios),
        face_mask_features=repeat(face_mask_features),
        speed=repeat(speed),
        weights=torch.tensor(list(rows.values()), device=audio.device),
        guidance=repeat(torch.tensor([[scales[name] for name in heard]], device=audio.device)) if heard else None,
    )
