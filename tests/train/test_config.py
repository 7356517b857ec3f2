"""Configurations: defaults, file, command line, and what is said of mistakes."""

import re
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import get_type_hints

import pytest
from emo_train.config import LoopConfig, load_config, load_settings
from stage1_image import ImageConfig
from stage2_video import VideoConfig
from stage3_speed import SpeedConfig

from emo.errors import ConfigError

ROOT = Path(__file__).parents[2]
SCHEMAS = {"stage1": ImageConfig, "stage2": VideoConfig, "stage3": SpeedConfig}


@dataclass
class Schema:
    train: LoopConfig = field(default_factory=LoopConfig)
    rates: list[float] = field(default_factory=list)


GOOD = "train: {output: runs/x, steps: 10, optimizer: {learning_rate: 1e-5}}"


def load(tmp_path, text: str = GOOD, *arguments: str):
    path = tmp_path / "stage.yaml"
    path.write_text(text)
    return load_settings(Schema, ["--config", str(path), *arguments])


def test_command_line_over_file_over_defaults(tmp_path):
    config, resume = load(tmp_path, GOOD, "train.steps=20", "--resume", "latest", "rates=[1,2]")
    assert (config.train.output, config.train.steps, config.train.seed) == ("runs/x", 20, 0)
    assert (config.train.optimizer.learning_rate, config.rates, resume) == (1e-5, [1.0, 2.0], "latest")


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (GOOD, ["train.stpes=20"], "the command line: train.stpes"),
        (GOOD, ["trian.steps=20"], "the command line: trian"),
        (GOOD, ["train.steps=many"], "the command line: train.steps"),
        (GOOD, ["train.steps"], "'train.steps' is not of the form key=value"),
        (GOOD.replace("steps", "stpes"), [], "stage.yaml: train.stpes"),
        (GOOD.replace("1e-5", "fast"), [], "stage.yaml: train.optimizer.learning_rate"),
        ("train: {output: x}", [], "train.steps is not set"),
        ("train: [", [], "stage.yaml: the file"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, arguments, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text, *arguments)


def test_a_bare_no_is_a_precision(tmp_path):
    """YAML reads it as false."""
    assert load(tmp_path, GOOD, "train.mixed_precision=no").config.train.mixed_precision == "no"
    with_no = load(tmp_path, GOOD.replace("steps: 10", "steps: 10, mixed_precision: no"))
    assert with_no.config.train.mixed_precision == "no"


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        load_settings(Schema, ["--config", "nowhere.yaml"])


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs" / "train").glob("emo-*/stage*.yaml")), ids=lambda p: str(p)[-19:]
)
def test_the_configurations_that_come_with_the_project(path):
    config = load_config(SCHEMAS[path.stem], path, ["data.root=somewhere"])
    assert config.train.output == f"runs/{path.parent.name}/{path.stem}"
    assert (config.model.init or config.model.config).endswith(("/model", path.parent.name))
    if path.parent.name == "emo-sd15":  # 4.1, with the processes that the file speaks of
        processes = 8 if path.stem == "stage1" else 4
        assert config.data.batch_size * config.train.accumulation * processes == (48 if path.stem == "stage1" else 4)
        assert (config.train.optimizer.learning_rate, config.objective.mouth_weight) == (1e-5, 0)


def keys(schema: type) -> set[str]:
    """Names of all fields, nested ones included."""
    hints = get_type_hints(schema)
    nested = {name for name, kind in hints.items() if is_dataclass(kind)}
    return (hints.keys() - nested).union(*(keys(hints[name]) for name in nested))


@pytest.mark.parametrize("stage", SCHEMAS)
def test_every_key_is_explained(stage):
    guide = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    explained = {
        key.split(".")[-1]
        for line in guide.splitlines()
        if line[:1] == "|"
        for key in re.findall(r"`([\w.]+)`", line.split("|")[1])
    }
    assert keys(SCHEMAS[stage]) - explained == set()
