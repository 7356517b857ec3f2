"""Files found in folders: a repetition finds the same, and what is left out is said."""

import os
from pathlib import Path

import pytest

from emo.errors import OptionError
from emo.search import VIDEOS, find_files, in_output


@pytest.fixture
def search():
    """`search(place, *outputs)`: names found, and the one line of what was left out."""

    def run(place: Path, *outputs: Path) -> tuple[list[str], str]:
        lines: list[str] = []
        found = find_files(place, VIDEOS, "VIDEO", outputs, lines.append)
        assert len(lines) <= 1
        return [path.relative_to(place).as_posix() for path in found], "".join(lines).partition("left out: ")[2]

    return run


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_the_output_is_not_searched(search, tmp_path, monkeypatch):
    place = fill(tmp_path / "videos", "a.mp4", "deep/b.mkv")
    assert search(place, place / "people") == (["a.mp4", "deep/b.mkv"], "")
    fill(place, "people/train/clip.mp4", "people2/c.mp4")
    (place / "link.mp4").symlink_to(place / "people" / "train" / "clip.mp4")
    monkeypatch.chdir(place)
    for output in (place / "people", Path("people"), Path("deep/../people")):
        found, said = search(place, output)
        assert found == ["a.mp4", "deep/b.mkv", "people2/c.mp4"]
        assert said == f"the output {place / 'link.mp4'}, the output {place / 'people'}"


def test_datasets_and_what_is_hidden_are_left_out_unless_they_are_named(search, tmp_path):
    place = fill(tmp_path, "a.mp4", "old/prepare.json", "old/train/c.mp4", "made/synthesize.json", "made/test/d.mp4")
    fill(place, ".cache/e.mp4", "._a.mp4", ".DS_Store", "mine/prepare.json", "mine/f.mp4")
    found, said = search(place)
    assert found == ["a.mp4", "mine/f.mp4"]
    assert said == f"the dataset {place / 'made'}, the dataset {place / 'old'}, 2 hidden, 1 .json"
    assert search(place / "old")[0] == ["train/c.mp4"]
    assert search(place / ".cache")[0] == ["e.mp4"]


def test_what_has_other_endings_is_counted(search, tmp_path):
    place = fill(
        tmp_path, "a.mp4", "00001.M2TS", "VTS_01_1.VOB", "b.ogv", "c.3g2", "d.mxf", "n1.txt", "n2.txt", "README"
    )
    for number in range(9):
        fill(place, f"x.{number}")
    found, said = search(place)
    assert found == ["00001.M2TS", "VTS_01_1.VOB", "a.mp4", "b.ogv", "c.3g2", "d.mxf"]
    assert said == "2 .txt, 1 without an ending, 1 .0, 1 .1, 1 .2, 1 .3, 1 .4, 1 .5, 3 with other endings"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes have names here")
def test_what_is_no_file_is_not_waited_for(search, tmp_path):
    place = fill(tmp_path, "a.mp4", "other/b.mp4")
    os.mkfifo(place / "pipe.mp4")
    (place / "gone.mp4").symlink_to("nowhere")
    (place / "again").symlink_to("other")
    found, said = search(place)
    assert found == ["a.mp4", "other/b.mp4"]
    assert said == "1 folders that are links, 2 that are no files"


def test_nothing_found_says_what_was_left_out(tmp_path):
    fill(tmp_path, "a.txt")
    with pytest.raises(OptionError, match=r"VIDEO .*: no file there ends in \.mp4, .* …; left out: 1 \.txt"):
        find_files(tmp_path, VIDEOS, "VIDEO")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("-", "VIDEO - stands for no file here; a file is needed"),
        ("https://example.org/a.mp4", "VIDEO https://example.org/a.mp4 is an address; a file is needed"),
        (os.devnull, f"VIDEO {os.devnull} is a pipe or a device; a file is needed"),
        ("a" * 300, r"VIDEO a+ cannot be read \(File name too long\)"),
        ("\0", "VIDEO .* cannot be read"),
    ],
)
def test_places_that_are_no_files_name_the_option(name, message):
    with pytest.raises(OptionError, match=message):
        find_files(Path(name), VIDEOS, "VIDEO")


def test_what_lies_in_the_output(tmp_path):
    fill(tmp_path, "out/train/a.mp4", "outside/b.mp4")
    (tmp_path / "link").symlink_to("out")
    assert in_output(tmp_path / "link" / "train" / "a.mp4", tmp_path / "out")
    assert in_output(tmp_path / "out", tmp_path / "link")
    assert not in_output(tmp_path / "outside" / "b.mp4", tmp_path / "out")
