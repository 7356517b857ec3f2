"""Latents and audio features of a batch: from its cache, or by the frozen encoders just as in generation."""

from dataclasses import dataclass

import torch
from torch import Tensor

from emo.data.batch import Batch
from emo.generation.audio_features import AudioFeatures, SampleWaveform
from emo.generation.latents import encode_pictures
from emo.media import as_fps
from emo.pipelines import EMOPipeline

PIXELS_AT_ONCE = 8 * 512 * 512


@dataclass(frozen=True)
class EncodedBatch:
    """B samples as the networks and their loss see them; see `Batch`, where they come from.

    Attributes:
        index: (B,) int64, global sample numbers.
        reference_latents: (B, L, h, w).
        latents: (B, N, L, h, w), of stage 1's targets, or of n + F frames, motion frames first.
        face_mask: M (B, 1, H, W).
        mouth: (B, N, 3): x, y of the mouth's middle and its width in pixels.
        eyes: (B, N, 2, 3): x, y of each eye's middle and their distance in pixels.
        audio: windows (B, F, 2m+1, layers, width) of the audio encoder's hidden states; None in stage 1.
        speed: windows (B, F, 2m+1) of head rotation speeds; None in stage 1.
    """

    index: Tensor
    reference_latents: Tensor
    latents: Tensor
    face_mask: Tensor
    mouth: Tensor
    eyes: Tensor
    audio: Tensor | None
    speed: Tensor | None


class FrozenEncoders:
    """Autoencoder and audio encoder of a pipeline, on the training device, never trained.

    Args:
        pipe: whose they are.
        device: to work on.
        bf16: whether the autoencoder may compute in bfloat16; its weights stay as they are, for they are saved again.
        num_frames, num_neighbors: F and m of the audio windows.
    """

    def __init__(self, pipe: EMOPipeline, device: torch.device, *, bf16: bool, num_frames: int, num_neighbors: int):
        self.device = device
        self.bf16 = bf16
        self.num_frames = num_frames
        self.num_neighbors = num_neighbors
        self.vae = pipe.vae.to(device).requires_grad_(False).eval()
        self.audio_encoder = pipe.audio_encoder.to(device).requires_grad_(False).eval()
        self.feature_extractor = pipe.feature_extractor

    @torch.no_grad()
    def __call__(self, batch: Batch) -> EncodedBatch:
        """What the networks see of a batch on the device; what it has from a cache stays as it is."""
        reference_latents, latents = self._latents(batch)
        silent = batch.audio is None and batch.sound is None
        return EncodedBatch(
            index=batch.index,
            reference_latents=reference_latents,
            latents=latents,
            face_mask=batch.face_mask,
            mouth=batch.mouth,
            eyes=batch.eyes,
            audio=None if silent else self._audio(batch, self.num_frames, self.num_neighbors),
            speed=batch.speed,
        )

    def _latents(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The reference's latents (B, L, h, w) and the frames' (B, N, L, h, w)."""
        if batch.latents is not None and batch.reference_latents is not None:
            return batch.reference_latents.float(), batch.latents.float()
        assert batch.reference is not None
        assert batch.frames is not None
        pictures = torch.cat([batch.reference[:, None], batch.frames], dim=1)
        at_once = max(1, PIXELS_AT_ONCE // (pictures.shape[-2] * pictures.shape[-1]))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            parts = [encode_pictures(self.vae, part) for part in pictures.flatten(0, 1).split(at_once)]
        latents = torch.cat(parts).float().unflatten(0, pictures.shape[:2])
        return latents[:, 0], latents[:, 1:]

    def _audio(self, batch: Batch, num_frames: int, num_neighbors: int) -> Tensor:
        """Windows (B, F, 2m+1, layers, width) of the audio encoder's hidden states (3.2.2)."""
        if batch.audio is not None:
            return batch.audio.float()
        assert batch.sound is not None
        windows = []
        for sound in batch.sound:
            waveform = SampleWaveform(sound.waveform.numpy(), sound.sampling_rate)
            features = AudioFeatures(
                waveform, self.audio_encoder, self.feature_extractor, as_fps(sound.fps), sound.num_frames
            )
            windows.append(features.windows(sound.start, sound.start + num_frames, num_neighbors))
        return torch.cat(windows)
