"""`emo ui` in a process of its own, and a browser that visits it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZES = {1280: 900, 390: 844}
"""Viewports, width and height in pixels: a desk's and a phone's."""

CHROMIUM = os.environ.get("EMO_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None
)


@contextmanager
def served(*options: str | Path) -> Iterator[tuple[str, Path]]:
    """The address of `emo ui` with these options, and the folder of its temporary files, empty once it has ended."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-u", "-m", "emo", "ui", *map(str, options)]
        environment = os.environ | {"TMPDIR": folder}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
            try:
                said = server.stdout.readline()
                found = re.search(r"http://\S+", said)
                assert found, f"emo ui did not start: {said}"
                yield found[0], Path(folder)
            finally:
                server.terminate()
                server.wait(30)
        left = [path.name for path in Path(folder).iterdir() if path.name.startswith("emo-")]
        assert left == [], f"emo ui left {left}"


@contextmanager
def browser(sound: Path | None = None) -> Iterator:
    """Headless Chromium, which has a synthetic camera and microphone.

    Args:
        sound: a WAV file that the microphone hears, over and over; beeps by default.
    """
    from playwright.sync_api import sync_playwright

    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--no-sandbox"]
    if sound is not None:
        flags.append(f"--use-file-for-fake-audio-capture={sound}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield chromium
        finally:
            chromium.close()


def opened(chromium, address: str, width: int, requests: list[str] | None = None):
    """The page at one of the SIZES, ready for use; the addresses it asks for go into `requests`."""
    page = chromium.new_page(viewport={"width": width, "height": SIZES[width]}, has_touch=width < 500)
    if requests is not None:
        page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    page.wait_for_selector("#generate")
    return page


@contextmanager
def well_behaved(chromium, address: str, width: int) -> Iterator:
    """The page, which asks nothing of any other server, logs no error and fits the screen's width."""
    requests, errors = [], []
    page = opened(chromium, address, width, requests)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: "Security Policy" in said.text and errors.append(said.text))
    page.set_default_timeout(30_000)
    yield page
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert len(requests) > 10
    assert [url for url in requests if not url.startswith((address, "data:", "blob:"))] == []
    assert errors == []
    page.close()


def give(page, field: str, path: Path) -> None:
    """Upload a file into `portrait` or `sound`."""
    page.set_input_files(f"#{field} input[type=file]", str(path))
    page.wait_for_selector("#portrait img" if field == "portrait" else "#sound :text('0:00')")


def set_steps(page, steps: int) -> None:
    """Unfold the options and choose so many steps."""
    if not page.is_visible("#steps"):
        page.click("#more > button")
    for _ in range(10):  # what is typed while the page is still coming to life is forgotten
        page.fill("#steps input[type=number]", str(steps))
        page.press("#steps input[type=number]", "Tab")
        page.wait_for_timeout(500)
        if page.input_value("#steps input[type=range]") == str(steps):
            break
    assert page.input_value("#steps input[type=range]") == str(steps)
    page.wait_for_timeout(300)
