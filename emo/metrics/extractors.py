"""Networks that measures look through, from the catalogue or from a file: pictures in, a row of numbers each out.

A TorchScript file is a program: loading it runs what its maker has put there. Only give files of makers you trust;
those of the catalogue are checked against known checksums.
"""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emo.downloads import sha256
from emo.errors import EmoError
from emo.files import require_file
from emo.metrics.catalogue import KINDS, InputSpec, entries, read_spec
from emo.metrics.fetch import MissingExtractor, locate
from emo.metrics.networks import Network, OnnxNetwork, TorchScriptNetwork, require_onnxruntime

if TYPE_CHECKING:
    import torch

TORCHSCRIPT = (".pt", ".ts", ".jit")
ONNX = (".onnx",)

__all__ = ["Extractor", "MissingExtractor", "open_extractor"]


@dataclass(frozen=True)
class Extractor:
    """A network and what it is fed.

    Attributes:
        kind: of the catalogue's KINDS.
        name: of the catalogue or of the file.
        fingerprint: changes with the file and with whatever of the specification the features depend on.
        license: of the network.
        spec: what it is fed.
    """

    kind: str
    name: str
    fingerprint: str
    license: str
    spec: InputSpec
    _network: Network = field(repr=False)

    @property
    def batch(self) -> int:
        """How many pictures or clips go through the network at once."""
        return self._network.batch

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Features of pictures uint8 (N, H, W, 3) RGB, of kind "clips" (N, T, H, W, 3) -> (N, D) float32.

        They do not depend on how many are given at a time, to rounding. N > 0.

        Raises:
            EmoError: pictures of another shape or type, or that the network does not take; or it gives something else
                than a row of finite numbers for each.
        """
        import torch

        axes = 5 if self.kind == "clips" else 4
        if pictures.dtype != np.uint8 or pictures.ndim != axes or pictures.shape[-1] != 3 or not pictures.size:
            wanted = "(N, T, H, W, 3)" if axes == 5 else "(N, H, W, 3)"
            raise EmoError(f"{self.name} takes uint8 {wanted} RGB with N > 0, not {pictures.dtype} {pictures.shape}")
        rows = []
        for start in range(0, len(pictures), self.batch):
            batch = torch.from_numpy(np.array(pictures[start : start + self.batch]))
            rows.append(self._rows(self._network(batch), len(batch)))
        return np.concatenate(rows)

    def _rows(self, output: object, count: int) -> np.ndarray:
        """What a network has given for a batch, checked, as (count, D)."""
        import torch

        if not isinstance(output, torch.Tensor) or output.ndim < 2 or len(output) != count:
            given = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
            raise EmoError(f"{self.name} must give one tensor (N, ...), for {count} at once a row each, not {given}")
        rows = output.flatten(1).float().cpu().numpy()
        if (columns := self.spec.columns) is not None:
            if columns[1] > rows.shape[1]:
                raise EmoError(f"{self.name} gives {rows.shape[1]} numbers, not columns {columns[0]} to {columns[1]}")
            rows = rows[:, slice(*columns)]
        if not np.isfinite(rows).all():
            raise EmoError(
                f"{self.name} gives numbers that are not finite: does its specification say what it is fed?"
            )
        return rows


def open_extractor(
    kind: str, choice: str | os.PathLike | None = "auto", *, device: "str | torch.device" = "cpu", fetch: bool = True
) -> Extractor:
    """A network, ready to run.

    Args:
        kind: of the catalogue's KINDS.
        choice: "auto" or None, the catalogue's first of this kind; the name of another; or the path of a TorchScript
            (.pt, .ts, .jit) or ONNX (.onnx) file. Beside `NAME.pt` a `NAME.json` says what it is fed (`InputSpec`); a
            file of the catalogue, told by its checksum, needs none.
        device: where it runs.
        fetch: whether a network of the catalogue may be fetched, once; without, it has to be in the cache.

    Raises:
        MissingExtractor: it is not there, or onnxruntime is not.
        EmoError: the choice is neither a name of this kind nor such a file, the specification is wrong, or the file
            holds no network.
    """
    known = entries(kind)
    if choice is None or choice == "auto":
        if not known:
            raise MissingExtractor(
                f"no network for {KINDS[kind]} is free to fetch: give the path of a TorchScript or ONNX file with its "
                "specification beside it, docs/extractors.md"
            )
        choice = known[0].name
    entry = next((entry for entry in known if entry.name == choice), None)
    if entry is not None:
        if Path(entry.file).suffix in ONNX:
            require_onnxruntime(entry.name)  # before the file is fetched in vain
        return _open(kind, entry.name, locate(entry, fetch=fetch), entry.sha256, entry.spec, entry.license, device)
    path = Path(choice)
    if path.suffix.lower() not in TORCHSCRIPT + ONNX:
        names = "".join(f"{entry.name}, " for entry in known)
        raise EmoError(
            f"{choice} is no network for {KINDS[kind]}: give {names}or a file that ends in "
            f"{', '.join(TORCHSCRIPT)} (TorchScript) or {ONNX[0]}"
        )
    require_file(path, MissingExtractor)
    digest = sha256(path)
    beside = path.with_suffix(".json")
    entry = next((entry for entry in known if entry.sha256 == digest), None)
    if entry is not None and not beside.exists():
        return _open(kind, entry.name, path, digest, entry.spec, entry.license, device)
    spec = read_spec(beside, kind)
    return _open(kind, path.name, path, digest, spec, spec.license, device)


def _open(
    kind: str, name: str, path: Path, digest: str, spec: InputSpec, license: str, device: "str | torch.device"
) -> Extractor:
    network = OnnxNetwork if path.suffix.lower() in ONNX else TorchScriptNetwork
    fingerprint = hashlib.sha256(f"{digest} {spec.canonical}".encode()).hexdigest()
    return Extractor(kind, name, fingerprint, license, spec, network(name, path, spec, device))
