"""A file of the server, and more than thirty ways by which a visitor's upload might lead the page to it."""

import numpy as np
import pytest
from hostile_files import HOSTILE, plant
from hostile_watch import has_color, has_tone, opened

from emo.media import AudioTrack, VideoReader

pytest.importorskip("gradio")
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

SOUNDS = (
    *("hls absolute", "hls relative", "hls mp3", "hls aac", "hls ts", "hls mp4", "hls file url", "hls concat"),
    *("hls subfile", "hls crypto", "hls master", "hls no ending", "hls named wav", "hls named mp4", "hls utf-16"),
    *("hls tag first", "m3u without a header", "dash address", "ffconcat", "ffconcat absolute", "pls", "asx", "smil"),
    *("sdp", "filters", "quicktime alias", "quicktime url", "quicktime reference movie"),
    *("avi with a playlist as subtitles", "matroska with an attachment", "film and a playlist"),
)
PICTURES = ("hls named png", "svg", "postscript", "postscript named png", "pdf", "imagemagick drawing")


@pytest.fixture(scope="module")
def client(page):
    return Client(page, verbose=False, httpx_kwargs={"timeout": 60})


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    """The server's own folder; what a visitor brings lies in others."""
    folder = tmp_path_factory.mktemp("server")
    return plant(folder)


def given(client, portrait, sound) -> str | None:
    """The video that the page makes of two uploads, or `None` where it refuses one."""
    job = client.submit(
        portrait=handle_file(portrait), sound=handle_file(sound), steps=1, audio_guidance=1, api_name="/generate"
    )
    error = job.exception(timeout=120)
    if error is None:
        return job.result()[0]
    assert isinstance(error, AppError)
    assert str(error).startswith(("portrait:", "sound:")), error
    return None


@pytest.mark.parametrize("name", SOUNDS)
def test_no_recording_leads_to_it(client, image, secrets, tmp_path, name):
    upload = HOSTILE[name](tmp_path, secrets)
    with opened(secrets.parent) as names:
        video = given(client, image, upload)
    assert names == set()
    if video is not None:  # of what the upload holds itself
        with AudioTrack.open(video) as track:
            assert not has_tone(track.read(0, track.length))


@pytest.mark.parametrize("name", PICTURES)
def test_no_portrait_leads_to_it(client, sound, secrets, tmp_path, name):
    upload = HOSTILE[name](tmp_path, secrets)
    with opened(secrets.parent) as names:
        video = given(client, upload, sound())
    assert names == set()
    assert video is None


def test_the_secret_is_seen_where_it_is_shown(client, image, secrets, tmp_path):
    """What the tests above look at: the watch, and the tone in a video of the page."""
    with opened(secrets.parent) as names:
        video = given(client, image, secrets)
    assert names == {"secret.wav"}
    with AudioTrack.open(video) as track:
        assert has_tone(track.read(0, track.length))
    with VideoReader(secrets.with_suffix(".mp4")) as reader:
        assert has_color(np.asarray(reader.read([0])))
