"""What a researcher watches: progress bar, `log.jsonl` and TensorBoard."""

import json
import math
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from emo.errors import ConfigError
from emo.files import write_whole
from emo.training.config import LoopConfig
from emo.training.folders import writing


class Logs:
    """Collects what every step yields, and shows the means of `config.log_every` steps.

    Args:
        folder: where `log.jsonl` and `tensorboard/` go; what they hold of steps after `start` is cut off.
        start: steps done before.
        shown: false for all processes but one, which write nothing.
    """

    def __init__(self, folder: Path, config: LoopConfig, start: int, *, shown: bool):
        self.every = config.log_every
        self.last = config.steps
        self.shown = shown
        self.path = folder / "log.jsonl"
        self._steps: list[dict[str, float]] = []
        self._board: Any = None  # a SummaryWriter, which not everybody has
        self._bar: tqdm | None = None
        if not shown:
            return
        with writing(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        write_whole(self.path, b"".join(line for line in lines if _step(line) <= start))
        if config.tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise ConfigError(
                    "train.tensorboard needs tensorboard: pip install 'emo[train]', or set it to false"
                ) from None
            with writing(folder):
                self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=start + 1)
        wait = 0.5 if sys.stderr.isatty() else 30
        self._bar = tqdm(total=config.steps, initial=start, unit="step", mininterval=wait, dynamic_ncols=True)

    def step(self, step: int, values: dict[str, float], learning_rates: dict[str, float]) -> None:
        """Take a step's values in: `samples`, `seconds` and `waited`, the others as they are; not all need be there
        in every step."""
        if self._bar is None:
            return
        self._steps.append(values)
        self._bar.update()
        if step % self.every and step != self.last:
            return
        columns = {name: [each[name] for each in self._steps if name in each] for each in self._steps for name in each}
        samples, seconds, waited = (sum(columns.pop(name)) for name in ("samples", "seconds", "waited"))
        rate = samples / seconds
        means = {name: sum(column) / len(column) for name, column in columns.items()}
        speed = {"samples_per_second": rate, "data_wait_share": waited / seconds}
        self._steps.clear()
        self._write(step, means | learning_rates | speed)
        self._bar.set_postfix_str(f"loss {means['loss']:.4f}, {rate:.1f} samples/s")

    def validation(self, step: int, scores: dict[str, float]) -> None:
        """Scores of a validation, if it has any, as `validation/...`."""
        if scores:
            self._write(step, {f"validation/{name}": score for name, score in scores.items()})

    def _write(self, step: int, scalars: dict[str, float]) -> None:
        finite = {key: value for key, value in scalars.items() if math.isfinite(value)}
        with writing(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "time": time.time(), **finite}) + "\n")
        if self._board is not None:
            with writing(self.path.with_name("tensorboard")):
                for key, value in finite.items():
                    self._board.add_scalar(key, value, step)
                self._board.flush()

    def say(self, message: str) -> None:
        """A line on the terminal, beside the bar."""
        if self._bar is not None:
            self._bar.write(message, file=sys.stderr)

    def __enter__(self) -> "Logs":
        return self

    def __exit__(self, kind: type | None, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._board is not None:
            # What had gone wrong before is what counts.
            with writing(self.path.with_name("tensorboard")) if kind is None else suppress(OSError):
                self._board.close()


def _step(line: bytes) -> float:
    """The step of a log's line; infinite for what is none, such as a line torn by a power cut."""
    try:
        return int(json.loads(line)["step"]) if line.endswith(b"\n") else math.inf
    except (ValueError, TypeError, KeyError, OverflowError):
        return math.inf
