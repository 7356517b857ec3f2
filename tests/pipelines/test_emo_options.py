"""`EMOPipeline.stream` and `__call__` have the options of `EMOOptions`, neither more nor fewer, and pass them on."""

import inspect
import re
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from emo.errors import OptionError
from emo.generation import Run
from emo.pipelines import EMOOptions, EMOPipeline
from emo.pipelines.option_kinds import load_region, load_speeds, parse_region, parse_speed

CALLS = [EMOPipeline.stream, EMOPipeline.__call__]
INPUTS = ["self", "image", "audio"]


@pytest.mark.parametrize("call", CALLS)
def test_the_signature_is_that_of_the_options(call):
    """Names, order and defaults: the model's options, then those of every run."""
    parameters = inspect.signature(call).parameters
    expected = [(field.name, field.default) for kind in (EMOOptions, Run) for field in fields(kind)]
    if call is EMOPipeline.__call__:
        expected.append(("return_dict", True))
    assert [(name, p.default) for name, p in parameters.items() if name not in INPUTS] == expected
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name, _ in expected)


@pytest.mark.parametrize("call", CALLS)
def test_the_docstring_names_every_argument(call):
    arguments = re.search(r"Args:\n(.*?)\n\n", inspect.getdoc(call), re.DOTALL).group(1)
    named = re.findall(r"^    ([a-z_, \n]+):", arguments, re.MULTILINE)
    said = [name.strip() for names in named for name in names.split(",")]
    assert sorted(said) == sorted(set(inspect.signature(call).parameters) - {"self"})


def test_every_argument_reaches_what_is_checked(pipe, monkeypatch):
    """The call's are the stream's, and the stream's are the options' and the run's."""
    given = {
        "height": 96,
        "width": 72,
        "fps": "12",
        "num_inference_steps": 3,
        "audio_guidance_scale": 1.25,
        "reference_guidance_scale": 1.75,
        "guidance_every": 4,
        "cache_interval": 5,
        "noise_correlation": 0.125,
        "strength": 0.75,
        "noise_mirroring": 0.375,
        "eta": 0.625,
        "face_region": "full",
        "face": 2,
        "speed": 0.875,
        "paste_back": True,
    }
    assert given.keys() == set(EMOOptions.names())
    run = {name: object() for name in (field.name for field in fields(Run))}
    seen = {}
    monkeypatch.setattr("emo.pipelines.emo_call.Run", lambda **arguments: arguments)
    monkeypatch.setattr("emo.pipelines.emo_call.collect_frames", lambda stream: seen.update(stream))
    monkeypatch.setattr(
        EMOPipeline, "open_stream", lambda self, image, audio, options, run: {"options": options, "run": run}
    )
    with pytest.raises(AttributeError):  # there is no stream to tell the rate of
        pipe("image", "audio", **given, **run, return_dict=False)
    assert (seen["options"].values(), seen["run"]) == (given, run)


def test_options_need_no_networks():
    command = "import sys, emo.pipelines.emo_options, emo.cli.main; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command]).returncode == 0


@pytest.mark.parametrize(
    ("text", "region"),
    [("auto", None), ("full", "full"), ("1,2,3.5,4", (1.0, 2.0, 3.5, 4.0)), (" 1, 2,3,4", (1, 2, 3, 4))],
)
def test_regions_as_text(text, region):
    assert parse_region(text) == region


def test_text_that_is_no_region_may_name_a_mask(tmp_path):
    for text in ("1,2,3", "1,2,x,4", "mask.png"):
        with pytest.raises(OptionError, match="four numbers"):
            parse_region(text)
    with pytest.raises(OptionError, match="four numbers"):
        load_region("1,2,x,4")
    Image.fromarray(np.full((4, 6), 255, np.uint8)).save(tmp_path / "mask.png")
    assert load_region(str(tmp_path / "mask.png")).size == (6, 4)


def test_speeds_as_text(tmp_path):
    assert (parse_speed("free"), parse_speed("0.5")) == (None, 0.5)
    with pytest.raises(OptionError, match="speed"):
        parse_speed(str(tmp_path))
    (tmp_path / "speeds.txt").write_text("\ufeff0.5, 1\n2", encoding="utf-8")
    assert load_speeds(str(tmp_path / "speeds.txt")) == [0.5, 1.0, 2.0]
    with pytest.raises(OptionError, match="neither a number nor a file"):
        load_speeds(str(tmp_path / "none.txt"))
