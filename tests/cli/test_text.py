"""`emo generate --text`: what is said, by whom, and what the video tells of it."""

import json

import pytest
from made_speech import Hum

from emo.media import AudioTrack, VideoReader, read_origin
from emo.speech import MAX_TEXT, engines

SPEECH = {"engine": "hum", "version": "1.0", "voice": "high", "license": "CC0-1.0"}


@pytest.fixture(autouse=True)
def hum(monkeypatch):
    monkeypatch.setattr(engines, "OWN", (Hum(),))


@pytest.fixture
def say(command, model, image, tmp_path):
    """`say(*options)`: the command without a recording."""
    quick = ("--model", model, "--steps", 1, "--audio-guidance", 1)
    return lambda *options: command("generate", image, "-o", tmp_path / "out.mp4", *quick, *options)


def test_a_text_becomes_a_video_that_tells_who_spoke(say, command, tmp_path):
    status, out, err = say("--text", "Hello you", "--speaker", "hum:high")
    assert status == 0, err
    assert "out.mp4: 12 frames" in out  # 9 characters, 0.05 s each, at 25 frames a second
    assert read_origin(tmp_path / "out.mp4")["speech"] == SPEECH
    with VideoReader(tmp_path / "out.mp4") as video, AudioTrack.open(tmp_path / "out.mp4") as track:
        assert video.has_audio
        assert track.variance > 0.01
    _, out, _ = command("inspect", tmp_path / "out.mp4")
    assert "speech: made of a text by hum 1.0, voice high, license CC0-1.0" in out


def test_a_text_from_a_file_is_the_same(say, tmp_path):
    say("--text", "Grüße dir", "--speaker", "hum:high")
    first = (tmp_path / "out.mp4").read_bytes()
    (tmp_path / "text.txt").write_bytes("\ufeffGrüße dir".encode())
    say("--text-file", tmp_path / "text.txt", "--speaker", "hum:high")
    assert (tmp_path / "out.mp4").read_bytes() == first


def test_like_takes_the_speaker(say, tmp_path):
    say("--text", "Hello you", "--speaker", "hum:high")
    (tmp_path / "out.mp4").rename(tmp_path / "first.mp4")
    status, _, err = say("--text", "Other words", "--like", tmp_path / "first.mp4")
    assert status == 0, err
    assert read_origin(tmp_path / "out.mp4")["speech"] == SPEECH


@pytest.mark.parametrize("voice", ["org/name/voice.onnx", "/etc/voice.onnx", "..\\voice.onnx", 3])
def test_a_record_names_no_file_for_a_voice(say, tmp_path, monkeypatch, voice):
    say("--text", "Hello you")
    (tmp_path / "out.mp4").rename(tmp_path / "first.mp4")
    record = read_origin(tmp_path / "first.mp4") | {"speech": {"engine": "piper", "voice": voice}}
    monkeypatch.setattr("emo.media.read_origin", lambda path: record)
    status, _, err = say("--text", "Other words", "--like", tmp_path / "first.mp4")
    assert status == 2
    assert "what it says of its origin is damaged (speech)" in err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--text", "Hi", "--text-file", "x.txt"), "--text and --text-file: give one of them"),
        (("--speaker", "hum"), "audio: not given"),
        (("--text", ""), "the text is empty"),
        (("--text", "a" * (MAX_TEXT + 1)), f"has {MAX_TEXT + 1} characters, and at most {MAX_TEXT} are spoken"),
        (("--text-file", "nothing.txt"), "nothing.txt does not exist"),
        (("--text", "Hi", "--speaker", "loud"), "'loud' is no engine of speech; there are hum"),
    ],
)
def test_what_cannot_be_said_is_told(say, options, problem):
    status, _, err = say(*options)
    assert status == 2
    assert problem in err


def test_a_text_and_a_recording_are_refused(emo, sound):
    status, _, err = emo("--text", "Hi")
    assert status == 2
    assert f"--text and the recording {sound}: give one of them" in err
    status, _, err = emo("--speaker", "hum")
    assert status == 2
    assert "--speaker does nothing without --text" in err


def test_files_that_are_no_text_are_refused(say, tmp_path):
    (tmp_path / "text.txt").write_bytes(b"\xff\xfe\x00")
    assert "no text in UTF-8" in say("--text-file", tmp_path / "text.txt")[2]
    (tmp_path / "text.txt").write_text("a" * (5 * MAX_TEXT))
    assert f"at most {MAX_TEXT} are spoken" in say("--text-file", tmp_path / "text.txt")[2]


def test_jobs_of_a_batch_may_have_a_text(command, model, image, tmp_path):
    jobs = [
        {"portrait": str(image), "text": "Hello you", "speaker": "hum:high", "output": str(tmp_path / "1.mp4")},
        {"portrait": str(image), "output": str(tmp_path / "2.mp4")},
    ]
    path = tmp_path / "jobs.jsonl"
    path.write_text("\n".join(map(json.dumps, jobs)))
    quick = ("--steps", 1, "--audio-guidance", 1)
    status, _, err = command("generate", "--batch", path, "--model", model, *quick)
    assert status == 2
    assert "line 2: audio: not given" in err
    path.write_text(json.dumps(jobs[0]))
    status, _, err = command("generate", "--batch", path, "--model", model, *quick)
    assert status == 0, err
    assert read_origin(tmp_path / "1.mp4")["speech"] == SPEECH
