"""Audio encoders with random weights: of the shapes of published ones, or small ones of their kinds."""

import torch
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WhisperConfig,
    WhisperFeatureExtractor,
)

from emo.unets import WhisperAudioEncoder

WHISPER = {  # width, layers, heads; the feed-forward is four times as wide
    "small_test": (16, 2, 2),
    "openai/whisper-tiny": (384, 4, 6),
    "openai/whisper-base": (512, 6, 8),
}


def whisper_config(name: str, **changed) -> WhisperConfig:
    width, layers, heads = WHISPER[name]
    return WhisperConfig(
        d_model=width,
        encoder_layers=layers,
        encoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        decoder_layers=layers,
        decoder_attention_heads=heads,
        decoder_ffn_dim=4 * width,
        **changed,
    )


def xls_r_config(layers: int = 24) -> Wav2Vec2Config:
    """facebook/wav2vec2-xls-r-300m, which has 24 layers."""
    return Wav2Vec2Config(
        hidden_size=1024,
        num_hidden_layers=layers,
        num_attention_heads=16,
        intermediate_size=4096,
        feat_extract_norm="layer",
        conv_bias=True,
        do_stable_layer_norm=True,
    )


def whisper(name: str = "small_test", seed: int = 0):
    """Encoder and feature extractor."""
    torch.manual_seed(seed)
    return WhisperAudioEncoder(whisper_config(name)).eval(), WhisperFeatureExtractor()


def xls_r(layers: int = 24):
    """Encoder and feature extractor."""
    torch.manual_seed(0)
    return Wav2Vec2Model(xls_r_config(layers)).eval(), Wav2Vec2FeatureExtractor(do_normalize=True)


def wav2vec2_base():
    """Encoder and feature extractor, of facebook/wav2vec2-base's shapes."""
    torch.manual_seed(0)
    return Wav2Vec2Model(Wav2Vec2Config()).eval(), Wav2Vec2FeatureExtractor(do_normalize=True)
