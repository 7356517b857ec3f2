"""Files found in folders, and written whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from emo.errors import OptionError, OutputError, VideoError
from emo.files import require_file, write_whole
from emo.search import find_files


def test_a_file_is_written_whole(tmp_path):
    write_whole(tmp_path / "a.bin", b"first")
    write_whole(tmp_path / "a.bin", b"second")
    assert (tmp_path / "a.bin").read_bytes() == b"second"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("step", ["write", "replace"])
def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")

    def full(*arguments):
        if step == "write":
            with open(arguments[0], "wb") as file:
                file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((Path, "write_bytes") if step == "write" else (os, "replace")), full)
    with pytest.raises(OutputError, match=r"a\.bin cannot be written \(No space left"):
        write_whole(path, b"after")
    monkeypatch.undo()
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_places_that_take_no_file(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "none" / "a", tmp_path / "file" / "a", tmp_path / "folder"):
        with pytest.raises(OutputError, match=rf"{path} cannot be written"):
            write_whole(path, b"content")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_files_are_found_sorted_below_a_folder(tmp_path):
    for name in ("b.png", "a.JPG", "deep/er/c.png", "notes.txt", "png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    found = find_files(tmp_path, (".png", ".jpg"), "--portraits")
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a.JPG", "b.png", "deep/er/c.png"]


def test_a_file_is_itself_whatever_its_name(tmp_path):
    (tmp_path / "picture").touch()
    assert find_files(tmp_path / "picture", (".png",), "--portraits") == [tmp_path / "picture"]


def test_no_folder_and_nothing_in_it_name_the_option(tmp_path):
    with pytest.raises(OptionError, match=r"--portraits .*/none: there is no such file or folder"):
        find_files(tmp_path / "none", (".png",), "--portraits")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(OptionError, match=r"--portraits .*: no file there ends in \.png, \.jpg"):
        find_files(tmp_path, (".png", ".jpg"), "--portraits")


def test_files_that_must_be_there(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "good").write_bytes(b"1")
    require_file(tmp_path / "good", VideoError)
    for name, message in (("empty", "0 bytes"), ("folder", "is a directory"), ("none", "does not exist")):
        with pytest.raises(VideoError, match=rf"{name} .*{message}|{name} {message}"):
            require_file(tmp_path / name, VideoError)
