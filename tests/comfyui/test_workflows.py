"""The example workflows: both forms agree, name nodes and sockets that there are, and can be run."""

import importlib.util
import json
from pathlib import Path

import pytest
from executor import execute, problems

from emo.media import read_origin

ROOT = Path(__file__).parents[2]
NAMES = ("talking", "driving")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("comfyui_workflow", ROOT / "docs" / "comfyui_workflow.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored(name: str) -> dict:
    return json.loads((ROOT / "comfyui" / "workflows" / f"{name}.json").read_text(encoding="utf-8"))


def prompt_of(page: dict, nodes: dict[str, type]) -> dict:
    """What the page sends to the API for a workflow: links and widgets by name."""
    sources = {link: [str(source), slot] for link, source, slot, *_ in page["links"]}
    prompt = {}
    for node in page["nodes"]:
        types = nodes[node["type"]].INPUT_TYPES()
        specs = {**types["required"], **types.get("optional", {})}
        values = list(node["widgets_values"])
        inputs = {}
        for name, (kind, about) in specs.items():
            if isinstance(kind, list) or kind in ("INT", "FLOAT", "STRING", "BOOLEAN"):
                inputs[name] = values.pop(0)
                if about.get("control_after_generate"):
                    assert values.pop(0) in ("fixed", "randomize", "increment", "decrement")
        inputs |= {entry["name"]: sources[entry["link"]] for entry in node["inputs"] if entry["link"]}
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt


@pytest.mark.parametrize("name", NAMES)
def test_files_are_what_the_nodes_say(script, name):
    assert all(path.read_text(encoding="utf-8") == text for path, text in script.written().items())


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_are_one_prompt_that_is_valid(name, nodes):
    api = {number: {k: v for k, v in step.items() if k != "_meta"} for number, step in stored(f"{name}_api").items()}
    assert prompt_of(stored(name), nodes) == api
    assert problems(api, nodes) == []


@pytest.mark.parametrize("name", NAMES)
def test_links_of_the_page_lead_from_socket_to_socket(name, nodes):
    page = stored(name)
    by_id = {node["id"]: node for node in page["nodes"]}
    for link, source, slot, target, socket, kind in page["links"]:
        assert by_id[source]["outputs"][slot]["type"] == kind == nodes[by_id[source]["type"]].RETURN_TYPES[slot]
        assert link in by_id[source]["outputs"][slot]["links"]
        assert (by_id[target]["inputs"][socket]["link"], by_id[target]["inputs"][socket]["type"]) == (link, kind)


@pytest.mark.parametrize("name", NAMES)
def test_it_runs(comfy, models, nodes, name):
    prompt = stored(f"{name}_api")
    prompt["1"]["inputs"] |= {"model": models["vasa"], "device": "cpu", "dtype": "float32"}
    outputs, _ = execute(prompt, nodes)
    assert read_origin(list(outputs.values())[-1][0])["ai_generated"]


def test_the_picture_is_drawn(script):
    picture = script.picture(stored("talking"))
    assert picture.width > 1000
    assert len(picture.getcolors(1 << 24)) > 50
