"""Imports of the package run downwards only, those inside functions and under TYPE_CHECKING too.

`emo/__init__` offers every part by name, so inside the package it is no way in: a module imports a part from where it
stands, and takes from `emo` itself nothing but `LIGHT`.
"""

import ast
from pathlib import Path

import pytest

import emo

PACKAGE = Path(emo.__file__).parent

# The ground floor, whose parts import each other, without circles: no model, no media.
GROUND = {"errors", "names", "values", "files", "search", "locks", "bounds", "config", "options"}
GROUND |= {"arriving", "downloads", "console", "cpu", "entry", "processes", "resources"}
# From the ground up: a part imports itself and the parts of the layers below, not those beside it.
LAYERS = (
    GROUND,
    ("unets", "media", "face", "articulation", "upscale"),
    ("motion",),
    ("store",),
    ("generation", "speech"),
    ("pipelines",),
    ("metrics",),
    ("data", "hub"),
    ("training",),
    ("evaluation",),
    ("ui",),
    ("serve",),
    ("cli",),
    ("comfy",),
    ("__main__",),
    ("__init__",),  # the package itself: it offers what all parts have, and imports it when asked for
)
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
ALONE = {"unets"}  # networks know tensors only, and nothing of emo but each other
LIGHT = {"__version__", "__file__"}  # what the parts may take from `emo` itself


def imported(source: str, module: str) -> set[str]:
    """The dotted names of emo that a module's source imports or reads from the package, anywhere in it.

    Args:
        source: the module's text.
        module: its dotted name; for a package's own file it ends in `.__init__`.
    """
    tree = ast.parse(source)
    names, known = set(), set()  # of what is imported, and those by which the whole package can be reached
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "emo":
                    names |= {alias.name} - {"emo"}
                    known |= {alias.asname or "emo"} if alias.name == "emo" or not alias.asname else set()
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call | ast.Subscript):
            names |= _by_string(node, tree)
    names |= _through_package(tree, known)
    return {name for name in names if name.split(".")[0] == "emo"}


def _through_package(tree: ast.Module, known: set[str]) -> set[str]:
    """What is read of the package by its own name: `emo.NAME`, or all of it, as in `getattr(emo, ...)`."""
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    read = {id(node.value): f"emo.{node.attr}" for node in attributes}
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in known]
    return {read.get(id(node), "emo.*") for node in uses}


def _by_string(node: ast.Call | ast.Subscript, tree: ast.Module) -> set[str]:
    """Modules named by strings: `import_module(...)`, `__import__(...)`, `sys.modules[...]`, a table of lazy names."""
    called = ast.unparse(node.func if isinstance(node, ast.Call) else node.value)
    if called != "sys.modules" and called.split(".")[-1] not in {"import_module", "__import__"}:
        return set()
    argument = node.slice if isinstance(node, ast.Subscript) else node.args[0]
    if ast.unparse(argument) == "_EXPORTS[name]":
        tables = [n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "_EXPORTS"]
        return {str(name) for table in tables for name in ast.literal_eval(table).values()}
    if isinstance(argument, ast.Constant):
        return {str(argument.value) if argument.value != "emo" else "emo.*"}
    return {"emo.*"} if isinstance(node, ast.Call) else set()  # whatever it is


def part_of(name: str) -> str:
    """The part that a dotted name leads to; `__init__` stands for the package itself."""
    part = [*name.split("."), ""][1]
    return part if part in RANK else "__init__"


def upward(source: str, module: str) -> list[str]:
    """The imports of a module that the layers do not allow: of a layer above, or beside in the same one."""
    here = module.split(".")[1]
    below = set() if here in ALONE else {part for part in RANK if RANK[part] < RANK[here]}
    allowed = below | {here} | (GROUND if here in GROUND else set())
    light = {f"emo.{name}" for name in LIGHT}
    return sorted(name for name in imported(source, module) - light if part_of(name) not in allowed)


def modules() -> dict[str, str]:
    """Source of every module of the package, by its dotted name."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {
        ".".join(("emo", *path.relative_to(PACKAGE).with_suffix("").parts)): path.read_text(encoding="utf-8")
        for path in paths
    }


def test_every_part_has_its_place():
    assert {name.split(".")[1] for name in modules()} <= RANK.keys()


def test_imports_run_downwards_only():
    wrong = {name: found for name, source in modules().items() if (found := upward(source, name))}
    assert wrong == {}


def test_no_module_imports_itself_through_others():
    sources = modules()
    names = {name.removesuffix(".__init__") for name in sources}
    arrows = {
        name.removesuffix(".__init__"): {n if n in names else n.rpartition(".")[0] for n in imported(source, name)}
        & names
        for name, source in sources.items()
        if name != "emo.__init__"
    }
    while leaves := [name for name, to in arrows.items() if not to & arrows.keys() - {name}]:
        for name in leaves:
            del arrows[name]
    assert sorted(arrows) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("emo.unets.spatial", "from emo.media import AudioTrack"),
        ("emo.unets.spatial", "import emo.pipelines.guidance"),
        ("emo.unets.spatial", "from emo.errors import EmoError"),
        ("emo.unets.__init__", "from ..face import FaceDetector"),
        ("emo.media.audio", "def f():\n    from emo import face"),
        ("emo.face.crop", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from emo.unets import Attention"),
        ("emo.motion.track", "from emo.metrics import gaze"),
        ("emo.face.crop", "from emo.motion import MotionTrack"),
        ("emo.store.checks", "from emo.generation import Stream"),
        ("emo.generation.writer", "from emo.pipelines import EMOPipeline"),
        ("emo.pipelines.pipeline_emo", "if True:\n    from emo.hub.sd15 import load_backbone"),
        ("emo.hub.build", "from emo.data import synthetic"),
        ("emo.metrics.sync", "from emo.data.synthetic.speech import SAMPLE_RATE"),
        ("emo.data.synthetic.warp", "from ...cli import main"),
        ("emo.training.loop", "from emo.cli import quiet"),
        ("emo.errors", "import emo.media"),
        ("emo.errors", "from . import media"),
    ],
)
def test_upward_imports_are_noticed(module, source):
    assert upward(source, module) != []


@pytest.mark.parametrize(
    "source",
    [
        "from emo import EMOPipeline",
        "from emo import push_folder as push",
        "from emo import *",
        "from .. import push_folder",
        "import emo\nemo.push_folder('x')",
        "import emo as package\nprint(package.hub)",
        "import emo.errors\nemo.push_folder('x')",
        "def f():\n    import emo\n    return getattr(emo, 'push_folder')",
        "import emo\nLIBRARIES = {'emo': emo}",
        "from importlib import import_module\nimport_module('emo.hub')",
        "from importlib import import_module\nimport_module('emo')",
        "import importlib\nimportlib.import_module(name)",
        "_EXPORTS = {'push': 'emo.hub'}\nimportlib.import_module(_EXPORTS[name])",
        "__import__('emo.hub')",
        "import sys\nsys.modules['emo.hub']",
        "import sys\nsys.modules['emo'].push_folder",
    ],
)
def test_ways_around_are_noticed(source):
    assert upward(source, "emo.store.saved_format") != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("emo.unets.spatial", "import torch\nfrom emo.unets.attention import Attention\nfrom . import temporal"),
        ("emo.media.audio", "from emo.errors import AudioError\nfrom emo.files import write_atomically"),
        ("emo.motion.reading", "from emo.face import track_face\nfrom emo.media import VideoReader"),
        ("emo.errors", "from emo.names import shown"),
        ("emo.pipelines.pipeline_emo", "from emo import face\nfrom emo.store import saved_format"),
        ("emo.generation.origin", "import emo\nversion = emo.__version__"),
        ("emo.generation.origin", "from emo import __version__"),
        ("emo.data.filters", "from emo.metrics import mouth_sound_correlation"),
        ("emo.data.__init__", "_EXPORTS = {'Batch': 'emo.data.batch'}\nimportlib.import_module(_EXPORTS[name])"),
        ("emo.cli.main", "from emo import __version__\nfrom emo.cli import doctor\nfrom emo.hub import locate_model"),
        ("emo.__init__", "if TYPE_CHECKING:\n    from emo.cli import main"),
        ("emo.hub.card", "TEXT = 'from emo import EMOPipeline'\nimport importlib.metadata"),
    ],
)
def test_downward_imports_are_allowed(module, source):
    assert upward(source, module) == []
