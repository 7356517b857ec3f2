"""Sounds with what is known of the mouths that made them, `.npz` files that train/articulation_data.py writes."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from emo.articulation.phones import Phone, timeline
from emo.errors import ConfigError
from emo.search import find_files

FULL_SCALE = 32767
UNKNOWN = -1  # class of what no one labeled
LABEL_RATE = 100.0  # a second, at which sounds are laid out before they are read at other times


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

    def standardized(self, mean: np.ndarray, deviation: np.ndarray) -> "Talk":
        """With measures less their mean, by their deviation, each (measures,)."""
        return self.with_mouth((self.measures - mean) / deviation, self.fps)

    def sounds_at(self, times: np.ndarray) -> np.ndarray:
        """Classes of SOUNDS at times in seconds, (S,) -> (S,) int64; UNKNOWN where no one labeled the talk."""
        if self.phones is None:
            return np.full(len(times), UNKNOWN)
        labels = timeline(self.phones, int(times[-1] * LABEL_RATE) + 2, LABEL_RATE)[1]
        return labels[np.round(times * LABEL_RATE).astype(int)]

    def write(self, folder: Path) -> None:
        arrays: dict[str, Any] = {"sound": self.sound, "fps": np.array(self.fps), "kind": np.array(self.kind)}
        if self.mouth is not None:
            arrays["mouth"] = self.mouth.astype(np.float32)
        if self.phones is not None:
            arrays["phones"] = np.array(json.dumps([list(phone) for phone in self.phones], ensure_ascii=False))
        np.savez_compressed(folder / f"{self.name}.npz", **arrays)


def as_sound(waveform: np.ndarray) -> np.ndarray:
    """A waveform (N,), -1 to 1 or cut there, as a talk keeps it: int16."""
    return (waveform.clip(-1, 1) * FULL_SCALE).astype(np.int16)


@dataclass(frozen=True)
class Talkers:
    """Talks whose mouths were read, of one person or several.

    Attributes:
        learned: what is learned from.
        kept_aside: what is only measured on.
        mean, deviation: of the measures over what is learned from, each (measures,).
    """

    learned: list[Talk]
    kept_aside: list[Talk]
    mean: np.ndarray
    deviation: np.ndarray

    @property
    def standardized(self) -> list[Talk]:
        """What is learned from, with standardized measures."""
        return [talk.standardized(self.mean, self.deviation) for talk in self.learned]


def read_talkers(folder: str, option: str, held_out: int) -> Talkers:
    """The talks with mouths of a folder, of which the first of every `held_out`, by name, is kept aside.

    Raises:
        EmoError: naming the option, if there are too few, or as `read_talks`.
    """
    clips = [talk for talk in read_talks(folder, option) if talk.mouth is not None]
    learned = [talk for i, talk in enumerate(clips) if i % held_out]
    if not learned:
        raise ConfigError(f"{option}: {folder} needs two clips with mouths at least, not {len(clips)}")
    rows = np.concatenate([talk.measures for talk in learned])
    return Talkers(learned, clips[::held_out], rows.mean(0), rows.std(0))


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
