"""`emo evaluate portraits`: warped portraits keep their faces, a model of noise has none; what is read of each."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_faces import made_face
from PIL import Image
from tiny import tiny_pipeline

from emo.cli.main import main
from emo.data.synthetic.held_out import HELD_OUT, HeldOut
from emo.evaluation.portraits.faces import describe, face_sharpness
from emo.evaluation.portraits.makers import TRUTH, WarpMaker, said
from emo.evaluation.portraits.measures import Drifted, TalkMeasures, measure_talk
from emo.evaluation.portraits.plan import Talk, plan_talks
from emo.evaluation.portraits.report import table
from emo.metrics import eye_opening, eye_openings

RATE = 16000


@pytest.fixture(scope="module")
def folder(tmp_path_factory, portrait):
    """Two portraits, a recording shorter than what is to be said, and a model of random weights."""
    root = tmp_path_factory.mktemp("portraits")
    for name in ("portraits", "sounds", "gallery"):
        (root / name).mkdir()
    Image.fromarray(portrait).save(root / "portraits" / "a.png")
    people = HeldOut(HELD_OUT, 3)
    Image.fromarray(people.portrait(1)).save(root / "portraits" / "b.png")
    Image.fromarray(people.portrait(2)).save(root / "gallery" / "c.png")
    voice = people.voice(0, 0.5).waveform
    soundfile.write(root / "sounds" / "s.wav", voice, RATE)
    tiny_pipeline().save_pretrained(root / "model")
    return root


def test_talks_are_planned_with_recordings_in_turn():
    portraits, sounds = ([Path(name) for name in names] for names in (("a.png", "c.png", "e.png"), ("x.wav", "y.wav")))
    talks = plan_talks(portraits, sounds, 1.0, 9.0)
    assert [(talk.name, talk.sound.name, talk.seconds, talk.long) for talk in talks] == [
        ("a", "x.wav", 1.0, False),
        ("c", "y.wav", 1.0, False),
        ("e", "x.wav", 1.0, False),
        ("a-long", "x.wav", 9.0, True),
    ]
    assert plan_talks(portraits, sounds, 1.0, 0.0) == talks[:3]


def test_a_short_recording_is_said_again(folder):
    sound = said(Talk("a", folder / "portraits" / "a.png", folder / "sounds" / "s.wav", 1.2))
    assert len(sound) == round(1.2 * RATE)
    np.testing.assert_array_equal(sound[:1000], sound[8000:9000])


def test_eyes_are_read_one_by_one():
    even, uneven = made_face(eyes=0.3), made_face(eyes=0.3)
    other = made_face(eyes=0.1)
    uneven[246:400] = np.where(np.arange(246, 400)[:, None] < 300, other[246:400], uneven[246:400])
    left, right = eye_openings(even[None])[0]
    assert left == pytest.approx(right, abs=0.03)
    np.testing.assert_allclose(eye_openings(even[None]).mean(1), eye_opening(even[None]))


def test_sharpness_is_of_the_face_alone():
    picture = np.full((64, 64, 3), 128, np.uint8)
    picture[:, 40:] = np.random.default_rng(0).integers(0, 255, (64, 24, 3))
    points = np.zeros((478, 3))
    points[:, :2] = np.random.default_rng(1).uniform(4, 36, (478, 2))
    assert face_sharpness(picture, points) == 0
    points[0] = 60
    assert face_sharpness(picture, points) > 100


def test_a_warped_portrait_is_its_own_person_and_as_sharp(folder, tmp_path):
    talk = Talk("a", folder / "portraits" / "a.png", folder / "sounds" / "s.wav", 0.8, long=True)
    seconds = WarpMaker(0, tmp_path).make(talk)
    others = folder / "gallery" / "c.png", folder / "portraits" / "b.png"
    gallery = np.stack([describe(path) for path in (others[0], talk.portrait, others[1])])
    found = measure_talk(talk, tmp_path / "a.mp4", tmp_path / "cache", gallery, 1, seconds)
    assert (found.found, found.own, found.problem) == (1, 1, "")
    assert 0.6 < found.sharpness < 1.3
    assert 0 <= found.eyes < 0.15
    assert found.seconds > 0
    assert found.drifted is not None
    assert (found.drifted.own, abs(found.drifted.sharpness) < 0.5) == (1, True)
    assert measure_talk(talk, tmp_path / "a.mp4", tmp_path / "cache", gallery, 0, 0.0).own == 0


def test_the_report_has_a_row_per_model_and_a_second_run_makes_nothing_again(folder, tmp_path, capsys):
    command = [
        "evaluate", "portraits", str(folder / "model"), "--portraits", str(folder / "portraits"),
        "--sounds", str(folder / "sounds"), "--gallery", str(folder / "gallery"), "--out", str(tmp_path / "out"),
        "--people", "1", "--seconds", "0.5", "--steps", "1",
    ]  # fmt: skip
    assert main(command) == 0
    said_first = capsys.readouterr()
    assert "only 0% of the frames show a face" in said_first.err or "no face is found" in said_first.err
    report = json.loads((tmp_path / "out" / "portraits.json").read_text())
    assert report["models"].keys() == {"model", TRUTH}
    assert report["about"]["gallery"] == 2
    assert report["models"][TRUTH][0]["own"] == 1
    assert report["models"]["model"][0]["found"] < 0.9
    assert (tmp_path / "out" / "portraits.png").is_file()
    made = tmp_path / "out" / "videos" / "model" / "a.mp4"
    before = os.stat(made).st_mtime_ns
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(folder / "portraits" / "0.png")
    assert main([*command, "--people", "3"]) == 0
    (folder / "portraits" / "0.png").unlink()
    assert "0.png: no face found in it" in capsys.readouterr().err
    report = json.loads((tmp_path / "out" / "portraits.json").read_text())
    assert [talk["name"] for talk in report["models"][TRUTH]] == ["a", "b"]
    assert os.stat(made).st_mtime_ns == before


def test_the_table_says_nothing_of_what_could_not_be_read():
    talk = TalkMeasures("a", 1.0, 0.5, 0.8, 0.02, 0.7, 0.1)
    blind = TalkMeasures("b", 0.0, 0.0, *[float("nan")] * 3, 0.3, problem="no face")
    long = TalkMeasures("a-long", 1.0, 1.0, 0.1, 0.9, 0.9, 9.0, drifted=Drifted(0.95, 0.08, 0.012))
    rows = table({"one": [talk, blind, long], "other": [blind]}).splitlines()[2:]
    assert rows[0] == "| one | 50.0% | 25% | 0.80 | 0.020 | 0.70 | 95%, +8%, 1.2% | 0.20 |"
    assert rows[1] == "| other | 0.0% | 0% |  |  |  |  | 0.30 |"


@pytest.mark.parametrize("wrong", [["--people", "0"], ["--seconds", "0.1"], ["--long", "nan"], ["--seed", "-1"]])
def test_numbers_out_of_bounds_are_named(folder, tmp_path, capsys, wrong):
    places = ["--portraits", str(folder), "--sounds", str(folder), "--out", str(tmp_path)]
    assert main(["evaluate", "portraits", "m", *places, *wrong]) == 2
    told = capsys.readouterr().err
    assert f"{wrong[0]} " in told
    assert "must be at least" in told
