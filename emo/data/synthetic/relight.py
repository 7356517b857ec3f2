"""Other light and other colors for a portrait."""

from collections.abc import Callable

import cv2
import numpy as np

from emo.data.synthetic.portrait import within_outline
from emo.face.mesh import NUM_SKIN_LANDMARKS
from emo.motion.mesh.topology import tessellation

GAMMA = 2.2
BLUR = 0.05  # of the picture's side: the light is smoother than the face


def change_light(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light from a side that is drawn: shades by the face's normals, which fade into the picture around it.

    Args:
        image: (S, S, 3) uint8 RGB, evenly lit.
        points: landmarks (478, 3) in its pixels.
        rng: draws direction, strength and warmth.
    """
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.9)
    direction = np.array([np.cos(angle), 0.7 * np.sin(angle) - 0.3])
    warmth = rng.normal(0, 0.06)
    side = len(image)
    shade = _slopes(points, side) @ direction
    line = np.linspace(-1, 1, side)
    shade += 0.25 * (direction[0] * line + direction[1] * line[:, None])
    shade = strength * (shade - shade[within_outline(points, side) > 0].mean())
    lit = np.exp(shade[..., None] * (1 + warmth * np.array([1.0, 0.0, -1.0])))
    linear = (image / 255.0) ** GAMMA * lit
    bright = linear / (1 + np.maximum(linear - 0.8, 0))  # what would be burned out is pressed together
    return (255 * bright.clip(0, 1) ** (1 / GAMMA)).round().astype(np.uint8)


def draw_colors(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Another exposure, contrast, saturation and white balance, as another camera has it: a function of pictures.

    Args:
        rng: draws them.
    """
    exposure, contrast, saturation = rng.normal(0, 0.13), rng.normal(0, 0.08), rng.normal(0, 0.15)
    warmth, tint = rng.normal(0, 0.07), rng.normal(0, 0.03)

    def change(image: np.ndarray) -> np.ndarray:
        linear = (image / 255.0) ** GAMMA * np.exp(exposure + np.array([warmth, tint, -warmth]))
        value = linear.clip(0, 1) ** ((1 + contrast) / GAMMA)
        gray = value @ np.array([0.299, 0.587, 0.114])
        value = gray[..., None] + (1 + saturation) * (value - gray[..., None])
        return (255 * value.clip(0, 1)).round().astype(np.uint8)

    return change


def _slopes(points: np.ndarray, side: int) -> np.ndarray:
    """The face's normals across and down, (side, side, 2); they fade to 0 away from the face."""
    skin = points[:NUM_SKIN_LANDMARKS] * [1, 1, -1]  # depth toward the camera
    triangles = tessellation()
    a, b, c = skin[triangles].transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    normal *= np.where(normal[:, 2:] < 0, -1, 1)  # all seen from the front
    vertex = np.zeros_like(skin)
    for corner in range(3):
        np.add.at(vertex, triangles[:, corner], normal)
    vertex /= np.linalg.norm(vertex, axis=1, keepdims=True) + 1e-9
    shaded = np.zeros((side, side, 2), np.float32)
    depth = -skin[triangles][..., 2].mean(1)
    for index in np.argsort(-depth):
        color = vertex[triangles[index], :2].mean(0)
        cv2.fillConvexPoly(shaded, np.round(skin[triangles[index], :2]).astype(np.int32), color.tolist())
    return cv2.GaussianBlur(shaded, (0, 0), BLUR * side)
