"""What is written in two places of the project's own files is the same in both."""

import re
from pathlib import Path

import pytest
import yaml

import emo

ROOT = Path(__file__).parents[1]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_one_version():
    assert re.search(r'^version = "(.*)"$', text("pyproject.toml"), re.MULTILINE)[1] == emo.__version__
    assert yaml.safe_load(text("CITATION.cff"))["version"] == emo.__version__


def test_hooks_and_lint_have_the_same_ruff():
    (pin,) = re.findall(r'"(ruff==[\d.]+)"', text("pyproject.toml"))
    hooks = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    assert {hook["additional_dependencies"][0] for hook in hooks if hook["id"].startswith("ruff")} == {pin}


def test_help_tells_of_every_command():
    commands = set(re.search(r"^\.PHONY: (.*)$", text("Makefile"), re.MULTILINE)[1].split())
    assert set(re.findall(r"^([a-z-]+):.*## \S", text("Makefile"), re.MULTILINE)) == commands


@pytest.mark.parametrize("name", ["ci.yml", "nightly.yml"])
def test_workflows_run_commands_that_exist(name):
    jobs = yaml.safe_load(text(f".github/workflows/{name}"))["jobs"]
    said = " ".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
    matrix = [
        target for job in jobs.values() for target in job.get("strategy", {}).get("matrix", {}).get("target", [])
    ]
    named = [*re.findall(r"make ([a-z-]+)", said), *matrix]
    assert [target for target in named if f"\n{target}: " not in text("Makefile")] == []
    assert [path for path in re.findall(r"(?:bash|python) (\S+/\S+)", said) if not (ROOT / path).exists()] == []
