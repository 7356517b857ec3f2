"""Every field is checked, and the error names it in the page's own words."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emo.pipelines.emo_options import EMOOptions
from emo.ui import PUBLIC_LIMITS, Limits
from emo.ui.form import argument, first_value, read_options
from emo.ui.request import Request, open_request, preview_portrait, read_request
from emo.ui.words import FieldError, captured_notes

FREE = Limits()


@pytest.fixture
def request_of(image, sound):
    return Request(portrait=image, sound=sound(), options={"steps": 1})


def changed(request: Request, **changes) -> Request:
    """The request with other contents of its fields."""
    own = {name: changes.pop(name) for name in ("portrait", "sound", "seed") if name in changes}
    return replace(request, **own, options={**request.options, **changes})


@pytest.fixture
def stream_of(pipe, tmp_path):
    """`stream_of(request, limits)` → the stream, whose sound is closed in the end."""
    streams = []

    def opened(request, limits=FREE):
        streams.append(open_request(pipe, request, read_request(request, EMOOptions, limits, tmp_path), None))
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
        ({"face_region": "10,10,5,5"}, "face_region", "is empty"),
        ({"face_region": "9000,9000,9100,9100"}, "face_region", "outside of the picture"),
        ({"face_region": "0,0,3,3"}, "face_region", "has nothing in the part"),
        ({"face_region": "around"}, "face_region", "no face region"),
        ({"face_region": "1,2,3,nan"}, "face_region", "finite"),
        ({"speed": "fast"}, "speed", "degrees per frame"),
        ({"speed": -1}, "speed", "not negative"),
        ({"speed": "nan"}, "speed", "finite"),
        ({"audio_guidance": float("inf")}, "audio_guidance", "Audio guidance"),
        ({"reference_guidance": "much"}, "reference_guidance", "Reference guidance"),
        ({"steps": 0}, "steps", "1 to 100"),
        ({"steps": 2.5}, "steps", "whole number"),
        ({"steps": 101}, "steps", "1 to 100"),
        ({"seed": -1}, "options", "seed"),
        ({"seed": float("inf")}, "options", "seed"),
    ],
)
def test_the_error_is_the_fields(refused, request_of, changes, field, word):
    found, sentence = refused(changed(request_of, **changes))
    assert found == field
    assert word in sentence
    assert sentence[0].isupper() or sentence[0] == "“"
    assert sentence.endswith(".")
    assert "--" not in sentence


def test_a_picture_without_a_face(stream_of, refused, request_of, tmp_path):
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(tmp_path / "wall.png")
    field, sentence = refused(changed(request_of, portrait=str(tmp_path / "wall.png")))
    assert (field, "No face found" in sentence, "--" in sentence) == ("portrait", True, False)
    whole = changed(request_of, portrait=str(tmp_path / "wall.png"), face_region="full")
    assert stream_of(whole).portrait.mask.all()


@pytest.mark.parametrize("field", ["portrait", "sound"])
def test_no_folder_of_the_server_is_told(refused, request_of, tmp_path, field):
    (tmp_path / "mine.bin").write_text("neither picture nor sound")
    found, sentence = refused(changed(request_of, **{field: str(tmp_path / "mine.bin")}))
    assert found == field
    assert "mine.bin" in sentence
    assert "/" not in sentence


def test_long_recordings_and_large_portraits_are_refused(stream_of, refused, request_of, sound):
    limits = replace(PUBLIC_LIMITS, sound=0.5)
    assert refused(changed(request_of, sound=sound(0.6)), limits)[0] == "sound"
    assert stream_of(changed(request_of, sound=sound(0.4)), limits).num_frames == 10
    field, sentence = refused(request_of, replace(PUBLIC_LIMITS, pixels=0.25))
    assert field == "portrait"
    assert sentence.startswith("portrait.png has 512 x 512 pixels (0.3 megapixels), the most taken here is 0.25")


def test_less_than_a_frame(refused, request_of, sound):
    field, sentence = refused(changed(request_of, sound=sound(0.0001)))
    assert field == "sound"
    assert "0.0001-0.wav: 0.000 s is less than one frame" in sentence
    assert "/" not in sentence


def test_the_fields_reach_the_pipeline(stream_of, request_of):
    given = dict(speed="0,5", face_region="full", audio_guidance=2, reference_guidance=3.0, paste_back=True)
    given |= dict(height=64, width=96, fps="30000/1001", face=1, noise_correlation=0.5, noise_mirroring=0, eta=0.25)
    stream = stream_of(changed(request_of, seed=7, **given))
    assert stream.portrait.image.shape == (64, 96, 3)
    assert stream.fps == Fraction(30000, 1001)
    assert stream.portrait.mask.all()
    assert (stream.run.generator.initial_seed(), stream.run.output_type) == (7, "uint8")
    recorded = stream.origin["options"]
    assert {name: recorded[name] for name in ("speed", "num_inference_steps", "audio_guidance_scale", "eta")} == {
        "speed": 0.5,
        "num_inference_steps": 1,
        "audio_guidance_scale": 2,
        "eta": 0.25,
    }
    assert (recorded["noise_correlation"], recorded["noise_mirroring"], recorded["face"]) == (0.5, 0, 1)


def test_every_option_has_a_field_that_holds_its_default(request_of):
    """An empty page is a generation with the defaults."""
    contents = {argument(entry): first_value(entry, FREE) for entry in EMOOptions.entries()}
    assert read_options(EMOOptions, contents, FREE) == EMOOptions()


@pytest.mark.parametrize(
    ("text", "value"), [(" Auto ", None), ("", None), ("FULL", "full"), ("1, 2,30,40.5", (1, 2, 30, 40.5))]
)
def test_regions_in_words(text, value):
    assert read_options(EMOOptions, {"face_region": text}, FREE).face_region == value


@pytest.mark.parametrize(("text", "value"), [("", None), ("the model's", None), ("64", 64), (" 128 ", 128)])
def test_numbers_that_need_not_be_given_are_text(text, value):
    assert read_options(EMOOptions, {"height": text, "width": text}, FREE).height == value


@pytest.mark.parametrize("text", [__file__, "portrait.png", "x" * 5000])
@pytest.mark.parametrize("field", ["face_region", "speed", "fps", "steps", "height"])
def test_no_field_names_a_file(field, text):
    with pytest.raises(FieldError) as caught:
        read_options(EMOOptions, {field: text}, FREE)
    assert caught.value.field == field
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("field", "value"), [("height", 513), ("width", 1e9), ("fps", "61"), ("speed", 5.1), ("face", 0)]
)
def test_the_page_takes_no_more_than_it_can_bear(field, value):
    with pytest.raises(FieldError) as caught:
        read_options(EMOOptions, {field: value}, PUBLIC_LIMITS)
    assert caught.value.field == field


def test_several_faces_are_told_of(tmp_path, portrait):
    Image.fromarray(np.concatenate([portrait, portrait], 1)).save(tmp_path / "two.png")
    found, notes = preview_portrait(str(tmp_path / "two.png"), {"face_region": "auto"}, EMOOptions, 64, FREE)
    assert found.face is not None
    assert len(notes) == 1
    assert notes[0].endswith("choose another with the face “2”.")
    assert "--" not in notes[0]


def test_only_our_own_warnings_are_told():
    import warnings

    with captured_notes() as notes:
        warnings.warn("somebody else's", stacklevel=1)
    assert notes == []
    assert Path(__file__).name not in str(notes)
