"""Commands and the store serve any system by its folders' class: a made-up one beside EMO."""

import json
from contextlib import suppress
from types import SimpleNamespace

import pytest
import torch
import toy_system
from hub_double import hub_double
from hub_session import session
from toy_system import ToyConfig, ToyPipeline

from emo.cli.main import main
from emo.errors import WeightsError
from emo.hub import load_pipeline, model_card, registry, system_of, system_of_config
from emo.pipelines import all_options
from emo.store import register_components

TOY = registry.Entry("toy", "ToyPipeline", lambda: toy_system.SYSTEM)

THERE_AND_BACK = """
from emo.hub import load_pipeline, registry
from emo.cli.main import main
import toy_system
registry.ENTRIES.append(registry.Entry("toy", "ToyPipeline", lambda: toy_system.SYSTEM))
result["init"] = command("init", "--config", "toy-5", "--out", "model")
result["push"] = command("push", "model", "org/toy")
result["pull"] = command("pull", "org/toy", "--out", "pulled")
result["pulled"] = weights(load_pipeline("pulled"))
pipe = load_pipeline("org/toy")
result["loaded"], result["class"] = weights(pipe), type(pipe).__name__
pipe.push_to_hub("org/again")
result["again"] = weights(load_pipeline("org/again@main"))
result["evaluate"] = command("evaluate", "mechanisms", "--model", "pulled", "--out", "report")
registry.ENTRIES.pop()
result["unknown"] = [command("pull", "org/toy"), refusal(load_pipeline, "org/toy"), command("push", "model", "org/no")]
"""


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(registry, "ENTRIES", [*registry.ENTRIES, TOY])


@pytest.fixture
def folder(tmp_path):
    toy_system.build(ToyConfig(4), 0).save_pretrained(tmp_path / "toy")
    return tmp_path / "toy"


def test_a_folders_class_names_its_system(folder):
    assert system_of(folder) is toy_system.SYSTEM
    assert (system_of_config("toy-4").name, system_of_config("vasa-mesh").name) == ("toy", "vasa")
    assert {system_of_config(name).name for name in ("emo-tiny", "my-own.yaml", "configs/toyish.yaml")} == {"emo"}


def test_the_command_line_knows_the_options_of_every_system(folder):
    assert system_of(folder).options is toy_system.ToyOptions
    known = {entry.class_name: entry.load().options for entry in registry.ENTRIES if entry is not TOY}
    assert known == all_options()


def test_it_is_saved_and_loaded_as_any_other(folder):
    pipe, other = load_pipeline(folder), toy_system.build(ToyConfig(4), 0)
    assert isinstance(pipe, ToyPipeline)
    assert torch.equal(pipe.network.line.weight, other.network.line.weight)
    index = json.loads((folder / "model_index.json").read_text())
    assert (index["_class_name"], index["network"]) == (["pipeline", "ToyPipeline"], ["emo", "ToyNetwork"])
    assert (folder / "network" / "emo.py").read_text().startswith("from emo import ToyNetwork\n")
    (folder / "network" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(WeightsError, match="'network'"):
        load_pipeline(folder)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            ["pipeline", "Other"],
            "a Other; known here: EMOPipeline, VASAPipeline, GAIAPipeline, GoHDPipeline, ToyPipeline",
        ),
        (None, "does not say"),
    ],
)
def test_an_unknown_class_is_named_with_those_known(folder, name, words, capsys):
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": name}))
    with pytest.raises(WeightsError, match=words) as caught:
        system_of(folder)
    assert str(folder) in str(caught.value)
    for command in (["inspect", folder], ["push", folder, "org/name"], ["cache", folder, "--model", folder]):
        with suppress(SystemExit):
            assert main([str(part) for part in command]) == 2
        assert words in capsys.readouterr().err, command


def test_what_is_no_folder_of_a_pipeline_is_said(tmp_path, folder):
    for place in (tmp_path / "none", tmp_path):
        with pytest.raises(WeightsError, match="emo init"):
            system_of(place)
    (folder / "model_index.json").write_text("[]")
    with pytest.raises(WeightsError, match="not a JSON object"):
        system_of(folder)


def test_the_card_and_inspect_say_what_the_system_does(folder, capsys):
    card = model_card(folder, "org/line")
    for words in ("A line instead of a face.", "| `network` | ToyNetwork | 20 | draws a line |", "- Width 4"):
        assert words in card
    for words in (
        "from emo import ToyPipeline",
        "license: mit",
        "- It is no face.",
        "- Animate only people who agreed",
    ):
        assert words in card
    assert "EMO" not in card
    assert main(["inspect", str(folder)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"{folder}: Toy, ToyPipeline, 0.0 million parameters"
    assert shown[1:] == ["network: ToyNetwork, 20 parameters; draws a line", "Width 4"]


def test_options_of_other_reports_are_refused_for_a_model(folder, capsys):
    for option in (["--json"], ["--out", "report"], ["--frames", "3"]):
        assert main(["inspect", str(folder), *option]) == 2
        assert option[0] in capsys.readouterr().err


def test_names_of_components_are_taken_once():
    class ToyNetwork(torch.nn.Module):
        pass

    with pytest.raises(TypeError, match="ToyNetwork"):
        register_components(ToyNetwork)


def test_init_starts_from_public_weights_where_there_are_any(tmp_path, capsys):
    sources = ["--sd15", "a", "--motion-adapter", "b", "--audio-encoder", "c"]
    assert main(["init", "--config", "toy-4", "--out", str(tmp_path / "model"), *sources]) == 2
    assert "Toy starts from no public weights" in capsys.readouterr().err


@pytest.mark.slow
def test_to_the_hub_and_back(tmp_path):
    with hub_double() as hub:
        said = SimpleNamespace(**session(THERE_AND_BACK, hub, tmp_path / "home", tmp_path))
        files = hub.repositories["org/toy"].files
        assert b"draws a line" in files["README.md"]
        assert [name for name in hub.repositories if name == "org/no"] == []
    assert (said.init[0], said.push[0], said.pull[0]) == (0, 0, 0)
    assert said.pulled == said.loaded == said.again
    assert getattr(said, "class") == "ToyPipeline"
    assert said.evaluate[0] == 2
    assert (
        "of Toy no mechanisms are measured; they are of EMOPipeline, VASAPipeline, GoHDPipeline, GAIAPipeline"
        in said.evaluate[2]
    )
    pull, load, push = said.unknown
    for status, _, err in (pull, push):
        assert status == 2
        assert "its pipeline is a ToyPipeline; known here: EMOPipeline" in err
    assert load[0] == "WeightsError"
