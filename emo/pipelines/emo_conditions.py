"""EMO's conditions of one clip, as the rows of a batch that guidance weights."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from emo.generation.guidance import ReusedGuidance, guidance_rows, guided
from emo.pipelines.emo_cache import own_forecasts
from emo.unets import BackboneUNet, KeyValue, MotionMaps, ReferenceKeyValues


@dataclass(frozen=True)
class VideoConditions:
    """What all clips of a video have in common.

    Attributes:
        latents: of the portrait, (1, L, h, w).
        reference: its keys and values.
        no_motion: the motion frames' maps before the first clip.
        face_mask: features (1, C, h, w).
    """

    latents: torch.Tensor
    reference: ReferenceKeyValues
    no_motion: MotionMaps
    face_mask: torch.Tensor


@dataclass(frozen=True)
class ClipConditions:
    """Everything that guides one clip, as rows of one batch; a row is the whole or has one condition dropped.

    Attributes:
        reference: keys and values, (rows, h·w, heads, C/heads) per site; of one row where all have the same.
        motion: maps of the motion frames, (rows, n, C, h, w) per site.
        audio: tokens (rows that hear, F, tokens, D); the row without, if any, is the last.
        face_mask_features: (1, C, h, w).
        speed: features (rows, F, l), or None for a backbone that ignores them.
        weights: weight of each row's prediction, (rows,); they sum to one.
        guidance: weights (rows, conditions) of which the network is told instead, or None if of none.
    """

    reference: ReferenceKeyValues
    motion: MotionMaps
    audio: torch.Tensor
    face_mask_features: torch.Tensor
    speed: torch.Tensor | None
    weights: torch.Tensor
    guidance: torch.Tensor | None

    def predict(self, unet: BackboneUNet, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The guided prediction (1, F, L, h, w) for noisy latents of that shape at a timestep ()."""
        with own_forecasts(unet, "all rows"):
            return guided(self.predict_rows(unet, latents, timestep), self.weights)

    def predictor(
        self, unet: BackboneUNet, guidance_every: int
    ) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """`predict` of one clip's steps, one after the other, with guidance that is computed every so many of them."""
        if guidance_every == 1 or len(self.weights) == 1:
            return partial(self.predict, unet)
        first, others = self._of_rows(slice(0, 1)), self._of_rows(slice(1, None))

        def whole(latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
            with own_forecasts(unet, "whole"):
                return first.predict_rows(unet, latents, timestep)

        def rows(latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
            if not unet.is_cache_enabled:
                return self.predict_rows(unet, latents, timestep)
            predictions = whole(latents, timestep)
            with own_forecasts(unet, "others", keep=False):  # their last step is long ago
                return torch.cat([predictions, others.predict_rows(unet, latents, timestep)])

        return ReusedGuidance(rows, whole, self.weights, guidance_every)

    def predict_rows(self, unet: BackboneUNet, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The rows' predictions (rows, F, L, h, w) for noisy latents (1, F, L, h, w) at a timestep ()."""
        return unet(
            latents.to(unet.dtype),
            timestep.to(latents.device).expand(len(self.weights)),
            self.reference,
            motion=self.motion,
            audio=self.audio,
            face_mask_features=self.face_mask_features,
            speed=self.speed,
            guidance=self.guidance,
        )

    def _of_rows(self, rows: slice) -> "ClipConditions":
        """The conditions of some of the rows."""

        def some(tensor: torch.Tensor) -> torch.Tensor:
            return tensor if tensor.shape[0] == 1 < len(self.weights) else tensor[rows]

        return replace(
            self,
            reference=self.reference.map(lambda pair: KeyValue(*map(some, pair))),
            motion=self.motion.map(some),
            audio=self.audio[rows],
            speed=None if self.speed is None else self.speed[rows],
            weights=self.weights[rows],
            guidance=None if self.guidance is None else self.guidance[rows],
        )

    def by_name(self) -> dict[str, Iterable[torch.Tensor]]:
        """The tensors of each condition, by what a user calls it."""
        return {
            "the portrait's features": [t for pair in self.reference.values() for t in pair],
            "the motion frames' features": self.motion.values(),
            "the sound's features": [self.audio],
            "the face region's features": [self.face_mask_features],
            "the speed's features": [] if self.speed is None else [self.speed],
        }


def batch_conditions(
    reference: ReferenceKeyValues,
    motion: MotionMaps,
    audio: torch.Tensor,
    face_mask_features: torch.Tensor,
    speed: torch.Tensor | None,
    scales: Mapping[str, float],
    heard: Sequence[str] = (),
) -> ClipConditions:
    """Batch one clip's conditions (one row each) for guidance.

    A dropped audio is zero tokens, which the backbone gives to rows that it has no tokens for; a dropped reference is
    zero features with the motion frames kept.

    Args:
        reference, motion, audio, face_mask_features, speed: as in `ClipConditions`, of one row.
        scales: guidance of `"audio"` and `"reference"`.
        heard: those of which the network is told, the backbone's `guidance_embeds`: they need no rows.
    """
    rows = guidance_rows({name: scales[name] for name in ("reference", "audio") if name not in heard})
    references = [reference.dropped() if name == "reference" else reference for name in rows]

    def stack(*key_values: KeyValue) -> KeyValue:
        return KeyValue(*(torch.cat(tensors) for tensors in zip(*key_values, strict=True)))

    def repeat(tensor: torch.Tensor, count: int = len(rows)) -> torch.Tensor:
        return tensor.expand(count, *tensor.shape[1:])

    return ClipConditions(
        reference=references[0].map(stack, *references[1:]) if "reference" in rows else reference,
        motion=motion.map(repeat),
        audio=repeat(audio, sum(name != "audio" for name in rows)),
        face_mask_features=face_mask_features,
        speed=None if speed is None else repeat(speed),
        weights=torch.tensor(list(rows.values()), device=audio.device),
        guidance=repeat(torch.tensor([[scales[name] for name in heard]], device=audio.device)) if heard else None,
    )
