"""The live server's own page in Chromium: Media Source Extensions play what is sent while it is drawn."""

import numpy as np
import pytest
from tiny import tiny_vasa
from visit import SIZES

from emo.serve import LiveLimits

pytestmark = pytest.mark.browser
LONG = 120_000  # milliseconds
SHADE = """() => {
    const video = document.getElementById("video"), canvas = document.createElement("canvas")
    canvas.width = canvas.height = 8
    const context = canvas.getContext("2d")
    context.drawImage(video, 0, 0, 8, 8)
    return Array.from(context.getImageData(0, 0, 8, 8).data)
}"""


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("uvicorn")
    from emo.serve.server import Serving

    with Serving(tiny_vasa(), LiveLimits(), token="secret").in_background() as serving:
        yield serving


@pytest.fixture(params=SIZES)
def page(request, chromium, server):
    page = chromium.new_page(viewport={"width": request.param, "height": SIZES[request.param]})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: "Security Policy" in said.text and errors.append(said.text))
    page.set_default_timeout(LONG)
    page.goto(server.address)
    yield page
    assert errors == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()


def start(page, files) -> None:
    page.set_input_files("#portrait", str(files / "portrait.png"))
    page.fill("#options", '{"steps": 1}')
    page.fill("#token", "secret")
    page.click("#start")


def plays_to(page, seconds: float) -> None:
    page.wait_for_function("seconds => document.getElementById('video').currentTime > seconds", arg=seconds)


def test_it_plays_what_is_drawn_and_is_interrupted(page, server, files):
    start(page, files)
    plays_to(page, 0.5)  # in silence: idle
    assert np.std(page.evaluate(SHADE)) > 5
    heard = server.metrics.registry.get_sample_value("emo_sound_seconds_total")
    page.click("#microphone")
    plays_to(page, 1.2)
    assert page.get_attribute("#microphone", "aria-pressed") == "true"
    assert server.metrics.registry.get_sample_value("emo_sound_seconds_total") > heard
    page.click("#microphone")
    page.set_input_files("#sound", str(files / "sound.wav"))
    page.click("#interrupt")
    now = page.evaluate("document.getElementById('video').currentTime")
    plays_to(page, now + 0.6)
    assert "Live" in page.inner_text("#status") or "slower" in page.inner_text("#status")
    page.click("#stop")
    assert page.inner_text("#status") == "Stopped."
    assert page.is_enabled("#start")


def test_what_is_wrong_is_told(page, files):
    page.set_input_files("#portrait", str(files / "wall.png"))
    page.fill("#token", "secret")
    page.click("#start")
    page.wait_for_selector("#status.wrong")
    assert "face" in page.inner_text("#status")
    page.fill("#token", "other")
    page.click("#start")
    page.wait_for_selector("#status:has-text('does not let this page in')")
