"""The live tab as somebody uses it, at a desk and on a phone: Chromium's own microphone beeps."""

import pytest
from tiny import tiny_vasa
from visit import SIZES, give, opened, served, well_behaved

pytestmark = pytest.mark.browser
LONG = 90_000  # milliseconds
KEEP_TRACKS = """() => {
    window.tracks = []
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async options => {
        const stream = await ask(options)
        tracks.push(...stream.getTracks())
        return stream
    }
}"""
REFUSE = """() => {
    navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError") }
}"""


@pytest.fixture(scope="module")
def live_address(tmp_path_factory):
    """Where a page is whose model can be live."""
    model = tmp_path_factory.mktemp("live") / "tiny"
    tiny_vasa().save_pretrained(model)
    with served("--model", model) as (address, _):
        yield address


@pytest.fixture(params=SIZES)
def page(request, chromium, live_address):
    with well_behaved(chromium, live_address, request.param) as page:
        page.evaluate(KEEP_TRACKS)
        page.click("button[role=tab]:has-text('Live')")
        yield page


def start(page) -> None:
    page.wait_for_timeout(500)
    page.click("#live-start")


def says(page, words: str) -> None:
    page.wait_for_selector(f"#live-status :text('{words}')", timeout=LONG)


def sees_pictures(page, count: int = 3) -> None:
    for _ in range(count):
        before = page.get_attribute("#live img", "src")
        page.wait_for_function(
            "before => document.querySelector('#live img').getAttribute('src') !== before", arg=before, timeout=LONG
        )


def open_tracks(page) -> int:
    return page.evaluate("tracks.filter(track => track.readyState === 'live').length")


def test_the_portrait_talks_while_one_speaks(page, files):
    give(page, "portrait", files / "portrait.png")
    start(page)
    sees_pictures(page)
    says(page, "Live.")
    assert page.locator("#live img").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [128, 128]
    assert open_tracks(page) == 1
    start(page)  # another one, in place of the first
    says(page, "Looking at the portrait")
    sees_pictures(page)
    assert open_tracks(page) == 1
    page.click("#live-stop")
    says(page, "Stopped.")
    page.wait_for_function("tracks.every(track => track.readyState === 'ended')", timeout=LONG)
    assert page.evaluate("tracks.length") >= 2  # one for each start; a browser that is late may ask once more
    assert page.is_hidden("#live img")


def test_what_is_missing_or_refused_is_one_line(page, files):
    start(page)
    says(page, "Give a portrait")
    give(page, "portrait", files / "wall.png")
    start(page)
    says(page, "No face found")
    page.click("#portrait [aria-label=Clear], #portrait [aria-label='Remove Image']")
    give(page, "portrait", files / "portrait.png")
    page.evaluate(REFUSE)
    start(page)
    says(page, "The browser refused the microphone")
    assert (
        page.locator("#live-status [role=alert]").evaluate("line => getComputedStyle(line).color")
        == "rgb(185, 28, 28)"
    )
    assert open_tracks(page) == 0


def test_a_page_in_use_says_so_and_who_leaves_frees_it(chromium, live_address, files):
    first, second = (opened(chromium, live_address, width) for width in SIZES)
    for page in (first, second):
        page.set_default_timeout(LONG)
        page.click("button[role=tab]:has-text('Live')")
        give(page, "portrait", files / "portrait.png")
        start(page)
        if page is first:
            sees_pictures(page)
    says(second, "The page is busy")
    sees_pictures(first)
    first.close()
    for _ in range(10):
        start(second)
        second.wait_for_selector("#live-status :text('Live'), #live-status :text('busy')")
        if "busy" not in second.inner_text("#live-status"):
            break
    sees_pictures(second)
    second.close()
