from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut as astronaut_photo

from emo.face import FaceDetector


@pytest.fixture(scope="session")
def detector() -> Iterator[FaceDetector]:
    with FaceDetector() as detector:
        yield detector


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """A 512 px photo whose face is about 92 x 108 px, its center near (226, 124)."""
    return astronaut_photo()


@pytest.fixture(scope="session")
def picture(data: Path):
    """Reads one of the real pictures, by its path in the data folder, as uint8 (h, w, 3)."""
    return lambda path: np.asarray(Image.open(data / path).convert("RGB"))
