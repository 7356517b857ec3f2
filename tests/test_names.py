"""Names and messages as they can be shown, whatever a file is called."""

import os

import pytest

from emo.errors import EmoError, ImageError
from emo.names import all_printable, printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain name.mp4", "plain name.mp4"),
        ("grüße 写真　😀.png", "grüße 写真　😀.png"),
        ("می‌خواهم.png", "می‌خواهم.png"),
        (os.fsdecode(b"caf\xe9.mp4"), r"caf\xe9.mp4"),
        ("two\nlines\r.mp4", r"two\nlines\r.mp4"),
        ("\x1b[31mred\x07\x9b", r"\x1b[31mred\x07\x9b"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\u2028", r"\u2028"),
        ("\ud83d", r"\ud83d"),
        (r"back\slash", r"back\slash"),
    ],
)
def test_what_is_shown_of_names(name, shown):
    assert printable(name) == shown
    assert printable(shown) == shown
    shown.encode()


def test_bytes_of_another_locale_are_read_as_the_names_they_are():
    in_ascii = "grüße".encode().decode("ascii", "surrogateescape")
    assert printable(in_ascii) == "grüße"


def test_messages_of_errors_are_a_line_that_can_be_shown():
    error = ImageError(f"{os.fsdecode(b'a' + bytes([255, 10]))} is empty")
    assert str(error) == r"a\xff\n is empty"
    assert isinstance(error, EmoError)


def test_everything_in_json_is_shown():
    name = os.fsdecode(b"\xff")
    assert all_printable({name: [name, 1.5, None, {"a": (name,)}]}) == {
        r"\xff": [r"\xff", 1.5, None, {"a": [r"\xff"]}]
    }
