"""A training step on sound that an encoder of many languages hears, of exactly the published shapes."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from made_encoders import wav2vec2_base, whisper, xls_r
from random_clips import RandomClips, make_stage
from stage1_image import ImageConfig
from tiny import tiny_config, tiny_pipeline

from emo.config import load_config
from emo.errors import WeightsError
from emo.hub.audio_encoder import fit_audio_encoder
from emo.hub.build import build_encoders
from emo.pipelines import EMOPipeline
from emo.training.loading import load_hearing
from emo.training.loop import make_accelerator, train

ENCODERS = {
    "whisper-tiny": lambda: whisper("openai/whisper-tiny"),
    "xls-r-300m, 2 layers": lambda: xls_r(2),
    "wav2vec2-base": wav2vec2_base,
    "whisper-base": lambda: whisper("openai/whisper-base"),
    "xls-r-300m": xls_r,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ENCODERS))
def test_a_step_of_stage_2(tmp_path, name):
    encoder, extractor = ENCODERS[name]()
    config = tiny_config()
    fit_audio_encoder(config, encoder.config)
    parts = {
        **tiny_pipeline().components,
        "audio_encoder": encoder,
        "feature_extractor": extractor,
        "audio_projection": build_encoders(config)["audio_projection"],
    }
    EMOPipeline(**parts).save_pretrained(tmp_path / "init")
    kept = {key: value.clone() for key, value in encoder.state_dict().items()}
    del encoder, parts
    stage = make_stage(2, tmp_path / "init", tmp_path / "run", train__steps=1)
    stage.dataset = lambda split=None: RandomClips(video=True, cached=False)
    before = stage.pipe.audio_projection.linear_1.weight.detach().clone()
    train(stage, replace(stage.config.train, steps=1), make_accelerator(stage.config.train))
    after = stage.pipe.audio_projection.linear_1.weight
    assert after.isfinite().all()
    assert not torch.equal(before, after), "the sound did not reach the audio projection"
    assert all(torch.equal(value, kept[key]) for key, value in stage.pipe.audio_encoder.state_dict().items())


@pytest.mark.parametrize("name", ["whisper", "xls-r"])
def test_the_configurations_are_stage_1_with_another_encoder(name):
    root = Path(__file__).parents[2] / "configs" / "train"
    ours = asdict(load_config(ImageConfig, root / "languages" / f"{name}.yaml", ["data.root=people"]))
    plain = asdict(load_config(ImageConfig, root / "emo-sd15" / "stage1.yaml", ["data.root=people"]))
    assert ours["model"].pop("audio_encoder") != plain["model"].pop("audio_encoder")
    assert (ours["train"].pop("output"), plain["train"].pop("output")) == (
        f"runs/{name}/stage1",
        "runs/emo-sd15/stage1",
    )
    assert ours == plain


def test_other_systems_refuse_whisper_by_name(tmp_path):
    encoder, extractor = whisper()
    encoder.save_pretrained(tmp_path)
    extractor.save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="a whisper, which EMO alone hears by"):
        load_hearing(str(tmp_path), torch.device("cpu"))
