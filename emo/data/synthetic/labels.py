"""Where a drawn face is: the labels that avatars and warped portraits have in common."""

from dataclasses import dataclass

from torch import Tensor

from emo.data.format import FACE_POINTS

POINT = {name: index for index, name in enumerate(FACE_POINTS)}


@dataclass(frozen=True)
class FaceLabels:
    """Places in the picture for T frames, on the CPU. Pixels count from the picture's top left corner.

    face_box: (T, 4) x0, y0, x1, y1 around forehead, temples, jaw and chin.
    points: (T, 7, 2) x, y of `FACE_POINTS`.
    mouth_open: (T,) gap between the inner lips over the distance between the eyes' outer corners, both in the head.
    mouth_width: (T,) distance between the mouth's corners over the same.
    """

    face_box: Tensor
    points: Tensor
    mouth_open: Tensor
    mouth_width: Tensor

    @property
    def mouth(self) -> Tensor:
        """(T, 2) x, y of the middle between the lips."""
        return self.points[:, [POINT["upper_lip"], POINT["lower_lip"]]].mean(1)
