"""`emo prepare` on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_videos import SMALL_OPTIONS, background, pasted, talker, write_video

from emo.cli.prepare import find_videos

SMALL = ("--workers", 1, *SMALL_OPTIONS)


def test_a_folder_becomes_a_dataset_whatever_lies_in_it(command, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    write_video(tmp_path / "in" / "deep" / "talk.MP4", pasted(talker()[0]), talker()[1])
    write_video(tmp_path / "in" / "nobody.mp4", np.repeat(background()[None], 5, 0))
    (tmp_path / "in" / "broken.mkv").write_bytes(b"nothing")
    (tmp_path / "in" / "notes.txt").write_text("not looked at")
    (tmp_path / "odd").write_bytes(b"a file that is named is taken, whatever it is called")
    status, out, err = command("prepare", tmp_path / "in", tmp_path / "odd", "--out", tmp_path / "out", *SMALL)
    assert status == 0, err
    assert "Traceback" not in err
    lines = out.splitlines()
    assert "1 clips, 1 of 1 seconds, from 1 of 4 videos; people: 1 train, 0 test" in lines[0]
    assert lines[1:3] == ["  nothing of 2 videos: unreadable", "  nothing of 1 video: no face"]
    assert "emo inspect" in lines[3]
    assert "1 clips" in err  # the bar
    assert "clips/s" in err
    assert "left" in err
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert {Path(row["file"]).name for row in report["inputs"]} == {"talk.MP4", "nobody.mp4", "broken.mkv", "odd"}
    status, out, _ = command("inspect", tmp_path / "out")
    assert (status, "1 clips" in out) == (0, True)
    status, _, err = command("prepare", tmp_path / "in", "--out", tmp_path / "out", *SMALL, "--set", "size=128")
    assert (status, err) == (
        2,
        f"emo: {tmp_path / 'out'} was made with size = 64, not 128; choose another folder\n",
    )


def test_nothing_but_broken_files(command, tmp_path):
    (tmp_path / "a.mp4").touch()
    status, out, err = command("prepare", tmp_path / "a.mp4", "--out", tmp_path / "out", *SMALL)
    assert (status, "Traceback" in err) == (0, False)
    assert "0 clips" in out
    assert "nothing of 1 video: unreadable" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere.mp4"], "VIDEO nowhere.mp4"),
        (["VIDEO", "--workers", "0"], "--workers 0"),
        (["VIDEO", "--set", "sice=3"], "sice"),
        (["VIDEO", "--set", "size=wide"], "size"),
        (["VIDEO", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (["VIDEO", "--ray-address", "here"], "--engine ray"),
        (["VIDEO", "--engine", "ray", "--workers", "2"], "--workers"),
    ],
)
def test_bad_options_are_one_line(command, tmp_path, options, message):
    (tmp_path / "v.mp4").write_bytes(b"x")
    options = [str(tmp_path / "v.mp4") if option == "VIDEO" else option for option in options]
    status, out, err = command("prepare", *options, "--out", tmp_path / "out")
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("emo: ")
    assert message in err
    assert not (tmp_path / "out").exists()


def test_ray_is_asked_for_by_name(command, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "v.mp4").write_bytes(b"x")
    status, _, err = command("prepare", tmp_path / "v.mp4", "--out", tmp_path / "out", "--engine", "ray")
    assert (status, "emo[ray]" in err) == (2, True)


def test_folders_are_searched_and_files_taken(tmp_path):
    for name in ("b.webm", "a.mp4", "c.txt"):
        (tmp_path / name).touch()
    found, left_out = find_videos([tmp_path, tmp_path / "c.txt"], tmp_path / "out")
    assert [path.name for path in found] == ["a.mp4", "b.webm", "c.txt"]
    assert left_out == [f"VIDEO {tmp_path}: left out: 1 .txt"]
