"""Texts in place of recordings, on pages whose host names who speaks."""

import pytest
from made_speech import Hum

from emo.media import read_origin
from emo.pipelines.emo_options import EMOOptions
from emo.speech import engines
from emo.ui import Limits
from emo.ui.request import Request, open_request, read_request
from emo.ui.words import FieldError


@pytest.fixture(autouse=True)
def hum(monkeypatch):
    monkeypatch.setattr(engines, "OWN", (Hum(),))


def test_a_text_is_spoken_by_the_hosts_voice(pipe, image, tmp_path):
    request = Request(portrait=image, sound=None, text="Hello you", options={"steps": 1})
    uploads = read_request(request, EMOOptions, Limits(), tmp_path, "hum:high")
    stream = open_request(pipe, request, uploads, None)
    assert stream.num_frames == 12
    assert stream.origin["speech"]["voice"] == "high"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("...", "The text is empty, or there is no word in it."),
        ("word " * 30, r"Spoken, the text takes \d s; this page takes 3 s."),
    ],
)
def test_what_is_wrong_stands_at_the_text(image, tmp_path, text, problem):
    request = Request(portrait=image, sound=None, text=text)
    with pytest.raises(FieldError, match=problem) as caught:
        read_request(request, EMOOptions, Limits(sound=3), tmp_path, "hum")
    assert caught.value.field == "text"


def test_a_text_beside_a_recording_is_refused(image, sound, tmp_path):
    request = Request(portrait=image, sound=sound(), text="Hello")
    with pytest.raises(FieldError, match="not both"):
        read_request(request, EMOOptions, Limits(), tmp_path, "hum")


def test_the_page_has_the_field_where_somebody_speaks(pipe, page, image):
    pytest.importorskip("gradio")
    from gradio_client import Client, handle_file

    from emo.ui.server import serve

    quiet = Client(page, verbose=False).view_api(return_format="dict")["named_endpoints"]["/generate"]["parameters"]
    assert "text" not in [each["parameter_name"] for each in quiet]
    with serve(pipe, Limits(), speaker="hum:high") as (local, _):
        client = Client(local, verbose=False, httpx_kwargs={"timeout": 60})
        fields = {"portrait": handle_file(image), "sound": None, "text": "Hello you", "steps": 1, "audio_guidance": 1}
        video, _ = client.predict(**fields, api_name="/generate")
        assert read_origin(video["video"] if isinstance(video, dict) else video)["speech"]["voice"] == "high"
