"""Take the pictures of docs/ui.md again: python tests/browser/screenshots.py [--model FOLDER] [--steps N]

One of a generation under way and one of a finished one at each of the two sizes, as docs/images/ui-*.png. Portrait and
voice are the page's examples, which are synthetic.
"""

import argparse
import tempfile
import wave
from pathlib import Path

from PIL import Image
from visit import SIZES, browser, opened, served, set_steps

from emo.ui.example import example_sound

OUT = Path(__file__).parents[2] / "docs" / "images"
LONG = 600_000  # milliseconds


def take(page, name: str, top: str) -> None:
    """The part of the page that fits the window, from the element `top` on, in few colors."""
    page.locator(top).evaluate("element => window.scrollTo(0, element.getBoundingClientRect().top + scrollY - 10)")
    page.wait_for_timeout(500)
    path = OUT / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(128, dither=Image.Dither.FLOYDSTEINBERG)
    small.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1024} KB")


def visit(page, width: int, steps: int) -> None:
    page.set_default_timeout(LONG)
    page.click("#example-portrait")
    page.wait_for_selector("#portrait img")
    page.click("#example-sound")
    page.wait_for_selector("#sound :text('0:02')")
    of_emo = page.locator("#region-panel").count() > 0
    if of_emo:
        page.click("#region-panel > button")
        page.wait_for_selector("#region-view img")
    if width < 500:
        take(page, f"ui-{width}-fields", "h2")
    if of_emo:
        set_steps(page, steps)
        page.click("#more > button")
    page.click("#generate")
    page.wait_for_selector("#frames img.emo-newest")
    take(page, f"ui-{width}-progress", "#generate" if width < 500 else "h2")
    page.wait_for_selector("#video video")
    page.wait_for_timeout(1500)
    page.locator("#video video").evaluate("video => { video.currentTime = 1 }")
    page.wait_for_timeout(500)
    take(page, f"ui-{width}", "#generate" if width < 500 else "h2")


def speak(page) -> None:
    page.set_default_timeout(LONG)
    page.click("#example-portrait")
    page.wait_for_selector("#portrait img")
    page.click("button[role=tab]:has-text('Live')")
    page.wait_for_timeout(500)
    if not page.locator("#live-start").count():
        return
    page.click("#live-start")
    page.wait_for_selector("#live img[src]")
    page.wait_for_timeout(5000)
    take(page, "ui-1280-live", "h2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="as `emo ui --model`")
    parser.add_argument("--steps", type=int, default=12, help="of a model of EMO's")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    model = ["--model", options.model] if options.model else []
    with tempfile.TemporaryDirectory() as folder, served(*model) as (address, _):
        path = Path(folder) / "voice.wav"
        rate, samples = example_sound()
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, len(samples), "NONE", ""))
            file.writeframes(samples.astype("<i2").tobytes())
        with browser(path) as chromium:
            for width in SIZES:
                visit(opened(chromium, address, width), width, options.steps)
            speak(opened(chromium, address, 1280))


if __name__ == "__main__":
    main()
