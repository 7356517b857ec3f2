"""`emo init`, `emo doctor`, and the command itself."""

import subprocess
import sys

import pytest

from emo import __version__
from emo.cli.doctor import working_backends
from emo.cli.main import main
from emo.pipelines import EMOPipeline


def test_init_makes_a_pipeline_that_loads(tmp_path, capfd):
    assert main(["init", "--out", str(tmp_path / "model"), "--seed", "3"]) == 0
    shown = capfd.readouterr()
    assert "23." in shown.out
    assert shown.err == ""
    assert EMOPipeline.from_pretrained(tmp_path / "model").unet.config.sample_size == 16


def test_init_does_not_overwrite(tmp_path, capfd):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "kept").touch()
    assert main(["init", "--out", str(tmp_path / "model")]) == 2
    assert "exists" in capfd.readouterr().err
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["kept"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--sd15", "somewhere"], "go together"),
        (["--vae", "somewhere"], "go together"),
        (["--config", "emo-huge"], "emo-huge"),
        (["--sd15", "/none", "--motion-adapter", "/none", "--audio-encoder", "/none"], "/none"),
    ],
)
def test_init_names_what_is_wrong(tmp_path, capfd, options, word):
    assert main(["init", "--out", str(tmp_path / "model"), *options]) == 2
    assert word in capfd.readouterr().err
    assert not (tmp_path / "model").exists()


def test_doctor_says_what_is_there(capfd):
    assert main(["doctor"]) == 0
    shown = capfd.readouterr()
    for word in ("torch", "memory", "attention", "native", "ffmpeg", "MediaPipe", "works"):
        assert word in shown.out
    assert shown.err == ""


def test_doctor_names_backends_that_really_compute():
    backends = working_backends("cpu")
    assert {"native", "_native_math"} <= set(backends)
    assert not {"flash", "xformers"} & set(backends)


def test_no_weights_come_with_this_version(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("emo.hub.locate.bundled", lambda name: tmp_path)
    assert main(["generate", "a.png", "b.wav", "-o", str(tmp_path / "out.mp4")]) == 2
    assert "emo init" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_version_and_help(capfd):
    for arguments in (["--version"], ["--help"], ["generate", "--help"]):
        with pytest.raises(SystemExit) as status:
            main(arguments)
        assert status.value.code == 0
    assert __version__ in capfd.readouterr().out


def test_importing_the_package_is_light():
    """No torch, MediaPipe or diffusers until something of theirs is used."""
    code = (
        "import sys, emo, emo.cli.main; print(sorted({'torch', 'mediapipe', 'diffusers', 'cv2'} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
