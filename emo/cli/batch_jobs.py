"""The jobs of a batch: lines of JSON, each a command of `emo generate` by the names of its arguments."""

import argparse
import copy
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from emo.cli import generate
from emo.cli.like import fill_settings
from emo.console import note
from emo.errors import EmoError, OptionError, command_words
from emo.files import require_file
from emo.options import Options, from_arguments
from emo.pipelines import all_options

INPUTS = {"portrait": "image", "audio": "audio"}  # key of a job -> name of an argument
SAID = {"text", "text-file"}  # either stands for a recording
OF_THE_COMMAND = {"resume", "restart"}
NOWHERE = {"help", "like"}


class Job(NamedTuple):
    """One video of a batch.

    Attributes:
        line: of the file, from 1 on.
        options: as `emo generate` has them.
    """

    line: int
    options: argparse.Namespace

    def settled(self) -> argparse.Namespace:
        """The options with defaults where neither line nor command says anything."""
        options = copy.copy(self.options)
        fill_settings(options)
        return options


def read_jobs(path: Path, command: argparse.Namespace) -> list[Job]:
    """All jobs of a file, each seen to be fit as far as that goes without the model.

    Args:
        path: of the file; its empty lines are left out.
        command: what the command gives, which holds where a line says nothing else.

    Raises:
        OptionError: it cannot be read or holds no job, or a line is wrong; all that are wrong have been noted.
    """
    from emo.hub import locate_model, system_of

    require_file(path, OptionError)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except ValueError:
        raise OptionError(f"{path} is no text in UTF-8; write one JSON object a line", option="batch") from None
    kind = system_of(locate_model(command.model)).options
    parser = _LineParser()
    jobs: list[Job] = []
    wrong: list[str] = []
    written: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            options = parser.read(line, command)
            generate.check(options)
            _check_values(kind, options)
            for output in filter(None, (options.output, options.save_motion)):
                other = written.setdefault(os.path.realpath(output), number)
                if other != number:
                    raise OptionError(f"{output} is written by line {other} as well")
            jobs.append(Job(number, options))
        except EmoError as error:
            wrong.append(f"{path}, line {number}: {error.told(command_words)}")
    for message in wrong[:-1]:
        note(message)
    if wrong:
        raise OptionError(wrong[-1])
    if not jobs:
        raise OptionError(f"{path} holds no job; write one JSON object a line", option="batch")
    return jobs


def is_finished(job: Job, kind: type[Options]) -> bool:
    """Whether the job's video is there, and says of itself that it was made with this model and these options.

    What its inputs and the model's weights hold is not compared.

    Args:
        kind: the class of the model's options.
    """
    from emo.generation import is_unfinished
    from emo.media import read_origin

    options = job.settled()
    if not options.output.is_file() or is_unfinished(options.output):
        return False
    if options.save_motion is not None and not options.save_motion.is_file():
        return False
    with suppress(EmoError):  # no such record, or an option's file that is gone: the job itself will tell
        return _describes(read_origin(options.output), options, kind)
    return False


def _describes(origin: Mapping[str, Any], options: argparse.Namespace, kind: type[Options]) -> bool:
    from emo.hub import locate_model

    wanted = kind.from_values(from_arguments(kind, options, all_options().values())).to_json()
    recorded = origin.get("options") or {}
    if any(recorded.get(name) != value for name, value in wanted.items() if value is not None):
        return False  # None is for the model to fill in
    model = str((origin.get("model") or {}).get("name"))
    named = Path(locate_model(options.model).partition("@")[0]).name == Path(model).name
    same_dtype = options.dtype in ("auto", origin.get("dtype"))
    return named and same_dtype and origin.get("seed") == options.seed


def _check_values(kind: type[Options], options: argparse.Namespace) -> None:
    """See that the options are the model's own, and in range; those that may name a file are read when it is made."""
    files = {entry.name for entry in kind.entries() if entry.kind.load is not None}
    quick = {k: v for k, v in vars(options).items() if not (k in files and isinstance(v, str))}
    kind.from_values(from_arguments(kind, argparse.Namespace(**quick), all_options().values())).check()


class _LineParser:
    """Makes of a line what the command's own parser makes of such a command."""

    def __init__(self):
        parser = generate.add_parser(_RaisingParser().add_subparsers())
        loading = next(group for group in parser._action_groups if group.title == "model")
        self.parser = parser
        self.loading = set(_flags(loading._group_actions))
        self.flags = set(_flags(parser._actions)) - self.loading - OF_THE_COMMAND - NOWHERE

    def read(self, line: str, command: argparse.Namespace) -> argparse.Namespace:
        """The options of one job.

        Raises:
            OptionError: the line is no JSON object, or one that such a command could not have.
        """
        try:
            values = json.loads(line)
        except ValueError as problem:
            raise OptionError(f"not valid JSON ({problem})") from None
        if not isinstance(values, dict):
            raise OptionError("not a JSON object")
        inputs = [key for key in INPUTS if key != "audio" or key in values or not SAID & values.keys()]
        if missing := [key for key in (*inputs, "output") if not isinstance(values.get(key), str)]:
            raise OptionError(f"{', '.join(missing)}: not given, or no text")
        words = [word for key, value in values.items() if key not in INPUTS for word in self._words(key, value)]
        words += ["--", *(values[key] for key in inputs)]
        options = self.parser.parse_args(words, copy.copy(command))
        options.resume = not options.restart
        return options

    def _words(self, key: str, value: Any) -> list[str]:
        """One entry of a job as words of a command."""
        if key in self.loading | OF_THE_COMMAND:
            raise OptionError(f"{key} holds for all of a batch; give --{key} to the command instead")
        if key not in self.flags:
            raise OptionError(f"{key} is no option of a job; they are those of `emo generate`")
        if value is None:
            return []
        if isinstance(value, bool):
            return [f"--{key}" if value else f"--no-{key}"]
        if isinstance(value, dict):
            raise OptionError(f"{key}: give a number, a text, a list of them, true, false or null")
        return [f"--{key}={','.join(map(str, value)) if isinstance(value, list) else value}"]


class _RaisingParser(argparse.ArgumentParser):
    """Raises what others print before they end the program."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(message)


def _flags(actions: list[argparse.Action]) -> Iterator[str]:
    for action in actions:
        for text in action.option_strings:
            if text.startswith("--") and not text.startswith("--no-"):
                yield text.removeprefix("--")
