"""The served page from the outside: videos, errors, canceling, many users, and what it must not give away."""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from emo.errors import OptionError
from emo.media import VideoReader, read_origin
from emo.pipelines import EMOOptions
from emo.ui import Limits

pytest.importorskip("gradio")
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from emo.ui.form import first_value
from emo.ui.server import closed_folders, serve

CONTENTS = [first_value(entry, Limits()) for entry in sorted(EMOOptions.entries(), key=lambda entry: entry.more)]
"""Of the fields of options on an untouched page, in their order."""


@pytest.fixture(scope="module")
def client(page):
    return Client(page, verbose=False, httpx_kwargs={"timeout": 60})


@pytest.fixture
def ask(client, image, sound):
    """`ask(**fields)` → a job of the page's API."""

    def submit(client=client, portrait=image, recording=None, **fields):
        fields = dict(steps=1, audio_guidance=1, seed=3) | fields
        return client.submit(
            portrait=portrait and handle_file(portrait),
            sound=handle_file(recording or sound()),
            api_name="/generate",
            **fields,
        )

    return submit


def frames_of(path: str) -> np.ndarray:
    with VideoReader(path) as video:
        return video.read(range(video.num_frames))


def get(address: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def uploads(page: str, name: str, content: bytes) -> tuple[int, bytes]:
    head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    request = urllib.request.Request(
        f"{page}gradio_api/upload",
        data=head + content + b"\r\n--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_api_makes_the_pages_video(ask):
    job = ask(steps=2)
    video, words = job.result(timeout=60)
    assert "10 frames, 0.40 s of video" in words
    assert len(frames_of(video)) == 10
    origin = read_origin(video)
    assert (origin["ai_generated"], origin["seed"], origin["options"]["num_inference_steps"]) == (True, 3, 2)
    told = [words for video, words in job.outputs()]
    assert any("Step 1 of 6, 0 of 10 frames" in words for words in told)


def test_errors_name_the_field(ask, tmp_path):
    with pytest.raises(AppError, match="portrait: Give a portrait"):
        ask(portrait=None).result(timeout=60)
    with pytest.raises(AppError, match=r"face_region: .*is empty"):
        ask(face_region="9,9,1,1").result(timeout=60)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(AppError, match=r"portrait: broken\.png is not a picture"):
        ask(portrait=str(tmp_path / "broken.png")).result(timeout=60)


def test_long_recordings_are_refused(ask, sound):
    with pytest.raises(AppError, match=r"sound: .*longer than 3 s"):
        ask(recording=sound(3.5)).result(timeout=60)


def test_canceled_work_stops_and_leaves_nothing(ask, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    job = ask(steps=100)
    end = time.monotonic() + 60
    while not any("Step 2" in words for _, words in job.outputs()):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert list(tmp_path.glob("emo-job-*/emo.mp4*")) or list(tmp_path.glob("emo-job-*"))
    job.cancel()
    while list(tmp_path.iterdir()):
        assert time.monotonic() < end, "the canceled generation goes on"
        time.sleep(0.05)
    assert not any(video for video, _ in job.outputs())
    assert ask().result(timeout=60)[0]  # and the next one gets its turn


def test_no_other_file_is_ever_sent(page, client, ask, tmp_path, monkeypatch):
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    here = Path("pyproject.toml").resolve()
    folder = Path(ask().result(timeout=60)[0])
    assert folder.is_file()  # downloaded by the client: what the page made is sent
    for path in ("/etc/passwd", secret, here, f"{tmp_path}/../{tmp_path.name}/secret.txt", "/proc/self/environ"):
        for route in ("gradio_api/file=", "file=", "gradio_api/file%3D", "gradio_api/file=//", "static/../../"):
            status, content = get(f"{page}{route}{path}")
            assert status >= 400 or b"<!doctype html" in content[:200].lower(), (route, path, status)
            assert b"root:" not in content
            assert b"the secret" not in content
            assert b"[build-system]" not in content


def test_a_file_of_the_server_cannot_be_handed_in(page, client, image, tmp_path):
    """As the portrait or recording of a request that names a path of the server instead of an upload."""
    for path in (image, "/etc/passwd"):
        data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, None, 0, *CONTENTS]
        content = event_of(page, data)
        assert b"event: error" in content
        assert b"Give a recording" not in content  # it came no further than the portrait
        assert b"/etc" not in content
        assert b"tmp" not in content


def event_of(page: str, data: list, function: str = "generate") -> bytes:
    """What the API answers to inputs as they are, without a client that would upload files first."""
    request = urllib.request.Request(
        f"{page}gradio_api/call/{function}",
        data=json.dumps({"data": data}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        event = json.load(answer)["event_id"]
    return get(f"{page}gradio_api/call/{function}/{event}")[1]


def test_no_address_is_fetched_for_a_visitor(page, monkeypatch):
    """Neither as a portrait nor as any other input."""
    fetched = []

    async def fetch(url, **_):
        fetched.append(url)
        raise OSError("no network")

    monkeypatch.setattr("gradio.processing_utils.async_ssrf_protected_download", fetch)
    given = {"path": "http://192.0.2.1/a.png", "meta": {"_type": "gradio.FileData"}}
    for place in range(3):
        data = [None, None, 0, *CONTENTS]
        data[place] = given
        assert b"not named by their address" in event_of(page, data)
    assert fetched == []


PLANTED = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"


def test_a_playlist_gets_no_file_of_the_server(ask, sound, tmp_path):
    secret = sound(0.4)
    (tmp_path / "song.m3u8").write_text(PLANTED.format(secret))
    with pytest.raises(AppError, match=r"sound: song\.m3u8 is not a recording"):
        ask(recording=str(tmp_path / "song.m3u8")).result(timeout=60)
    with pytest.raises(AppError, match=r"portrait: song\.m3u8 is not a picture"):
        ask(portrait=str(tmp_path / "song.m3u8")).result(timeout=60)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": "٣"},
        {"steps": None},
        {"steps": [1]},
        {"seed": ""},
        {"seed": 1e308},
        {"seed": 10**400},
        {"audio_guidance": None},
        {"audio_guidance": -5},
        {"reference_guidance": "1"},
        {"paste_back": "no"},
    ],
)
def test_options_of_the_wrong_kind_are_a_sentence(ask, wrong, caplog, capfd):
    with pytest.raises(AppError, match=r"\w+: \w+.*\."):
        ask(**wrong).result(timeout=60)
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())


def test_a_name_that_gradio_does_not_take_is_a_sentence(ask, image, tmp_path, monkeypatch, caplog, capfd):
    monkeypatch.chdir(os.environ["GRADIO_TEMP_DIR"])  # where it runs above its own files
    hidden = tmp_path / ".hidden.png"
    hidden.write_bytes(Path(image).read_bytes())
    with pytest.raises(AppError, match="name is not taken"):
        ask(portrait=str(hidden)).result(timeout=60)
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())


def test_browsers_are_told_to_ask_no_other_server(page):
    with urllib.request.urlopen(page, timeout=20) as answer:
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self' data: blob:"
    assert policy["frame-ancestors"] == "'self'"
    assert not any("http" in sources or "*" in sources for sources in policy.values())


@pytest.fixture
def proxy(monkeypatch):
    """A proxy for everything, that answers 503; the paths that it was asked for."""
    asked = []

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(503)

        do_POST = do_CONNECT = do_HEAD = do_GET
        log_message = lambda *_: None

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield asked
        server.shutdown()


def test_the_page_does_not_go_through_a_proxy(proxy, pipe, monkeypatch):
    monkeypatch.setenv("no_proxy", "example.org")
    before = dict(os.environ)
    for host in ("127.0.0.1", "localhost"):
        with serve(pipe, Limits(), host=host) as (page, _):
            assert get(page)[0] == 200
            assert os.environ["NO_PROXY"].split(",")[0] == "example.org"
    assert proxy == []
    assert dict(os.environ) == before


def test_a_proxy_of_a_kind_that_is_not_known(pipe, monkeypatch):
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
    with serve(pipe, Limits()) as (page, _):
        assert get(page)[0] == 200


@pytest.mark.parametrize("error", [Exception("Couldn't start\nthe app"), RuntimeError(""), TimeoutError("late")])
def test_whatever_keeps_it_from_starting_is_one_line(pipe, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("gradio.Blocks.launch", fail)
    served = serve(pipe, Limits(), port=9)
    with pytest.raises(OptionError, match=r"cannot be served on 127\.0\.0\.1, port 9: \w+") as caught, served:
        pass
    assert "\n" not in str(caught.value)


def test_the_sound_of_any_file_goes_into_the_field(pipe, sound, tmp_path):
    """The button's function, as the page calls it."""
    import shutil

    from emo.ui.jobs import Jobs
    from emo.ui.page import build_page

    shutil.copy(sound(0.4), tmp_path / "talk.mov")
    page = build_page(Jobs(pipe, Limits(sound=0.5)))
    take = next(function for function in page.fns.values() if function.name == "take").fn
    updates = list(next(take(str(tmp_path / "talk.mov"))).values())
    assert updates[0].endswith("/talk.wav")
    assert not updates[1]["visible"]
    updates = list(next(take(sound(0.6))).values())
    assert updates[0] is None
    assert "longer than 0.5 s" in updates[1]["value"]
    assert list(take(None)) == []


def test_uploads_are_limited(page):
    assert uploads(page, "small.png", b"x" * 1000)[0] == 200
    status, content = uploads(page, "large.png", b"x" * 1_100_000)
    assert status == 413, content


def test_the_model_is_not_sent(pipe, tmp_path, image, sound, monkeypatch):
    """Not even from below the folder for temporary files or the one where the page was started, and with a password
    nothing without it."""
    pipe.save_pretrained(tmp_path / "model")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("the secret")
    monkeypatch.chdir(tmp_path / "run")
    pipe.register_to_config(_name_or_path=str(tmp_path / "model"))
    try:
        with serve(pipe, Limits(), password="sesame") as (page, _):
            made = Path(__import__("os").environ["GRADIO_TEMP_DIR"])
            assert get(f"{page}gradio_api/info")[0] == 401
            assert get(f"{page}config")[0] == 401
            assert get(f"{page}gradio_api/file=/etc/passwd")[0] == 401
            assert uploads(page, "a.png", b"x")[0] == 401
            with pytest.raises(Exception, match=r"Could not login"):
                Client(page, auth=("anybody", "wrong"), verbose=False)
            client = Client(page, auth=("anybody", "sesame"), verbose=False)
            cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
            for path in (tmp_path / "model" / "model_index.json", tmp_path / "run" / "notes.txt", "/etc/passwd"):
                request = urllib.request.Request(f"{page}gradio_api/file={path}", headers={"Cookie": cookie})
                with pytest.raises(urllib.error.HTTPError) as error:
                    urllib.request.urlopen(request, timeout=20)
                assert error.value.code == 403
            video, _ = client.predict(
                handle_file(image), handle_file(sound()), steps=1, audio_guidance=1, api_name="/generate"
            )
            assert len(frames_of(video)) == 10
            assert any(made.rglob("*.mp4"))
        assert not made.exists()
    finally:
        pipe.register_to_config(_name_or_path=None)


def test_closed_folders_leave_the_pages_own_open(pipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert str(tmp_path) in closed_folders(pipe, "/elsewhere/emo-ui")
    assert str(tmp_path) not in closed_folders(pipe, str(tmp_path / "emo-ui"))
    assert str(tmp_path / "home") in closed_folders(pipe, str(tmp_path / "emo-ui"))


def test_a_port_in_use_and_an_empty_password(page, pipe):
    port = int(page.rstrip("/").rpartition(":")[2])
    with pytest.raises(OptionError, match=str(port)), serve(pipe, Limits(), port=port):
        pass
    with pytest.raises(OptionError, match="--password"), serve(pipe, Limits(), password=""):
        pass


@pytest.mark.slow
def test_twenty_users_at_once(page, image, sound):
    """Every one of them gets the video of their own sound and seed."""
    videos, troubles = {}, {}
    gate = threading.Barrier(20)

    def use(number: int) -> None:
        try:
            client = Client(page, verbose=False, httpx_kwargs={"timeout": 180})
            gate.wait(120)
            video, _ = client.predict(
                handle_file(image),
                handle_file(sound(0.2 + 0.04 * (number % 5), seed=number)),
                steps=1,
                audio_guidance=1,
                seed=100 + number,
                api_name="/generate",
            )
            videos[number] = Path(video)
        except Exception as error:
            troubles[number] = error

    users = [threading.Thread(target=use, args=(number,)) for number in range(20)]
    for user in users:
        user.start()
    for user in users:
        user.join(300)
    assert troubles == {}
    assert len(videos) == 20
    for number, video in videos.items():
        assert read_origin(video)["seed"] == 100 + number
        assert len(frames_of(video)) == 5 + number % 5
    assert len({video.read_bytes() for video in videos.values()}) == 20


@pytest.mark.slow
def test_a_full_queue_says_so(pipe, image, sound):
    with serve(pipe, Limits(queue=1)) as (page, _):
        client = Client(page, verbose=False)
        jobs = [client.submit(handle_file(image), handle_file(sound()), steps=9, api_name="/generate") for _ in "1234"]
        ends = [job.exception(timeout=60) for job in jobs]
    assert any("queue is full" in str(error).lower() for error in ends)
    assert ends.count(None) >= 1
