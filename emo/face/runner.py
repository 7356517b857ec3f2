"""Who runs MediaPipe's networks: MediaPipe itself where it is installed, else PyTorch. Landmarks agree.

EMO_FACE_RUNNER says otherwise.
"""

import importlib.util
import os
from typing import Literal, Protocol, cast

import numpy as np

from emo.errors import EmoError
from emo.face.box import Box

VARIABLE = "EMO_FACE_RUNNER"

Runner = Literal["mediapipe", "torch"]
RUNNERS: tuple[Runner, ...] = ("mediapipe", "torch")

EXTRA = "pip install 'emo[mediapipe]', on Python 3.10 to 3.12; see docs/platforms.md"


class Finder(Protocol):
    """Finds faces in a picture, uint8 (h, w, 3) RGB: boxes in its pixels and scores, 0 to 1."""

    def __call__(self, picture: np.ndarray, /) -> list[tuple[Box, float]]: ...

    def close(self) -> None:
        """Free what it holds."""


class Mesh(Protocol):
    """Finds faces in a picture, uint8 (h, w, 3) RGB: landmarks (478, 3) in its pixels, as `Face.landmarks`."""

    def __call__(self, picture: np.ndarray, /) -> list[np.ndarray]: ...

    def close(self) -> None:
        """Free what it holds."""


class People(Protocol):
    """Finds people in a picture, uint8 (h, w, 3) RGB: how far each pixel shows one, (h, w) float32."""

    def __call__(self, picture: np.ndarray, /) -> np.ndarray: ...

    def close(self) -> None:
        """Free what it holds."""


def face_runner() -> Runner:
    """The one that finds faces on this machine.

    Raises:
        EmoError: EMO_FACE_RUNNER names none, or MediaPipe, which is not installed.
    """
    chosen = os.environ.get(VARIABLE)
    there = has_mediapipe()
    if not chosen:
        return "mediapipe" if there else "torch"
    if chosen not in RUNNERS:
        raise EmoError(f"{VARIABLE}={chosen} is no runner; set it to {' or '.join(RUNNERS)}, or leave it out")
    if chosen == "mediapipe" and not there:
        raise EmoError(f"{VARIABLE}=mediapipe, but MediaPipe 0.10.21 is not installed: {EXTRA}")
    return cast(Runner, chosen)


def has_mediapipe() -> bool:
    """Whether there is a MediaPipe with the interface of 0.10.21; newer ones have neither it nor networks."""
    spec = importlib.util.find_spec("mediapipe")
    return spec is not None and any(
        os.path.isdir(os.path.join(place, "python", "solutions")) for place in spec.submodule_search_locations or ()
    )


def open_finder(*, far: bool) -> Finder:
    """What finds faces.

    Args:
        far: small ones in the picture, else those that fill it.
    """
    if face_runner() == "mediapipe":
        from emo.face.mediapipe_runner import MediaPipeFinder

        return MediaPipeFinder(far=far)
    from emo.face.networks.finding import FAR, NEAR, BlazeFinder

    return BlazeFinder(FAR if far else NEAR)


def open_mesh(*, faces: int, confidence: float = 0.5) -> Mesh:
    """What puts landmarks on faces.

    Args:
        faces: how many at most, the surest first.
        confidence: the least score of a face, 0 to 1.
    """
    if face_runner() == "mediapipe":
        from emo.face.mediapipe_runner import MediaPipeMesh

        return MediaPipeMesh(faces=faces, confidence=confidence)
    from emo.face.networks.meshes import AttentionMesh

    return AttentionMesh(faces, confidence)


def open_people() -> People:
    """What tells people from what is behind them."""
    if face_runner() == "mediapipe":
        from emo.face.mediapipe_runner import MediaPipePeople

        return MediaPipePeople()
    from emo.face.networks.people import PersonMask

    return PersonMask()
