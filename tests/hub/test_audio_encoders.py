"""Audio encoders that others trained: both kinds, from safetensors or from pickles of which tensors alone are read."""

import pytest
import torch
from made_encoders import whisper, whisper_config, xls_r_config
from tiny import noise, tiny_config, tiny_pipeline
from transformers import (
    BertConfig,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Model,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from emo.errors import WeightsError
from emo.hub import fetch_audio_encoder, load_model_config
from emo.hub.audio_encoder import fit_audio_encoder
from emo.hub.build import build_encoders
from emo.pipelines import EMOPipeline
from emo.unets import WhisperAudioEncoder


def small_wav2vec2():
    return Wav2Vec2Config(
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16,) * 7,
        num_conv_pos_embedding_groups=4,
        vocab_size=8,
    )


def with_encoder(encoder, extractor):
    """The tiny pipeline with another audio encoder, and an audio projection of its size."""
    pipe = tiny_pipeline()
    config = tiny_config()
    fit_audio_encoder(config, encoder.config)
    projection = build_encoders(config)["audio_projection"]
    parts = {"audio_encoder": encoder, "feature_extractor": extractor, "audio_projection": projection}
    return EMOPipeline(**{**pipe.components, **parts})


def test_the_encoder_of_a_published_whisper(tmp_path):
    torch.manual_seed(0)
    whole = WhisperForConditionalGeneration(whisper_config("small_test")).eval()
    whole.save_pretrained(tmp_path)
    WhisperFeatureExtractor().save_pretrained(tmp_path)
    encoder, extractor = fetch_audio_encoder(str(tmp_path))
    assert isinstance(encoder, WhisperAudioEncoder)
    assert isinstance(extractor, WhisperFeatureExtractor)
    expected = whole.model.encoder.state_dict()
    assert encoder.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[key]) for key, value in encoder.state_dict().items())


def test_a_pipeline_that_hears_by_whisper_is_saved_and_generates(tmp_path, portrait):
    pipe = with_encoder(*whisper())
    pipe.save_pretrained(tmp_path / "model")
    again = EMOPipeline.from_pretrained(tmp_path / "model")
    assert isinstance(again.audio_encoder, WhisperAudioEncoder)
    assert "2 layers x 16" in str(EMOPipeline.describe(tmp_path / "model").sizes)
    frames = []
    for each in (pipe, again):
        each.set_progress_bar_config(disable=True)
        generator = torch.Generator().manual_seed(0)
        frames.append(each(portrait, noise(0.2), num_inference_steps=1, output_type="pt", generator=generator).frames)
    assert torch.equal(*frames)
    encoder, _ = fetch_audio_encoder_of(tmp_path / "model")
    assert isinstance(encoder, WhisperAudioEncoder)


def fetch_audio_encoder_of(model):
    """A pipeline folder's own encoder as a source for another."""
    (model / "audio_encoder" / "preprocessor_config.json").write_bytes(
        (model / "feature_extractor" / "preprocessor_config.json").read_bytes()
    )
    return fetch_audio_encoder(str(model / "audio_encoder"))


@pytest.mark.parametrize("kind", [Wav2Vec2Model, Wav2Vec2ForCTC])
def test_weights_in_a_pickle(tmp_path, kind):
    """As many multilingual ones are published."""
    torch.manual_seed(0)
    network = kind(small_wav2vec2()).eval()
    network.config.save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(tmp_path)
    torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    encoder, _ = fetch_audio_encoder(str(tmp_path))
    expected = getattr(network, "wav2vec2", network)
    samples = torch.from_numpy(noise(0.3)[0])[None]
    with torch.no_grad():
        assert torch.equal(encoder(samples).last_hidden_state, expected(samples).last_hidden_state)


def test_a_pickle_that_lacks_tensors_or_holds_more(tmp_path):
    network = Wav2Vec2Model(small_wav2vec2())
    network.config.save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(tmp_path)
    tensors = network.state_dict()
    torch.save({key: value for key, value in tensors.items() if "layers.1" not in key}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"missing, first encoder\.layers\.1"):
        fetch_audio_encoder(str(tmp_path))
    torch.save({**tensors, "more": object()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="no tensors could be read"):
        fetch_audio_encoder(str(tmp_path))


def test_other_kinds_are_refused(tmp_path):
    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="a bert is no audio encoder"):
        fetch_audio_encoder(str(tmp_path))


@pytest.mark.parametrize(
    ("encoder", "inputs"),
    [
        (xls_r_config(), 5 * 24 * 1024),
        (Wav2Vec2Config(), 5 * 12 * 768),
        (whisper_config("openai/whisper-tiny"), 5 * 4 * 384),
        (whisper_config("openai/whisper-base"), 5 * 6 * 512),
    ],
    ids=["xls-r-300m", "wav2vec2-base", "whisper-tiny", "whisper-base"],
)
def test_the_projection_fits_published_sizes(encoder, inputs):
    config = load_model_config("emo-sd15")
    fit_audio_encoder(config, encoder)
    with torch.device("meta"):
        assert build_encoders(config)["audio_projection"].linear_1.in_features == inputs
