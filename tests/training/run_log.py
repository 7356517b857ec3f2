"""What a run has written into its log."""

import json
from pathlib import Path


def log(output: Path) -> list[dict]:
    """All rows of log.jsonl: training steps and validations."""
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def losses(output: Path) -> list[float]:
    """The loss of every logged step."""
    return [row["loss"] for row in log(output) if "loss" in row]
