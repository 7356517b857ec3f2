"""What is said of a mouth, in the unit that its reader and the articulation share: the distance between the eyes."""

from dataclasses import dataclass, fields

import numpy as np

# FaceMesh's points
EYES = (33, 263)  # outer corners
INNER_LIPS, INNER_CORNERS = (13, 14), (78, 308)  # upper and lower; right and left
OUTER_LIPS, OUTER_CORNERS = (0, 17), (61, 291)
NOSE, CHIN = 1, 152

MEASURES = ("opening", "width", "height", "inner_width", "protrusion", "upper_lip", "lower_lip", "jaw")


@dataclass(frozen=True)
class Mouth:
    """A mouth over T frames, each (T,) float32; frame i is the middle of its interval, (i + 0.5) / fps.

    Lengths are in distances between the outer corners of the eyes, of the talker that the weights were trained on; to
    move another face add the differences from `rest`, scaled as that face's mouth is.

    Attributes:
        opening: between the inner edges of the lips; 0 with the lips shut.
        width: between the corners.
        height: between the outer edges of the lips, a steadier reading of how far the mouth is open.
        inner_width: between the corners of the opening.
        protrusion: how far the lips stand before the corners.
        upper_lip, lower_lip: visible thickness of each.
        jaw: from the tip of the nose to the chin.
        lips_shut: 0 to 1, whether p, b or m is heard.
        teeth_on_lip: 0 to 1, whether f or v is heard.
        rounding: 0 to 1, share of rounded sounds in what is heard.
    """

    opening: np.ndarray
    width: np.ndarray
    height: np.ndarray
    inner_width: np.ndarray
    protrusion: np.ndarray
    upper_lip: np.ndarray
    lower_lip: np.ndarray
    jaw: np.ndarray
    lips_shut: np.ndarray
    teeth_on_lip: np.ndarray
    rounding: np.ndarray

    def __len__(self) -> int:
        return len(self.opening)

    @classmethod
    def join(cls, parts: "list[Mouth]") -> "Mouth":
        """One mouth of several, one after the other."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def measure_mouth(landmarks: np.ndarray) -> np.ndarray:
    """Read a mouth from FaceMesh landmarks.

    Args:
        landmarks: (T, 478, 3) in pixels, depth on the same scale; rows of NaN where no face was found.

    Returns:
        (T, 8) in the order of MEASURES, in eye distances.
    """
    flat, depth = landmarks[..., :2], landmarks[..., 2]

    def between(pair: tuple[int, int]) -> np.ndarray:
        return np.linalg.norm(flat[:, pair[0]] - flat[:, pair[1]], axis=1)

    lips = depth[:, [*OUTER_LIPS, *INNER_LIPS]].mean(1)
    protrusion = depth[:, [*OUTER_CORNERS]].mean(1) - lips
    upper, lower = zip(OUTER_LIPS, INNER_LIPS, strict=True)
    columns = (
        between(INNER_LIPS),
        between(OUTER_CORNERS),
        between(OUTER_LIPS),
        between(INNER_CORNERS),
        protrusion,
        between(upper),
        between(lower),
        between((NOSE, CHIN)),
    )
    return np.stack(columns, 1) / between(EYES)[:, None]


def mouth_at(mouth: np.ndarray, fps: float, times: np.ndarray) -> np.ndarray:
    """A mouth (T, measures), frame i at (i + 0.5) / fps, at other times (S,) in seconds: (S, measures).

    Between frames it moves in straight lines; before the first and after the last it stays.
    """
    frames = times * fps - 0.5
    return np.stack([np.interp(frames, np.arange(len(mouth)), column) for column in mouth.T], 1)
