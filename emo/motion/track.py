"""A face's motion as a value: kept, cut, joined, mixed, edited by name, saved."""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from emo.errors import EmoError, MotionError, OptionError
from emo.files import require_file, write_whole
from emo.media import as_fps
from emo.motion.reading import read_video
from emo.motion.space import CONTROLS, MotionSpace
from emo.motion.timing import Retiming

FORMAT = "emo.motion"
VERSION = "1"

Values = float | Sequence[float] | Tensor
"""A number for all frames, or one per frame; for a part with several columns, one per column in the last place."""


@dataclass(frozen=True, eq=False, init=False)
class MotionTrack:
    """T frames of motion, which nothing changes: every edit makes another track.

    Attributes:
        values: (T, D) float32 on the CPU, finite; frame i is the middle of its interval, (i + 0.5) / fps.
        fps: frames per second, exact.
        space: what the D columns are.
    """

    values: Tensor = field(repr=False)
    fps: Fraction
    space: MotionSpace = field(default=CONTROLS, repr=False)

    def __init__(self, values: Tensor, fps: float | str | Fraction, space: MotionSpace = CONTROLS):
        if values.ndim != 2 or values.shape[1] != len(space) or not len(values):
            raise MotionError(f"motion must be values (T, {len(space)}) with T > 0, not {tuple(values.shape)}")
        values = values.detach().to("cpu", torch.float32, copy=True)
        if not values.isfinite().all():
            raise MotionError("motion must be finite numbers")
        for name, value in (("values", values), ("fps", as_fps(fps)), ("space", space)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MotionTrack):
            return NotImplemented
        same = (self.fps, self.space) == (other.fps, other.space)
        return same and torch.equal(self.values, other.values)

    @property
    def seconds(self) -> float:
        """Length."""
        return float(len(self) / self.fps)

    @classmethod
    def rest(cls, frames: int, fps: float | str | Fraction, space: MotionSpace = CONTROLS) -> "MotionTrack":
        """`frames` frames in which nothing moves."""
        return cls(space.rest.expand(frames, -1), fps, space)

    @classmethod
    def from_video(cls, path: str | os.PathLike) -> "MotionTrack":
        """What the face of a video does, in the space of `CONTROLS` (`emo.motion.read_landmarks` says how).

        Frames without a face are interpolated; an EmoWarning counts them.

        Raises:
            VideoError: it cannot be read.
            FaceError: no frame shows a face.
        """
        values, fps = read_video(path)
        return cls(values, fps)

    def __getitem__(self, key: str | slice) -> "Tensor | MotionTrack":
        """Values of a column (T,) or of a part (T, columns) by name, a copy; or the track of a slice of frames.

        Raises:
            OptionError: there is no such column or part.
            MotionError: the slice holds no frame.
        """
        if isinstance(key, slice):
            return replace(self, values=self.values[key])
        chosen = self.values[:, self.space.index(key)].clone()
        return chosen if key in self.space.parts else chosen[:, 0]

    def between(self, start: float, stop: float | None = None) -> "MotionTrack":
        """The frames whose middle lies between two times in seconds, the end by default.

        Raises:
            MotionError: there is none.
        """
        first = max(math.ceil(start * self.fps - Fraction(1, 2)), 0)
        last = len(self) if stop is None else max(math.ceil(stop * self.fps - Fraction(1, 2)), 0)
        return replace(self, values=self.values[first:last])

    def __add__(self, other: "MotionTrack") -> "MotionTrack":
        """This track, then the other, of the same rate and space.

        Raises:
            MotionError: it is of another.
        """
        self._check_like(other)
        return replace(self, values=torch.cat([self.values, other.values]))

    def with_parts(self, other: "MotionTrack", *names: str) -> "MotionTrack":
        """This track with parts or columns of another of the same rate, space and length.

        Raises:
            MotionError: it is of another.
            OptionError: there is no such part or column.
        """
        self._check_like(other)
        if len(self) != len(other):
            raise MotionError(f"parts of {len(other)} frames do not fit a motion of {len(self)}; cut one of them")
        columns, values = self.space.index(*names), self.values.clone()
        values[:, columns] = other.values[:, columns]
        return replace(self, values=values)

    def set(self, **values: Values) -> "MotionTrack":
        """Columns or parts at other values: `track.set(yaw=0, jaw=opening, gaze=(0.3, 0))`.

        Raises:
            OptionError: there is no such column or part, or the values do not fit.
        """
        return self._edited(values, lambda old, new: new)

    def offset(self, **values: Values) -> "MotionTrack":
        """Columns or parts moved by values, as `set` takes them.

        Raises:
            OptionError: there is no such column or part, or the values do not fit.
        """
        return self._edited(values, torch.add)

    def scale(self, name: str, factor: float) -> "MotionTrack":
        """A column or part that moves `factor` times as far from its rest.

        Raises:
            OptionError: there is no such column or part.
        """
        columns, changed = self.space.index(name), self.values.clone()
        rest = self.space.rest[columns]
        changed[:, columns] = rest + factor * (changed[:, columns] - rest)
        return replace(self, values=changed)

    def resample(self, fps: float | str | Fraction) -> "MotionTrack":
        """The same motion at another rate, in straight lines between frames; it lasts as long, to half a frame."""
        rate = as_fps(fps)
        frames = max(1, round(len(self) * rate / self.fps))
        return replace(self, values=Retiming(self.fps, rate)(self.values, 0, frames), fps=rate)

    def fit(self, frames: int) -> "MotionTrack":
        """The first `frames` frames; where there are fewer, they are played back and forth, so that nothing jumps."""
        turn = max(1, 2 * (len(self) - 1))
        place = torch.arange(frames) % turn
        return replace(self, values=self.values[torch.minimum(place, turn - place)])

    def save(self, path: str | os.PathLike) -> None:
        """Write a safetensors file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        about = {"format": FORMAT, "version": VERSION, "fps": str(self.fps), "space": json.dumps(self.space.to_dict())}
        write_whole(Path(path), save({"values": self.values.contiguous()}, about))

    @classmethod
    def load(cls, path: str | os.PathLike) -> "MotionTrack":
        """Read what `save` wrote.

        Raises:
            MotionError: naming the file, if it holds no motion or is damaged.
        """
        path = Path(path)
        require_file(path, MotionError)
        try:
            with safe_open(path, "pt") as file:
                about = file.metadata() or {}
                if about.get("format") != FORMAT or "values" not in file.keys():  # noqa: SIM118
                    raise MotionError("it is no motion")
                if about.get("version") != VERSION:
                    raise MotionError(f"it is of version {about.get('version')}, not {VERSION}")
                values = file.get_tensor("values")
            return cls(values, about.get("fps", ""), MotionSpace.from_dict(json.loads(about.get("space", ""))))
        except SafetensorError:
            raise MotionError(f"{path} is no safetensors file, or damaged; give a saved motion") from None
        except EmoError as error:
            raise MotionError(f"{path} cannot be used: {error.problem}; give a saved motion") from None
        except ValueError:
            raise MotionError(f"{path} cannot be used: it describes no motion space") from None

    def _edited(self, values: Mapping[str, Values], edit: Callable[[Tensor, Tensor], Tensor]) -> "MotionTrack":
        """With columns or parts as `edit` makes them of the old values and the given ones, each (T, columns)."""
        changed = self.values.clone()
        for name, value in values.items():
            columns = self.space.index(name)
            changed[:, columns] = edit(changed[:, columns], self._fitted(name, value, len(columns)))
        return replace(self, values=changed)

    def _check_like(self, other: "MotionTrack") -> None:
        if self.fps != other.fps:
            raise MotionError(f"motions of {self.fps} and {other.fps} frames per second do not fit; resample one")
        if self.space != other.space:
            raise MotionError("motions of two spaces do not fit")

    def _fitted(self, name: str, value: Values, columns: int) -> Tensor:
        """Values for all frames, (T, columns)."""
        given = torch.as_tensor(value, dtype=torch.float32)
        shapes = {(): (1, 1), (len(self), columns): (len(self), columns)}
        shapes |= {(columns,): (1, columns)} if columns > 1 else {(len(self),): (len(self), 1)}
        shape = shapes.get(tuple(given.shape))
        if shape is None:
            wanted = f"one per column ({columns},)" if columns > 1 else f"one per frame ({len(self)},)"
            raise OptionError(f"{name}: give a number, or {wanted}, not values of shape {tuple(given.shape)}")
        return given.reshape(shape).expand(len(self), columns)
