"""The numbers of MediaPipe's 478 face landmarks, by name.

Left and right are the picture's. Sets are lists, so that numpy and torch take them as an index:
`landmarks[:, mesh.MOUTH_CORNERS]`. Pairs of a side name the left one first.
"""

from typing import NamedTuple

NUM_LANDMARKS = 478
"""Of one face: those of its skin, then the irises'."""

NUM_SKIN_LANDMARKS = 468
"""The first of them. The other 2 x 5 lie on the irises: they jump more than they move."""

NOSE_TIP = 4
"""The point of the nose that is nearest to the camera."""

NOSE_UNDER_TIP = 1
"""The point beneath it, which MediaPipe calls the tip; networks of face recognition are aligned by it."""

NOSE_ROOT = 168
"""Between the eyes. Neither mouth nor lids move it."""

CHEEKS = [50, 280, 205, 425]
"""Two points of each cheek: the left and the right upper one, the left and the right lower one."""


class Eye(NamedTuple):
    """The landmarks of one eye.

    Attributes:
        corners: outer and inner; neither gaze nor blinks move them.
        iris: its center.
        upper: the upper lid from the outer corner to the inner one.
        lower: the lower lid; each point lies beneath the one of `upper` in the same place.
        lids: upper over lower, the three pairs in front of the iris.
        crease: above the upper lid, each point over the one of `upper` in the same place.
    """

    corners: list[int]
    iris: int
    upper: list[int]
    lower: list[int]
    lids: list[tuple[int, int]]
    crease: list[int]

    @property
    def ring(self) -> list[int]:
        """The lids' edge, from the outer corner along the upper lid and back along the lower one."""
        return [self.corners[0], *self.upper, self.corners[1], *self.lower[::-1]]


EYES = (
    Eye(
        corners=[33, 133],
        iris=468,
        upper=[246, 161, 160, 159, 158, 157, 173],
        lower=[7, 163, 144, 145, 153, 154, 155],
        lids=[(159, 145), (158, 153), (160, 144)],
        crease=[247, 30, 29, 27, 28, 56, 190],
    ),
    Eye(
        corners=[263, 362],
        iris=473,
        upper=[466, 388, 387, 386, 385, 384, 398],
        lower=[249, 390, 373, 374, 380, 381, 382],
        lids=[(386, 374), (385, 380), (387, 373)],
        crease=[467, 260, 259, 257, 258, 286, 414],
    ),
)
"""The left eye and the right one."""

OUTER_EYE_CORNERS = [33, 263]
"""The eyes' outer corners, whose distance is the measure of a face."""

EYE_CORNERS = [*EYES[0].corners, *EYES[1].corners]
"""Outer and inner corner of the left eye, outer and inner corner of the right one."""

EYES_68 = [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]
"""Points 36 to 47 of the 68 that other landmark models give, in their order."""

UPPER_BROWS = ([70, 63, 105, 66, 107], [300, 293, 334, 296, 336])
"""The upper edge of each brow, from its outer end to its inner one."""

LOWER_BROWS = ([46, 53, 52, 65, 55], [276, 283, 282, 295, 285])
"""The lower edge of each brow, from its outer end to its inner one."""

BROWS_68 = [*UPPER_BROWS[0], *reversed(UPPER_BROWS[1])]
"""Points 17 to 26 of the 68 that other landmark models give, in their order: from left to right."""

JAW_68 = [162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389]
"""Points 0 to 16 of the 68 that other landmark models give, in their order: from left to right."""

LIPS_68 = [61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178]
"""Points 48 to 67 of the 68 that other landmark models give, in their order: the outer edge and the inner one."""

MOUTH_CORNERS = [61, 291]
"""Where the lips' outer edges meet."""

INNER_MOUTH_CORNERS = [78, 308]
"""Where the lips' inner edges meet."""

LIP_TOP = 0
"""The middle of the upper lip's outer edge."""

LIP_BOTTOM = 17
"""The middle of the lower lip's outer edge."""

INNER_LIPS_MIDDLE = [13, 14]
"""The middles of the upper and the lower lip's inner edge, whose distance is how far a mouth is open."""

UPPER_LIP_ROWS = (
    [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291],
    [76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306],
    [62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292],
    [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308],
)
"""Four rows of the upper lip, from the outer edge to the inner one, each from corner to corner."""

LOWER_LIP_ROWS = (
    [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291],
    [76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306],
    [62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292],
    [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308],
)
"""Four rows of the lower lip, from the outer edge to the inner one, each from corner to corner."""

UPPER_LIP = sorted({number for row in UPPER_LIP_ROWS for number in row[1:-1]})
"""All of the upper lip but the corners."""

LOWER_LIP = sorted({number for row in LOWER_LIP_ROWS for number in row[1:-1]})
"""All of the lower lip but the corners."""

OUTER_LIPS = [*LOWER_LIP_ROWS[0], *UPPER_LIP_ROWS[0][-2:0:-1]]
"""The lips' outer edge as a ring: the lower lip from left to right, the upper one back."""

INNER_LIPS = [*LOWER_LIP_ROWS[-1], *UPPER_LIP_ROWS[-1][-2:0:-1]]
"""The lips' inner edge as a ring: the lower lip from left to right, the upper one back."""

# fmt: off
OVAL = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
]
# fmt: on
"""The face's outline as a ring, clockwise from the middle of the forehead."""

RIGID = {
    33: (-0.723, -0.113, 0.065),
    133: (-0.277, -0.079, -0.019),
    362: (0.277, -0.079, -0.019),
    263: (0.723, -0.113, 0.065),
    168: (0.000, -0.165, -0.293),
    6: (0.000, -0.038, -0.365),
    197: (0.000, 0.082, -0.448),
    195: (0.000, 0.196, -0.539),
    5: (0.000, 0.318, -0.632),
    4: (0.000, 0.465, -0.671),
    1: (0.000, 0.578, -0.638),
    10: (0.000, -0.964, -0.206),
    151: (0.000, -0.708, -0.268),
    9: (0.000, -0.431, -0.317),
    108: (-0.265, -0.713, -0.245),
    337: (0.265, -0.713, -0.245),
    234: (-1.117, 0.233, 0.946),
    454: (1.117, 0.233, 0.946),
    127: (-1.123, -0.010, 0.873),
    356: (1.123, -0.010, 0.873),
    93: (-1.100, 0.481, 0.950),
    323: (1.100, 0.481, 0.950),
    48: (-0.315, 0.534, -0.382),
    278: (0.315, 0.534, -0.382),
}
"""24 landmarks that jaw, lips and lids do not move, and their places on a face that looks straight ahead.

x right, y down, z away from the camera, 1 = distance of the eyes' centers. How they were measured: docs/measures.md.
"""
