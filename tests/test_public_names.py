"""What packages offer when asked for is what editors and type checkers are told; and it is light to import."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import emo

PACKAGE = Path(emo.__file__).parent
LAZY = [path.parent for path in sorted(PACKAGE.rglob("__init__.py")) if "_EXPORTS" in path.read_text(encoding="utf-8")]
NAMES = [".".join(("emo", *path.relative_to(PACKAGE).parts)) for path in LAZY]


def told(source: str) -> dict[str, str]:
    """The names that a module imports under TYPE_CHECKING and exports, and from where.

    A name is exported that is imported as itself or stands in a list of `__all__`.
    """
    body = ast.parse(source).body
    lists = [n.value for n in body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"]
    listed = {
        e.value for value in lists if isinstance(value, ast.List) for e in value.elts if isinstance(e, ast.Constant)
    }
    blocks = [n for n in body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {
        alias.name: node.module
        for node in imports
        for alias in node.names
        if alias.asname == alias.name or alias.name in listed
    }


def test_told_names():
    source = "if TYPE_CHECKING:\n    from emo.hub import push as push\n    from emo.ui import serve\nelse:\n    pass\n"
    assert told(source) == {"push": "emo.hub"}
    assert told(source + "__all__ = ['push', 'serve']\n") == {"push": "emo.hub", "serve": "emo.ui"}


@pytest.mark.parametrize("name", NAMES)
def test_types_are_told_of_all_lazy_names_and_no_others(name):
    module = import_module(name)
    assert told(Path(module.__file__).read_text(encoding="utf-8")) == module._EXPORTS
    assert set(module.__all__) - {"__version__"} == module._EXPORTS.keys()


@pytest.mark.parametrize("name", NAMES)
def test_lazy_names_are_there_and_others_are_not(name):
    module = import_module(name)
    assert [export for export in module.__all__ if not hasattr(module, export)] == []
    with pytest.raises(AttributeError, match=f"{name}.*nothing"):
        module.nothing  # noqa: B018


def test_what_is_lazy_imports_nothing():
    code = f"import sys, {', '.join(NAMES)}; print(*sorted(n for n in sys.modules if n.split('.')[0] == 'emo'))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == sorted(NAMES)


def test_types_are_shipped():
    assert (PACKAGE / "py.typed").is_file()
