"""Arguments that several commands have, and what their values mean."""

import argparse
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.cli.speed import add_speed
from emo.console import note
from emo.errors import EmoError, OptionError, first_line
from emo.pipelines import all_options
from emo.pipelines.motion_options import MotionOptions
from emo.resources import DEFAULT_MODEL

if TYPE_CHECKING:
    import torch

MODEL = "name of a model that comes with the package, pipeline folder, or Hub name"
SIGNED = re.compile(r"-[\d.][-+\d.e]*(,[-+\d.e]+)+")
DTYPES = ("auto", "float32", "float16", "bfloat16")


def with_values(arguments: Sequence[str]) -> list[str]:
    """A command line in which numbers with commas that begin with a minus belong to the option before them: argparse
    takes `--gaze -0.4,0` for two options."""
    joined: list[str] = []
    for text in arguments:
        option = joined[-1] if joined else ""
        if SIGNED.fullmatch(text) and option.startswith("--") and len(option) > 2 and "=" not in option:
            joined[-1] = f"{option}={text}"
        else:
            joined.append(text)
    return joined


def motion_options() -> list[type[MotionOptions]]:
    """Options of the systems that make motion."""
    return [kind for kind in all_options().values() if issubclass(kind, MotionOptions)]


def add_model(parser: argparse._ActionsContainer, default: str = DEFAULT_MODEL) -> None:
    """`--model`.

    Args:
        default: the bundled one that is meant where none is given.
    """
    parser.add_argument("--model", help=f"{MODEL} (default: {default})")


def add_device(parser: argparse._ActionsContainer, what: str = "", default: str = "auto") -> None:
    """`--device`, a text for `pick_device`.

    Args:
        what: what is done there, where not all of the work is.
        default: of the command; `argparse.SUPPRESS` where another parser has it already.
    """
    parser.add_argument("--device", default=default, help=f"{what}auto (default), cpu, cuda, cuda:1, mps")


def add_dtype(parser: argparse._ActionsContainer, what: str = "precision", default: str | None = "auto") -> None:
    """`--dtype`, a text for `pick_dtype`.

    Args:
        what: whose precision it is.
        default: of the command; None where something else decides.
    """
    parser.add_argument("--dtype", choices=DTYPES, default=default, help=f"{what} (default auto)")


def add_pipeline(parser: argparse._ActionsContainer, dtype: str | None = "auto") -> None:
    """Which pipeline, and how it is loaded; see `emo.cli.generate.load_pipeline`."""
    add_model(parser)
    add_device(parser)
    add_dtype(parser, default=dtype)
    add_speed(parser)
    parser.add_argument(
        "--attention", metavar="BACKEND", help="attention kernels; `emo doctor` lists those that run here"
    )


def add_workers(
    parser: argparse._ActionsContainer, default: str = "one per core", suppress: bool = False, where: str = ""
) -> None:
    """`--workers`, a number for `check_workers`.

    Args:
        default: how many there are otherwise, in words.
        suppress: whether another parser has it already.
        where: where they run.
    """
    parser.add_argument(
        "--workers",
        type=int,
        default=argparse.SUPPRESS if suppress else None,
        help=f"processes{where} (default: {default})",
    )


def require_emo(place: str, what: str) -> None:
    """See that a model is one of EMO's, where a command knows no other.

    Args:
        place: folder or Hub name.
        what: of the command, that is EMO's.

    Raises:
        OptionError: it is of another system.
    """
    from emo.hub import system_of

    if (system := system_of(place)).name != "emo":
        raise OptionError(f"{place} is of {system.title}; {what} EMO's", option="model")


def check_workers(workers: int | None) -> None:
    """See that there is at least one process.

    Raises:
        OptionError: there is not.
    """
    if workers is not None and workers < 1:
        raise OptionError(f"--workers {workers}: must be at least 1", option="workers")


def pick_workers(workers: int | None, device: str = "cpu") -> int:
    """As many as given; otherwise one per core, or one on a GPU."""
    from emo.cpu import available_cores

    return workers or (available_cores() if device == "cpu" else 1)


def pick_device(name: str) -> str:
    """`auto` is the best there is.

    Raises:
        OptionError: the device is not there.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name).cpu()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = first_line(error).partition(". ")[0]
        raise OptionError(
            f"--device {name}: {reason}", option="device", remedy="`emo doctor` shows what there is"
        ) from None
    return name


def pick_dtype(name: str, device: str) -> "torch.dtype":
    """`auto` is half precision, on a CPU where it computes in bfloat16."""
    import torch

    from emo.cpu import has_bfloat16

    if name == "auto":
        brain = has_bfloat16() if device == "cpu" else device.startswith("cuda") and torch.cuda.is_bf16_supported()
        name = "bfloat16" if brain else "float32" if device == "cpu" else "float16"
    return getattr(torch, name)


@contextmanager
def unfinished(out: Path, steps: Iterator[Any] | None = None) -> Iterator[None]:
    """Say of an output, when work on it is stopped, that the same command goes on with it.

    Args:
        out: file or folder.
        steps: the generator that does the work; what it is at is finished first.
    """
    try:
        yield
    except KeyboardInterrupt:
        if isinstance(steps, Generator):
            steps.close()
        note(f"{out} is unfinished; the same command continues")
        raise


def share(value: float | None, things: tuple, default: float, option: str, source: str) -> float:
    """A share of clips as given, or its default where there are things to take, which the option `source` gives."""
    if value is None:
        return default if things else 0.0
    if not 0 <= value <= 1:
        raise OptionError(f"{option} {value}: must be from 0 to 1", option=option.strip("-").replace("-", "_"))
    if value and not things:
        raise OptionError(f"{option} {value}: give {source} as well")
    return value


def usable(paths: Iterable[Path], check: Callable[[str], object], option: str) -> tuple[str, ...]:
    """Those that pass `check`, as text.

    Raises:
        OptionError: none does.
    """
    good = []
    for path in paths:
        try:
            check(str(path))
            good.append(str(path))
        except EmoError as error:
            note(f"left out: {error}")
    if not good:
        raise OptionError(f"{option}: nothing there can be used")
    return tuple(good)


def make_folders(out: Path, *names: str) -> None:
    """Folders of the report.

    Raises:
        OutputError: they cannot be made.
    """
    from emo.files import writing_into

    with writing_into(out):
        for name in names:
            (out / name).mkdir(parents=True, exist_ok=True)
