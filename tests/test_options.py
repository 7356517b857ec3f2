"""The base of options: plain values, ranges, records, fingerprints and a command, all from the fields."""

import argparse
import json
from dataclasses import dataclass

import numpy as np
import pytest

from emo.errors import OptionError
from emo.options import FLOAT, FPS, INT, Kind, Options, add_arguments, from_arguments, option


def parse_color(text):
    if not text.startswith("#"):
        raise OptionError(f"{text!r} is no color", option="color")
    return text[1:]


COLOR = Kind(
    "color",
    plain=lambda value, name: str(value).lower(),
    parse=parse_color,
    load=lambda text: f"from {text}",
    json_types=(list,),
    to_json=list,
    from_json="".join,
)


@dataclass(frozen=True, kw_only=True)
class Made(Options):
    """Options of no model."""

    steps: int = option(4, "how many", low=1, flag="num-steps")
    strength: float = option(1.5, "how much", group="more of it")
    share: float | None = option(None, "of all", kind=FLOAT, low=0, high=1, default_words="the model's", before=0.25)
    count: int | None = option(None, "which", kind=INT, by_value=False)
    fps: str = option(25, "a second", kind=FPS)
    color: str | None = option(None, "of the hat", kind=COLOR)
    loud: bool = option(False, "or not")


def parsed(*arguments):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser, Made)
    return from_arguments(Made, parser.parse_args(arguments))


def test_values_become_plain_ones():
    made = Made(steps=np.int64(3), strength=np.float32(2), share=np.array(1), fps=12.5, color="RED", loud=np.True_)
    expected = {"steps": 3, "strength": 2.0, "share": 1.0, "count": None, "fps": "12.5", "color": "red", "loud": True}
    assert made.values() == expected
    assert [type(value) for value in made.values().values()] == [type(value) for value in expected.values()]


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", None), ("steps", 1.5), ("steps", True), ("strength", "2"), ("loud", "yes"), ("loud", None), ("hat", 1)],
)
def test_a_value_of_the_wrong_kind_names_its_option(name, value):
    with pytest.raises(OptionError, match=name) as error:
        Made.from_values({name: value})
    assert error.value.option == name


@pytest.mark.parametrize(
    ("values", "limits", "message"),
    [
        ({"steps": 0}, {}, "steps is 0; it must be a whole number, 1 or more"),
        ({"steps": 5}, {"steps": (1, 4)}, "steps is 5; it must be a whole number, 1 to 4"),
        ({"share": 1.1}, {}, r"share is 1\.1; it must lie between 0 and 1"),
        ({"share": float("nan")}, {}, "share is nan; it must lie between 0 and 1"),
        ({"strength": float("inf")}, {}, "strength is inf; it must be finite"),
        ({"strength": float("nan")}, {"strength": (0, None)}, "strength is nan"),
        ({"strength": -1}, {"strength": (0, None)}, r"strength is -1\.0; it must be at least 0"),
    ],
)
def test_a_value_out_of_range_names_its_option(values, limits, message):
    with pytest.raises(OptionError, match=message) as error:
        Made(**values).check(**limits)
    assert error.value.option == next(iter(values))


def test_values_in_range_pass():
    Made().check()
    Made(steps=1, share=0, strength=-3).check(steps=(1, 1))


def test_a_record_gives_the_same_back():
    made = Made(steps=2, share=0.5, color="red")
    record = json.loads(json.dumps(made.to_json()))
    assert record["color"] == ["r", "e", "d"]
    assert list(record) == list(Made.names())
    assert Made.from_json(record) == made


def test_a_record_from_before_an_option_has_what_was_then():
    record = Made().to_json()
    del record["share"]
    assert Made.from_json(record).share == 0.25


@pytest.mark.parametrize(
    "damage", [{"steps": "4"}, {"loud": None}, {"color": "red"}, {"share": [1]}, {"steps": ...}, None]
)
def test_a_damaged_record_names_the_option(damage):
    record = None if damage is None else {k: v for k, v in {**Made().to_json(), **damage}.items() if v is not ...}
    with pytest.raises(OptionError) as error:
        Made.from_json(record)
    assert error.value.option == ("steps" if damage is None else next(iter(damage)))


def test_a_fingerprint_has_what_frames_depend_on_by_value():
    assert Made(count=3).fingerprint() == Made().fingerprint()
    assert Made(share=0.5).fingerprint() == {**Made().fingerprint(), "share": "0.5"}
    assert "count" not in Made().fingerprint()


def test_a_command_gives_what_a_user_gave_and_no_more():
    assert parsed() == {}
    assert parsed("--num-steps", "3", "--no-loud", "--color", "#red") == {"steps": 3, "loud": False, "color": "red"}
    assert parsed("--color", "hat.png", "--fps", "30000/1001") == {"color": "from hat.png", "fps": "30000/1001"}
    with pytest.raises(argparse.ArgumentError, match="num-steps"):
        parsed("--num-steps", "many")


def test_a_command_of_several_systems_has_each_option_once():
    @dataclass(frozen=True, kw_only=True)
    class Other(Options):
        steps: int = option(9, "as many", low=1, flag="num-steps")
        hat: float = option(0.0, "size of the hat")

    def both(kind, *arguments):
        parser = argparse.ArgumentParser(exit_on_error=False)
        add_arguments(parser, Made, Other)
        return from_arguments(kind, parser.parse_args(arguments), [Made, Other])

    assert both(Other, "--num-steps", "3", "--hat", "2") == {"steps": 3, "hat": 2.0}
    assert both(Made, "--num-steps", "3") == {"steps": 3}
    with pytest.raises(OptionError, match="--hat is no option of this model"):
        both(Made, "--hat", "2")


def test_help_says_meaning_and_default_under_its_heading():
    parser = argparse.ArgumentParser()
    groups = add_arguments(parser, Made)
    text = parser.format_help()
    assert {"video", "more of it"} == groups.keys()
    for line in (
        "how many (default 4)",
        "how much (default 1.5)",
        "of all (default the model's)",
        "--loud, --no-loud",
    ):
        assert line in text
    assert "SUPPRESS" not in text


def test_a_form_finds_all_it_shows():
    entries = {entry.name: entry for entry in Made.entries()}
    steps, share = entries["steps"], entries["share"]
    assert (steps.label, steps.kind.name, steps.low, steps.high, steps.default) == ("Num steps", "int", 1, None, 4)
    assert (share.label, share.kind.name, share.low, share.high, share.default) == ("Share", "float", 0, 1, None)
