"""Configurations: defaults, file, command line, and what is said of mistakes."""

from dataclasses import dataclass, field

import pytest
from emo_train.config import LoopConfig, load_settings

from emo.errors import ConfigError


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


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file"):
        load_settings(Schema, ["--config", "nowhere.yaml"])
