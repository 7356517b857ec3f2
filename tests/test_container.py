"""The container's files name what there is; no container is built here."""

import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from emo.cli import serve, ui
from emo.cli.main import COMMANDS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
STANDARD = ("python", "pip", "apt-get", "rm", "useradd")  # programs of the base image


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile: a word and the rest, comments left out and lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def given(word: str) -> list[str]:
    return [rest for name, rest in instructions() if name == word]


def in_context(path: str) -> bool:
    """Whether a path of the checkout is sent to the build: the last line of .dockerignore that fits decides."""
    inside = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!").removeprefix("**/")
        if not line or line.startswith("#"):
            continue
        parts = Path(path).parts
        starts = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        names = parts if line.lstrip("!").startswith("**/") else starts
        if any(fnmatch.fnmatch(name, pattern) for name in names):
            inside = line.startswith("!")
    return inside


def parsed(arguments: list[str]):
    import argparse

    parser = argparse.ArgumentParser(prog="emo", exit_on_error=False)
    commands = parser.add_subparsers(required=True)
    for module in COMMANDS:
        module.add_parser(commands).set_defaults(module=module)
    return parser.parse_args(arguments)


def test_what_is_copied_is_there_and_sent():
    for rest in given("COPY"):
        words = shlex.split(rest)
        if words[0].startswith("--from=build"):
            assert words[1] == "/opt/emo"
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists(), source
            assert in_context(source), source


def test_the_wheel_has_its_files_in_the_context_and_no_more_than_it_needs():
    for source in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]:
        assert in_context(source), source
        assert any(source.startswith(word) for rest in given("COPY") for word in rest.split()[:-1]), source
    left_out = ("weights/emo-tiny-teacher/unet/config.json", "weights/gaia-tiny/vae/config.json")
    for path in (*left_out, ".git/config", "tests/tiny.py", "emo/ui/__pycache__/x"):
        assert not in_context(path), path
    assert in_context("emo/serve/client/client.js")


def test_programs_and_extras_exist():
    for rest in given("RUN"):
        for command in rest.split("&&"):
            assert shlex.split(command)[0] in STANDARD, command
    asked = re.findall(r"\.\[([\w,]+)\]", " ".join(given("RUN")))
    assert asked, "the package is installed"
    assert set(asked[0].split(",")) <= PROJECT["project"]["optional-dependencies"].keys()
    assert json.loads(given("ENTRYPOINT")[0])[0] in PROJECT["project"]["scripts"]


def test_what_it_starts_is_a_command_and_listens_where_it_is_looked_for():
    command = json.loads(given("CMD")[0])
    options = parsed(command)
    assert (options.module, options.host) == (ui, "0.0.0.0")
    port = re.search(r"\bPORT=(\d+)", " ".join(given("ENV")))[1]
    assert [port] == given("EXPOSE") == [str(options.port)]


def test_nobody_is_root():
    assert given("USER")[-1].split(":")[0] == "1000"
    words = [name for name, _ in instructions()]
    assert words.index("USER") < words.index("ENTRYPOINT")


def test_compose_starts_commands_that_exist():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services.keys() == {"page", "live", "live-cuda"}
    for name in ("live", "live-cuda"):
        options = parsed([str(word) for word in services[name]["command"]])
        assert (options.module, options.port) == (serve, 7860)
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") and port.endswith(":7860") for port in service["ports"])
        assert service["read_only"]
        assert service["build"]["args"].keys() <= {rest.split("=")[0] for rest in given("ARG")}


def test_the_health_check_notices_whether_a_server_answers(tmp_path):
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.server.well else 500)
            self.end_headers()

        def log_message(self, *_):
            pass

    check = given("HEALTHCHECK")[0]
    command = json.loads(check[check.index("CMD") + 3 :])
    server = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    statuses = []
    for server.well in (True, False):
        environment = {"PORT": str(server.server_port), "PATH": str(Path(sys.executable).parent)}
        statuses.append(subprocess.run(command, env=environment, capture_output=True).returncode)
    server.shutdown()
    server.server_close()
    assert (statuses[0], statuses[1] != 0) == (0, True)


def test_a_linter_finds_nothing():
    beside = Path(sys.executable).with_name("hadolint")
    linter = shutil.which("hadolint") or (beside.exists() and str(beside))
    if not linter:
        pytest.skip("hadolint is not installed")
    result = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "")
