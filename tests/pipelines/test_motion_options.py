"""Options of pipelines that generate motion: as text, as JSON, as signatures; what is wrong with them, in a line."""

import inspect
import json
from dataclasses import fields

import numpy as np
import pytest
import torch

from emo.errors import EmoError, OptionError
from emo.generation import Run
from emo.motion import MotionTrack
from emo.pipelines import VASAOptions, VASAPipeline
from emo.pipelines.motion_kinds import EMOTION, GAZE, MOTION, POSE


@pytest.fixture
def track() -> MotionTrack:
    return MotionTrack(torch.randn(5, 14, generator=torch.Generator().manual_seed(0)), "30000/1001")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (GAZE, "-0.4,0", (-0.4, 0.0)),
        (GAZE, "free", "free"),
        (EMOTION, "happy:0.6, angry", {"happy": 0.6, "angry": 1.0}),
        (POSE, "10,-5,2.5", (10.0, -5.0, 2.5)),
    ],
)
def test_text(kind, text, value):
    assert kind.plain(kind.read(text), kind.name) == value


@pytest.mark.parametrize("kind", [POSE, MOTION])
def test_text_may_name_a_saved_motion(kind, track, tmp_path):
    track.save(tmp_path / "track.safetensors")
    assert kind.read(str(tmp_path / "track.safetensors")) == track
    (tmp_path / "none.safetensors").write_bytes(b"no motion")
    for name in ("gone.safetensors", "none.safetensors"):
        with pytest.raises(EmoError, match=name) as caught:
            kind.read(str(tmp_path / name))
        assert (caught.value.option, len(str(caught.value).splitlines())) == (kind.name, 1)


def test_all_kinds_go_through_json(track):
    made = VASAOptions(gaze=np.array([0.5, -0.25]), emotion={"happy": np.float32(0.5)}, pose=track, motion=track)
    again = VASAOptions.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    assert again.motion.fps == track.fps
    for options in (VASAOptions(), VASAOptions(gaze="free", pose=[1, 2, 3], distance=1.5)):
        assert VASAOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


@pytest.mark.parametrize("damage", [{"values": "x"}, {"fps": "no"}, {"space": {}}, {"values": None}])
def test_a_damaged_record_is_said(track, damage):
    record = VASAOptions(motion=track).to_json()
    record["motion"] |= damage
    with pytest.raises(OptionError, match="its record is damaged"):
        VASAOptions.from_json(record)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gaze": (1, 2, 3)}, "gaze is two numbers"),
        ({"gaze": "ahead"}, "gaze is numbers in a row"),
        ({"gaze": (float("nan"), 0)}, "gaze must be finite"),
        ({"emotion": {"happy": 2}}, "happy is 2; it must lie between 0 and 1"),
        ({"emotion": "happy"}, "emotion is strengths by name"),
        ({"pose": (1, 2)}, "pose is yaw, pitch and roll"),
        ({"motion": 3}, "motion is a MotionTrack"),
        ({"pose": "none.mp4"}, "pose none.mp4: no such file"),
    ],
)
def test_what_is_no_value_is_named(options, words):
    with pytest.raises(OptionError, match=words) as caught:
        VASAOptions(**options)
    assert caught.value.option == next(iter(options))


@pytest.mark.parametrize("text", ["1;2", "a,b", ""])
def test_text_that_is_no_gaze(text):
    with pytest.raises(OptionError, match="write numbers with commas"):
        GAZE.read(text)


@pytest.mark.parametrize("call", [VASAPipeline.stream, VASAPipeline.__call__])
def test_the_signature_has_every_option_and_the_docstring_says_it(call):
    parameters = inspect.signature(call).parameters
    expected = {field.name: field.default for kind in (VASAOptions, Run) for field in fields(kind)}
    assert {name: parameters[name].default for name in expected} == expected
    assert {"image", "audio"} <= set(parameters) - set(expected) <= {"self", "image", "audio", "return_dict"}
    for entry in VASAOptions.entries():
        assert f"{entry.name}: {entry.help}" in inspect.getdoc(call)
