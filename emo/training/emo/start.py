"""The pipeline from which a stage starts."""

from typing import Any

from emo.errors import ConfigError, WeightsError
from emo.hub import build_pipeline, fetch_audio_encoder, import_pipeline, load_model_config, load_vae
from emo.pipelines import EMOPipeline
from emo.training.emo.config import EMOStartConfig


def starting_pipeline(config: EMOStartConfig, seed: int) -> EMOPipeline:
    """An earlier stage's folder, public weights (3.3), or random networks around a trained autoencoder and encoder.

    Raises:
        ConfigError: the options contradict each other, or a random encoder would be used unasked.
        WeightsError: weights are missing or do not fit.
    """
    if config.init:
        if config.sd15 or config.motion_adapter or config.config:
            raise ConfigError("model.init brings all weights: leave out model.config, sd15 and motion_adapter")
        return _with_encoders(EMOPipeline.from_pretrained(config.init), config)
    if not config.config:
        raise ConfigError("model.init or model.config must say what to start from")
    model = load_model_config(config.config)
    if config.sd15:
        if not (config.motion_adapter and config.audio_encoder):
            raise ConfigError("model.sd15, motion_adapter and audio_encoder go together")
        return import_pipeline(
            model,
            sd15=config.sd15,
            motion_adapter=config.motion_adapter,
            audio_encoder=config.audio_encoder,
            vae=config.vae,
            seed=seed,
        )
    if not config.random_encoders and not (config.vae and config.audio_encoder):
        raise ConfigError(
            "model.vae and model.audio_encoder are not set: from scratch both must be trained first, since they stay "
            "frozen (train/autoencoder.py, train/audio_encoder.py); model.random_encoders=true is for trials"
        )
    return _with_encoders(build_pipeline(model, seed), config)


def _with_encoders(pipe: EMOPipeline, config: EMOStartConfig) -> EMOPipeline:
    """Put the configured autoencoder and audio encoder in, if they have the sizes that the networks expect."""
    parts: dict[str, Any] = {}
    if config.vae:
        parts["vae"] = load_vae(config.vae)
        channels = parts["vae"].config["latent_channels"]
        expected = pipe.unet.config["in_channels"]
        if channels != expected:
            raise WeightsError(f"{config.vae}: {channels} latent channels, the networks have {expected}")
    if config.audio_encoder:
        parts["audio_encoder"], parts["feature_extractor"] = fetch_audio_encoder(config.audio_encoder)
        encoder, projection = parts["audio_encoder"].config, pipe.audio_projection.config
        sizes = encoder.num_hidden_layers, encoder.hidden_size
        expected = projection["num_layers"], projection["layer_dim"]
        if sizes != expected:
            raise WeightsError(f"{config.audio_encoder}: layers and width {sizes}, the networks expect {expected}")
    return EMOPipeline(**{**pipe.components, **parts}) if parts else pipe
