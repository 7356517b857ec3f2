"""The scripts of examples/ do what they say, at tiny size."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tiny import tiny_pipeline, tiny_vasa

from emo.data.synthetic.speech import SAMPLE_RATE, synthesize
from emo.media import AudioTrack, VideoReader, VideoWriter, read_origin

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, portrait) -> dict[str, Path]:
    """A saved tiny pipeline, a portrait, a sound of 8 frames, and a real video of it."""
    folder = tmp_path_factory.mktemp("inputs")
    paths = {name: folder / name for name in ("model", "portrait.png", "sound.mp4")}
    tiny_pipeline().save_pretrained(paths["model"])
    Image.fromarray(portrait).save(paths["portrait.png"])
    waveform = synthesize(seed=1, seconds=0.32).waveform
    with VideoWriter(paths["sound.mp4"], 25) as writer, AudioTrack.open((waveform, SAMPLE_RATE)) as track:
        writer.write(portrait[None].repeat(8, 0)[:, :256, :256])
        writer.finish(track)
    return paths


@pytest.fixture
def example(inputs, monkeypatch, capsys):
    """`example("stream.py", *options)` -> what the script prints, run in this process."""

    def run(name: str, *options: object) -> str:
        given = [inputs["portrait.png"], inputs["sound.mp4"], *options, "--model", inputs["model"], "--steps", 1]
        monkeypatch.setattr(sys, "argv", [name, *map(str, given)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_generate(example, tmp_path):
    said = example("generate.py", "-o", tmp_path / "new" / "out.mp4", "--seed", 3)
    assert "8 frames" in said
    assert "'seed': 3" in said
    with VideoReader(tmp_path / "new" / "out.mp4") as reader:
        assert len(reader) == 8


def test_stream(example, tmp_path):
    said = example("stream.py", "--out", tmp_path / "frames")
    assert said.splitlines()[-1].startswith("clip 2 of 2: frame 8 after ")
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == [f"{n:06d}.png" for n in range(8)]


def run_client(monkeypatch, capsys, name: str, *given: object) -> str:
    """What an example that speaks to a server prints."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, given)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


def test_live_client(inputs, tmp_path, monkeypatch, capsys):
    pytest.importorskip("uvicorn")
    pytest.importorskip("websockets")
    pytest.importorskip("prometheus_client")
    from emo.serve import LiveLimits
    from emo.serve.server import Serving

    output = tmp_path / "new" / "live.mp4"
    with Serving(tiny_vasa(), LiveLimits(), token="secret").in_background() as server:
        address = server.address.replace("http", "ws") + "live"
        given = [inputs["portrait.png"], inputs["sound.mp4"], "-o", output, "--server", address, "--steps", 1]
        said = run_client(monkeypatch, capsys, "live_client.py", *given, "--token", "secret")
    assert "8 frames, 0.32 s" in said
    origin = read_origin(output)
    assert (origin["ai_generated"], origin["dtype"], list(origin["inputs"])) == (True, "float32", ["image"])
    with VideoReader(output) as reader, AudioTrack.open(output) as track:
        assert len(reader) == 8
        assert track.length / 16000 == pytest.approx(0.32 + 0.02, abs=0.03)


@pytest.mark.parametrize("way", [[], ["--plain"]])
def test_page_client(inputs, tmp_path, monkeypatch, capsys, way):
    pytest.importorskip("gradio")
    from emo.ui import Limits
    from emo.ui.server import serve

    output = tmp_path / "new" / "page.mp4"
    with serve(tiny_pipeline(), Limits()) as (address, _):
        given = [inputs["portrait.png"], inputs["sound.mp4"], "-o", output, "--server", address, "--steps", 1, *way]
        said = run_client(monkeypatch, capsys, "page_client.py", *given)
    assert str(output) in said
    with VideoReader(output) as reader:
        assert len(reader) == 8


@pytest.mark.slow
def test_evaluate(example, inputs, tmp_path):
    said = example("evaluate.py", inputs["sound.mp4"], "--out", tmp_path)
    guided, plain = said.splitlines()[-2:]
    assert (guided.startswith("guided {'psnr': "), plain.startswith("plain {'psnr': ")) == (True, True)
    assert guided != plain.replace("plain", "guided")
    assert (tmp_path / "report" / "report.html").is_file()


def test_training_asks_for_what_it_needs():
    command = [sys.executable, EXAMPLES / "train_on_own_clips.py", "clips", "portrait.png"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, "give CLIPS, PORTRAIT and SOUND, or --toy" in result.stderr) == (2, True)


@pytest.mark.slow
def test_training_on_own_clips(tmp_path):
    command = [sys.executable, EXAMPLES / "train_on_own_clips.py", "--toy", "--out", tmp_path]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("\n$ ") == 8
    with VideoReader(tmp_path / "video.mp4") as reader:
        assert len(reader) == 25
