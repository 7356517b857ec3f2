"""The networks at hand, and what they say of a clip; kept with it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from emo.errors import EmoError
from emo.evaluation.compare.measured import MeasuredVideo, Part, Unavailable
from emo.evaluation.compare.portrait import ReferencePortrait
from emo.generation.fingerprint import modules_fingerprint
from emo.metrics.align import TEMPLATE_SIDE, align_face
from emo.metrics.catalogue import KINDS as PICTURE_KINDS
from emo.metrics.extractors import Extractor, open_extractor
from emo.metrics.lip_sync import LipSync, lip_sync
from emo.metrics.syncnet import SyncNet
from emo.resources import bundled

LIPS = "lips"
KINDS = (*PICTURE_KINDS, LIPS)
OWN_SYNCNET = "syncnet-tiny"


class Networks:
    """Networks by kind, each opened when it is first asked for.

    Args:
        choices: name or file by kind of KINDS; by default the catalogue's first, and for lips the small SyncNet that
            comes with the package.
        device: where they run.
        fetch: whether files that are missing may be fetched.
        missing: kinds that are known not to be there, and why: they are not looked for again.
    """

    def __init__(self, choices: dict[str, str], device: str, fetch: bool, missing: Mapping[str, str] | None = None):
        self.choices = choices
        self.device = device
        self.fetch = fetch
        self._opened: dict[str, Extractor | str] = dict(missing or {})
        self._syncnet: tuple[SyncNet, str] | str | None = None

    def open(self, kind: str) -> Extractor:
        """The network of a kind of PICTURE_KINDS.

        Raises:
            Unavailable: it is not there; the message says why.
        """
        if kind not in self._opened:
            try:
                choice = self.choices.get(kind, "auto")
                self._opened[kind] = open_extractor(kind, choice, device=self.device, fetch=self.fetch)
            except EmoError as error:
                self._opened[kind] = str(error)
        opened = self._opened[kind]
        if isinstance(opened, str):
            raise Unavailable(opened)
        return opened

    def frames(self, clip: MeasuredVideo) -> np.ndarray:
        """FID's features of every frame, (T, D)."""
        network = self.open("frames")

        def compute(clip: MeasuredVideo) -> dict[str, np.ndarray]:
            return {"features": np.concatenate([network(frames) for frames in clip.frames()])}

        return clip.part(Part(f"frames-{network.fingerprint[:16]}", compute))["features"]

    def clips(self, clip: MeasuredVideo, length: int) -> np.ndarray:
        """FVD's features of runs of `length` frames that do not overlap, (K, D); a shorter rest is left out.

        Raises:
            Unavailable: the clip is too short.
        """
        network = self.open("clips")
        if clip.num_frames < length:
            raise Unavailable(f"a video has fewer than {length} frames")

        def compute(clip: MeasuredVideo) -> dict[str, np.ndarray]:
            return {"features": np.concatenate([network(run[None]) for run in _runs(clip, length)])}

        return clip.part(Part(f"clips{length}-{network.fingerprint[:16]}", compute))["features"]

    def faces(self, clip: MeasuredVideo) -> np.ndarray:
        """Embeddings of every fifth frame's face, (K, D)."""
        return self._of_faces("faces", clip)

    def expressions(self, clip: MeasuredVideo) -> np.ndarray:
        """Expression coefficients of every fifth frame's face, (K, D)."""
        return self._of_faces("expressions", clip)

    def portrait(self, portrait: ReferencePortrait) -> np.ndarray:
        """Embedding of a portrait's face, (1, D)."""
        return self.open("faces")(align_face(*portrait.seen)[None])

    def lip_sync(self, clip: MeasuredVideo) -> LipSync:
        """SyncNet's view of mouth and sound."""
        network, name = self.syncnet()

        def compute(clip: MeasuredVideo) -> dict[str, np.ndarray]:
            found = lip_sync(network, clip.frames(), clip.landmarks, clip.waveform(), clip.fps)
            return {name: np.asarray(getattr(found, name)) for name in LipSync.__dataclass_fields__}

        kept = clip.part(Part(f"lips-{name}", compute))
        scalars = {name: kept[name].item() for name in ("confidence", "distance", "offset")}
        return LipSync(**scalars, lags=kept["lags"], distances=kept["distances"])

    def syncnet(self) -> tuple[SyncNet, str]:
        """SyncNet, and a short name of its weights.

        Raises:
            Unavailable: there is none, or it cannot be loaded.
        """
        if self._syncnet is None:
            try:
                self._syncnet = _open_syncnet(self.choices.get(LIPS, OWN_SYNCNET), self.device)
            except EmoError as error:
                self._syncnet = str(error)
        if isinstance(self._syncnet, str):
            raise Unavailable(self._syncnet)
        return self._syncnet

    def described(self) -> dict[str, str]:
        """By kind, which network was used, or why there was none; of those that were asked for."""

        def name(one: Extractor | str) -> str:
            return one if isinstance(one, str) else f"{one.name} ({one.license})"

        words = {kind: name(one) for kind, one in self._opened.items()}
        if self._syncnet is not None:
            choice = self.choices.get(LIPS, OWN_SYNCNET)
            words[LIPS] = self._syncnet if isinstance(self._syncnet, str) else choice
        return words

    @property
    def missing(self) -> dict[str, str]:
        """Kinds of PICTURE_KINDS that were asked for and are not there, and why."""
        return {kind: one for kind, one in self._opened.items() if isinstance(one, str)}

    def prepare(self, kinds: Iterable[str]) -> None:
        """Open, and fetch, networks of these kinds, as far as they are to be had."""
        for kind in kinds:
            with suppress(Unavailable):
                self.syncnet() if kind == LIPS else self.open(kind)

    def _of_faces(self, kind: str, clip: MeasuredVideo) -> np.ndarray:
        network = self.open(kind)

        def compute(clip: MeasuredVideo) -> dict[str, np.ndarray]:
            size = network.spec.size or TEMPLATE_SIDE
            faces = (align_face(frame, landmarks, size) for frame, landmarks in clip.seen_faces())
            return {"features": np.concatenate([network(face[None]) for face in faces])}

        return clip.part(Part(f"{kind}-{network.fingerprint[:16]}", compute))["features"]


def _runs(clip: MeasuredVideo, length: int) -> Iterator[np.ndarray]:
    """Runs of frames that do not overlap, (length, H, W, 3)."""
    held = []
    for frames in clip.frames():
        for frame in frames:
            held.append(frame)
            if len(held) == length:
                yield np.stack(held)
                held = []


def _open_syncnet(choice: str, device: str) -> tuple[SyncNet, str]:
    """A folder or a published file; or the small one that comes with the package."""
    path = bundled("weights") / OWN_SYNCNET if choice == OWN_SYNCNET else Path(choice)
    network = SyncNet.from_folder(path).float().eval() if path.is_dir() else SyncNet.from_published(path)
    torch.nn.Module.to(network, torch.device(device))  # that of diffusers hides its types
    return network, modules_fingerprint({"syncnet": network})[:16]
