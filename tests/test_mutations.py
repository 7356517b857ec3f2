"""Every mutation of tests/mutations still fits the source; that a test notices it is seen by tests/mutate.py."""

import os
import sys
from collections import Counter

import pytest
from mutations.overlay import overlay
from mutations.source import ROOT, Mutation, load_mutations, misfit

SOURCE = """\
STEPS = 10

class Model:
    def encode(self, x):
        return x + STEPS

    def decode(self, x):
        with scaled(x):
            return x + STEPS
"""


def mutation(**changes) -> Mutation:
    fields = {"area": "made", "name": "up", "file": "made.py", "old": "x + STEPS", "new": "x", "tests": "test_made.py"}
    return Mutation(**fields | changes)


@pytest.fixture
def checkout(tmp_path):
    """A checkout of one module and one test."""
    (tmp_path / "made.py").write_text(SOURCE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_made.py").write_text("def test_steps():\n    pass\n")
    return tmp_path


def test_all_mutations_fit():
    assert [line for line in map(misfit, load_mutations()) if line] == []


def test_names_are_unique():
    assert [name for name, count in Counter(m.name for m in load_mutations()).items() if count > 1] == []


def test_within_a_function_a_short_fragment_is_enough():
    changed = mutation(within="Model.decode").apply(SOURCE)
    assert changed == SOURCE[::-1].replace("SPETS + x", "x", 1)[::-1]
    assert mutation(within="Model", old="with scaled(x)", new="if x").apply(SOURCE).count("if x:") == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "occurs 2 times in made.py"),
        ({"within": "Model"}, "occurs 2 times in Model"),
        ({"within": "Model.forward"}, "Model.forward is defined 0 times"),
        ({"old": "x - STEPS"}, "occurs 0 times"),
        ({"old": "STEPS = 10", "new": "STEPS = 10"}, "changes nothing"),
        ({"old": "STEPS = 10", "new": "STEPS = ("}, "never closed"),
        ({"within": "Model.encode", "file": "gone.py"}, "No such file"),
        ({"within": "Model.encode", "tests": "test_gone.py"}, "No such file"),
        ({"within": "Model.encode", "tests": "test_made.py::test_step"}, "has no test test_step"),
    ],
)
def test_drift_is_told(checkout, changes, said):
    assert misfit(mutation(within="Model.encode"), checkout) is None
    assert said in misfit(mutation(**changes), checkout)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_the_checkout_is_linked_but_for_the_changed_file():
    chosen = load_mutations()[0]
    original = (ROOT / chosen.file).read_text(encoding="utf-8")
    with overlay(chosen) as top:
        assert (top / chosen.file).read_text(encoding="utf-8") == chosen.apply(original)
        real = [name for folder, _, names in os.walk(top) for name in names if not os.path.islink(f"{folder}/{name}")]
        assert real == [os.path.basename(chosen.file)]
        assert (top / "weights").samefile(ROOT / "weights")
    assert not top.exists()
    assert (ROOT / chosen.file).read_text(encoding="utf-8") == original
