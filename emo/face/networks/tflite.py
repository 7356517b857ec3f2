"""What stands in a TensorFlow Lite file: tensors and the operations between them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from flatbuffers import encode, flexbuffers
from flatbuffers import number_types as types
from flatbuffers.table import Table

from emo.errors import WeightsError

IDENTIFIER = b"TFL3"  # at byte 4 of every file
CUSTOM = 32
CODES = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    5: "DEPTH_TO_SPACE",
    6: "DEQUANTIZE",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    34: "PAD",
    45: "STRIDED_SLICE",
    54: "PRELU",
    117: "HARD_SWISH",
    124: "DENSIFY",
}
"""Operations of the format by their number, those that networks of faces consist of."""

NUMBERS = {0: np.float32, 1: np.float16, 2: np.int32}
ACTIVATIONS = {0: None, 1: "relu"}
INT, BYTE, BOOL = types.Int32Flags, types.Int8Flags, types.BoolFlags
OPTIONS: dict[str, dict[str, tuple[int, Any, int]]] = {
    "CONV_2D": {
        "padding": (0, BYTE, 0),
        "stride_w": (1, INT, 0),
        "stride_h": (2, INT, 0),
        "activation": (3, BYTE, 0),
        "dilation_w": (4, INT, 1),
        "dilation_h": (5, INT, 1),
    },
    "DEPTHWISE_CONV_2D": {
        "padding": (0, BYTE, 0),
        "stride_w": (1, INT, 0),
        "stride_h": (2, INT, 0),
        "activation": (4, BYTE, 0),
        "dilation_w": (5, INT, 1),
        "dilation_h": (6, INT, 1),
    },
    "POOL": {
        "padding": (0, BYTE, 0),
        "stride_w": (1, INT, 0),
        "stride_h": (2, INT, 0),
        "filter_w": (3, INT, 0),
        "filter_h": (4, INT, 0),
        "activation": (5, BYTE, 0),
    },
    "ADD": {"activation": (0, BYTE, 0)},
    "MUL": {"activation": (0, BYTE, 0)},
    "CONCATENATION": {"axis": (0, INT, 0), "activation": (1, BYTE, 0)},
    "RESIZE_BILINEAR": {"align_corners": (2, BOOL, 0), "half_pixel_centers": (3, BOOL, 0)},
    "DEPTH_TO_SPACE": {"block_size": (0, INT, 0)},
}
"""Where an operation's options stand in its table: field, type, value where the file says none."""
OPTIONS["MAX_POOL_2D"] = OPTIONS["AVERAGE_POOL_2D"] = OPTIONS.pop("POOL")


@dataclass(frozen=True)
class Operation:
    """One step of a network.

    Attributes:
        name: as in `CODES`, or a custom one's own.
        inputs: numbers of tensors; -1 stands for none.
        outputs: numbers of tensors.
        options: what the operation is told.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """A network as its file has it.

    Attributes:
        shapes: of all tensors.
        names: of all tensors.
        constants: the tensors that the file has values of, dense ones.
        operations: in the order in which they run.
        inputs: numbers of the tensors that are given.
        outputs: numbers of the tensors that are asked for.
    """

    shapes: list[tuple[int, ...]]
    names: list[str]
    constants: dict[int, np.ndarray]
    operations: list[Operation]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(path: Path) -> Graph:
    """The first graph of a TensorFlow Lite file.

    Raises:
        WeightsError: naming the file, if it is none, is broken or needs what is not known here.
    """
    content = path.read_bytes()
    if content[4:8] != IDENTIFIER:
        raise WeightsError(f"{path} is no TensorFlow Lite file; delete it, it is fetched again")
    try:
        return _graph(_Table.root(content))
    except _Unknown as error:
        raise WeightsError(f"{path} has {error}, which this version does not know; install emo's newest") from None
    except Exception as error:  # struct.error, IndexError, ValueError: offsets that lead nowhere
        raise WeightsError(f"{path} is broken ({error}); delete it, it is fetched again") from error


class _Unknown(Exception):
    """Something that a newer format may have."""


class _Table:
    """A table of a flat buffer, whose fields are read by their place in the schema."""

    def __init__(self, content: bytes, position: int) -> None:
        self.table = Table(content, position)

    @classmethod
    def root(cls, content: bytes) -> "_Table":
        return cls(content, encode.Get(types.UOffsetTFlags.packer_type, content, 0))

    def _offset(self, field: int) -> int:
        return self.table.Offset(4 + 2 * field)

    def number(self, field: int, kind: Any, default: int = 0) -> int:
        offset = self._offset(field)
        return int(self.table.Get(kind, offset + self.table.Pos)) if offset else default

    def text(self, field: int) -> str:
        offset = self._offset(field)
        return self.table.String(offset + self.table.Pos).decode() if offset else ""

    def array(self, field: int, kind: Any) -> np.ndarray | None:
        offset = self._offset(field)
        return self.table.GetVectorAsNumpy(kind, offset) if offset else None

    def child(self, field: int) -> "_Table | None":
        offset = self._offset(field)
        return _Table(self.table.Bytes, self.table.Indirect(offset + self.table.Pos)) if offset else None

    def union(self, field: int) -> "_Table":
        inner = Table(b"", 0)
        self.table.Union(inner, self._offset(field))
        return _Table(inner.Bytes, inner.Pos)

    def children(self, field: int) -> "list[_Table]":
        offset = self._offset(field)
        if not offset:
            return []
        start = self.table.Vector(offset)
        places = range(start, start + 4 * self.table.VectorLen(offset), 4)
        return [_Table(self.table.Bytes, self.table.Indirect(place)) for place in places]


def _graph(model: _Table) -> Graph:
    codes, graph, buffers = model.children(1), model.children(2)[0], model.children(4)
    tensors = graph.children(0)
    shapes = [_ints(tensor.array(0, INT)) for tensor in tensors]
    constants = {}
    for index, tensor in enumerate(tensors):
        content = buffers[tensor.number(2, types.Uint32Flags)].array(0, types.Uint8Flags)
        if content is None or len(content) == 0:
            continue
        kind = tensor.number(1, BYTE)
        if kind not in NUMBERS:
            raise _Unknown(f"numbers of type {kind}")
        values = content.view(NUMBERS[kind])
        sparsity = tensor.child(6)
        constants[index] = _dense(values, sparsity, shapes[index]) if sparsity else values.reshape(shapes[index])
    return Graph(
        shapes=shapes,
        names=[tensor.text(3) for tensor in tensors],
        constants=constants,
        operations=[_operation(operator, codes) for operator in graph.children(3)],
        inputs=_ints(graph.array(1, INT)),
        outputs=_ints(graph.array(2, INT)),
    )


def _operation(operator: _Table, codes: list[_Table]) -> Operation:
    code = codes[operator.number(0, types.Uint32Flags)]
    number = max(code.number(0, BYTE), code.number(3, INT))  # the first is of files before 2020
    options: dict[str, Any] = {}
    if number == CUSTOM:
        name = code.text(1)
        content = operator.array(5, types.Uint8Flags)
        options = _custom(name, b"" if content is None else content.tobytes())
    elif number in CODES:
        name = CODES[number]
        if name in OPTIONS and (table := operator.child(4)) is not None:
            options = {key: table.number(*place) for key, place in OPTIONS[name].items()}
    else:
        raise _Unknown(f"operation {number}")
    if "activation" in options:
        if options["activation"] not in ACTIVATIONS:
            raise _Unknown(f"activation {options['activation']}")
        options["activation"] = ACTIVATIONS[options["activation"]]
    return Operation(name, _ints(operator.array(1, INT)), _ints(operator.array(2, INT)), options)


def _custom(name: str, content: bytes) -> dict[str, Any]:
    if name == "Convolution2DTransposeBias":  # three integers as they lie in memory
        padding, stride_w, stride_h = np.frombuffer(content, np.int32)
        return {"padding": int(padding), "stride_w": int(stride_w), "stride_h": int(stride_h)}
    loaded: Any = flexbuffers.Loads(content) if content else {}
    return loaded


def _dense(values: np.ndarray, sparsity: _Table, shape: tuple[int, ...]) -> np.ndarray:
    """The whole of a tensor whose innermost dimension is stored without its zeros."""
    order, blocks, sizes = sparsity.array(0, INT), sparsity.array(1, INT), sparsity.children(2)
    formats = [size.number(0, BYTE) for size in sizes]
    if _ints(order) != tuple(range(len(shape))) or _ints(blocks) or any(formats[:-1]) or not formats[-1]:
        raise _Unknown("a sparse tensor that is not stored row by row")
    vectors: dict[int, Callable[[_Table], np.ndarray | None]] = {
        1: lambda table: table.array(0, types.Int32Flags),
        2: lambda table: table.array(0, types.Uint16Flags),
        3: lambda table: table.array(0, types.Uint8Flags),
    }
    starts = vectors[sizes[-1].number(2, types.Uint8Flags)](sizes[-1].union(3))
    columns = vectors[sizes[-1].number(4, types.Uint8Flags)](sizes[-1].union(5))
    assert starts is not None
    assert columns is not None
    rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts.astype(int)))
    dense = np.zeros((len(starts) - 1, shape[-1]), values.dtype)
    dense[rows, columns] = values
    return dense.reshape(shape)


def _ints(values: np.ndarray | None) -> tuple[int, ...]:
    return () if values is None else tuple(int(value) for value in values)
