"""Audio encoders that others trained: wav2vec 2.0 (XLS-R is one) and Whisper's encoder, by folder or Hub name."""

from pathlib import Path
from typing import Any, NamedTuple

from transformers import (
    AutoConfig,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WhisperFeatureExtractor,
    WhisperModel,
)

from emo.errors import WeightsError, first_line
from emo.hub.fetch import fetch
from emo.hub.model_config import ModelConfig
from emo.hub.tensor_files import read_tensors
from emo.unets import WhisperAudioEncoder

PICKLE = "pytorch_model.bin"


class AudioEncoder(NamedTuple):
    """An encoder and its settings.

    Attributes:
        network: `Wav2Vec2Model` or `WhisperAudioEncoder`.
        feature_extractor: what its sound is prepared by.
    """

    network: Any
    feature_extractor: Any


def fetch_audio_encoder(name: str) -> AudioEncoder:
    """An audio encoder by folder or Hub name.

    Weights come as safetensors. A folder may also hold them as `pytorch_model.bin`, of which tensors alone are read.

    Raises:
        WeightsError: it cannot be had, or is of another kind.
    """
    config = fetch(AutoConfig, name, safetensors=False)
    if config.model_type == "wav2vec2":
        return AudioEncoder(_weights(Wav2Vec2Model, name, config), _settings(Wav2Vec2FeatureExtractor, name))
    if config.model_type == "whisper":
        own = "WhisperAudioEncoder" in (config.architectures or ())
        whole = _weights(WhisperAudioEncoder if own else WhisperModel, name, config)
        network = whole if own else WhisperAudioEncoder(config)
        if not own:
            network.load_state_dict(whole.encoder.state_dict())
        return AudioEncoder(network.eval(), _settings(WhisperFeatureExtractor, name))
    raise WeightsError(
        f"{name}: a {config.model_type} is no audio encoder that is known here: wav2vec2 and whisper are"
    )


def fit_audio_encoder(config: ModelConfig, encoder: Any) -> None:
    """Take the size of an encoder, by its config, into a model's, in place."""
    config.audio_encoder.hidden_size = encoder.hidden_size
    config.audio_encoder.num_hidden_layers = encoder.num_hidden_layers


def _weights(kind: Any, name: str, config: Any) -> Any:
    """A network with its weights, in float32."""
    pickle = Path(name) / PICKLE
    if not pickle.is_file() or any(Path(name).glob("*.safetensors")):
        return fetch(kind, name)
    tensors = read_tensors(pickle)
    try:
        network, report = kind.from_pretrained(
            None, config=config, state_dict=tensors, output_loading_info=True, dtype="float32"
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{pickle}: this is no {kind.__name__} ({first_line(error)})") from error
    if missing := sorted(set(report["missing_keys"]) - {"masked_spec_embed"}):
        raise WeightsError(f"{pickle}: {len(missing)} tensors of a {kind.__name__} are missing, first {missing[0]}")
    return network


def _settings(kind: Any, name: str) -> Any:
    """A feature extractor."""
    return fetch(kind, name, safetensors=False)
