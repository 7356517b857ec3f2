"""What the guides say of keys is what their fields say."""

import importlib.util
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from emo.bounds import Choice, bounds
from emo.config import keys
from emo.training.config import LoopConfig, OptimizerConfig

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)
SCHEMAS = {**tables.TABLES, **{f"stage {number}": schema for number, schema in tables.STAGES.items()}}


def test_lists_and_sections_are_each_objects_own():
    first, second = LoopConfig(output="a", steps=1), LoopConfig(output="b", steps=1)
    first.optimizer.betas[0] = 0.5
    assert second.optimizer.betas == OptimizerConfig().betas == [0.9, 0.999]


def test_the_guides_hold_what_the_fields_say():
    for path, text in tables.written(ROOT):
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python docs/tables.py"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_has_a_meaning(name):
    for key in keys(SCHEMAS[name]):
        assert key.help, key.name
        assert "|" not in key.help, key.name
        assert key.default is not None or key.unset, key.name


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_stands_in_a_table(name):
    text = "".join((ROOT / guide).read_text(encoding="utf-8") for guide in tables.GUIDES)
    for key in tables.leaves(SCHEMAS[name]):
        rows = [f"\n| `{name}` | {tables.default(key)} |" for name in (key.name, key.name.split(".")[-1])]
        assert any(row in text for row in rows), key.name


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_word_that_may_be_chosen_is_told(name):
    schemas = [SCHEMAS[name], *(type(key.default) for key in keys(SCHEMAS[name]) if tables.is_dataclass(key.default))]
    for schema in schemas:
        told = {key.name: key.help for key in keys(schema)}
        for field, bound in bounds(schema).items():
            for word in bound.words if isinstance(bound, Choice) else ():
                assert f"`{word}`" in told[field], field


def test_a_meaning_that_has_changed_is_noticed_and_written(tmp_path):
    for name in (*tables.GUIDES, tables.PREPARE):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        text = (ROOT / name).read_text(encoding="utf-8")
        meanings = ("level of the voice, 0 to 1, that counts as sound", "batches per step", "lambda of the gaze")
        for meaning in (
            *meanings,
            "of the appearance volume",
            "each of which is told from the others",
            "of a new discriminator",
            "folder of a trained stage 1",
            "of the cross-entropy of a face's parts",
        ):
            text = text.replace(meaning, "something else")
        (tmp_path / name).write_text(text, encoding="utf-8")
    for path, text in tables.written(tmp_path):
        assert text != path.read_text(encoding="utf-8")
        assert text == (ROOT / path.relative_to(tmp_path)).read_text(encoding="utf-8")


def test_what_is_written_for_prepare_is_its_defaults():
    config = OmegaConf.load(ROOT / tables.PREPARE)
    assert OmegaConf.to_container(config) == OmegaConf.to_container(OmegaConf.structured(tables.PrepareConfig))
