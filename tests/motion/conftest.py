"""A portrait that is animated."""

import cv2
import numpy as np
import pytest

from emo.motion import MeshAnimator


@pytest.fixture(scope="session")
def face(portrait) -> np.ndarray:
    """The astronaut's head, (256, 256, 3) uint8. Do not change it."""
    return cv2.resize(portrait[:256, 96:352], (256, 256))


@pytest.fixture(scope="session")
def animator() -> MeshAnimator:
    return MeshAnimator()


@pytest.fixture(scope="session")
def appearance(animator, face):
    return animator.appearance(face)
