"""`emo init`, `emo doctor`, and the command itself."""

import importlib.metadata
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
    for word in ("torch", "memory", "attention", "native", "ffmpeg", "faces", "works"):
        assert word in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("missing", [["psutil", "imageio_ffmpeg"], ["torch"]])
def test_doctor_says_what_to_install(missing):
    code = f"import sys; sys.modules.update(dict.fromkeys({missing})); from emo.cli.main import main; main(['doctor'])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert "weights" in result.stdout
    for module in missing:
        assert f"{module} is missing: pip install {module.replace('_', '-')}\n" in result.stdout


def test_doctor_names_packages_that_are_not_installed(capfd, monkeypatch):
    def absent(package):
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr("importlib.metadata.version", absent)
    assert main(["doctor"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capfd.readouterr().out.splitlines())
    assert lines["torch"] == "not installed: pip install torch"
    assert lines["xformers"].startswith("not installed: pip install xformers (optional")


@pytest.mark.parametrize(
    ("broken", "row"),
    [
        ("imageio_ffmpeg.get_ffmpeg_version", "ffmpeg"),
        ("emo.face.FaceDetector", "faces"),
        ("psutil.virtual_memory", "memory"),
        ("torch.backends.cpu.get_cpu_capability", "cpu"),
        ("torch.cuda.device_count", "gpu"),
        ("emo.cli.doctor.working_backends", "attention"),
    ],
)
def test_doctor_gives_the_reason_where_something_is_broken(capfd, monkeypatch, broken, row):
    def fail(*arguments):
        raise RuntimeError("the reason\nand much more")

    monkeypatch.setattr(broken, fail)
    assert main(["doctor"]) == 0
    shown = capfd.readouterr()
    lines = dict(line.split(maxsplit=1) for line in shown.out.splitlines())
    assert lines[row] == "does not work: RuntimeError: the reason"
    assert "weights" in lines
    assert shown.err == ""


def test_doctor_tries_a_gpu_before_it_counts_on_it(capfd, monkeypatch):
    """A card that the driver shows but that cannot compute, as here, where there may be none at all."""
    monkeypatch.setattr("emo.cli.doctor._gpus", lambda: ["cuda:99"])
    assert main(["doctor"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capfd.readouterr().out.splitlines())
    assert lines["cuda:99"].startswith("does not work: ")
    assert lines["attention"].endswith("(on cpu)")


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


@pytest.mark.parametrize("arguments", [None, ["--help"], ["generate", "--help"], ["generate", "a.png"]])
def test_starting_is_light(arguments):
    """Neither the import nor the command's words take torch, MediaPipe or diffusers, nor half of the library."""
    code = f"""
import sys, contextlib, emo
if {arguments}:
    from emo.cli.main import main
    with contextlib.suppress(SystemExit):
        main({arguments})
heavy = {{"torch", "mediapipe", "diffusers", "transformers", "accelerate", "cv2", "numpy", "PIL"}}
print(sorted(heavy & sys.modules.keys()), len(sys.modules), file=sys.stderr)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, count = result.stderr.strip().splitlines()[-1].rsplit(" ", 1)
    assert loaded == "[]"
    assert int(count) < 400
