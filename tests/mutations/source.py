"""Mutations as data: read, checked and applied to the source."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings it
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Mutation:
    """One change of one file that a test must notice.

    Attributes:
        area: name of the TOML file it stands in.
        name: what the method does wrong then.
        file: the file that is changed, relative to the checkout.
        old: a fragment that occurs once in the file, or in `within`.
        new: what stands in its place.
        tests: tests that notice it, relative to `tests`, separated by spaces.
        within: dotted name of the function or class that holds the fragment; empty means the whole file.
    """

    area: str
    name: str
    file: str
    old: str
    new: str
    tests: str
    within: str = ""

    def apply(self, source: str) -> str:
        """The changed source of `file`.

        Raises:
            ValueError: the fragment or its place is not there, or not just once.
        """
        start, stop = _span(source, self.within) if self.within else (0, len(source))
        if (count := source[start:stop].count(self.old)) != 1:
            raise ValueError(f"{self.old!r} occurs {count} times in {self.within or self.file}")
        at = source.index(self.old, start)
        return source[:at] + self.new + source[at + len(self.old) :]


def load_mutations(folder: Path = FOLDER) -> list[Mutation]:
    """All mutations of a folder's TOML files, area by area."""
    return [
        Mutation(area=path.stem, **entry)
        for path in sorted(folder.glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]
    ]


def misfit(mutation: Mutation, root: Path = ROOT) -> str | None:
    """What is wrong with a mutation that no longer fits the checkout."""
    try:
        source = (root / mutation.file).read_text(encoding="utf-8")
        changed = mutation.apply(source)
        if changed == source:
            raise ValueError("it changes nothing")
        if mutation.file.endswith(".py"):
            ast.parse(changed)
        for test in mutation.tests.split():
            _require_test(root / "tests", test)
    except (OSError, ValueError, SyntaxError) as error:
        return f"{mutation.area}.toml: {mutation.name}: {error}"
    return None


def _span(source: str, name: str) -> tuple[int, int]:
    """Where a function or class stands in the source, by its dotted name: first and last offset."""
    body, lines = ast.parse(source).body, source.splitlines(keepends=True)
    start, stop = 0, len(lines)
    for part in name.split("."):
        named = [node for node in _definitions(body) if node.name == part]
        if len(named) != 1:
            raise ValueError(f"{name} is defined {len(named)} times")
        body, start, stop = named[0].body, named[0].lineno - 1, named[0].end_lineno
    return len("".join(lines[:start])), len("".join(lines[:stop]))


def _definitions(body: list[ast.stmt]) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """The functions and classes defined in a body, also below its `if`s, `with`s and loops."""
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append(node)
        else:
            found += _definitions([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)])
    return found


def _require_test(tests: Path, test: str) -> None:
    """Raise ValueError where a test file has no such test."""
    path, _, function = test.partition("::")
    name = function or r"test_\w+"
    if not re.search(rf"^def {name}\(", (tests / path).read_text(encoding="utf-8"), re.MULTILINE):
        raise ValueError(f"tests/{path} has no test {function}")
