"""A node's inputs from what options say of themselves, and the options that inputs mean: loops over `Option`."""

import argparse
from collections.abc import Mapping
from typing import Any

from emo.cli.arguments import add_pipeline
from emo.comfy.values import BOOLEAN, FLOAT, INT, STRING
from emo.errors import OptionError
from emo.options import BOOL, Option, Options
from emo.options import FLOAT as FLOAT_KIND
from emo.options import INT as INT_KIND
from emo.resources import DEFAULT_MODEL
from emo.ui.form import argument, fields_of, first_value, range_of, read_values
from emo.ui.limits import Limits
from emo.ui.words import FieldError

Input = tuple[Any, dict[str, Any]]
"""An input as ComfyUI has it: a type, or a list of words to choose from, and what else is to be said of it."""

LIMITS = Limits(upload=None, steps=1000, side=16384)
WIDEST = 10_000  # where an option has no end
AUTO, NONE = "auto", "none"
SEED: Input = (
    INT,
    {"default": 0, "min": 0, "max": 2**53 - 1, "control_after_generate": True, "tooltip": "same seed, same video"},
)


def option_inputs(options: type[Options]) -> dict[str, Input]:
    """Inputs for all options of a class that need no file, by their arguments."""
    return {argument(entry): option_input(entry) for entry in fields_of(options)}


def option_input(option: Option) -> Input:
    """The input for one option; a number that need not be given is text, with words for the default."""
    about: dict[str, Any] = {"default": first_value(option, LIMITS), "tooltip": option.page_help or option.help}
    if option.kind is BOOL:
        return BOOLEAN, about
    if option.kind not in (INT_KIND, FLOAT_KIND) or option.default is None:
        return STRING, about
    low, high = range_of(option, LIMITS)
    ends = {"min": -WIDEST if low is None else low, "max": WIDEST if high is None else high}
    step = {"step": 1} if option.kind is INT_KIND else {"step": 0.05, "round": 0.001}
    return INT if option.kind is INT_KIND else FLOAT, about | ends | step


def option_values(options: type[Options], given: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values that inputs mean, by the options' names.

    Raises:
        OptionError: naming the first that is wrong.
    """
    try:
        return read_values(options, given, LIMITS)
    except FieldError as error:
        raise OptionError(str(error), option=error.field) from None


def loading_inputs() -> dict[str, Input]:
    """Inputs for all that commands ask about loading a model."""
    inputs: dict[str, Input] = {}
    for action in _loading()._actions:
        about: dict[str, Any] = {"tooltip": str(action.help).replace("%%", "%")}
        if isinstance(action, argparse._StoreTrueAction):
            inputs[action.dest] = BOOLEAN, {"default": False, **about}
        elif action.choices is not None:
            words = [str(word) for word in action.choices]
            inputs[action.dest] = list(dict.fromkeys([str(action.default or NONE), *words])), about
        else:
            first = DEFAULT_MODEL if action.dest == "model" else str(action.default or "")
            inputs[action.dest] = STRING, {"default": first, **about}
    return inputs


def loading_options(given: Mapping[str, Any]) -> argparse.Namespace:
    """What `load_pipeline` takes, from the inputs; those left empty, or to it, have the commands' defaults."""
    options = _loading().parse_args([])
    for name, value in given.items():
        if value not in ("", AUTO, NONE, False):
            setattr(options, name, value)
    return options


def _loading() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    add_pipeline(parser)
    return parser
