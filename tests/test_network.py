"""Nothing leaves the machine unasked: the commands are watched by strace, where there is one, and by Python itself.

strace sees every process and thread, native libraries too; Python's audit hooks see names that are looked up.
"""

import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.cli_files import write_wav
from made_videos import pasted, talker, write_video
from PIL import Image
from tiny import tiny_pipeline

ROOT = Path(__file__).parents[1]
HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "", "None")
HOOK = """
import json, sys
def watch(event, values):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        said = values[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        said = values[0]
    else:
        return
    said = said[0] if isinstance(said, tuple) else said
    said = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    with open({log!r}, "a") as file:
        file.write(json.dumps(said) + chr(10))
sys.addaudithook(watch)
"""


class Watch:
    """Runs commands; `heard()` is what they asked for beyond this machine."""

    def __init__(self, folder: Path):
        self.home, self.log, self.calls = folder / "home", folder / "names.jsonl", folder / "calls.txt"
        (folder / "hook").mkdir()
        (folder / "hook" / "sitecustomize.py").write_text(HOOK.format(log=str(self.log)))
        self.home.mkdir()
        self.log.touch()
        silent = ("TELEMETRY", "TRACK", "ANALYTICS", "USAGE_STATS", "XDG_")
        self.environment = {name: value for name, value in os.environ.items() if not any(s in name for s in silent)}
        places = [str(folder / "hook"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.environment |= {"HOME": str(self.home), "PYTHONPATH": os.pathsep.join(places)}

    @contextmanager
    def started(self, *command: object):
        tracer = []
        if strace := shutil.which("strace"):
            tracer = [strace, "-D", "-f", "--seccomp-bpf", "-qq", "-A", "-o", str(self.calls)]
            tracer += ["-e", "trace=connect,sendto,sendmsg,sendmmsg"]
        whole = [*tracer, sys.executable, *map(str, command)]
        with subprocess.Popen(
            whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment
        ) as process:
            yield process

    def run(self, *command: object) -> str:
        with self.started(*command) as process:
            said, _ = process.communicate(timeout=280)
        assert process.returncode == 0, said
        return said

    def heard(self) -> list[str]:
        names = {json.loads(line) for line in self.log.read_text().splitlines()}
        calls = self.calls.read_text() if self.calls.exists() else ""
        return sorted(name for name in names if beyond(name)) + addresses(calls)


def beyond(name: str) -> bool:
    """Whether a name or address, or the path of a socket, is not of this machine."""
    try:
        return not ipaddress.ip_address(name).is_loopback and name not in HERE
    except ValueError:
        return name not in HERE and not name.startswith(("/", "\0"))


def addresses(calls: str) -> list[str]:
    """The calls in strace's words that go to another machine, or ask for a name, be it through a resolver here."""
    found = []
    for call in re.findall(r"sa_family=AF_INET6?,[^}]*}", calls):
        address = re.search(r'"([0-9a-f.:]+)"', call)
        if address is None or beyond(address[1]) or "htons(53)" in call:
            found.append(call)
    return found


@pytest.fixture
def watch(tmp_path) -> Watch:
    watch = Watch(tmp_path)
    yield watch
    assert watch.heard() == []
    left = [str(path.relative_to(watch.home)) for path in watch.home.rglob("*") if path.is_file()]
    assert [path for path in left if re.search("microsoft|deviceid|telemetry|analytics", path.lower())] == []


@pytest.fixture(scope="module")
def given(tmp_path_factory, portrait) -> Path:
    """model, portrait.png, sound.wav, and videos/talk.mp4."""
    folder = tmp_path_factory.mktemp("given")
    tiny_pipeline().save_pretrained(folder / "model")
    Image.fromarray(portrait).save(folder / "portrait.png")
    write_wav(folder / "sound.wav", 0.2)
    (folder / "videos").mkdir()
    write_video(folder / "videos" / "talk.mp4", pasted(talker()[0]), talker()[1])
    return folder


def test_addresses_are_told_apart():
    ours = '1 connect(3, {sa_family=AF_INET, sin_port=htons(7860), sin_addr=inet_addr("127.0.0.1")}, 16) = 0\n'
    ours += '1 connect(3, {sa_family=AF_UNIX, sun_path="/run/x"}, 110) = 0\n'
    ours += '1 connect(3, {sa_family=AF_INET6, sin6_port=htons(1), inet_pton(AF_INET6, "::1", &sin6_addr)}, 28) = 0\n'
    assert addresses(ours) == []
    for port, address in ((443, "93.184.216.34"), (53, "127.0.0.53"), (53, "10.0.0.1")):
        other = f'1 connect(3, {{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr("{address}")}}, 16) = 0'
        assert len(addresses(ours + other)) == 1
    assert not any(map(beyond, ("127.0.0.1", "localhost", "/tmp/socket", "::1")))
    assert all(map(beyond, ("example.org", "10.0.0.1", "2001:db8::1")))


def test_a_watched_command_is_heard(tmp_path):
    watch = Watch(tmp_path)
    watch.run("-c", "import socket; socket.socket(2, 2).connect(('192.0.2.1', 9))")
    assert watch.heard()[0] == "192.0.2.1"


def test_onnxruntime_is_asked_to_be_silent(watch):
    """Where it is not, it makes itself an identity on import, and looks for its maker's server."""
    pytest.importorskip("onnxruntime")
    watch.run("-c", "import emo, onnxruntime, time; time.sleep(1)")


def test_whoever_chooses_is_heeded():
    code = "import emo, os; print(os.environ['DO_NOT_TRACK'], os.environ['GRADIO_ANALYTICS_ENABLED'])"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"DO_NOT_TRACK": "0"}
    )
    assert said.stdout.split() == ["0", "False"]


@pytest.mark.slow
def test_generate(watch, given, tmp_path):
    quick = ("--model", given / "model", "--steps", 1, "--audio-guidance", 1)
    watch.run("-m", "emo", "generate", given / "portrait.png", given / "sound.wav", "-o", tmp_path / "o.mp4", *quick)
    assert (tmp_path / "o.mp4").stat().st_size


@pytest.mark.slow
def test_prepare(watch, given, tmp_path):
    small = ("--set", "size=64", "--set", "min_seconds=1", "--set", "filters.min_face=60", "--workers", 2)
    said = watch.run("-m", "emo", "prepare", given / "videos", "--out", tmp_path / "dataset", *small)
    assert "1 clips" in said


@pytest.mark.slow
def test_evaluate(watch, given, tmp_path):
    folders = ("--generated", given / "videos", "--reference", given / "videos", "--out", tmp_path / "report")
    watch.run("-m", "emo", "evaluate", *folders, "--no-fetch", "--workers", 1)
    assert list((tmp_path / "report").iterdir())


@pytest.mark.slow
def test_ui(watch, given):
    """From its start to its end, with a video made in between."""
    gradio_client = pytest.importorskip("gradio_client")
    pytest.importorskip("gradio")
    with watch.started("-u", "-m", "emo", "ui", "--model", given / "model") as process:
        try:
            said = process.stdout.readline()
            address = re.search(r"http://\S+", said)[0]
            client = gradio_client.Client(address, verbose=False)
            files = (gradio_client.handle_file(str(given / name)) for name in ("portrait.png", "sound.wav"))
            video, _ = client.predict(*files, steps=1, audio_guidance=1, api_name="/generate")
            assert Path(video).stat().st_size
            client.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    assert process.returncode == 130
