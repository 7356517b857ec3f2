"""What a generation is given: a portrait and a recording, each in any of the forms that users have them in."""

from pathlib import Path

import numpy as np
import PIL.Image

from emo.face import Portrait, Region, prepare_portrait
from emo.media import AudioTrack, load_image

ImageInput = str | Path | PIL.Image.Image | np.ndarray
"""A path, a PIL image or an array (h, w, 3)."""

AudioInput = str | Path | tuple[np.ndarray, int] | AudioTrack
"""A path, `(samples, rate)` or a track."""


def open_portrait(
    image: ImageInput, height: int, width: int, face_region: Region | None, face: int | None, regions: bool = True
) -> Portrait:
    """The portrait as `prepare_portrait` makes it; messages call it by its path, if it has one.

    Raises:
        ImageError: it cannot be read.
        FaceError: it holds no face that can be animated, or the region does not fit it.
    """
    name = str(image) if isinstance(image, str | Path) else "portrait"
    picture = load_image(image)
    return prepare_portrait(
        picture, height=height, width=width, face_region=face_region, face=face, regions=regions, name=name
    )
