"""Every field is checked, and the error names it in the page's own words."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emo.ui import STRANGERS, Limits
from emo.ui.request import FieldError, Request, look, noted, open_request, parse_region, read_request

FREE = Limits()


@pytest.fixture
def request_of(image, sound):
    return Request(portrait=image, sound=sound(), steps=1)


@pytest.fixture
def stream_of(pipe, tmp_path):
    """`stream_of(request, limits)` → the stream, whose sound is closed in the end."""
    streams = []

    def opened(request, limits=FREE):
        streams.append(open_request(pipe, request, read_request(request, limits, tmp_path), None))
        return streams[-1]

    yield opened
    for stream in streams:
        stream.audio.close()


@pytest.fixture
def refused(stream_of):
    """`refused(request, limits)` → the field and the sentence."""

    def ask(request, limits=FREE) -> tuple[str, str]:
        with pytest.raises(FieldError) as caught:
            stream_of(request, limits)
        return caught.value.field, str(caught.value)

    return ask


@pytest.mark.parametrize(
    ("changes", "field", "word"),
    [
        ({"portrait": None}, "portrait", "Give a portrait"),
        ({"sound": None}, "sound", "Give a recording"),
        ({"region": "10,10,5,5"}, "region", "is empty"),
        ({"region": "9000,9000,9100,9100"}, "region", "outside of the picture"),
        ({"region": "0,0,3,3"}, "region", "has nothing in the part"),
        ({"region": "around"}, "region", "no face region"),
        ({"region": "1,2,3,nan"}, "region", "finite"),
        ({"speed": "fast"}, "speed", "degrees per frame"),
        ({"speed": -1}, "speed", "from 0 to 5"),
        ({"speed": "nan"}, "speed", "from 0 to 5"),
        ({"audio_guidance": float("inf")}, "options", "audio guidance"),
        ({"reference_guidance": None}, "options", "reference guidance"),
        ({"steps": 0}, "options", "from 1 to 100"),
        ({"steps": 2.5}, "options", "whole number"),
        ({"steps": 101}, "options", "from 1 to 100"),
        ({"seed": -1}, "options", "seed"),
        ({"seed": float("inf")}, "options", "seed"),
    ],
)
def test_the_error_is_the_fields(refused, request_of, changes, field, word):
    found, sentence = refused(replace(request_of, **changes))
    assert found == field
    assert word in sentence
    assert sentence[0].isupper() or sentence[0] == "“"
    assert sentence.endswith(".")
    assert "--" not in sentence


def test_a_picture_without_a_face(stream_of, refused, request_of, tmp_path):
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(tmp_path / "wall.png")
    field, sentence = refused(replace(request_of, portrait=str(tmp_path / "wall.png")))
    assert (field, "No face found" in sentence, "--" in sentence) == ("portrait", True, False)
    whole = replace(request_of, portrait=str(tmp_path / "wall.png"), region="full")
    assert stream_of(whole).portrait.mask.all()


@pytest.mark.parametrize("field", ["portrait", "sound"])
def test_no_folder_of_the_server_is_told(refused, request_of, tmp_path, field):
    (tmp_path / "mine.bin").write_text("neither picture nor sound")
    found, sentence = refused(replace(request_of, **{field: str(tmp_path / "mine.bin")}))
    assert found == field
    assert "mine.bin" in sentence
    assert "/" not in sentence


def test_long_recordings_and_large_portraits_are_refused(stream_of, refused, request_of, sound):
    limits = replace(STRANGERS, sound=0.5)
    assert refused(replace(request_of, sound=sound(0.6)), limits)[0] == "sound"
    assert stream_of(replace(request_of, sound=sound(0.4)), limits).num_frames == 10
    field, sentence = refused(request_of, replace(STRANGERS, pixels=0.25))
    assert field == "portrait"
    assert sentence.startswith("portrait.png has 512 x 512 pixels (0.3 megapixels), the most taken here is 0.25")


def test_less_than_a_frame(refused, request_of, sound):
    field, sentence = refused(replace(request_of, sound=sound(0.0001)))
    assert field == "sound"
    assert "0.0001-0.wav: 0.000 s is less than one frame" in sentence
    assert "/" not in sentence


def test_the_fields_reach_the_pipeline(stream_of, request_of):
    request = replace(
        request_of, speed="0,5", region="full", audio_guidance=2, reference_guidance=3, seed=7, paste_back=True
    )
    stream = stream_of(request)
    options = stream.options
    assert (options.num_inference_steps, options.audio_guidance_scale, options.reference_guidance_scale) == (1, 2, 3)
    assert options.speed == 0.5
    assert stream.portrait.mask.all()
    assert (stream.paste_back, stream.run.generator.initial_seed(), stream.run.output_type) == (True, 7, "uint8")


def test_regions_in_words():
    assert parse_region(" Auto ") is None
    assert parse_region("") is None
    assert parse_region("FULL") == "full"
    assert parse_region("1, 2,30,40.5") == (1, 2, 30, 40.5)


def test_several_faces_are_told_of(tmp_path, portrait):
    Image.fromarray(np.concatenate([portrait, portrait], 1)).save(tmp_path / "two.png")
    found, notes = look(str(tmp_path / "two.png"), "auto", 64, FREE)
    assert found.face is not None
    assert len(notes) == 1
    assert notes[0].endswith("draw a face region around it.")
    assert "--" not in notes[0]


def test_only_our_own_warnings_are_told():
    import warnings

    with noted() as notes:
        warnings.warn("somebody else's", stacklevel=1)
    assert notes == []
    assert Path(__file__).name not in str(notes)
