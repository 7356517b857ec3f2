"""One run at a time writes one output, whatever kind of end the others came to."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from emo.errors import OutputError
from emo.locks import IN_FOLDER, claim, claim_folder, is_new

HOLD = "import sys; from emo.locks import {0}\nwith {0}(sys.argv[1]): print(flush=True); sys.stdin.read()"


@pytest.fixture
def other():
    """`other("claim", path)`: another process that has claimed it, until it is killed or told to end."""
    started = []

    def start(how: str, path: Path) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD.format(how), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.mark.parametrize("how", [claim, claim_folder])
def test_the_second_process_is_told_who_has_it(tmp_path, other, how, monkeypatch):
    monkeypatch.setattr("emo.locks.COMMAND", 1000)  # whatever the folder of these tests is called
    path = tmp_path / "out"
    process = other(how.__name__, path)
    with pytest.raises(OutputError, match=rf"out is being written by process {process.pid} since \d\d:\d\d \(.*out\)"):
        how(path).__enter__()
    process.stdin.close()
    process.wait()
    assert os.listdir(tmp_path) == []
    with how(path):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("how", [claim, claim_folder])
def test_who_is_killed_has_nothing_any_more(tmp_path, other, how):
    path = tmp_path / "out"
    process = other(how.__name__, path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(tmp_path.rglob("*.lock"))
    with how(path):
        pass
    assert not list(tmp_path.rglob("*.lock"))


def test_a_thread_may_claim_again_and_others_may_not(tmp_path):
    path, said = tmp_path / "o.mp4", []

    def elsewhere():
        try:
            with claim(path):
                said.append("had it")
        except OutputError as error:
            said.append(str(error))

    def ask() -> str:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return said.pop()

    with claim(path):
        with claim(path, sole=True):
            with pytest.raises(OutputError, match="this very process"), claim(path, sole=True):
                pass
            assert "this very process" in ask()
        with claim(path, sole=True):
            pass
        assert "this very process" in ask()
    assert ask() == "had it"
    assert os.listdir(tmp_path) == []


def test_all_names_of_a_file_are_one(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "link.mp4").symlink_to(tmp_path / "there" / "o.mp4")
    monkeypatch.chdir(tmp_path / "there")
    with claim("o.mp4", sole=True):
        for name in (tmp_path / "link.mp4", tmp_path / "there" / ".." / "there" / "o.mp4"):
            with pytest.raises(OutputError, match="is being written"), claim(name, sole=True):
                pass


def test_a_lock_that_goes_while_it_is_taken_is_taken_anew(tmp_path, monkeypatch):
    import emo.locks

    path, lock, calls, locked = tmp_path / "o.mp4", tmp_path / ".o.mp4.lock", [], emo.locks._lock

    def removed_meanwhile(descriptor):
        calls.append(descriptor)
        if len(calls) == 1:
            lock.unlink()
        return locked(descriptor)

    monkeypatch.setattr(emo.locks, "_lock", removed_meanwhile)
    with claim(path):
        assert lock.is_file()
    assert len(calls) == 2


def test_long_names_have_locks_too(tmp_path):
    names = ["ä" * 125, "a" * 251, "b" * 251]
    with claim(tmp_path / names[0]), claim(tmp_path / names[1]), claim(tmp_path / names[2]):
        assert len(os.listdir(tmp_path)) == 3
    for how, name in ((claim_folder, "ä" * 127), (claim_folder, "a" * 255)):
        with how(tmp_path / name):
            pass
    for how, name in ((claim, "a" * 252), (claim_folder, "a" * 256)):
        with pytest.raises(OutputError, match="File name too long"), how(tmp_path / name):
            pass


def test_places_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    for path, how in ((tmp_path / "none" / "o.mp4", claim), (tmp_path / "file" / "folder", claim_folder)):
        with pytest.raises(OutputError, match="cannot be written"), how(path):
            pass
    with pytest.raises(OutputError, match="file is a file; give a folder"), claim_folder(tmp_path / "file"):
        pass


def test_without_locks_work_goes_on(tmp_path, monkeypatch):
    import errno
    import fcntl

    def none(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with claim(tmp_path / "o.mp4"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_folder_with_a_lock_alone_is_new(tmp_path):
    folder = tmp_path / "out"
    assert is_new(folder)
    with claim_folder(folder):
        assert os.listdir(folder) == [IN_FOLDER]
        assert is_new(folder)
        (folder / "a").touch()
        assert not is_new(folder)
    assert os.listdir(folder) == ["a"]


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links cannot be told here")
def test_a_planted_link_leads_nowhere(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".out.mp4.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match=r"out\.mp4 cannot be written"):
        claim(tmp_path / "out.mp4").__enter__()
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not split off here")
def test_a_process_that_was_split_off_leaves_a_claim_in_peace(tmp_path):
    with claim(tmp_path / "out.mp4"):
        child = os.fork()
        if not child:
            try:
                raise SystemExit
            except SystemExit:
                pass
    if not child:
        os._exit(0)  # the claim has ended here too, without an error
    assert os.waitpid(child, 0)[1] == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not split off here")
def test_a_process_that_was_split_off_holds_nothing(tmp_path):
    """Loaders of training data outlive a trainer that is killed by some seconds."""
    reader, writer = os.pipe()
    with claim(tmp_path / "out.mp4"):
        child = os.fork()
        if not child:
            os.close(writer)
            os.read(reader, 1)  # until the parent lets go
            os._exit(0)
    subprocess.run([sys.executable, "-c", HOLD.format("claim"), str(tmp_path / "out.mp4")], input=b"", check=True)
    os.close(writer)
    os.waitpid(child, 0)
    os.close(reader)
