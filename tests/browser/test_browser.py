"""The page as somebody uses it, at a desk and on a phone."""

import re
import time

import pytest
from visit import SIZES, give, opened, set_steps, well_behaved

from emo.media import VideoReader, read_origin

pytestmark = pytest.mark.browser
LONG = 90_000  # milliseconds


@pytest.fixture(params=SIZES)
def page(request, chromium, address):
    with well_behaved(chromium, address[0], request.param) as page:
        yield page


def test_a_portrait_and_a_recording_become_a_video(page, files, tmp_path):
    give(page, "portrait", files / "portrait.png")
    give(page, "sound", files / "sound.wav")
    set_steps(page, 40)
    page.click("#generate")
    page.wait_for_selector("#status progress[value]")
    page.wait_for_selector("#frames img.emo-newest", timeout=LONG)
    steps, frames = map(int, re.search(r"Step (\d+) of 200, (\d+) of 20 frames", page.inner_text("#status")).groups())
    assert 40 <= steps < 200
    assert 4 <= frames < 20
    assert page.is_hidden("#video video")
    page.wait_for_selector("#video video", timeout=LONG)
    assert "20 frames, 0.80 s of video" in page.inner_text("#status")
    assert page.is_hidden("#cancel")
    video = page.locator("#video video")
    video.evaluate("video => { video.muted = true; return video.play() }")
    page.wait_for_function("document.querySelector('#video video').currentTime > 0.2")
    assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [64, 64]
    with page.expect_download() as download:
        page.click("#video a[download]")
    path = tmp_path / "downloaded.mp4"
    download.value.save_as(path)
    assert VideoReader(path).num_frames == 20
    assert read_origin(path)["options"]["num_inference_steps"] == 40


def choose(page, path) -> None:
    """Give a file to the button below the recording."""
    with page.expect_file_chooser() as chooser:
        page.click("#any-sound")
    chooser.value.set_files(str(path))


@pytest.mark.parametrize("name", ["talk.mp4", "talk.opus"])
def test_the_sound_of_any_file_becomes_the_recording(page, files, name):
    """Browsers take the one for no sound, and do not know the other's ending."""
    give(page, "portrait", files / "portrait.png")
    choose(page, files / name)
    page.wait_for_selector("#sound :text('0:00')")
    set_steps(page, 1)
    page.click("#generate")
    page.wait_for_selector("#video video", timeout=LONG)
    assert re.search(r"2[01] frames", page.inner_text("#status"))  # codecs fill up their last packet


def test_what_holds_no_sound_is_told_beside_the_recording(page, files):
    choose(page, files / "wall.png")
    page.wait_for_function("document.querySelector('#error-sound')?.innerText.includes('wall.png')")


def test_errors_stand_beside_their_fields(page, files):
    error = lambda field: page.locator(f"#error-{field} [role=alert]")
    page.click("#generate")
    assert "Give a portrait" in error("portrait").inner_text()
    give(page, "portrait", files / "wall.png")
    page.wait_for_function("document.querySelector('#error-portrait')?.innerText.startsWith('No face found')")
    above = page.locator("#portrait").bounding_box()
    below = error("portrait").bounding_box()
    sound = page.locator("#sound").bounding_box()
    assert above["y"] + above["height"] <= below["y"] + 1 < sound["y"]
    give(page, "sound", files / "sound.wav")
    page.click("#generate")
    page.wait_for_selector("#generate:enabled")
    assert "No face found" in error("portrait").inner_text()
    page.click("#portrait [aria-label=Clear], #portrait [aria-label='Remove Image']")
    give(page, "portrait", files / "portrait.png")
    error("portrait").wait_for(state="hidden")
    page.click("#sound [aria-label=Clear]")
    give(page, "sound", files / "long.wav")
    page.click("#generate")
    error("sound").wait_for()
    assert "longer than 5 s" in error("sound").inner_text()
    page.fill("#speed textarea, #speed input", "fast")
    page.click("#generate")
    error("speed").wait_for()
    assert error("speed").evaluate("text => getComputedStyle(text).color") == "rgb(185, 28, 28)"
    assert error("sound").is_hidden()


def test_one_run_is_canceled_and_another_started(page, files, address):
    give(page, "portrait", files / "portrait.png")
    give(page, "sound", files / "sound.wav")
    set_steps(page, 100)
    page.click("#generate")
    page.wait_for_selector("#frames img.emo-newest", timeout=LONG)
    assert list(address[1].glob("emo-job-*"))
    page.click("#cancel")
    page.wait_for_selector("#status :text('Canceled.')", timeout=LONG)
    end = time.monotonic() + 20
    while list(address[1].glob("emo-job-*")):
        assert time.monotonic() < end, "the canceled run goes on"
        page.wait_for_timeout(50)
    page.wait_for_selector("#status :text('Canceled.')", timeout=LONG)  # whatever news of the run came after it
    assert page.is_hidden("#frames img.emo-newest")
    assert page.is_hidden("#video video")
    set_steps(page, 1)
    page.click("#generate")
    page.wait_for_selector("#video video", timeout=LONG)
    assert "20 frames" in page.inner_text("#status")


def test_a_box_is_tapped_on_the_portrait(page):
    page.click("#example-portrait")
    page.click("#region-panel > button")
    picture = page.locator("#region-view img")
    picture.wait_for()
    page.wait_for_timeout(500)
    drawn = picture.get_attribute("src")
    tap = picture.tap if page.viewport_size["width"] < 500 else picture.click
    place = picture.bounding_box()
    side = min(place["width"], place["height"])  # the picture is square, in the middle of its place
    left, top = (place["width"] - side) / 2, (place["height"] - side) / 2
    for x, y in ((0.75, 0.25), (0.25, 0.75)):
        tap(position={"x": left + x * side, "y": top + y * side})
        page.wait_for_function("drawn => document.querySelector('#region-view img').src != drawn", arg=drawn)
        drawn = picture.get_attribute("src")
    text = page.input_value("#face-region textarea, #face-region input")
    assert [int(value) for value in text.split(",")] == pytest.approx([64, 64, 192, 192], abs=4)
    page.click("#region-full")
    page.wait_for_function("document.querySelector('#face-region textarea, #face-region input').value == 'full'")


def test_camera_and_microphone(page):
    """Chromium's own: a green picture without a face, and beeps."""
    page.click("#portrait [aria-label='Capture from camera']")
    page.click("#portrait :text('Access')")
    page.wait_for_function("document.querySelector('#portrait video').currentTime > 0.3")
    page.click("#portrait .photo-capture")
    page.wait_for_function("document.querySelector('#error-portrait')?.innerText.startsWith('No face found')")
    page.click("#sound [aria-label='Record audio']")
    page.click("#sound .record-button")
    page.wait_for_timeout(1500)
    page.click("#sound .stop-button:visible")
    page.wait_for_selector("#sound :text('0:01'), #sound :text('0:02')")


def test_who_waits_sees_the_queue_and_who_leaves_frees_it(chromium, address, files):
    first, second = (opened(chromium, address[0], width) for width in SIZES)
    for page in (first, second):
        give(page, "portrait", files / "portrait.png")
        give(page, "sound", files / "sound.wav")
        set_steps(page, 100)
    first.click("#generate")
    first.wait_for_selector("#status progress[value]", timeout=LONG)
    second.click("#generate")
    second.wait_for_selector("#status :text('queue: 1/1')")
    assert "Waiting for its turn" in second.inner_text("#status")
    second.click("#cancel")
    second.wait_for_selector("#status :text('Canceled.')")
    assert first.is_visible("#cancel")
    set_steps(second, 1)
    second.click("#generate")
    second.wait_for_selector("#status :text('queue: 1/1')")
    first.close()
    second.wait_for_selector("#video video", timeout=LONG)
    second.close()
