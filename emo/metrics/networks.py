"""Files that hold networks, as functions of batches of pictures: TorchScript by torch, ONNX by onnxruntime."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from emo.errors import EmoError, first_line
from emo.metrics.catalogue import InputSpec
from emo.metrics.fetch import MissingExtractor

if TYPE_CHECKING:
    import torch


class Network(Protocol):
    """What an extractor needs.

    Attributes:
        batch: how many pictures or clips it takes at once.
    """

    batch: int

    def __call__(self, pictures: "torch.Tensor") -> object:
        """uint8 (N, H, W, 3) or (N, T, H, W, 3), N up to `batch` -> what the network gives.

        Raises:
            EmoError: it does not take them.
        """


def prepare(pictures: "torch.Tensor", spec: InputSpec) -> "torch.Tensor":
    """Pictures uint8 (N, H, W, 3) or (N, T, H, W, 3) RGB -> float32 as the specification says."""
    import torch
    from torch.nn.functional import interpolate

    axes = "NTHWC" if pictures.ndim == 5 else "NHWC"
    values = pictures.to(torch.float32)
    if spec.color == "BGR":
        values = values.flip(-1)
    if spec.size is not None and pictures.shape[-3:-1] != (spec.size, spec.size):
        flat = values.flatten(0, -4).movedim(-1, 1)
        flat = interpolate(flat, (spec.size, spec.size), mode="bilinear", align_corners=False, antialias=True)
        values = flat.movedim(1, -1).unflatten(0, pictures.shape[:-3])
    low, high = spec.range
    values = values * ((high - low) / 255) + low
    values = (values - values.new_tensor(spec.mean)) / values.new_tensor(spec.std)
    return values.permute([axes.index(axis) for axis in spec.layout]).contiguous()


class TorchScriptNetwork:
    """A TorchScript file on a device, in evaluation mode, without gradients."""

    def __init__(self, name: str, path: Path, spec: InputSpec, device: "str | torch.device"):
        import torch

        self.name = name
        self.spec = spec
        self.batch = spec.batch
        self.device = torch.device(device)
        try:
            self.module = torch.jit.load(path, map_location=self.device).eval()
        except RuntimeError as error:
            raise EmoError(
                f"{path} cannot be loaded as TorchScript ({first_line(error)}): give a file that torch.jit.trace or "
                "torch.jit.script has made, not one of weights alone"
            ) from error

    def __call__(self, pictures: "torch.Tensor") -> object:
        import torch

        # Without the optimizer, which would change rounding from the third call on, and compile for each new size.
        with torch.no_grad(), torch.jit.optimized_execution(False):  # pyright: ignore[reportPrivateImportUsage]
            try:
                return self.module(prepare(pictures.to(self.device), self.spec), **self.spec.arguments)
            except torch.OutOfMemoryError as error:
                raise EmoError(f"{self.name}: {self.device} has too little memory; use the cpu") from error
            except RuntimeError as error:
                raise EmoError(_refused(self.name, str(error).strip().splitlines()[-1], pictures)) from error


class OnnxNetwork:
    """An ONNX file, on the CPU or a CUDA device."""

    def __init__(self, name: str, path: Path, spec: InputSpec, device: "str | torch.device"):
        import torch

        onnxruntime = require_onnxruntime(name)
        device = torch.device(device)
        if spec.arguments:
            raise EmoError(f"{name}: an ONNX network takes no further arguments; leave 'arguments' out")
        provider: str | tuple = "CPUExecutionProvider"
        if device.type != "cpu":
            provider = ("CUDAExecutionProvider", {"device_id": device.index or 0})
            if device.type != "cuda" or provider[0] not in onnxruntime.get_available_providers():
                raise EmoError(
                    f"{name}: this onnxruntime does not run on {device}; use the cpu, or for CUDA pip install "
                    "onnxruntime-gpu"
                )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=[provider])
        except Exception as error:  # of a family of its own for every cause
            raise EmoError(f"{path} cannot be loaded as ONNX ({first_line(error)})") from error
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(float)":
            raise EmoError(
                f"{path} must take one input of float32 and give one output, not "
                f"{', '.join(one.type for one in inputs)} and {len(outputs)} outputs"
            )
        self.name = name
        self.spec = spec
        self.input = inputs[0].name
        self.fixed = isinstance(inputs[0].shape[0], int)
        self.batch = inputs[0].shape[0] if self.fixed else spec.batch

    def __call__(self, pictures: "torch.Tensor") -> object:
        import torch

        count = len(pictures)
        if self.fixed and count < self.batch:
            pictures = torch.cat([pictures, pictures[-1:].expand(self.batch - count, *pictures.shape[1:])])
        try:
            outputs: Any = self.session.run(None, {self.input: prepare(pictures, self.spec).numpy()})
        except Exception as error:
            raise EmoError(_refused(self.name, first_line(error), pictures)) from error
        return torch.from_numpy(outputs[0][:count])


def require_onnxruntime(name: str):
    """The module.

    Raises:
        MissingExtractor: it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtractor(f"{name} is an ONNX network: pip install onnxruntime") from error
    return onnxruntime


def _refused(name: str, reason: str, pictures: "torch.Tensor") -> str:
    return (
        f"{name} does not take what it is fed ({reason}), made of pictures {tuple(pictures.shape)}: check its "
        "specification, docs/extractors.md"
    )
