"""Every value of every configuration: within its bound, or named in one line before anything is opened."""

import importlib
import math
import os
import sys
from copy import deepcopy
from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import get_args, get_origin, get_type_hints

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from stage1_image import ImageConfig
from stage2_video import VideoConfig
from stage3_speed import SpeedConfig

from emo.bounds import Choice, Name, Numbers, Several, bounds
from emo.config import load_config
from emo.errors import ConfigError
from emo.training.audio_encoder import AudioEncoderTrainingConfig
from emo.training.autoencoder import AutoencoderTrainingConfig
from emo.training.capp import CAPPTrainingConfig
from emo.training.emo_distillation import DistillationConfig
from emo.training.gaia_vae import GAIAVAEConfig
from emo.training.gohd import GoHDEyeConfig, GoHDLipConfig, GoHDPoseConfig, GoHDReaderConfig
from emo.training.gohd_face import GoHDFaceConfig
from emo.training.reference_decoder import ReferenceDecoderTrainingConfig
from emo.training.script import run
from emo.training.syncnet import SyncNetTrainingConfig
from emo.training.vasa_codes import VASACodesConfig
from emo.training.vasa_face import VASAFaceConfig

SCHEMAS = {
    "stage1_image": ImageConfig,
    "stage2_video": VideoConfig,
    "stage3_speed": SpeedConfig,
    "stage4_distill": DistillationConfig,
    "autoencoder": AutoencoderTrainingConfig,
    "audio_encoder": AudioEncoderTrainingConfig,
    "reference_decoder": ReferenceDecoderTrainingConfig,
    "syncnet": SyncNetTrainingConfig,
    "vasa_face": VASAFaceConfig,
    "vasa_codes": VASACodesConfig,
    "capp": CAPPTrainingConfig,
    "gaia_vae": GAIAVAEConfig,
    "gohd_pose": GoHDPoseConfig,
    "gohd_reader": GoHDReaderConfig,
    "gohd_lips": GoHDLipConfig,
    "gohd_eyes": GoHDEyeConfig,
    "gohd_face": GoHDFaceConfig,
}
NEEDED = {
    "data.root": "data",
    "data.pairs": "pairs",
    "model.config": "emo-tiny",
    "model.audio_encoder": "encoder",
    "model.lips": "lips",
    "model.poses": "poses",
    "model.init": "model",
    "train.output": "runs/x",
    "train.steps": "10",
}
INSTEAD = {"data.pairs": "data.root"}  # of what may be given in place of something that is needed
NASTY = ("0", "-1", "1e308", ".nan", "9" * 30, "[.nan, 0.5]", "word")
ODD = (
    *(
        "1.5",
        "60",
        "''",
        "[]",
        "[0.9, 0.9, 0.9]",
        ".inf",
        "-.inf",
        "nan",
        "9" * 400,
        "9" * 5000,
        "0x10",
        "1_0",
        "1:30",
        "no",
        "",
        "' '",
        "~",
        "null",
        "true",
        "['']",
    ),
    *("[null]", "[[1]]", "[a,b]", "{}", "{a: 1}", "{0: 1}", "???", "x" * 300, "y/" * 3000, '"a\\nb"', '"\\0"', "'ä'"),
    *(
        "${train.steps}",
        "${nowhere}",
        "${",
        "*a",
        "&a 1",
        "!!binary aGk=",
        "[",
        "{",
        "!!python/name:os.x",
        "\x01",
        "%",
    ),
    *("2024-01-01", "\ud800", "[1,1,1,1,1,1]"),
)
OF_EACH_KIND = ("data.root", "data.size", "drop.audio", "train.optimizer.betas", "validation.sounds", "data.cache")


@cache
def leaves(schema: type, prefix: str = "") -> dict[str, tuple[object, object]]:
    """Type and bound of every value, by its key."""
    hints, found = get_type_hints(schema), {}
    for name, bound in bounds(schema).items():
        nested = is_dataclass(hints[name])
        found |= leaves(hints[name], f"{prefix}{name}.") if nested else {prefix + name: (hints[name], bound)}
    return found


def needed_keys(schema: type) -> list[str]:
    known = leaves(schema)
    return [name for name in NEEDED if name in known and INSTEAD.get(name) not in known]


def needed(schema: type, key: str) -> list[str]:
    return [f"{name}={NEEDED[name]}" for name in needed_keys(schema) if name != key]


@pytest.fixture(scope="module", autouse=True)
def made_once():
    """OmegaConf takes long to look through the classes; each is looked through once here."""
    structured, made = OmegaConf.structured, {}

    def copied(schema: type):
        if schema not in made:
            made[schema] = structured(schema)
        return deepcopy(made[schema])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OmegaConf, "structured", copied)
        yield


def value_of(config: object, key: str) -> object:
    for part in key.split("."):
        config = getattr(config, part)
    return config


def numbers(value: object) -> list:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int | float)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_has_a_bound_of_its_kind(name):
    kinds = {int: Numbers, float: Numbers, list: Several}
    for key, (hint, bound) in leaves(SCHEMAS[name]).items():
        (plain,) = (
            [kind for kind in get_args(hint) if kind is not type(None)] if isinstance(hint, UnionType) else [hint]
        )
        if plain is not bool:  # which is a bound of its own
            assert isinstance(bound, kinds.get(get_origin(plain) or plain, (Choice, Name))), key
        if isinstance(bound, Numbers):
            assert -math.inf < bound.least < bound.most < math.inf, key


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_defaults_are_within_their_bounds(name):
    load_config(SCHEMAS[name], None, needed(SCHEMAS[name], ""))


@pytest.mark.parametrize("name", SCHEMAS)
def test_nasty_values_are_sane_or_named(name):
    before = list(SCHEMAS)[: list(SCHEMAS).index(name)]
    tried = {item for other in before for item in leaves(SCHEMAS[other]).items()}  # all stages share most
    for key, kind in leaves(SCHEMAS[name]).items():
        if (key, kind) not in tried:
            for text in NASTY:
                sane_or_named(SCHEMAS[name], key, text)


@pytest.mark.parametrize("key", OF_EACH_KIND)
def test_odd_words_are_sane_or_named(key):
    for text in ODD:
        sane_or_named(VideoConfig, key, text)


ANYTHING = st.text(max_size=12) | st.floats().map(str) | st.integers().map(str)


@settings(max_examples=100, deadline=None)
@example("train.steps", "9" * 4301)
@given(st.sampled_from(sorted(leaves(VideoConfig))), ANYTHING)
def test_any_text_is_sane_or_named(key, text):
    sane_or_named(VideoConfig, key, text)


def sane_or_named(schema: type, key: str, text: str) -> None:
    try:
        config = load_config(schema, None, [*needed(schema, key), f"{key}={text}"])
    except ConfigError as error:
        message = str(error)
        assert key in message, (key, text, message)
        assert len(message.splitlines()) == 1, (key, text, message)
        assert len(message) < 1000
        return
    value, bound = value_of(config, key), leaves(schema)[key][1]
    assert all(math.isfinite(number) for number in numbers(value)), (key, value)
    assert value is None or bound is None or bound.allows(value)


@pytest.mark.parametrize(
    ("name", "override", "message"),
    [
        ("stage1_image", "data.batch_size=0", "data.batch_size is 0; it must be at least 1 and at most 65536"),
        ("stage1_image", "data.batch_size=-2", "data.batch_size is -2; it must be"),
        ("stage1_image", "data.size=60", "data.size is 60; it must be a multiple of 8, at least 64 and at most 4096"),
        ("stage1_image", "data.size=8", "data.size is 8; it must be"),
        ("stage1_image", "data.workers=-1", "data.workers is -1; it must be"),
        ("stage1_image", "data.split=''", "data.split is ''; it must be a name"),
        ("stage1_image", "train.accumulation=0", "train.accumulation is 0; it must be"),
        ("stage1_image", "train.seed=-1", "train.seed is -1; it must be"),
        ("stage1_image", "train.steps=-1", "train.steps is -1; it must be"),
        ("stage1_image", "train.ema_decay=2", "train.ema_decay is 2.0; it must be at least 0 and below 1"),
        ("stage1_image", "train.ema_decay=1", "train.ema_decay is 1.0; it must be"),
        ("stage1_image", "train.keep_last=-1", "train.keep_last is -1; it must be"),
        ("stage1_image", "train.stop_after_seconds=-5", "train.stop_after_seconds is -5.0; it must be"),
        (
            "stage1_image",
            "train.mixed_precision=fp61",
            "train.mixed_precision is fp61; it must be no, fp16, bf16 or fp8",
        ),
        ("stage1_image", "train.optimizer.learning_rate=nan", "train.optimizer.learning_rate is nan; it must be"),
        (
            "stage1_image",
            "train.optimizer.betas=[1,2]",
            "betas is [1.0, 2.0]; it must be a list of 2, each",
        ),
        (
            "stage1_image",
            "train.optimizer.name=adm",
            "optimizer.name is adm; it must be adamw, adamw_8bit or sgd",
        ),
        ("stage1_image", "train.optimizer.schedule=cosin", "train.optimizer.schedule is cosin; it must be"),
        ("stage1_image", "drop.reference=2", "drop.reference is 2.0; it must be at least 0 and at most 1"),
        ("stage1_image", "targets=0", "targets is 0; it must be"),
        ("stage1_image", "objective.noise_correlation=0.5", "stage 1 draws single frames"),
        ("stage2_video", "objective.noise_correlation=1", "objective.noise_correlation is 1.0; it must be"),
        ("stage2_video", "lora.rank=-1", "lora.rank is -1; it must be"),
        ("stage3_speed", "validation.portraits=['']", "validation.portraits is ['']; it must be"),
        ("syncnet", "loss.kind=hinge", "loss.kind is hinge; it must be lags or pairs"),
        ("syncnet", "data.frames=6", "data.frames is 6; it must be"),
        ("syncnet", "model.crop_size=40", "model.crop_size is 40; it must be"),
        ("audio_encoder", "data.seconds=0.05", "data.seconds is 0.05; it must be"),
        ("autoencoder", "loss.mouth_sigma=0", "loss.mouth_sigma is 0.0; it must be above 0"),
    ],
)
def test_what_is_wrong_and_what_is_allowed_is_said(name, override, message):
    with pytest.raises(ConfigError) as caught:
        load_config(SCHEMAS[name], None, [*needed(SCHEMAS[name], override.split("=")[0]), override])
    assert message in str(caught.value)


def test_epsilon_with_zero_terminal_snr_is_found_before_weights_are_opened():
    wrong = ["objective.prediction_type=epsilon", "objective.zero_terminal_snr=true"]
    with pytest.raises(ConfigError, match=r"objective\.prediction_type=epsilon"):
        load_config(ImageConfig, None, [*needed(ImageConfig, ""), *wrong])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00t", "stage.yaml: it is not text in UTF-8"),
        (b"[1, 2]", "stage.yaml: it does not hold keys and values"),
        (b"words", "stage.yaml: words: "),
        (b"3", "stage.yaml: it does not hold keys and values"),
        (b"train: {steps: 1, steps: 2}", "stage.yaml: the file: line 1: found duplicate key steps"),
        (b"train:\n  steps: [\n", "stage.yaml: the file: line 3: "),
        (b"train: 3", "stage.yaml: the file: "),
        (b"1: 2", "stage.yaml: "),
        (b"? [a, b]\n: c", "stage.yaml: the file: "),
        (b"train: !!python/object:os.system {}", "stage.yaml: the file: "),
        (b"\x00", "stage.yaml: the file: "),
        (b"a: " + b"[" * 10000, "stage.yaml: the file: "),
        (b"", "stage.yaml: data.root, train.output, train.steps are not set; give data.root=... or"),
        (None, "stage.yaml: is a directory"),
    ],
)
def test_a_file_that_is_none_is_said_to_be(tmp_path, content, message):
    path = tmp_path / "stage.yaml"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(ImageConfig, path, [])
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "override", ["=3", ".=3", "train..steps=3", "train=3", "train=null", "[0]=1", "train.steps.x=1"]
)
def test_a_key_that_is_none_is_named(override):
    with pytest.raises(ConfigError, match="the command line: ") as caught:
        load_config(ImageConfig, None, [*needed(ImageConfig, ""), override])
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_one_line_and_status_2_before_anything_is_opened(name, monkeypatch, capsys, tmp_path):
    given = [f"{key}={tmp_path / 'nowhere' if key != 'train.steps' else -1}" for key in needed_keys(SCHEMAS[name])]
    monkeypatch.setattr(sys, "argv", [name, *given])
    assert run(importlib.import_module(name).main) == 2
    assert capsys.readouterr().err == "train: train.steps is -1; it must be at least 0 and at most 99999999\n"
    assert os.listdir(tmp_path) == []
