"""All networks that any stage trains, as one module: accelerate, DeepSpeed and FSDP prepare one model."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from emo.pipelines import EMOPipeline
from emo.unets import AudioProjection, BackboneUNet, FaceLocator, KeyValue, ReferenceNet, SpeedEncoder

PARTS = ("unet", "reference_unet", "face_locator", "speed_encoder", "audio_projection")


class EMONetworks(nn.Module):
    """The trainable components of a pipeline, under the pipeline's names, and one denoising pass through them."""

    def __init__(
        self,
        unet: BackboneUNet,
        reference_unet: ReferenceNet,
        face_locator: FaceLocator,
        speed_encoder: SpeedEncoder,
        audio_projection: AudioProjection,
    ):
        super().__init__()
        self.unet = unet
        self.reference_unet = reference_unet
        self.face_locator = face_locator
        self.speed_encoder = speed_encoder
        self.audio_projection = audio_projection

    @classmethod
    def of(cls, pipe: EMOPipeline) -> "EMONetworks":
        """A pipeline's own networks."""
        return cls(**{name: getattr(pipe, name) for name in PARTS})

    def parts(self) -> dict[str, Any]:
        """The components by name."""
        return {name: getattr(self, name) for name in PARTS}

    def blank_copy(self) -> "EMONetworks":
        """Networks of the same configuration on the meta device: shapes without weights."""
        with torch.device("meta"):
            return EMONetworks(**{name: type(part).from_config(part.config) for name, part in self.parts().items()})

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        reference_latents: Tensor,
        face_mask: Tensor,
        keep: Mapping[str, Tensor],
        motion_latents: Tensor | None = None,
        audio: Tensor | None = None,
        speed: Tensor | None = None,
        guidance: Tensor | None = None,
    ) -> Tensor:
        """ReferenceNet, reference projection and backbone; dropped conditions are those of guidance.

        Args:
            sample: noisy latents (B, F, L, h, w).
            timestep: (B,), or (B, F) where frames have their own.
            reference_latents: (B, L, h, w).
            face_mask: M (B, 1, H, W); white where dropped.
            keep: factors 0 or 1, (B,), by condition; without motion, audio or speed their factors are not
                looked at.
            motion_latents: (B, n, L, h, w) or None to skip the temporal modules; zero maps where dropped.
            audio: windows (B, F, 2m+1, layers, width) or None to skip the audio layers; zero tokens where dropped.
            speed: windows (B, F, 2m+1) or None to skip the speed layers; zero features where dropped.
            guidance: weights (B, conditions) for a backbone that is told them.

        Returns:
            The prediction (B, F, L, h, w).
        """
        conditions = self.conditions(self.unet, reference_latents, face_mask, keep, motion_latents, audio, speed)
        return self.unet(sample.to(self.unet.dtype), timestep, **conditions, guidance=guidance)

    def conditions(
        self,
        unet: BackboneUNet,
        reference_latents: Tensor,
        face_mask: Tensor,
        keep: Mapping[str, Tensor],
        motion_latents: Tensor | None = None,
        audio: Tensor | None = None,
        speed: Tensor | None = None,
    ) -> dict[str, Any]:
        """What a backbone, these networks' or another one, is given beside noisy latents and timestep, by name; the
        arguments are those of `forward`."""
        dtype = unet.dtype  # other than the inputs' where DeepSpeed holds the weights in half precision
        features = self.reference_unet(
            reference_latents.to(dtype), None if motion_latents is None else motion_latents.to(dtype)
        )
        reference = unet.project_reference(features.reference).map(
            lambda kv: KeyValue(_keep(kv.key, keep["reference"]), _keep(kv.value, keep["reference"]))
        )
        motion = features.motion and features.motion.map(lambda maps: _keep(maps, keep["motion"]))
        tokens = None if audio is None else _keep(self.audio_projection(audio.to(dtype)), keep["audio"])
        speed_features = None if speed is None else _keep(self.speed_encoder(speed), keep["speed"])
        white = 1 - _keep(1 - face_mask.to(dtype), keep["face_mask"])
        return {
            "reference": reference,
            "motion": motion,
            "audio": tokens,
            "face_mask_features": self.face_locator(white),
            "speed": speed_features,
        }


def _keep(tensor: Tensor, factor: Tensor) -> Tensor:
    return tensor * factor.to(tensor.dtype).view(-1, *[1] * (tensor.dim() - 1))


def is_temporal(name: str) -> bool:
    """Whether a parameter belongs to the temporal modules (3.2.4), the speed layers in them included."""
    return ".motion_modules." in name


def is_audio(name: str) -> bool:
    """Whether a parameter belongs to the audio layers (3.2.2) or the projection to their tokens."""
    return ".audio_attn." in name or ".audio_norm." in name or name.startswith("audio_projection.")


def is_speed(name: str) -> bool:
    """Whether a parameter belongs to the speed layers (3.2.5) or the encoder of speeds."""
    return ".speed_attn." in name or ".speed_norm." in name or name.startswith("speed_encoder.")
