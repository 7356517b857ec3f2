"""What `emo evaluate lips` refuses, in one line, before any work."""

import pytest
from cli_files import write_wav


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--clips", "1"], "--clips 1"),
        (["--seconds", "0.5"], "--seconds 0.5"),
        (["--seconds", "nan"], "--seconds nan"),
        (["--seed", "-1"], "--seed -1"),
        (["--workers", "0"], "--workers 0"),
        (["--real", "/nowhere"], "/nowhere"),
        (["--alignments", "/nowhere.json"], "/nowhere.json"),
        (["--model", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--steps", "0"], "num_inference_steps is 0"),
        (["--model", "emo-tiny", "--face-region", "everywhere"], "everywhere"),
    ],
)
def test_bad_options_are_named(options, said, tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "clip.mp4").write_bytes(b"video")
    status, out, err = command("evaluate", "lips", "--real", "real", "--out", "out", *options)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    assert said in err
    assert not any((tmp_path / "out").glob("*/*"))


def test_two_readable_clips_are_needed(tmp_path, command, model):
    real = tmp_path / "real"
    real.mkdir()
    for name in ("a", "b"):
        (real / f"{name}.mp4").write_bytes(write_wav(tmp_path / "sound.wav", 0.4).read_bytes())
    status, _, err = command("evaluate", "lips", "--real", real, "--out", tmp_path / "out", "--model", model)
    last = err.splitlines()[-1]
    assert status == 2
    assert "two clips are needed, to lend each other their sound; 0 can be read (" in last
    assert "a.mp4" in last
