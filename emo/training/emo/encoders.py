"""Latents and audio features of a batch: from its cache, or by the frozen encoders just as in generation."""

import torch
from torch import Tensor

from emo.data import Batch
from emo.generation.audio_features import AudioFeatures, SampleWaveform
from emo.generation.latents import encode_pictures
from emo.media import as_fps
from emo.pipelines import EMOPipeline

PIXELS_AT_ONCE = 8 * 512 * 512


class FrozenEncoders:
    """Autoencoder and audio encoder of a pipeline, on the training device, never trained.

    Args:
        bf16: whether the autoencoder may compute in bfloat16; its weights stay as they are, for they are saved again.
    """

    def __init__(self, pipe: EMOPipeline, device: torch.device, bf16: bool):
        self.device, self.bf16 = device, bf16
        self.vae = pipe.vae.to(device).requires_grad_(False).eval()
        self.audio_encoder = pipe.audio_encoder.to(device).requires_grad_(False).eval()
        self.feature_extractor = pipe.feature_extractor

    @torch.no_grad()
    def latents(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The reference's latents (B, L, h, w) and the frames' (B, N, L, h, w)."""
        if batch.latents is not None:
            return batch.reference_latents.float(), batch.latents.float()
        pictures = torch.cat([batch.reference[:, None], batch.frames], dim=1)
        at_once = max(1, PIXELS_AT_ONCE // (pictures.shape[-2] * pictures.shape[-1]))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            parts = [encode_pictures(self.vae, part) for part in pictures.flatten(0, 1).split(at_once)]
        latents = torch.cat(parts).float().unflatten(0, pictures.shape[:2])
        return latents[:, 0], latents[:, 1:]

    @torch.no_grad()
    def audio(self, batch: Batch, num_frames: int, num_neighbors: int) -> Tensor:
        """Windows (B, F, 2m+1, layers, width) of the audio encoder's hidden states (3.2.2)."""
        if batch.audio is not None:
            return batch.audio.float()
        windows = []
        for sound in batch.sound:
            waveform = SampleWaveform(sound.waveform.numpy(), sound.sampling_rate)
            features = AudioFeatures(
                waveform, self.audio_encoder, self.feature_extractor, as_fps(sound.fps), sound.num_frames
            )
            windows.append(features.windows(sound.start, sound.start + num_frames, num_neighbors))
        return torch.cat(windows)
