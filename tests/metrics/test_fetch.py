"""Networks of the catalogue are fetched from servers on loopback: whole, once, or not at all."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from hub.hub_double import Repository, hub_double
from made_networks import PLAIN, Channels, pictures, save

from emo.downloads import cache_folder
from emo.metrics import catalogue
from emo.metrics.catalogue import Entry, InputSpec
from emo.metrics.extractors import MissingExtractor, open_extractor
from emo.metrics.fetch import locate

ROOT = Path(__file__).parents[2]


@contextmanager
def server(answers: dict[str, tuple]):
    """A server on loopback: path -> status, content, length that is stated, bytes after which it stalls."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            asked.append(self.path)
            status, content, length, stall = answers[self.path]
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content[:stall])
            if stall is not None:
                self.wfile.flush()
                released.wait(60)

    released = threading.Event()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_port}", asked
    finally:
        released.set()
        http.shutdown()
        http.server_close()


@pytest.fixture
def network(tmp_path):
    """A file as it lies on the server."""
    (tmp_path / "made").mkdir()
    return save(Channels(), tmp_path / "made" / "net.pt", None)


@pytest.fixture
def offered(network, tmp_path, monkeypatch):
    """An entry of the catalogue for frames, and an empty cache."""
    monkeypatch.setenv("EMO_CACHE", str(tmp_path / "cache"))
    digest = hashlib.sha256(network.read_bytes()).hexdigest()
    spec = InputSpec(size=None, color="BGR", range=(0, 255))
    entry = Entry("tiny", "frames", "net.pt", "http://127.0.0.1:9/net.pt", digest, 1, "MIT", "made here", "none", spec)
    monkeypatch.setattr(catalogue, "CATALOGUE", (entry,))

    def offer(**changes):
        changed = replace(entry, **changes)
        monkeypatch.setattr(catalogue, "CATALOGUE", (changed,))
        return changed

    return offer


def whole(network: Path) -> tuple:
    return 200, network.read_bytes(), network.stat().st_size, None


def test_a_network_is_fetched_once(network, offered, tmp_path):
    with server({"/net.pt": whole(network)}) as (address, asked):
        offered(url=address + "/net.pt")
        for choice in ("auto", "tiny", None):
            extractor = open_extractor("frames", choice)
            np.testing.assert_allclose(extractor(pictures()), pictures().mean((1, 2))[:, ::-1], rtol=1e-5)
    assert asked == ["/net.pt"]
    assert (extractor.name, extractor.license) == ("tiny", "MIT")
    assert sorted(p.name for p in (tmp_path / "cache" / "extractors").iterdir()) == ["net.pt", "net.pt.lock"]
    assert open_extractor("frames", fetch=False).fingerprint == extractor.fingerprint
    by_path = open_extractor("frames", network)  # told by its checksum
    assert (by_path.name, by_path.fingerprint) == ("tiny", extractor.fingerprint)
    network.with_suffix(".json").write_text(json.dumps(PLAIN))
    assert open_extractor("frames", network).fingerprint != extractor.fingerprint


@pytest.mark.parametrize("fault", ["another file", "truncated", "longer", "404", "refused"])
def test_what_does_not_come_whole_leaves_nothing(network, offered, tmp_path, fault):
    status, content, length, _ = whole(network)
    answer, message = {
        "another file": ((200, content[::-1], length, None), "gives another file"),
        "truncated": ((200, content[:-99], length, None), f"broke off after {length - 99} of {length}"),
        "longer": ((200, content + b"x", length + 1, None), "gives another file"),
        "404": ((404, b"", 0, None), "404"),
        "refused": (None, "refused"),
    }[fault]
    with server({"/net.pt": answer}) as (address, _):
        entry = offered(url="http://127.0.0.1:9/net.pt" if fault == "refused" else address + "/net.pt")
        with pytest.raises(MissingExtractor, match=message) as error:
            open_extractor("frames")
    for told in (entry.name, entry.license, entry.url, "give the file's path"):
        assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert [p.name for p in (tmp_path / "cache" / "extractors").iterdir()] == ["net.pt.lock"]
    with server({"/net.pt": (status, content, length, None)}) as (address, _):
        offered(url=address + "/net.pt")
        open_extractor("frames")(pictures())


def test_a_damaged_file_in_the_cache_is_fetched_again(network, offered):
    with server({"/net.pt": whole(network)}) as (address, asked):
        entry = offered(url=address + "/net.pt")
        for _ in range(2):
            path = locate(entry)
            path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(MissingExtractor, match="not to be fetched"):
            locate(entry, fetch=False)
        assert locate(entry).read_bytes() == network.read_bytes()
    assert len(asked) == 3


def test_offline_nothing_is_asked_for(network, offered, monkeypatch):
    with server({"/net.pt": whole(network)}) as (address, asked):
        entry = offered(url=address + "/net.pt")
        with pytest.raises(MissingExtractor, match="not to be fetched"):
            open_extractor("frames", fetch=False)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        for changed in ({}, {"repo": "org/name", "revision": "main"}):
            offered(url=entry.url, **changed)
            with pytest.raises(MissingExtractor, match=r"HF_HUB_OFFLINE|not to be fetched"):
                open_extractor("frames")
    assert asked == []


KILLED = """
import sys
from emo.metrics.catalogue import Entry, InputSpec
from emo.metrics.fetch import locate
locate(Entry("tiny", "frames", "net.pt", sys.argv[1], sys.argv[2], 1, "", "", "", InputSpec(None, "RGB", (0, 1))))
"""


def test_a_process_killed_midway_leaves_no_half_file(network, offered, tmp_path):
    status, content, length, _ = whole(network)
    digest, folder = hashlib.sha256(content).hexdigest(), tmp_path / "cache" / "extractors"
    with server({"/net.pt": (status, content, length, length // 2)}) as (address, asked):
        command = [sys.executable, "-c", KILLED, address + "/net.pt", digest]
        with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
            end = time.monotonic() + 60
            while not (folder / "net.pt.part").exists() and time.monotonic() < end:
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
    assert asked == ["/net.pt"]
    assert not (folder / "net.pt").exists()
    with server({"/net.pt": whole(network)}) as (address, _):
        offered(url=address + "/net.pt")
        open_extractor("frames")(pictures())
    assert sorted(p.name for p in folder.iterdir()) == ["net.pt", "net.pt.lock"]


ON_HUB = """
import json, sys
from dataclasses import replace
from emo.metrics.catalogue import Entry, InputSpec
from emo.metrics.fetch import MissingExtractor, locate

def tried(entry, **options):
    try:
        return str(locate(entry, **options))
    except MissingExtractor as error:
        return "missing: " + str(error)

spec = InputSpec(None, "RGB", (0, 1))
described = ("tiny", "frames", "net.pt", "https://there/net.pt", sys.argv[1], 1, "MIT", "", "")
entry = Entry(*described, spec, "org/net", "main")
json.dump([
    tried(entry, fetch=False), tried(entry), tried(entry, fetch=False), tried(replace(entry, sha256="0" * 64)),
    tried(replace(entry, file="other.pt")), tried(replace(entry, repo="org/none")),
], sys.stdout)
"""


def test_files_of_the_hub_go_through_its_own_cache(network, tmp_path):
    with hub_double() as hub:
        hub.repositories["org/net"] = Repository(private=False)
        hub.repositories["org/net"].commit({"net.pt": network.read_bytes()}, "main")
        environment = os.environ | hub.environment(tmp_path / "home") | {"PYTHONPATH": str(ROOT)}
        digest = hashlib.sha256(network.read_bytes()).hexdigest()
        done = subprocess.run(
            [sys.executable, "-c", ON_HUB, digest],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        requests = [one for one in hub.requests if one.startswith("GET") and "/resolve/" in one and "/net.pt" in one]
    early, path, again, other, absent, nowhere = json.loads(done.stdout)
    assert "not to be fetched" in early
    assert path == again
    assert Path(path).read_bytes() == network.read_bytes()
    assert Path(path).is_relative_to(tmp_path / "home")
    assert len(requests) == 1
    assert f"sha256 {digest}, not 0000" in other
    for message in (absent, nowhere):
        assert re.match("missing: tiny .*cannot be fetched.* give the file's path", message)


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("EMO_CACHE", "/one")
    monkeypatch.setenv("XDG_CACHE_HOME", "/two")
    assert cache_folder("extractors") == Path("/one/extractors")
    monkeypatch.setenv("EMO_CACHE", "")
    assert cache_folder("extractors") == Path("/two/emo/extractors")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder("extractors") == Path.home() / ".cache/emo/extractors"
