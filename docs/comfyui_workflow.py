"""Writes the example workflows for ComfyUI, in the form of its page and in that of its API, and draws them.

python docs/comfyui_workflow.py           # after a node has changed
python docs/comfyui_workflow.py --check   # only whether all is as it should be; exits 1 otherwise
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from emo.comfy import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS  # noqa: E402

FOLDER = ROOT / "comfyui" / "workflows"
PICTURES = ROOT / "docs" / "images"
WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN")
SIZE, ROW, GAP = 320, 24, 90  # of a node: width, height of a line; between columns
COLORS = {"IMAGE": "#64b5f6", "AUDIO": "#e57373", "FLOAT": "#a5d6a7", "VIDEO": "#ce93d8"}
COLORS |= {"EMO_MODEL": "#b39ddb", "EMO_MOTION": "#ffd54f", "EMO_OPTIONS": "#90a4ae", "EMO_ORIGIN": "#bcaaa4"}


class Core(NamedTuple):
    """One of ComfyUI's own nodes: names of its widgets, and its sockets as (name, type)."""

    widgets: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]


CORE = {
    "LoadImage": Core(("image",), (), (("IMAGE", "IMAGE"), ("MASK", "MASK"))),
    "LoadAudio": Core(("audio",), (), (("AUDIO", "AUDIO"),)),
    "LoadVideo": Core(("file",), (), (("VIDEO", "VIDEO"),)),
    "GetVideoComponents": Core((), (("video", "VIDEO"),), (("images", "IMAGE"), ("audio", "AUDIO"), ("fps", "FLOAT"))),
}


class Step(NamedTuple):
    """A node of a workflow: its kind, values of widgets, and where its sockets are fed from as (node, slot)."""

    kind: str
    column: int
    values: dict[str, Any]
    links: dict[str, tuple[int, int]]


TALKING = {
    1: Step("EMO_LoadModel", 0, {"model": "vasa-mesh"}, {}),
    2: Step("LoadImage", 0, {"image": "portrait.png"}, {}),
    3: Step("LoadAudio", 0, {"audio": "speech.wav"}, {}),
    4: Step("EMO_VASAOptions", 1, {"gaze": "0,0", "emotion": "happy:0.3"}, {}),
    5: Step("EMO_Generate", 2, {"seed": 0}, {"model": (1, 0), "image": (2, 0), "audio": (3, 0), "options": (4, 0)}),
    6: Step("EMO_SaveVideo", 3, {"filename_prefix": "video/EMO"},
            {"frames": (5, 0), "audio": (5, 1), "fps": (5, 2), "origin": (5, 3)}),
}  # fmt: skip
DRIVING = {
    1: Step("EMO_LoadModel", 0, {"model": "vasa-mesh"}, {}),
    2: Step("LoadImage", 0, {"image": "portrait.png"}, {}),
    3: Step("LoadVideo", 0, {"file": "driver.mp4"}, {}),
    4: Step("GetVideoComponents", 1, {}, {"video": (3, 0)}),
    5: Step("EMO_ReadMotion", 2, {}, {"model": (1, 0), "frames": (4, 0), "fps": (4, 2)}),
    6: Step("EMO_SaveMotion", 3, {"filename_prefix": "motion/EMO"}, {"motion": (5, 0)}),
    7: Step("EMO_DrawMotion", 3, {}, {"model": (1, 0), "image": (2, 0), "motion": (5, 0), "audio": (4, 1)}),
    8: Step("EMO_SaveVideo", 4, {"filename_prefix": "video/EMO-driven"},
            {"frames": (7, 0), "audio": (7, 1), "fps": (7, 2), "origin": (7, 3)}),
}  # fmt: skip
WORKFLOWS = {"talking": TALKING, "driving": DRIVING}


def node_inputs(kind: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    """A node's inputs in order, as its `INPUT_TYPES` says; of ComfyUI's own what is known of them here."""
    if kind in CORE:
        core = CORE[kind]
        return {n: ("STRING", {}) for n in core.widgets} | {n: (t, {}) for n, t in core.inputs}
    types = NODE_CLASS_MAPPINGS[kind].INPUT_TYPES()
    return {**types["required"], **types.get("optional", {})}


def node_outputs(kind: str) -> list[tuple[str, str]]:
    """A node's outputs as (name, type)."""
    if kind in CORE:
        return list(CORE[kind].outputs)
    node = NODE_CLASS_MAPPINGS[kind]
    return list(zip(node.RETURN_NAMES, node.RETURN_TYPES, strict=True))


def is_widget(input_type: Any) -> bool:
    return isinstance(input_type, list) or input_type in WIDGETS


def first_value(spec: tuple[Any, dict[str, Any]]) -> Any:
    kind, about = spec
    return about.get("default", kind[0] if isinstance(kind, list) and kind else "")


def widget_values(step: Step) -> dict[str, Any]:
    """What the widgets of a node hold."""
    specs = {name: spec for name, spec in node_inputs(step.kind).items() if is_widget(spec[0])}
    return {name: step.values.get(name, first_value(spec)) for name, spec in specs.items()}


def api_form(steps: dict[int, Step]) -> dict[str, Any]:
    """A workflow as ComfyUI's API takes it."""
    form = {}
    for number, step in steps.items():
        values = {name: value for name, value in widget_values(step).items() if name not in step.links}
        links = {name: [str(source), slot] for name, (source, slot) in step.links.items()}
        title = NODE_DISPLAY_NAME_MAPPINGS.get(step.kind, step.kind)
        form[str(number)] = {"class_type": step.kind, "inputs": {**values, **links}, "_meta": {"title": title}}
    return form


def height_of(step: Step) -> int:
    sockets = max(
        len([s for s in node_inputs(step.kind).values() if not is_widget(s[0])]), len(node_outputs(step.kind))
    )
    linked = [name for name in step.links if is_widget(node_inputs(step.kind)[name][0])]
    return ROW * (2 + sockets + len(linked) + len(widget_values(step)))


def places(steps: dict[int, Step]) -> dict[int, tuple[int, int]]:
    """Where nodes stand."""
    below: dict[int, int] = {}
    found = {}
    for number, step in steps.items():
        found[number] = 40 + step.column * (SIZE + GAP), below.get(step.column, 40)
        below[step.column] = found[number][1] + height_of(step) + 50
    return found


def page_form(steps: dict[int, Step]) -> dict[str, Any]:
    """A workflow as ComfyUI's page saves it."""
    links = []
    nodes = {}
    for order, (number, step) in enumerate(steps.items()):
        specs = node_inputs(step.kind)
        sockets = [name for name, spec in specs.items() if not is_widget(spec[0])]
        sockets += [name for name in specs if name in step.links and name not in sockets]
        inputs: list[dict[str, Any]] = []
        for name in sockets:
            entry: dict[str, Any] = {"name": name, "type": specs[name][0], "link": None}
            if is_widget(specs[name][0]):
                entry["widget"] = {"name": name}
            if name in step.links:
                source, slot = step.links[name]
                entry["link"] = len(links) + 1
                kind = node_outputs(steps[source].kind)[slot][1]
                links.append([len(links) + 1, source, slot, number, len(inputs), kind])
            inputs.append(entry)
        values = []
        for name, value in widget_values(step).items():
            values.append(value)
            if specs[name][1].get("control_after_generate"):
                values.append("fixed")
        if step.kind in ("LoadImage", "LoadVideo"):
            values.append("image")
        nodes[number] = {
            "id": number,
            "type": step.kind,
            "pos": list(places(steps)[number]),
            "size": [SIZE, height_of(step)],
            "flags": {},
            "order": order,
            "mode": 0,
            "inputs": inputs,
            "outputs": [
                {"name": name, "type": kind, "links": [], "slot_index": slot}
                for slot, (name, kind) in enumerate(node_outputs(step.kind))
            ],
            "properties": {"Node name for S&R": step.kind},
            "widgets_values": values,
        }
    for link, source, slot, *_ in links:
        nodes[source]["outputs"][slot]["links"].append(link)
    return {
        "last_node_id": max(steps),
        "last_link_id": len(links),
        "nodes": list(nodes.values()),
        "links": links,
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }


def picture(form: dict[str, Any]) -> Image.Image:
    """A workflow drawn from its page's form."""
    nodes = {node["id"]: node for node in form["nodes"]}
    width = max(node["pos"][0] + node["size"][0] for node in nodes.values()) + 40
    height = max(node["pos"][1] + node["size"][1] for node in nodes.values()) + 40
    scale = 2
    image = Image.new("RGB", (width * scale, height * scale), "#22252b")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(13 * scale)

    def at(node: dict[str, Any], row: float, right: bool = False) -> tuple[int, int]:
        x = node["pos"][0] + (node["size"][0] if right else 0)
        return round(x * scale), round((node["pos"][1] + ROW * (row + 0.5)) * scale)

    def text(place: tuple[int, int], words: str, color: str, anchor: str) -> None:
        draw.text(place, words, color, font=font, anchor=anchor)

    for _, source, slot, target, socket, kind in form["links"]:
        (x0, y0), (x1, y1) = at(nodes[source], 1 + slot, True), at(nodes[target], 1 + socket)
        bend = max(60, abs(x1 - x0) // 2)
        curve = []
        for step in range(41):
            t = step / 40
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            curve.append((a * x0 + b * (x0 + bend) + c * (x1 - bend) + d * x1, (a + b) * y0 + (c + d) * y1))
        draw.line(curve, COLORS.get(kind, "#cccccc"), 3 * scale, joint="curve")
    for node in nodes.values():
        x, y = (value * scale for value in node["pos"])
        w, h = (value * scale for value in node["size"])
        draw.rounded_rectangle((x, y, x + w, y + h), 8 * scale, "#353942", "#15171b", scale)
        draw.rounded_rectangle((x, y, x + w, y + ROW * scale), 8 * scale, "#4a4f5b")
        title = NODE_DISPLAY_NAME_MAPPINGS.get(node["type"], node["type"])
        text((x + 10 * scale, y + ROW * scale // 2), title, "white", "lm")
        for side, entries in ((False, node["inputs"]), (True, node["outputs"])):
            for row, entry in enumerate(entries):
                px, py = at(node, 1 + row, side)
                r = 5 * scale
                draw.ellipse((px - r, py - r, px + r, py + r), COLORS.get(entry["type"], "#cccccc"))
                inwards = -10 * scale if side else 10 * scale
                text((px + inwards, py), entry["name"], "#dddddd", "rm" if side else "lm")
        below = 1 + max(len(node["inputs"]), len(node["outputs"]))
        shown = [name for name, spec in node_inputs(node["type"]).items() if is_widget(spec[0])]
        extra = [n for n in shown if node_inputs(node["type"])[n][1].get("control_after_generate")]
        values = list(node["widgets_values"])
        row = -1
        for name in shown:
            value = values.pop(0)
            if name in extra:
                values.pop(0)
            if any(entry["name"] == name for entry in node["inputs"]):
                continue  # fed by a link
            row += 1
            px, py = at(node, below + row)
            box = (px + 8 * scale, py - 10 * scale, px + w - 8 * scale, py + 10 * scale)
            draw.rounded_rectangle(box, 9 * scale, "#24272e")
            text((px + 18 * scale, py), name, "#9aa0ab", "lm")
            text((px + w - 18 * scale, py), str(value)[:24] or "…", "#dddddd", "rm")
    return image.resize((width, height), Image.Resampling.LANCZOS)


def written() -> dict[Path, str]:
    """The files, and what they should hold."""
    files = {}
    for name, steps in WORKFLOWS.items():
        files[FOLDER / f"{name}.json"] = json.dumps(page_form(steps), indent=2) + "\n"
        files[FOLDER / f"{name}_api.json"] = json.dumps(api_form(steps), indent=2) + "\n"
    return files


def main() -> int:
    stale = [path for path, text in written().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        print("\n".join(f"{path} is not what nodes say now" for path in stale), end="\n" if stale else "")
        return 1 if stale else 0
    for path, text in written().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, steps in WORKFLOWS.items():
        picture(page_form(steps)).save(PICTURES / f"comfyui-{name}.png", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
