"""A network of a TensorFlow Lite file as steps of PyTorch, on the CPU, in float32.

Tensors have the file's layout, (1, height, width, channels). Convolutions see a view of them: no copy is made.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from emo.errors import WeightsError
from emo.face.networks.tflite import Graph, Operation, read_graph

SAME = 0  # of TensorFlow's two paddings, the one that keeps the size at stride 1

Step = Callable[..., torch.Tensor]


class Network:
    """Runs one file's graph.

    Args:
        path: of the TensorFlow Lite file.

    Raises:
        WeightsError: naming the file, if it is none, is broken or has an operation that is not known here.
    """

    def __init__(self, path: Path) -> None:
        graph = read_graph(path)
        known = {index: torch.from_numpy(values.copy()) for index, values in graph.constants.items()}
        self._steps: list[tuple[Step, tuple[int, ...], int]] = []
        for operation in graph.operations:
            if operation.name in ("DEQUANTIZE", "DENSIFY"):  # of weights: once and for all
                known[operation.outputs[0]] = known[operation.inputs[0]].float()
                continue
            try:
                step, inputs = STEPS[operation.name](operation, graph, known)
            except KeyError:
                raise WeightsError(f"{path} has {operation.name}, which this version does not know") from None
            self._steps.append((step, inputs, operation.outputs[0]))
        used = {index for _, inputs, _ in self._steps for index in inputs}
        self._known = {index: values for index, values in known.items() if index in used}
        self._last = {index: number for number, (_, inputs, _) in enumerate(self._steps) for index in inputs}
        self._input, self._outputs = graph.inputs[0], graph.outputs
        _, height, width, _ = graph.shapes[self._input]
        self.size = (height, width)
        """Height and width of the picture that it takes in."""

    @torch.inference_mode()
    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        """The network's outputs for a picture, (height, width, 3) float32."""
        values = {**self._known, self._input: torch.from_numpy(picture)[None]}
        for number, (step, inputs, output) in enumerate(self._steps):
            values[output] = step(*(values[index] for index in inputs))
            for index in inputs:
                if self._last[index] == number and index not in self._outputs:
                    values.pop(index, None)
        return [values[index].numpy() for index in self._outputs]


Made = tuple[Step, tuple[int, ...]]
"""A step and the tensors that it takes."""


def _conv(operation: Operation, graph: Graph, known: dict[int, torch.Tensor], *, depthwise: bool) -> Made:
    picture, kernel, bias = operation.inputs
    weight = known[kernel].permute((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
    if not depthwise:
        weight = weight.contiguous(memory_format=torch.channels_last)
    groups = weight.shape[0] if depthwise else 1
    option = operation.options
    stride, dilation = (option["stride_h"], option["stride_w"]), (option["dilation_h"], option["dilation_w"])
    pad, even = _padding(option, graph.shapes[picture][1:3], tuple(weight.shape[2:]), dilation)
    activation = option["activation"]
    shift = known[bias]

    def step(x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 3, 1, 2)
        if even is None:
            x = F.pad(x, pad)
        x = F.conv2d(x, weight, shift, stride, even or 0, dilation, groups)
        return _activated(x, activation).permute(0, 2, 3, 1)

    return step, (picture,)


def _padding(
    option: dict[str, Any], size: tuple[int, ...], kernel: tuple[int, ...], dilation: tuple[int, int] = (1, 1)
) -> tuple[tuple[int, int, int, int], tuple[int, int] | None]:
    """Left, right, top, bottom, and vertical and horizontal where both sides are the same."""
    sides = []
    for length, taps, stride, spread in zip(
        size, kernel, (option["stride_h"], option["stride_w"]), dilation, strict=True
    ):
        total = 0
        if option["padding"] == SAME:
            total = max((math.ceil(length / stride) - 1) * stride + (taps - 1) * spread + 1 - length, 0)
        sides.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = sides
    return (left, right, top, bottom), (top, left) if top == bottom and left == right else None


def _activated(x: torch.Tensor, name: str | None) -> torch.Tensor:
    return x.relu_() if name == "relu" else x


def _pool(operation: Operation, graph: Graph, known: dict[int, torch.Tensor], *, largest: bool) -> Made:
    option = operation.options
    kernel, stride = (option["filter_h"], option["filter_w"]), (option["stride_h"], option["stride_w"])
    pad, _ = _padding(option, graph.shapes[operation.inputs[0]][1:3], kernel)
    assert largest or not any(pad)  # an average would have to leave out what was added
    activation = option["activation"]

    def step(x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 3, 1, 2)
        if any(pad):
            x = F.pad(x, pad, value=-math.inf)
        pooled = F.max_pool2d(x, kernel, stride) if largest else F.avg_pool2d(x, kernel, stride)
        return _activated(pooled, activation).permute(0, 2, 3, 1)

    return step, operation.inputs


def _add(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    activation = operation.options.get("activation")
    return lambda x, y: _activated(x + y, activation), operation.inputs


def _multiply(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    activation = operation.options.get("activation")
    return lambda x, y: _activated(x * y, activation), operation.inputs


def _prelu(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    less = known[operation.inputs[1]] - 1
    return lambda x: torch.addcmul(x, x.clamp(max=0), less), operation.inputs[:1]  # faster than F.prelu


def _pad(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    sides = [int(side) for side in known[operation.inputs[1]].flip(0).reshape(-1)]
    return lambda x: F.pad(x, sides), operation.inputs[:1]


def _reshape(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    shape = graph.shapes[operation.outputs[0]]
    return lambda x: x.reshape(shape), operation.inputs[:1]


def _concatenate(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    axis = operation.options["axis"]
    return lambda *parts: torch.cat(parts, axis), operation.inputs


def _slice(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    begin, _, stride = (known[index].tolist() for index in operation.inputs[1:])
    size = graph.shapes[operation.outputs[0]]
    places = tuple(slice(b, b + n * s, s) for b, n, s in zip(begin, size, stride, strict=True))
    return lambda x: x[places], operation.inputs[:1]


def _resize(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    assert operation.options["half_pixel_centers"]
    assert not operation.options["align_corners"]
    size = graph.shapes[operation.outputs[0]][1:3]

    def step(x: torch.Tensor) -> torch.Tensor:
        x = F.interpolate(x.permute(0, 3, 1, 2), size, mode="bilinear", align_corners=False)
        return x.permute(0, 2, 3, 1)

    return step, operation.inputs[:1]


def _depth_to_space(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    block = operation.options["block_size"]

    def step(x: torch.Tensor) -> torch.Tensor:
        _, height, width, channels = x.shape
        x = x.reshape(1, height, width, block, block, channels // block**2)
        return x.permute(0, 1, 3, 2, 4, 5).reshape(1, height * block, width * block, -1)

    return step, operation.inputs


def _transposed_conv(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    picture, kernel, bias = operation.inputs
    weight = known[kernel].permute(3, 0, 1, 2)
    option = operation.options
    stride = (option["stride_h"], option["stride_w"])
    assert stride == tuple(weight.shape[2:])  # pieces beside each other: no padding to be cut
    shift = known[bias]

    def step(x: torch.Tensor) -> torch.Tensor:
        return F.conv_transpose2d(x.permute(0, 3, 1, 2), weight, shift, stride).permute(0, 2, 3, 1)

    return step, (picture,)


def _placed_crop(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    """Landmarks (1, n, 3) -> the matrix (1, 4, 4) from the pixels of an upright crop about some to the map's."""
    option = operation.options
    left, right = option["left_rotation_idx"], option["right_rotation_idx"]
    subset = np.reshape(option["subset_idxs"], -1)
    height, width = option["output_height"], option["output_width"]
    aim, scale_x, scale_y = option["target_rotation_radians"], option["scale_x"], option["scale_y"]

    def step(landmarks: torch.Tensor) -> torch.Tensor:
        points = landmarks[0, :, :2].numpy()
        (x0, y0), (x1, y1) = points[left], points[right]
        angle = aim - math.atan2(y1 - y0, x1 - x0)
        turn = _rotation(angle)
        turned = points[subset] @ turn.T
        low, high = turned.min(0), turned.max(0)
        matrix = np.eye(4, dtype=np.float32)
        scale = (high - low) * (scale_x, scale_y) / (width, height)
        matrix[:2, :2] = _rotation(-angle) * scale
        middle = turn.T @ ((low + high) / 2)
        matrix[:2, 3] = middle - matrix[:2, :2] @ np.array((width / 2, height / 2), np.float32)
        return torch.from_numpy(matrix)[None]

    return step, operation.inputs


def _rotation(angle: float) -> np.ndarray:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], np.float32)


def _cut(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    """A map (1, h, w, c) and a matrix (1, 4, 4) -> the crop that the matrix places in it; nothing from outside."""
    height, width = operation.options["output_height"], operation.options["output_width"]
    down, across = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    centers = torch.stack([across, down], -1)  # pixels of the crop, x before y

    def step(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
        places = centers @ matrix[0, :2, :2].T + matrix[0, :2, 3]
        size = torch.tensor([x.shape[2], x.shape[1]], dtype=torch.float32)
        inside = ((places >= 0.5) & (places <= size - 0.5)).all(-1, keepdim=True)
        grid = (places / size * 2 - 1)[None]
        cut = F.grid_sample(x.permute(0, 3, 1, 2), grid, mode="bilinear", align_corners=False)
        return cut.permute(0, 2, 3, 1) * inside

    return step, operation.inputs


def _placed_landmarks(operation: Operation, graph: Graph, known: dict[int, torch.Tensor]) -> Made:
    """Landmarks (1, n, 2) in pixels of a crop, its matrix (1, 4, 4) -> the same in those of the map."""

    def step(landmarks: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
        return landmarks @ matrix[0, :2, :2].T + matrix[0, :2, 3]

    return step, operation.inputs


STEPS: dict[str, Callable[[Operation, Graph, dict[int, torch.Tensor]], Made]] = {
    "ADD": _add,
    "AVERAGE_POOL_2D": lambda *made: _pool(*made, largest=False),
    "CONCATENATION": _concatenate,
    "CONV_2D": lambda *made: _conv(*made, depthwise=False),
    "Convolution2DTransposeBias": _transposed_conv,
    "DEPTHWISE_CONV_2D": lambda *made: _conv(*made, depthwise=True),
    "DEPTH_TO_SPACE": _depth_to_space,
    "HARD_SWISH": lambda operation, *_: (F.hardswish, operation.inputs),
    "Landmarks2TransformMatrix": _placed_crop,
    "LOGISTIC": lambda operation, *_: (torch.sigmoid, operation.inputs),
    "MAX_POOL_2D": lambda *made: _pool(*made, largest=True),
    "MUL": _multiply,
    "PAD": _pad,
    "PRELU": _prelu,
    "RELU": lambda operation, *_: (F.relu, operation.inputs),
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize,
    "STRIDED_SLICE": _slice,
    "TransformLandmarks": _placed_landmarks,
    "TransformTensorBilinear": _cut,
}
"""What makes a step of each operation that networks of faces consist of."""
