"""The live tab: what its script may send, and what its functions tell the page."""

import asyncio
import base64
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import noise, tiny_vasa

from emo.ui import Limits
from emo.ui.jobs import Jobs
from emo.ui.microphone import read_piece
from emo.ui.words import FieldError

pytest.importorskip("gradio")


def message(samples: np.ndarray, **others):
    text = base64.b64encode(samples.astype("<i2").tobytes()).decode()
    return {"rate": 16000, "shown": 2, "samples": text} | others


def test_a_piece_is_numbers():
    piece = read_piece(message(np.arange(-5, 5), rate=44100.0))
    assert (piece.rate, piece.shown) == (44100, 2)
    np.testing.assert_array_equal(piece.samples, np.arange(-5, 5))
    assert piece.samples.dtype == np.int16
    assert len(read_piece(message(np.zeros(0))).samples) == 0


def test_of_a_long_piece_the_newest_sound_is_taken():
    assert read_piece(message(np.arange(100_000) % 1000)).samples[-1] == 999
    assert len(read_piece(message(np.arange(100_000))).samples) == 32_000
    assert read_piece(message(np.arange(1_000_000) % 1000, rate=192_000)).samples[-1] == 999


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("NotAllowedError", "refused the microphone"),
        ("NotFoundError", "no microphone"),
        ("insecure", "HTTPS"),
        ("AbortError", "cannot use its microphone"),
        (["<b>"], "cannot use its microphone"),
    ],
)
def test_why_there_is_no_sound_is_one_line(trouble, words):
    with pytest.raises(FieldError, match=words) as caught:
        read_piece({"trouble": trouble})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0},
        {"rate": 1e12},
        {"rate": float("nan")},
        {"rate": "16000"},
        {"rate": None},
        {"shown": -1},
        {"shown": [1]},
        {"samples": None},
        {"samples": "no base64!"},
        {"samples": "ü"},
    ],
)
def test_messages_of_another_form_are_refused(wrong):
    with pytest.raises(FieldError, match="form that this page does not know"):
        read_piece(message(np.zeros(100)) | wrong)


class Visit:
    """The tab's functions as the page calls them."""

    def __init__(self, pipe):
        from emo.ui.page import build_page

        page = build_page(Jobs(pipe, Limits()))
        self.blocks = {block.elem_id: block for block in page.blocks.values() if getattr(block, "elem_id", None)}
        self.functions = {target: function for function in page.fns.values() for target, _ in function.targets}

    def values(self, portrait, **contents):
        fields = self.functions[self.blocks["live-start"]._id].inputs
        return [
            portrait if field.elem_id == "portrait" else contents.get(field.elem_id, field.value) for field in fields
        ]

    def start(self, portrait, visitor="a", **contents):
        run = self.functions[self.blocks["live-start"]._id].fn
        return run(SimpleNamespace(session_hash=visitor), *self.values(portrait, **contents))

    def stop(self, visitor="a"):
        self.functions[self.blocks["live-stop"]._id].fn(SimpleNamespace(session_hash=visitor))

    def hear(self, given):
        return asyncio.run(self.blocks["live"].hear(given))

    def told(self, updates):
        """Contents by the element's name."""
        return {block.elem_id: update for block, update in updates.items()}


@pytest.fixture(scope="module")
def visit():
    return Visit(tiny_vasa())


def test_a_visitor_speaks_and_the_portrait_with_him(visit, image):
    sound = noise(0.3)[0] * 32767
    words, pictures, ticket = [], set(), ""
    for updates in visit.start(image, **{"steps": "1"}):
        told = visit.told(updates)
        words += [told["live-status"]] if told.get("live-status") else []
        ticket = told["live"]["ticket"] or ticket
        pictures.add(told["live"]["picture"])
        if ticket:
            more = visit.hear(message(sound, ticket=ticket, shown=told["live"]["count"]))
            assert more or told["live"]["ticket"] == ""
        if len(pictures) > 4:
            visit.stop()
    assert all(picture.startswith("data:image/jpeg;base64,") for picture in pictures - {""})
    assert words[0] == "<p>Looking at the portrait …</p>"
    assert "<p>Waiting for the microphone …</p>" in words
    assert any("Live" in each for each in words)
    assert words[-1] == "<p>Stopped.</p>"
    assert told["live"] == {"ticket": "", "count": 0, "picture": ""}
    assert not visit.hear(message(sound, ticket=ticket))


def test_errors_stand_in_the_tab_and_beside_their_field(visit, image):
    last = visit.told(list(visit.start(None))[-1])
    assert "Give a portrait" in last["live-status"]
    assert "Give a portrait" in last["error-portrait"]["value"]
    for updates in visit.start(image):
        last = visit.told(updates)
        if last["live"]["ticket"]:
            assert not visit.hear({"ticket": last["live"]["ticket"], "trouble": "NotAllowedError"})
    assert 'role="alert">The browser refused the microphone' in last["live-status"]
    assert last["live"]["ticket"] == ""
    assert not any(name.startswith("error-") for name in last)


def test_a_start_in_place_of_another_is_not_told_as_an_end(visit, image):
    first = visit.start(image)
    next(update for update in first if visit.told(update)["live"]["ticket"])
    second = visit.start(image)
    next(second)
    assert not any("Stopped" in visit.told(update).get("live-status", "") for update in first)
    second.close()


@pytest.mark.parametrize("given", [None, 1, [], {}, {"ticket": None}, {"ticket": ""}, {"ticket": "guessed"}])
def test_sound_without_a_ticket_goes_nowhere(visit, given):
    assert visit.hear(given) is False


def test_a_model_that_cannot_be_live_says_which_can(pipe):
    from emo.ui.page import build_page

    blocks = build_page(Jobs(pipe, Limits())).blocks.values()
    assert not any(getattr(block, "elem_id", None) == "live-start" for block in blocks)
    values = [str(getattr(block, "value", "")) for block in blocks]
    assert (
        len([value for value in values if "cannot follow live sound" in value and "--model vasa-mesh" in value]) == 1
    )
