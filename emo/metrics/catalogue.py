"""The networks that measures may look through: where each comes from, under which license, and what it is fed.

None comes with the package. Sizes, checksums and ways to call them were taken from public code that uses these files;
docs/extractors.md says what that is.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from emo.errors import EmoError

KINDS = {
    "frames": "features of single frames (FID)",
    "clips": "features of clips of 16 or 25 frames (FVD)",
    "lpips": "features of frames whose squared distance is LPIPS",
    "faces": "identity of an aligned face (F-SIM, CSIM)",
    "expressions": "expression parameters of an aligned face (E-FID)",
}
LAYOUTS = {"frames": ("NCHW", "NHWC"), "clips": ("NCTHW", "NTCHW", "NTHWC")}


@dataclass(frozen=True)
class InputSpec:
    """What a network is fed, and which of its numbers count. The keys of the JSON file beside a network.

    Attributes:
        size: pixels to a side, to which pictures are scaled (bilinear, averaging where they shrink) whatever their
            shape; None leaves them as they are.
        color: "RGB" or "BGR", the order of the channels.
        range: what black and white become.
        mean: taken away from each channel after that, in the network's order of channels.
        std: by which each channel is divided after that, in the same order.
        layout: order of the axes: N, channels, height, width and, for clips, time.
        batch: pictures or clips at once; it changes memory and speed, not the features.
        arguments: further arguments of a TorchScript network, by name.
        columns: first and last + 1 of the numbers it gives that are taken; None takes all.
        license: of the network.
    """

    size: int | None
    color: str
    range: tuple[float, float]
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    layout: str = "NCHW"
    batch: int = 16
    arguments: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    columns: tuple[int, int] | None = None
    license: str = "not stated"

    @property
    def canonical(self) -> str:
        """All that the features depend on, as one string: neither the batch nor the license."""
        kept = {name: value for name, value in asdict(self).items() if name not in ("batch", "license")}
        return json.dumps(kept, sort_keys=True)


@dataclass(frozen=True)
class Entry:
    """A network of the catalogue.

    Attributes:
        name: by which it is chosen.
        kind: of KINDS.
        file: its name.
        url: where it is fetched from.
        sha256: its checksum.
        megabytes: its size, about.
        license: of the network.
        source: who made it.
        papers: whose figures need such a network.
        spec: what it is fed.
        repo: of the Hugging Face Hub, None for files that lie elsewhere.
        revision: of the repository.
    """

    name: str
    kind: str
    file: str
    url: str
    sha256: str
    megabytes: int
    license: str
    source: str
    papers: str
    spec: InputSpec
    repo: str | None = None
    revision: str | None = None

    @property
    def described(self) -> str:
        """Name, file, size and license, for messages."""
        return f"{self.name} ({self.file}, {self.megabytes} MB, {self.license})"


_NVIDIA = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/"
_HUB = "https://huggingface.co/{}/resolve/{}/{}"


def _on_hub(repo: str, revision: str, file: str) -> dict[str, str]:
    return {"repo": repo, "revision": revision, "file": file, "url": _HUB.format(repo, revision, file)}


# The first of a kind is its default.
CATALOGUE = (
    Entry(
        name="inception-2015-12-05",
        kind="frames",
        file="inception-2015-12-05.pt",
        url=_NVIDIA + "inception-2015-12-05.pt",
        sha256="f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
        megabytes=96,
        license="Apache-2.0",
        source="FID's Inception-v3 (Szegedy et al., TensorFlow models) as TorchScript, from NVIDIA's StyleGAN2-ADA",
        papers="FID: EMO, GAIA, GoHD",
        spec=InputSpec(size=None, color="RGB", range=(0, 255), arguments={"return_features": True}),
    ),
    Entry(
        name="i3d-kinetics-400",
        kind="clips",
        **_on_hub("flateon/FVD-I3D-torchscript", "1c2d61711c52571ad617a1063e6fa691b212e184", "i3d_torchscript.pt"),
        sha256="bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
        megabytes=51,
        license="MIT, as its copy on the Hub states",
        source="FVD's I3D (Carreira and Zisserman, Kinetics-400) as TorchScript, from StyleGAN-V",
        papers="FVD: EMO, VASA-1 (25 frames)",
        spec=InputSpec(
            size=None,
            color="RGB",
            range=(0, 255),
            layout="NCTHW",
            batch=2,
            arguments={"rescale": True, "resize": True, "return_features": True},
        ),
    ),
    Entry(
        name="lpips-vgg16",
        kind="lpips",
        file="vgg16.pt",
        url=_NVIDIA + "vgg16.pt",
        sha256="b437eb095feaeb0b83eb3fa11200ebca4548ee39a07fb944a417ddc516cc07c3",
        megabytes=553,
        license="CC BY 4.0 (VGG-16) and BSD-2-Clause (LPIPS)",
        source="VGG-16 (Simonyan and Zisserman) with LPIPS weights (Zhang et al.) as TorchScript, from NVIDIA's "
        "StyleGAN2-ADA",
        papers="LPIPS: GAIA",
        spec=InputSpec(
            size=None,
            color="RGB",
            range=(0, 255),
            batch=1,
            arguments={"resize_images": False, "return_lpips": True},
        ),
    ),
    Entry(
        name="auraface-v1",
        kind="faces",
        **_on_hub("fal/AuraFace-v1", "af6d057c9b0ec4071d4c49c80e3539258798b609", "glintr100.onnx"),
        sha256="a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60",
        megabytes=261,
        license="Apache-2.0",
        source="AuraFace v1, a ResNet-100 trained as ArcFace is, from fal",
        papers="F-SIM: EMO; CSIM: GoHD (each with another network)",
        spec=InputSpec(size=112, color="RGB", range=(-1, 1)),
    ),
)


def entries(kind: str) -> tuple[Entry, ...]:
    """Those of a kind, the default first; there may be none.

    Raises:
        EmoError: there is no such kind.
    """
    if kind not in KINDS:
        raise EmoError(f"there are no networks of kind {kind!r}; kinds are {', '.join(KINDS)}")
    return tuple(entry for entry in CATALOGUE if entry.kind == kind)


def read_spec(path: Path, kind: str) -> InputSpec:
    """The specification in a JSON file, checked for a kind of network.

    Raises:
        EmoError: naming the file and the key: it is missing or no JSON object, or a key is missing, unknown or of a
            value that cannot be.
    """
    if not path.is_file():
        raise EmoError(
            f"{path} is missing: it says what the network beside it is fed, for instance "
            '{"size": 299, "color": "RGB", "range": [-1, 1]}; docs/extractors.md lists its keys'
        )
    try:
        values: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EmoError(f"{path} is no JSON that can be read ({error}); docs/extractors.md shows one") from error
    if not isinstance(values, dict):
        raise EmoError(f"{path} must hold an object, {{...}}, not a {type(values).__name__}")
    layouts = LAYOUTS["clips" if kind == "clips" else "frames"]
    values.setdefault("layout", layouts[0])
    wanted = {
        "size": ("null or a whole number of pixels from 1 on", lambda v: v is None or _whole(v, 1)),
        "color": ('"RGB" or "BGR"', lambda v: v in ("RGB", "BGR")),
        "range": ("two different numbers, what black and white become", lambda v: _numbers(v, 2) and v[0] != v[1]),
        "mean": ("three numbers", lambda v: _numbers(v, 3)),
        "std": ("three positive numbers", lambda v: _numbers(v, 3) and min(v) > 0),
        "layout": (f"one of {', '.join(layouts)}", lambda v: v in layouts),
        "batch": ("a whole number from 1 on", lambda v: _whole(v, 1)),
        "arguments": ("an object of numbers, texts and true or false", _arguments),
        "columns": (
            "null or two whole numbers from 0 on, the second larger",
            lambda v: v is None or (_numbers(v, 2) and _whole(v[0], 0) and _whole(v[1], v[0] + 1)),
        ),
        "license": ("a text", lambda v: isinstance(v, str)),
    }
    if unknown := sorted(values.keys() - wanted.keys()):
        raise EmoError(f"{path}: there is no key {unknown[0]!r}; keys are {', '.join(wanted)}")
    if missing := [key for key in ("size", "color", "range") if key not in values]:
        raise EmoError(f"{path}: the key {missing[0]!r} is missing, {wanted[missing[0]][0]}")
    for key, value in values.items():
        if not wanted[key][1](value):
            raise EmoError(f"{path}: {key!r} must be {wanted[key][0]}, not {json.dumps(value)}")
    arguments: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    return InputSpec(**arguments)


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _numbers(value: object, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(map(_number, value))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _arguments(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(v, bool | int | float | str) for v in value.values())
