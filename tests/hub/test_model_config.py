"""Model configurations and random pipelines."""

import inspect
from copy import deepcopy
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_type_hints

import pytest
import torch
from diffusers import DDIMScheduler
from omegaconf import MISSING, OmegaConf
from transformers import Wav2Vec2Config

from emo.bounds import Bound, bounds
from emo.errors import ConfigError, WeightsError
from emo.hub import build_pipeline, load_model_config, locate_model
from emo.hub.build import build_audio_encoder, build_encoders, build_unets, build_vae
from emo.hub.model_config import (
    AudioEncoderConfig,
    AudioProjectionConfig,
    FaceLocatorConfig,
    ModelConfig,
    SchedulerConfig,
    SpeedEncoderConfig,
    UNetConfig,
)
from emo.resources import DEFAULT_MODEL, EMO_MODEL, bundled
from emo.unets import AudioProjection, BackboneUNet, FaceLocator, SpeedEncoder

ROOT = Path(__file__).parents[2]


def parameters(config) -> dict[str, float]:
    with torch.device("meta"):
        unet, reference_unet = build_unets(config)
        parts = dict(unet=unet, reference_unet=reference_unet, vae=build_vae(config), **build_encoders(config))
    parts["audio_encoder"] = build_audio_encoder(config.audio_encoder)
    return {name: sum(p.numel() for p in part.parameters()) / 1e6 for name, part in parts.items()}


def test_the_tiny_model_is_small():
    """At most about 24 million parameters in all, so that half precision fits into 48 MB."""
    assert sum(parameters(load_model_config("emo-tiny")).values()) < 24


def test_the_papers_model_has_the_papers_size():
    config = load_model_config("emo-sd15")
    assert (config.num_frames, config.num_motion_frames, config.num_neighbors, config.image_size) == (12, 4, 2, 512)
    sizes = parameters(config)
    assert 1300 < sizes["unet"] < 1500  # 860 of Stable Diffusion, 454 of AnimateDiff, the audio layers
    assert 790 < sizes["reference_unet"] < 830
    assert 90 < sizes["audio_encoder"] < 96


def test_same_seed_same_weights():
    config = load_model_config("emo-tiny")
    state = torch.random.get_rng_state()
    first, same, other = (build_pipeline(config, seed).unet.conv_in.weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state()), "the global random state was touched"


def test_schedulers():
    tiny = build_pipeline(load_model_config("emo-tiny")).scheduler
    assert tiny.alphas_cumprod[-1] == 0
    assert tiny.config.prediction_type == "v_prediction"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("num_frame: 12", "num_frame"),
        ("unet:\n  widths: [1]", "unet.widths"),
        ("num_frames: many", "num_frames"),
        ("unet:\n  block_out_channels: wide", "unet.block_out_channels"),
        ("image_size: 128", "unet.block_out_channels"),
    ],
)
def test_unknown_mistyped_and_missing_keys_are_named(tmp_path, text, key):
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=key) as caught:
        load_model_config(str(path))
    assert "model.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("unet.spatial_attention=[true]", "unet.spatial_attention"),
        ("unet.num_attention_heads=[2,4,7]", "unet.num_attention_heads"),
        ("unet.norm_num_groups=15", "unet.norm_num_groups"),
        ("face_locator.block_out_channels=[8,8]", "face_locator"),
        ("num_frames=40", "motion_max_seq_length"),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path, change, key):
    config = OmegaConf.load(bundled("configs/model/emo-tiny.yaml"))
    config.merge_with_dotlist([change])
    OmegaConf.save(config, tmp_path / "model.yaml")
    with pytest.raises(ConfigError, match=key):
        load_model_config(str(tmp_path / "model.yaml"))


def test_broken_yaml(tmp_path):
    (tmp_path / "model.yaml").write_text("unet: [1\n")
    with pytest.raises(ConfigError, match=r"model\.yaml"):
        load_model_config(str(tmp_path / "model.yaml"))


def test_unknown_configuration():
    with pytest.raises(ConfigError, match="emo-sd15, emo-tiny"):
        load_model_config("emo-huge")


def test_models_are_located(tmp_path, monkeypatch):
    monkeypatch.setattr("emo.hub.locate.bundled", lambda name: tmp_path / name)
    with pytest.raises(WeightsError, match="emo init"):
        locate_model(None)
    assert locate_model("org/name") == "org/name"
    for name in (DEFAULT_MODEL, EMO_MODEL):
        (tmp_path / "weights" / name).mkdir(parents=True)
        (tmp_path / "weights" / name / "model_index.json").write_text("{}")
    assert locate_model(None) == locate_model(DEFAULT_MODEL) == str(tmp_path / "weights" / DEFAULT_MODEL)
    assert locate_model(None, EMO_MODEL) == str(tmp_path / "weights" / EMO_MODEL)


def test_a_path_is_never_a_packaged_model(tmp_path, monkeypatch):
    """`./emo-tiny` and `a/b` are what they say, and so is a bare name of a pipeline folder that is here."""
    (tmp_path / "weights" / "emo-tiny").mkdir(parents=True)
    (tmp_path / "weights" / "emo-tiny" / "model_index.json").write_text("{}")
    monkeypatch.setattr("emo.hub.locate.bundled", lambda name: tmp_path / name)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("./emo-tiny", "../weights/emo-tiny", "org/name", "org/name@v1", str(tmp_path / "x")):
        assert locate_model(name) == name
    (tmp_path / "here" / "emo-tiny").mkdir()
    assert locate_model("emo-tiny") == str(tmp_path / "weights" / "emo-tiny")
    (tmp_path / "here" / "emo-tiny" / "model_index.json").write_text("{}")
    assert locate_model("emo-tiny") == "emo-tiny"


def values(schema: type, prefix: str = "") -> dict[str, Bound | None]:
    """The bound of every value, by its key."""
    hints, found = get_type_hints(schema), {}
    for name, bound in bounds(schema).items():
        found |= values(hints[name], f"{prefix}{name}.") if is_dataclass(hints[name]) else {prefix + name: bound}
    return found


@pytest.mark.parametrize(
    ("section", "component"),
    [
        (UNetConfig, BackboneUNet),
        (AudioProjectionConfig, AudioProjection),
        (FaceLocatorConfig, FaceLocator),
        (SpeedEncoderConfig, SpeedEncoder),
        (AudioEncoderConfig, Wav2Vec2Config),
        (SchedulerConfig, DDIMScheduler),
    ],
)
def test_a_section_holds_keyword_arguments_of_its_class(section, component):
    """By their names, and where it is one of ours with its defaults."""
    parameters = inspect.signature(component).parameters
    for each in fields(section):
        assert each.name in parameters, each.name
        if component.__module__.startswith("emo.") and each.default not in (MISSING, NO_DEFAULT):
            assert each.default == parameters[each.name].default, each.name


def test_every_value_is_in_its_bound_or_named(tmp_path, monkeypatch):
    made = OmegaConf.structured(ModelConfig)  # which takes long
    monkeypatch.setattr(OmegaConf, "structured", lambda schema: deepcopy(made))
    small = OmegaConf.load(ROOT / "configs" / "train" / "smoke" / "model.yaml")
    for key, bound in values(ModelConfig).items():
        assert bound is not None or isinstance(OmegaConf.select(small, key, default=True), bool), key
        for wrong in (-1, float("nan"), "word", []):
            config = deepcopy(small)
            OmegaConf.update(config, key, wrong)
            OmegaConf.save(config, tmp_path / "model.yaml")
            try:
                value = load_model_config(str(tmp_path / "model.yaml"))
            except ConfigError:
                continue
            for part in key.split("."):
                value = getattr(value, part)
            assert bound is None or bound.allows(value), (key, wrong, value)


def test_a_value_out_of_bounds_is_named(tmp_path):
    text = (ROOT / "configs" / "train" / "smoke" / "model.yaml").read_text()
    (tmp_path / "model.yaml").write_text(text.replace("num_frames: 4", "num_frames: 0"))
    with pytest.raises(ConfigError, match=r"model\.yaml: num_frames is 0; it must be at least 1 and at most 4096"):
        load_model_config(str(tmp_path / "model.yaml"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[1]", b"3", b"\0", b"a: " + b"[" * 10000])
def test_a_file_that_holds_no_configuration_is_named(tmp_path, content):
    (tmp_path / "model.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"model\.yaml: ") as caught:
        load_model_config(str(tmp_path / "model.yaml"))
    assert len(str(caught.value).splitlines()) == 1
