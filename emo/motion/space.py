"""What the numbers of a motion mean: columns by name, in parts, with their units and statistics."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from emo.errors import OptionError

MIN_DEVIATION = 1e-3  # of a column that does not move where it is measured


@dataclass(frozen=True)
class Column:
    """One number of a frame's motion.

    Attributes:
        name: it is edited by.
        unit: of its values, in words.
        rest: its value where nothing moves.
        mean: over the frames that a model learns from.
        deviation: standard deviation over them, above 0.
    """

    name: str
    unit: str
    rest: float = 0.0
    mean: float = 0.0
    deviation: float = 1.0


@dataclass(frozen=True)
class MotionSpace:
    """D columns, and the parts that they belong to. Equal spaces have all of it in common.

    Attributes:
        columns: all D, in the order of a track's values.
        parts: names of the columns of each part; a column may belong to several.
    """

    columns: tuple[Column, ...]
    parts: Mapping[str, tuple[str, ...]]

    def __post_init__(self):
        names = self.names
        wrong = [name for part in self.parts.values() for name in part if name not in names]
        if wrong or len(set(names)) < len(names) or set(names) & set(self.parts):
            raise OptionError("a motion space needs columns of different names, and parts made of them")
        if not all(column.deviation > 0 for column in self.columns):
            raise OptionError("a motion space needs deviations above 0")

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def rest(self) -> Tensor:
        """Values (D,) float32 where nothing moves."""
        return torch.tensor([column.rest for column in self.columns])

    @property
    def mean(self) -> Tensor:
        """Of the columns, (D,) float32."""
        return torch.tensor([column.mean for column in self.columns])

    @property
    def deviation(self) -> Tensor:
        """Of the columns, (D,) float32."""
        return torch.tensor([column.deviation for column in self.columns])

    def index(self, *names: str) -> list[int]:
        """Numbers of the columns that are named, or belong to parts that are, in the order of the columns.

        Raises:
            OptionError: there is no column or part of that name.
        """
        chosen: set[str] = set()
        for name in names:
            if name not in self.parts and name not in self.names:
                known = (*self.parts, *self.names)
                raise OptionError(f"motion has no {name!r}; it has {', '.join(known)}")
            chosen.update(self.parts.get(name, (name,)))
        return [number for number, name in enumerate(self.names) if name in chosen]

    def normalize(self, values: Tensor) -> Tensor:
        """Values (..., D) with mean 0 and deviation 1, which models see."""
        return (values - self.mean.to(values)) / self.deviation.to(values)

    def denormalize(self, values: Tensor) -> Tensor:
        """Values (..., D) from what `normalize` made of them."""
        return values * self.deviation.to(values) + self.mean.to(values)

    def measured(self, values: Tensor) -> "MotionSpace":
        """The same space with mean and deviation of values (N, D), N > 1."""
        mean, deviation = values.mean(0).tolist(), values.std(0).clamp(min=MIN_DEVIATION).tolist()
        columns = zip(self.columns, mean, deviation, strict=True)
        return replace(self, columns=tuple(replace(c, mean=m, deviation=d) for c, m, d in columns))

    def only(self, *names: str) -> "MotionSpace":
        """The columns that are named, or belong to parts that are, with the parts that are made of these alone.

        Raises:
            OptionError: there is no column or part of that name.
        """
        columns = tuple(self.columns[number] for number in self.index(*names))
        kept = {column.name for column in columns}
        return MotionSpace(columns, {part: own for part, own in self.parts.items() if kept.issuperset(own)})

    def to_dict(self) -> dict[str, Any]:
        """For configs: lists, names and numbers alone."""
        return {
            "columns": [asdict(column) for column in self.columns],
            "parts": {part: list(names) for part, names in self.parts.items()},
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "MotionSpace":
        """From `to_dict`.

        Raises:
            OptionError: it describes no space.
        """
        try:
            columns = tuple(Column(**column) for column in value["columns"])
            numbers = [number for c in columns for number in (c.rest, c.mean, c.deviation)]
            if not all(isinstance(c.name, str) and isinstance(c.unit, str) for c in columns):
                raise TypeError
            torch.tensor(numbers, dtype=torch.float32)
            return cls(columns, {str(part): tuple(names) for part, names in value["parts"].items()})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, OptionError):
                raise
            raise OptionError("it describes no motion space") from None


CONTROLS = MotionSpace(
    columns=(
        Column("yaw", "degrees, to the picture's right", deviation=7.0),
        Column("pitch", "degrees, up", deviation=4.0),
        Column("roll", "degrees, clockwise", deviation=3.0),
        Column("tx", "halves of the picture's side, to the right", deviation=0.1),
        Column("ty", "halves of the picture's side, up", deviation=0.1),
        Column("scale", "of the default framing", rest=1.0, mean=1.0, deviation=0.1),
        Column("jaw", "0 closed lips, 1 wide open", deviation=0.3),
        Column("width", "-1 narrow, 1 spread lips", deviation=0.4),
        Column("rounding", "1 rounded lips", deviation=0.3),
        Column("gaze_x", "1 all the way to the picture's right", deviation=0.4),
        Column("gaze_y", "1 all the way up", deviation=0.3),
        Column("blink", "below 0 wide eyes, 1 closed", deviation=0.25),
        Column("brow", "-1 lowered, 1 raised", deviation=0.3),
        Column("smile", "-1 to 1", deviation=0.3),
    ),
    parts={
        "pose": ("yaw", "pitch", "roll", "tx", "ty", "scale"),
        "mouth": ("jaw", "width", "rounding"),
        "eyes": ("gaze_x", "gaze_y", "blink"),
        "gaze": ("gaze_x", "gaze_y"),
        "lids": ("blink",),
        "brows": ("brow",),
        "expression": ("smile",),
    },
)
"""The controls of a face by name (`emo.motion.FaceControls` says what each does)."""
