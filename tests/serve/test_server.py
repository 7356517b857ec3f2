"""A real server with a model whose frames show what is heard: what comes is a video, together with its sound, soon."""

import io
import json
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from live_clients import LONG, tone
from PIL import Image

from emo.errors import EmoError, OptionError
from emo.serve import LiveLimits
from emo.serve.server import Serving

STARTED = dict(rate=16000, idle=False)


def get(address: str, **headers: str):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(urllib.request.Request(address, headers=headers), timeout=LONG)


def test_sound_becomes_a_video_with_sound(serve, picture, no_reader):
    server = serve()
    sound = np.concatenate([tone(0.5, 0.4), tone(0, 0.2), tone(0.9, 0.4)])
    with server.client() as client:
        ready = client.start(picture, **STARTED)
        assert (ready["fps"], ready["height"], ready["width"]) == (25, 32, 32)
        assert ready["mime"].startswith('video/mp4; codecs="avc1.')
        client.speak(sound)
        client.say(type="end")
        ended = client.told("ended")
        assert (ended["frames"], ended["seconds"]) == (25, 1.0)
        assert client.close_code() == 1000
    shades, heard = client.shades(), client.heard()
    assert len(shades) == 25
    seen = np.repeat([0.5, 0, 0.9], [10, 5, 10])
    np.testing.assert_allclose(shades / 255, seen, atol=0.06)
    np.testing.assert_allclose(heard[:25][seen > 0], seen[seen > 0], atol=0.15)
    assert heard[11:14].max() < 0.1  # of the frames between, but those beside a sound
    server.wait_for("sessions_ended_total", 1, reason="end")
    assert server.counted("frames_total") == 25
    assert server.counted("sound_seconds_total") == pytest.approx(1.0)


def test_frames_come_a_constant_time_after_their_sound(serve, picture, no_reader):
    server = serve()
    with server.client() as client:
        client.start(picture, rate=16000)
        began = time.monotonic()
        client.watch(6)
    pace = (client.times[-1] - client.times[0]) / 5
    assert 0.25 < pace < 0.6
    assert (
        client.times[0] - began > 0.4
    )  # as the model hears what comes after a clip, and no sound comes before its time
    count, total = server.counted("delay_seconds_count"), server.counted("delay_seconds_sum")
    assert count >= 6
    assert 0.4 < total / count < 1.5
    assert server.counted("delay_seconds_bucket", le="0.3") == 0


def test_without_sound_the_portrait_moves_on_in_silence(serve, picture, no_reader):
    server = serve()
    with server.client() as client:
        client.start(picture)
        client.watch(2)
        client.speak(tone(0.8, 0.32))
        client.watch(4)
    shades = client.shades()
    assert shades[:8].max() < 10
    assert shades.max() > 180
    assert shades[-8:].max() < 10
    loud = np.flatnonzero(shades > 100)
    assert len(loud) in (8, 9)
    assert loud[-1] - loud[0] < 9  # what came in one piece stays in one


def test_an_interruption_drops_what_is_not_sent_and_goes_on_at_once(serve, picture, no_reader):
    server = serve()
    with server.client() as client:
        client.start(picture)
        client.speak(tone(0.8, 20))
        while not client.fragments or client.shades()[-1] < 150:
            client.watch(1)
        began = time.monotonic()
        client.say(type="interrupt")
        client.speak(tone(0.3, 0.64))
        told = client.told("interrupted")
        client.watch(4)
        waited = time.monotonic() - began
    shades, first = client.shades(), told["after"] * 8
    assert told["seconds"] == pytest.approx(1024 / 48000 + first / 25)
    assert shades[first - 1] > 150
    assert shades[first:].max() < 110
    assert (np.abs(shades[first:] - 0.3 * 255) < 20).sum() in (15, 16, 17)
    assert waited < 10
    assert client.heard()[first + 1 : -1].max() < 0.5
    assert server.counted("interruptions_total") == 1


def test_sound_that_comes_faster_than_it_is_drawn_is_dropped_and_told(serve, picture, no_reader):
    server = serve()
    with server.client() as client:
        client.start(picture, delay=1.0)
        client.speak(tone(0.2, 1.0))
        client.speak(tone(0.9, 1.0))
        assert client.told("dropped")["seconds"] == pytest.approx(1.0, abs=0.4)
        while not client.fragments or client.shades()[-1] < 200:
            client.watch(1)
    assert (np.abs(client.shades() - 0.2 * 255) < 10).sum() < 12  # of 25 that were said
    assert server.counted("dropped_sound_seconds_total") == pytest.approx(1.0, abs=0.4)


def test_two_at_once_are_not_mixed_and_a_third_is_told_to_wait(serve, picture, no_reader):
    server = serve()
    with server.client() as one, server.client() as two:
        one.start(picture, **STARTED)
        two.start(picture, **STARTED)
        assert server.counted("sessions") == 2
        with server.client() as third:
            refusal = third.told("error")
            assert (refusal["reason"], third.close_code()) == ("busy", 1013)
        for _ in range(5):
            one.speak(tone(0.3, 0.2))
            two.speak(tone(0.8, 0.2))
        for client in (one, two):
            client.say(type="end")
            client.told("ended")
    np.testing.assert_allclose(one.shades() / 255, 0.3, atol=0.06)
    np.testing.assert_allclose(two.shades() / 255, 0.8, atol=0.06)
    assert (len(one.shades()), len(two.shades())) == (25, 25)
    server.wait_for("sessions", 0)
    assert server.counted("refused_total", reason="busy") == 1


def test_who_goes_makes_room(serve, picture, no_reader):
    server = serve(limits=LiveLimits(sessions=1))
    with server.client() as client:
        client.start(picture)
        client.watch(1)
    server.wait_for("sessions", 0)
    with server.client() as client:
        assert client.start(picture)["type"] == "ready"
    server.wait_for("sessions_ended_total", 2, reason="gone")


def test_who_says_nothing_is_ended_and_a_ping_says_something(serve, picture, no_reader):
    server = serve(limits=LiveLimits(silence=1.5))
    with server.client() as client:
        client.start(picture)
        began = time.monotonic()
        for _ in range(4):
            time.sleep(0.5)
            client.say(type="ping")
            client.told("pong")
        error = client.told("error")
        assert (error["reason"], client.close_code()) == ("silence", 1008)
        assert time.monotonic() - began > 3


def test_a_session_has_an_end(serve, picture, no_reader):
    server = serve(limits=LiveLimits(seconds=1))
    with server.client() as client:
        client.start(picture)
        error = client.told("error")
        assert (error["reason"], error["message"]) == ("limit", "Ended after 1 s, the most this server allows.")
    server.wait_for("sessions_ended_total", 1, reason="limit")


@pytest.mark.parametrize(
    ("start", "option", "words"),
    [
        ({"rate": 4000}, "rate", "from 8000 to 192000"),
        ({"rate": 1e6}, "rate", "from 8000 to 192000"),
        ({"rate": "16000"}, "rate", "whole number"),
        ({"delay": 31}, "delay", "at most 30 s"),
        ({"delay": 0}, "delay", "more than 0"),
        ({"idle": 1}, "idle", "true or false"),
        ({"options": []}, "options", "object"),
        ({"volume": 3}, None, "'volume'"),
        ({"seed": -1}, "options", "seed"),
        ({"options": {"steps": 500}}, "steps", "1 to 100"),
        ({"options": {"height": 4096}}, "height", "1 to 2048"),
        ({"options": {"emotion": "x" * 500}}, "emotion", ""),
        ({"options": {"color": "red"}}, "color", "no option 'color'"),
        ({"options": {"motion": "/etc/passwd"}}, "motion", "no option 'motion'"),
    ],
)
def test_a_start_that_asks_for_too_much_is_refused(serve, picture, no_reader, start, option, words):
    with serve().client() as client:
        error = client.start(picture, **start)
        assert (error["type"], error["option"]) == ("error", option)
        assert words in error["message"]
        assert client.close_code() == 1008


@pytest.mark.parametrize(
    "messages",
    [
        [b"\0\0"],
        ["no JSON"],
        ["[1]"],
        ['{"type": "dance"}'],
        ['{"type": "end"}'],
        ['{"type": "start"}', '{"type": "end"}'],
        ["[" * 5000],
    ],
)
def test_what_is_no_start_is_refused(serve, messages):
    server = serve()
    with server.client() as client:
        for message in messages:
            client.socket.send(message)
        assert client.told("error")["reason"] == "protocol"
        assert client.close_code() == 1008
    server.wait_for("sessions_ended_total", 1, reason="protocol")


@pytest.mark.parametrize("message", [b"\0\0\0", '{"type": "start"}', "{"])
def test_what_is_no_sound_ends_a_session(serve, picture, no_reader, message):
    with serve().client() as client:
        client.start(picture)
        client.socket.send(message)
        assert client.told("error")["reason"] == "protocol"
        assert client.close_code() == 1008


def test_no_sound_at_all_is_told(serve, no_reader, picture):
    from tiny import tiny_vasa

    with serve(tiny_vasa()).client() as client:
        file = io.BytesIO()
        Image.new("RGB", (40, 30)).save(file, "PNG")
        error = client.start(file.getvalue())
        assert (error["type"], error["option"]) == ("error", "portrait")
        assert "face" in error["message"]


def test_portraits_are_read_by_their_own_process_and_bounded(serve, picture):
    with serve(limits=LiveLimits(pixels=0.001)).client() as client:
        error = client.start(picture)
        assert (error["type"], error["option"]) == ("error", "portrait")
        assert "/" not in error["message"]
    with serve().client() as client:
        error = client.start(b"no picture")
        assert (error["type"], error["option"]) == ("error", "portrait")


def test_messages_are_bounded(serve, picture, no_reader):
    with serve(limits=LiveLimits(upload=0.01)).client() as client:
        client.say(type="start")
        client.socket.send(bytes(20_000))
        assert client.close_code() == 1009


def test_frames_are_bounded(serve, picture, no_reader):
    with serve(limits=LiveLimits(side=31)).client() as client:
        error = client.start(picture)
        assert (error["reason"], error["option"]) == ("limit", "paste_back")


def test_options_and_seed_are_the_models(serve, picture, no_reader):
    server = serve()
    with server.client() as client:
        client.start(picture, seed=7, options={"gaze": "0.5,0", "steps": 3})
    asked = server.pipe.asked[0]
    assert (asked["gaze"], asked["num_inference_steps"]) == ((0.5, 0.0), 3)
    assert asked["generator"].initial_seed() == 7
    assert asked["picture"] == (40, 30)
    assert "distance" not in asked  # what was not asked for is left to the model


def test_our_own_faults_are_told_to_nobody(serve, picture, no_reader, caplog):
    server = serve()
    server.pipe.error = ValueError("a secret of /home/somebody")
    with server.client() as client:
        client.start(picture)
        error = client.told("error")
        assert (error["reason"], client.close_code()) == ("error", 1011)
        assert "secret" not in json.dumps(error)
    assert "a secret" in caplog.text
    server.wait_for("sessions_ended_total", 1, reason="error")


def test_health_and_metrics_and_the_page(serve):
    server = serve()
    with get(server.address + "healthz") as answer:
        assert json.load(answer) == {"status": "ok", "sessions": 0, "most": 2}
    with get(server.address + "metrics") as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        text = answer.read().decode()
    for name in ("sessions 0.0", "frames_total 0.0", "delay_seconds_bucket", "wait_seconds_bucket"):
        assert f"emo_{name}" in text
    files = {"": "text/html", "client.js": "javascript", "microphone.js": "javascript", "style.css": "css"}
    for path, kind in files.items():
        with get(server.address + path) as answer:
            assert kind in answer.headers["content-type"]
            assert "default-src 'none'" in answer.headers["content-security-policy"]
    for path in ("server.py", "../server.py", "client/client.js", "%2e%2e/app.py"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(server.address + path)


def status(server, query="", **headers) -> int:
    """Of the answer to who wants to connect."""
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as refused, server.client(query, **headers):
        pass
    return refused.value.response.status_code


def test_strangers_bring_a_token(serve):
    server = serve(token="sécret")
    assert status(server) == 403
    assert status(server, "?token=other") == 403
    assert status(server, additional_headers={"Authorization": "Bearer other"}) == 403
    with server.client("?token=s%C3%A9cret") as client:
        client.say(type="end")
        assert client.told("error")["reason"] == "protocol"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(server.address + "metrics")
    with get(server.address + "metrics?token=s%C3%A9cret") as answer:
        assert 'emo_refused_total{reason="token"} 3.0' in answer.read().decode()
    with get(server.address + "healthz") as answer:
        assert answer.status == 200
    plain = serve(token="plain")
    with plain.client(additional_headers={"Authorization": "Bearer plain"}) as client:
        client.say(type="end")
        client.told("error")


def test_pages_of_others_do_not_connect(serve):
    server = serve(origins=["https://friend.example"])
    assert status(server, origin="http://stranger.example") == 403
    assert status(server, origin="null") == 403
    for origin in ("https://friend.example", server.address.rstrip("/")):
        with server.client(origin=origin) as client:
            client.say(type="end")
            client.told("error")
    assert server.counted("refused_total", reason="origin") == 2


def test_names_that_were_made_to_lead_here_are_refused(serve):
    server = serve(origins=["https://friend.example"])
    with pytest.raises(urllib.error.HTTPError, match="400"):
        get(server.address + "healthz", Host="rebound.example")
    for host in ("friend.example", "localhost:123", "[::1]:123"):
        with get(server.address + "healthz", Host=host) as answer:
            assert answer.status == 200


def test_what_cannot_be_served_is_told():
    pytest.importorskip("uvicorn")
    with pytest.raises(OptionError, match="token"):
        Serving(None, LiveLimits(), token="")
    for origin in ("friend.example", "ftp://friend.example", "https://friend.example/page"):
        with pytest.raises(OptionError, match="--origin"):
            Serving(None, LiveLimits(), origins=[origin])
    with pytest.raises(OptionError, match="cannot listen"):
        Serving(None, LiveLimits(), host="203.0.113.1")
    with pytest.raises(OptionError, match="silence"):
        LiveLimits(silence=0)


def test_without_its_libraries_it_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(EmoError, match=r"pip install 'emo\[serve\]'"):
        Serving(None, LiveLimits())
