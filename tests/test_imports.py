"""Imports run downwards only: cli, ui, evaluation, data and hub, metrics, pipelines, then the rest (design, 2)."""

import ast
from pathlib import Path

import emo

PACKAGE = Path(emo.__file__).parent
# They import nothing of emo but each other:
ANYWHERE = {
    "bounds",
    "config",
    "console",
    "errors",
    "files",
    "locks",
    "names",
    "options",
    "processes",
    "resources",
    "search",
    "values",
}
LAYERS = (
    ("unets", "media", "face"),
    ("__init__",),  # the package itself: what it exports it imports when asked for
    ("store",),
    ("generation",),
    ("pipelines",),
    ("metrics",),
    ("data", "hub"),
    ("training",),
    ("evaluation",),
    ("ui",),
    ("cli",),
    ("__main__",),
)
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}


def imported(source: str, module: str) -> set[str]:
    """The parts of emo that a module's source imports anywhere in it; `__init__` stands for the package itself.

    module: dotted name; for a package's own file it ends in `.__init__`.
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names if name.split(".")[0] == "emo"]
    known = RANK.keys() | ANYWHERE
    return {path[1] if len(path) > 1 and path[1] in known else "__init__" for path in parts}


def upward(source: str, module: str) -> list[str]:
    """The imports of a module that the layers do not allow: of a layer above, or beside in the same one."""
    part = module.split(".")[1]
    below = ANYWHERE | {other for other in RANK if part in RANK and RANK[other] < RANK[part]} | {part}
    return sorted(imported(source, module) - below)


def modules() -> list[tuple[str, str]]:
    """Dotted name and source of every module of the package."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return [
        (".".join(("emo", *path.relative_to(PACKAGE).with_suffix("").parts)), path.read_text(encoding="utf-8"))
        for path in paths
    ]


def test_every_part_has_its_place():
    assert {name.split(".")[1] for name, _ in modules()} <= RANK.keys() | ANYWHERE


def test_imports_run_downwards_only():
    wrong = {name: parts for name, source in modules() if (parts := upward(source, name))}
    assert wrong == {}


def test_made_up_imports_are_judged():
    forbidden = [
        ("emo.unets.spatial", "from emo.media import AudioTrack"),
        ("emo.unets.spatial", "import emo.generation.guidance"),
        ("emo.unets.spatial", "from emo import EMOPipeline"),
        ("emo.unets.__init__", "from ..face import FaceDetector"),
        ("emo.media.audio", "def f():\n    from emo import face"),
        ("emo.face.crop", "from emo.unets import Attention"),
        ("emo.generation.write", "if True:\n    from emo.hub.sd15 import load_backbone"),
        ("emo.hub.build", "from emo.data import synthetic"),
        ("emo.metrics.sync", "from emo.data.synthetic.speech import SAMPLE_RATE"),
        ("emo.data.synthetic.warp", "from ...cli import main"),
        ("emo.errors", "import emo.media"),
    ]
    allowed = [
        ("emo.unets.spatial", "import torch\nfrom emo.unets.attention import Attention\nfrom . import temporal"),
        ("emo.media.audio", "from emo.errors import AudioError"),
        ("emo.store.checks", "import emo\nfrom emo.face import Face\nfrom emo.unets import BackboneUNet"),
        ("emo.data.synthetic.warp", "from emo.media import VideoReader\nfrom .controls import FaceControls"),
        ("emo.data.filters", "from emo.metrics import mouth_sound_correlation"),
        ("emo.cli.main", "from emo import __version__\nfrom emo.cli import doctor\nfrom emo.hub import locate_model"),
    ]
    assert [case for case in forbidden if not upward(case[1], case[0])] == []
    assert [case for case in allowed if upward(case[1], case[0])] == []
