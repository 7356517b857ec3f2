"""Sounds with what is known of the mouths that made them, `.npz` files that train/articulation_data.py writes."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from emo.errors import ConfigError
from emo.search import find_files
from emo.training.articulation.phones import Phone

FULL_SCALE = 32767


@dataclass(frozen=True)
class Talk:
    """A sound and its mouth.

    Attributes:
        name: of its file.
        kind: what it comes from, such as "flite".
        sound: (N,) int16, mono at 16 kHz.
        mouth: (T, 8), see `emo.articulation.measure_mouth`, frame i at (i + 0.5) / fps; None if no one saw it.
        fps: frames per second of `mouth`.
        phones: what is said; None if unknown.
    """

    name: str
    kind: str
    sound: np.ndarray = field(repr=False)
    mouth: np.ndarray | None = field(default=None, repr=False)
    fps: float = 25.0
    phones: list[Phone] | None = field(default=None, repr=False)

    @property
    def waveform(self) -> np.ndarray:
        """(N,) float32, -1 to 1."""
        return self.sound.astype(np.float32) / FULL_SCALE

    @property
    def measures(self) -> np.ndarray:
        """`mouth` of a talk that has one."""
        assert self.mouth is not None, self.name
        return self.mouth

    def with_mouth(self, mouth: np.ndarray, fps: float) -> "Talk":
        return replace(self, mouth=mouth, fps=fps)

    def write(self, folder: Path) -> None:
        arrays: dict[str, Any] = {"sound": self.sound, "fps": np.array(self.fps), "kind": np.array(self.kind)}
        if self.mouth is not None:
            arrays["mouth"] = self.mouth.astype(np.float32)
        if self.phones is not None:
            arrays["phones"] = np.array(json.dumps([list(phone) for phone in self.phones], ensure_ascii=False))
        np.savez_compressed(folder / f"{self.name}.npz", **arrays)


def read_talks(folder: str, option: str) -> list[Talk]:
    """The talks of a folder, by name.

    Raises:
        EmoError: naming the option, if there is no such folder, or what is in it are no talks.
    """
    talks = []
    for path in find_files(Path(folder), (".npz",), option):
        try:
            with np.load(path) as arrays:
                talks.append(
                    Talk(
                        path.stem,
                        str(arrays["kind"]),
                        arrays["sound"],
                        arrays.get("mouth"),
                        float(arrays["fps"]),
                        [Phone(*row) for row in json.loads(str(arrays["phones"]))] if "phones" in arrays else None,
                    )
                )
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(f"{option}: {path} was not written by train/articulation_data.py ({error})") from error
    return talks
