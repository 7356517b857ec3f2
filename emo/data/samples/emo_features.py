"""EMO's cached features: the autoencoder's latents of the frames, the audio encoder's states of the sound."""

from functools import partial

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emo.data.features import CachedFeature
from emo.data.format import reading_clips
from emo.data.reader import ClipReader
from emo.generation.audio_features import AudioFeatures
from emo.generation.latents import encode_pictures
from emo.media import AudioTrack

LATENTS = "latents"
AUDIO = "audio"


def emo_features(
    vae: AutoencoderKL,
    audio_encoder: Wav2Vec2Model,
    feature_extractor: Wav2Vec2FeatureExtractor,
    *,
    batch_size: int = 16,
    dtype: torch.dtype = torch.float32,
) -> dict[str, CachedFeature]:
    """`latents` (T, L, h, w), scaled as the scheduler wants them, and `audio` (T, layers, width); both float16.

    Args:
        vae: the autoencoder, on the device where it is to work.
        audio_encoder: wav2vec 2.0, on the device where it is to work.
        feature_extractor: its settings.
        batch_size: frames at a time.
        dtype: in which the autoencoder computes; its weights, and so the cache's name, stay as they are.
    """
    return {
        LATENTS: CachedFeature({"vae": vae}, partial(_latents, vae=vae, batch_size=batch_size, dtype=dtype)),
        AUDIO: audio_feature(audio_encoder, feature_extractor),
    }


def audio_feature(audio_encoder: Wav2Vec2Model, feature_extractor: Wav2Vec2FeatureExtractor) -> CachedFeature:
    """`audio` alone; the arguments are those of `emo_features`."""
    compute = partial(_audio, encoder=audio_encoder, feature_extractor=feature_extractor)
    return CachedFeature({"audio_encoder": audio_encoder}, compute)


@torch.no_grad()
def _latents(reader: ClipReader, number: int, *, vae: AutoencoderKL, batch_size: int, dtype: torch.dtype) -> Tensor:
    parts = []
    for frames in reader.batches(number, batch_size):
        pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).to(vae.device)
        with torch.autocast(vae.device.type, dtype, enabled=dtype != torch.float32):
            latents = encode_pictures(vae, pictures)
        parts.append(latents.to("cpu", torch.float16))
    return torch.cat(parts)


@torch.no_grad()
def _audio(
    reader: ClipReader, number: int, *, encoder: Wav2Vec2Model, feature_extractor: Wav2Vec2FeatureExtractor
) -> Tensor | None:
    """The hidden states at every frame as `AudioFeatures` gives them."""
    clip = reader.clips[number]
    if not clip.has_audio:
        return None
    with reading_clips(), AudioTrack.open(reader.path(number), feature_extractor.sampling_rate) as track:
        features = AudioFeatures(track, encoder, feature_extractor, clip.rate, clip.frames)
        return features.windows(0, clip.frames, 0)[0, :, 0].to("cpu", torch.float16)
