"""A portrait, taken apart once for all frames."""

from typing import Any

import cv2
import numpy as np

from emo.face.mesh import EYES, INNER_LIPS_MIDDLE, NUM_LANDMARKS, OVAL
from emo.motion.mesh.expression import Expression
from emo.motion.mesh.eyes import lay_iris, take_irises
from emo.motion.mesh.head import Head, Turn
from emo.motion.mesh.mouth import TEETH_BEHIND, MouthInside
from emo.motion.mesh.raster import draw_triangles, look_up, seen_edge_on, triangle_maps
from emo.motion.mesh.surroundings import Surroundings
from emo.motion.mesh.topology import MOUTH_RING, fan, tessellation
from emo.motion.mesh.unfold import unfolded

SEAM = 0.03  # of the face's width, over which the face passes into its surroundings
MOUTH_BEHIND = 0.05  # of the face's width: the mouth's inside behind the lips


class MeshAppearance:
    """Of one face: its picture, its mesh, and what is painted where the picture shows nothing.

    Args:
        picture: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) of its face, in pixels.
        mouth: the inside of its mouth, where another picture of the same person shows it.
        turned: (2, 2), how that picture's pixels are turned and scaled in this one.
    """

    def __init__(
        self,
        picture: np.ndarray,
        landmarks: np.ndarray,
        mouth: MouthInside | None = None,
        turned: np.ndarray | None = None,
    ):
        self.picture, self.landmarks = picture, landmarks = picture, landmarks.astype(np.float64)
        rings = [eye.ring for eye in EYES]
        middles = {NUM_LANDMARKS + k: ring for k, ring in enumerate(rings)}
        middles[NUM_LANDMARKS + 2] = INNER_LIPS_MIDDLE
        vertices = np.concatenate([landmarks, [landmarks[ring].mean(0) for ring in middles.values()]])
        fans = [fan(vertex, ring) for vertex, ring in zip(middles, [*rings, MOUTH_RING], strict=True)]
        self._triangles = np.concatenate([tessellation(), *fans])
        self.head = Head(landmarks)
        in_head = (vertices - self.head.pivot) @ self.head.rest
        self._expression = Expression(in_head, middles, self.head.height)
        self._origin = unfolded(vertices[:, :2], in_head[:, :2], self._triangles)[self._triangles]
        self._behind = np.zeros(len(self._triangles))
        self._behind[-len(fans[-1]) :] = MOUTH_BEHIND * self.head.width
        self._white, self._irises = take_irises(picture, landmarks)
        self._mouth = MouthInside(picture, landmarks) if mouth is None else mouth
        self._turned = np.eye(2) if turned is None else turned
        height, width = picture.shape[:2]
        drawn = draw_triangles(vertices[self._triangles, :2], self._behind, (height, width), empty=-1)
        self._surroundings = Surroundings(landmarks, self.head, drawn >= 0)

    def vertices(self, control: dict[str, np.ndarray]) -> np.ndarray:
        """Where the face's points come to lie, (T, V, 3) pixels and depth, for controls (T,), float64; the landmarks
        are the first."""
        return self.head.place(self._expression(control), self.head.turn(control))

    def draw(self, control: dict[str, np.ndarray]) -> np.ndarray:
        """Frames (T, H, W, 3) uint8 RGB for controls (T,), float64."""
        turn = self.head.turn(control)
        shaped = self._expression(control)
        vertices, rigid = self.head.place(shaped, turn), self.head.place(self._expression.points[OVAL][None], turn)
        skin = (vertices[:, OVAL] - rigid)[..., :2]
        irises = self.head.place(self._expression.irises(control), turn)[..., :2]
        lip = self._expression.points[INNER_LIPS_MIDDLE[0]] + [0, 0, TEETH_BEHIND * self._expression.mouth_width / 2]
        teeth = self.head.place(lip[None, None], turn)[:, 0, :2]
        linear = self.head.linear(turn)
        frames = np.empty((len(vertices), *self.picture.shape), np.uint8)
        for index in range(len(frames)):
            frame, points = frames[index], vertices[index]
            self._look_up(frame, points, self._around(turn, index, skin[index]))
            for iris, center in zip(self._irises, irises[index], strict=True):
                if iris is not None:
                    lay_iris(frame, iris, points[iris.ring, :2], center, linear[index])
            self._mouth.paint(frame, points[:, :2], teeth[index], linear[index] @ self._turned)
        return frames

    def _around(self, turn: Turn, index: int, skin: np.ndarray) -> np.ndarray:
        return self._surroundings.origins(turn.matrix[index], turn.scale[index], turn.shift[index], skin)

    def _look_up(self, frame: np.ndarray, points: np.ndarray, origins: np.ndarray) -> None:
        """Draw the portrait by where its pixels come from: `origins` (H, W, 2), the face's by its mesh."""
        size = frame.shape[1::-1]
        corner = points[self._triangles]
        low = np.floor(points[:, :2].min(0)).astype(int).clip(0, size)
        high = (np.ceil(points[:, :2].max(0)).astype(int) + 1).clip(0, size)
        if (high > low).all():
            depth = corner[..., 2].mean(1) + self._behind
            corner = corner[..., :2] - low
            wide = ~seen_edge_on(corner)
            corner = corner[wide]
            owner = draw_triangles(corner, depth[wide], (high[1] - low[1], high[0] - low[0]), empty=-1)
            across, down = look_up(triangle_maps(corner, self._origin[wide]), owner)
            there = origins[low[1] : high[1], low[0] : high[0]]
            width = 2 * round(SEAM * self.head.width / 2) + 1
            face = cv2.blur((owner >= 0).astype(np.float32), (width, width), borderType=cv2.BORDER_CONSTANT)
            face = np.where(owner >= 0, np.clip(2 * face - 1, 0, 1), 0)[..., None].astype(np.float32)
            there += face * (np.stack([across, down], -1) - there)
        one_map: Any = None  # both coordinates are in the first one, which the stubs do not know
        cv2.remap(self._white, origins, one_map, cv2.INTER_LINEAR, frame, cv2.BORDER_REPLICATE)
