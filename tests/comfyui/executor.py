"""A small executor of prompts by the rules of ComfyUI's `execution.py`: what it checks, and how it calls nodes."""

from typing import Any

import torch

MAKE = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


def check_node(node: type) -> None:
    """See that a class has what ComfyUI asks of a node."""
    types = node.INPUT_TYPES()
    assert "required" in types
    assert types.keys() <= {"required", "optional", "hidden"}
    for name, (kind, about) in ((n, s) for group in types.values() for n, s in group.items()):
        assert name.isidentifier(), name
        assert isinstance(kind, str | list), name
        assert isinstance(about, dict), name
        if isinstance(kind, str) and kind in MAKE and "default" in about:
            assert isinstance(about["default"], (int, float) if kind == "FLOAT" else MAKE[kind]), name
            for end in {"min", "max"} & about.keys():
                assert (about["default"] >= about["min"], about["default"] <= about["max"]) == (True, True), (
                    name,
                    end,
                )
    assert isinstance(node.RETURN_TYPES, tuple)
    assert all(isinstance(kind, str) for kind in node.RETURN_TYPES)
    assert len(getattr(node, "RETURN_NAMES", node.RETURN_TYPES)) == len(node.RETURN_TYPES)
    assert callable(getattr(node, node.FUNCTION))
    assert isinstance(node.CATEGORY, str)


def problems(prompt: dict[str, Any], nodes: dict[str, type]) -> list[str]:
    """What ComfyUI would refuse a prompt for; values become of their inputs' types."""
    found = []
    if not any(getattr(nodes.get(step["class_type"]), "OUTPUT_NODE", False) for step in prompt.values()):
        found.append("prompt has no outputs")
    for number, step in prompt.items():
        node = nodes.get(step["class_type"])
        if node is None:
            found.append(f"{number}: there is no node {step['class_type']}")
            continue
        types = node.INPUT_TYPES()
        specs = {**types["required"], **types.get("optional", {})}
        found += [f"{number}: required input missing: {n}" for n in types["required"] if n not in step["inputs"]]
        for name, value in step["inputs"].items():
            if name not in specs:
                found.append(f"{number}: {step['class_type']} has no input {name}")
            elif isinstance(value, list):
                found += _link(prompt, nodes, number, name, value, specs[name][0])
            else:
                found += _value(step["inputs"], number, name, value, *specs[name])
    return found


def _link(prompt, nodes, number, name, value, kind) -> list[str]:
    if len(value) != 2 or value[0] not in prompt:
        return [f"{number}: bad linked input: {name}"]
    given = nodes[prompt[value[0]]["class_type"]].RETURN_TYPES
    if value[1] >= len(given) or not {*str(given[value[1]]).split(",")} & {*str(kind).split(",")}:
        return [f"{number}: return type mismatch between linked nodes: {name}, {given} != {kind}"]
    return []


def _value(inputs, number, name, value, kind, about) -> list[str]:
    if isinstance(kind, list):
        return [] if value in kind else [f"{number}: value not in list: {name}: {value!r} not in {kind}"]
    if kind not in MAKE:
        return [f"{number}: {name} must be linked"]
    try:
        inputs[name] = value = MAKE[kind](value)
    except ValueError:
        return [f"{number}: failed to convert an input value: {name}, {value!r}"]
    if "min" in about and value < about["min"]:
        return [f"{number}: value {value} smaller than min of {about['min']}: {name}"]
    if "max" in about and value > about["max"]:
        return [f"{number}: value {value} bigger than max of {about['max']}: {name}"]
    return []


def execute(prompt: dict[str, Any], nodes: dict[str, type]) -> tuple[dict[str, tuple], dict[str, dict]]:
    """Run a prompt: outputs and what is told to the page, by the nodes' numbers."""
    assert problems(prompt, nodes) == []
    outputs: dict[str, tuple] = {}
    told: dict[str, dict] = {}
    with torch.inference_mode():
        while waiting := [n for n in prompt if n not in outputs]:
            number = next(n for n in waiting if all(s in outputs for s in _sources(prompt[n])))
            node = nodes[prompt[number]["class_type"]]
            given = {
                name: outputs[value[0]][value[1]] if isinstance(value, list) else value
                for name, value in prompt[number]["inputs"].items()
            }
            if hasattr(node, "IS_CHANGED"):
                node.IS_CHANGED(**given)
            result = getattr(node(), node.FUNCTION)(**given)
            if isinstance(result, dict):
                told[number] = result["ui"]
                assert all(isinstance(values, list | tuple) for values in result["ui"].values())
                result = result["result"]
            assert isinstance(result, tuple)
            assert len(result) == len(node.RETURN_TYPES)
            outputs[number] = result
    return outputs, told


def _sources(step: dict[str, Any]) -> list[str]:
    return [value[0] for value in step["inputs"].values() if isinstance(value, list)]


def load(kind: str, **inputs: Any) -> dict[str, Any]:
    """One step of a prompt."""
    return {"class_type": kind, "inputs": inputs}
