"""A still portrait that talks: its mesh follows the controls, its pixels follow the mesh."""

import cv2
import numpy as np
import torch
from torch import Tensor

from emo.data.synthetic.avatar_shapes import rotation
from emo.data.synthetic.controls import FaceControls
from emo.data.synthetic.labels import FaceLabels
from emo.data.synthetic.portrait import MOUTH_RING, build_mesh, crop_portrait
from emo.face.mesh import (
    CHEEKS,
    EYES,
    INNER_LIPS_MIDDLE,
    INNER_MOUTH_CORNERS,
    LOWER_BROWS,
    LOWER_LIP,
    MOUTH_CORNERS,
    NOSE_UNDER_TIP,
    NUM_LANDMARKS,
    OVAL,
    UPPER_BROWS,
    UPPER_LIP,
)

BROWS = [*UPPER_BROWS[0], *LOWER_BROWS[0], *UPPER_BROWS[1], *LOWER_BROWS[1]]
WIDE_OPEN = 0.34  # gap between the lips over the mouth's width at jaw = 1; more looks drawn
SUPERSAMPLING = 2


class PortraitWarper:
    """Draws one portrait in any `FaceControls`. Convincing to about 15 degrees of yaw and pitch, acceptable to 20.

    Args:
        image: (H, W, 3) uint8 RGB with one frontal face.
        size: side of the drawn frames in pixels.
    Raises:
        FaceError: no face is found.
        ValueError: the image is not (H, W, 3) uint8, or `size` is below 32.
    """

    def __init__(self, image: np.ndarray, size: int = 128) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"a portrait must be (H, W, 3) uint8 RGB, not {image.shape} {image.dtype}")
        if size < 32:
            raise ValueError(f"size must be at least 32 pixels, not {size}")
        self.size = size
        crop, points = crop_portrait(image, max(512, SUPERSAMPLING * size))
        self.mesh = mesh = build_mesh(crop, points)
        # The picture to sample from, no finer than the drawn frames need.
        self._side = min(mesh.image.shape[0], SUPERSAMPLING * size)
        self._source = cv2.resize(mesh.image, (self._side, self._side), interpolation=cv2.INTER_AREA)
        depth = points[OVAL, 2].mean()
        self._pivot = np.array([*(mesh.center + 0.12 * mesh.height * mesh.down), depth + 0.15 * mesh.width])
        origin = ((mesh.vertices[:, :2] + 0.5) * (self._side / mesh.image.shape[0]) - 0.5)[mesh.triangles]
        self._origin, self._origin_edges = origin[:, 0], [(origin[:, k] - origin[:, 0]).T for k in (1, 2)]
        around = ((mesh.triangles >= NUM_LANDMARKS) & (mesh.triangles < mesh.eye_vertex)).any(1)
        self._behind = (
            0.3 * mesh.width * around
        )  # hair and background lie behind the face, the mouth's inside behind the lips
        self._behind[-mesh.mouth_triangles :] += 0.05 * mesh.width
        self._prepare_mouth(points)

    def _prepare_mouth(self, points: np.ndarray) -> None:
        """Displacement of every vertex, in pixels along the face's axes, per unit of each mouth control."""
        mesh = self.mesh
        corners = points[MOUTH_CORNERS, :2]
        self._mouth_width = width = float(np.linalg.norm(corners[0] - corners[1]))
        self._eye_distance = float(np.linalg.norm(points[EYES[0].corners[0], :2] - points[EYES[1].corners[0], :2]))
        self._own_gap = float(np.linalg.norm(np.subtract(*points[INNER_LIPS_MIDDLE, :2])))
        offset = mesh.vertices[:, :2] - corners.mean(0)
        u, v = offset @ mesh.right / (width / 2), offset @ mesh.down / width
        anchors = slice(NUM_LANDMARKS, NUM_LANDMARKS + mesh.anchors)
        profile, lateral = np.sqrt(np.clip(1 - u**2, 0, 1)), np.exp(-((u / 1.9) ** 2))
        opening = 0.53 * lateral * np.clip(v / 0.25, 0, 1)
        above = (v < 0) & (v > -0.4) & (np.abs(u) < 1.3)
        opening[above] = -0.06 * np.clip(1 - np.abs(u[above]) / 1.3, 0, 1)
        opening[anchors] = 0.47 * mesh.jaw_weight * lateral[anchors]
        opening[UPPER_LIP], opening[LOWER_LIP] = -0.18 * profile[UPPER_LIP], 0.82 * profile[LOWER_LIP]
        near = np.exp(-(np.clip(np.abs(u) - 1, 0, None) ** 2) / 0.3) * np.exp(-((v / 0.45) ** 2))
        spread = width / 2 * u * near
        lift = -width * np.clip(np.abs(u), 0, 1) ** 2 * near
        pout = -width * np.exp(-((u / 0.9) ** 2) - (v / 0.35) ** 2)
        for field in (spread, lift, pout):
            field[anchors] = 0
        self._opening, self._spread, self._lift, self._pout = opening, spread, lift, pout
        cheeks = points[CHEEKS, :2].astype(int).clip(0, len(mesh.image) - 1)
        self._light = float(np.clip(mesh.image[cheeks[:, 1], cheeks[:, 0]].mean() / 255 * 1.5, 0.4, 1.1))

    def render(self, controls: FaceControls) -> Tensor:
        """Draw every frame of `controls`: (T, size, size, 3) uint8 RGB on the CPU."""
        vertices = self._deform(controls)
        frames = np.empty((len(controls), self.size, self.size, 3), np.uint8)
        for index, points in enumerate(vertices):
            frames[index] = self._draw(points)
        return torch.from_numpy(frames)

    def labels(self, controls: FaceControls) -> FaceLabels:
        """Places in the drawn frames, for every frame of `controls`."""
        points = self.landmarks(controls)
        oval, eyes = points[:, OVAL], torch.stack([points[:, e.corners].mean(1) for e in EYES], 1)
        face = self._shape(_as_arrays(controls))
        left, right = (face[:, corner] for corner in MOUTH_CORNERS)
        mouth_width = torch.tensor(np.linalg.norm(left - right, axis=1), dtype=torch.float32)
        return FaceLabels(
            face_box=torch.cat([oval.amin(1), oval.amax(1)], 1),
            points=torch.cat([eyes, points[:, [NOSE_UNDER_TIP, *MOUTH_CORNERS, *INNER_LIPS_MIDDLE]]], 1),
            mouth_open=controls.jaw.cpu() * WIDE_OPEN * self._mouth_width / self._eye_distance,
            mouth_width=mouth_width / self._eye_distance,
        )

    def landmarks(self, controls: FaceControls) -> Tensor:
        """FaceMesh points (T, 478, 2), moved as the picture is, in pixels of the drawn frames."""
        points = self._deform(controls)[:, :NUM_LANDMARKS, :2]
        return torch.tensor((points + 0.5) * self.size / self.mesh.image.shape[0], dtype=torch.float32)

    def _deform(self, controls: FaceControls) -> np.ndarray:
        """Vertices (T, V, 3) in pixels of the portrait."""
        control = _as_arrays(controls)
        return self._turn(self._shape(control), controls, control)

    def _shape(self, control: dict[str, np.ndarray]) -> np.ndarray:
        """Vertices (T, V, 3) of the face with its expression, before the head turns."""
        mesh = self.mesh
        column = {name: values[:, None] for name, values in control.items()}
        # The lips' gap is set, not added: a portrait that smiles closes its mouth.
        gap = column["jaw"] * WIDE_OPEN * self._mouth_width - self._own_gap
        down = gap * self._opening + 0.07 * column["smile"] * self._lift
        right = (0.13 * column["width"] - 0.30 * column["rounding"]) * self._spread
        down[:, BROWS] -= 0.03 * column["brow"] * mesh.height
        points = np.repeat(mesh.vertices[None], len(control["jaw"]), 0)
        points[:, :, :2] += right[..., None] * mesh.right + down[..., None] * mesh.down
        points[:, :, 2] += 0.06 * column["rounding"] * self._pout
        blink = control["blink"][:, None, None]
        for k, eye in enumerate(EYES):
            fall = (points[:, eye.lower] - points[:, eye.upper]) * 0.97 * blink
            points[:, eye.upper] += fall
            points[:, eye.crease] += 0.45 * fall
            half = np.linalg.norm(mesh.vertices[eye.corners[0], :2] - mesh.vertices[eye.corners[1], :2]) / 2
            look = column["gaze_x"] * 0.42 * mesh.right - column["gaze_y"] * 0.25 * mesh.down
            middle = points[:, [*eye.upper, *eye.lower, *eye.corners]].mean(1)
            iris = points[:, mesh.eye_vertex + k].copy()
            iris[:, :2] += half * look
            points[:, mesh.eye_vertex + k] = iris + (middle - iris) * blink[:, 0].clip(0)
        points[:, mesh.eye_vertex + 2] = points[:, INNER_LIPS_MIDDLE].mean(1)
        return points

    def _turn(self, points: np.ndarray, controls: FaceControls, control: dict[str, np.ndarray]) -> np.ndarray:
        """Rotate about a pivot behind the face under weak perspective, then scale and shift; the border stays."""
        flip = np.array([1.0, -1.0, -1.0])  # y up, z to the camera → y down, z away
        turn = rotation(controls.yaw.cpu(), controls.pitch.cpu(), controls.roll.cpu()).double().numpy()
        matrix = turn * flip * flip[:, None]
        focal, start = 4.5 * self.mesh.width, points - self._pivot
        turned = start @ matrix.transpose(0, 2, 1)
        perspective = (focal + start[..., 2:]) / (focal + turned[..., 2:])
        turned[..., :2] *= perspective * control["scale"][:, None, None]
        half = self.mesh.image.shape[0] / 2
        turned[..., 0] += control["tx"][:, None] * half
        turned[..., 1] -= control["ty"][:, None] * half
        return points + self.mesh.weight[:, None] * (turned - start)

    def _draw(self, points: np.ndarray) -> np.ndarray:
        """One frame: triangles far to near into a map of triangle numbers, then one lookup of the portrait."""
        mesh, side = self.mesh, self.size * SUPERSAMPLING
        corner = ((points[:, :2] + 0.5) * (side / mesh.image.shape[0]) - 0.5)[mesh.triangles]
        depth = points[:, 2][mesh.triangles].mean(1) + self._behind
        owner = np.zeros((side, side), np.int32)
        fixed = np.round(corner * 16).astype(np.int32)
        order = np.argsort(-depth, kind="stable")
        for index, triangle in zip(order.tolist(), fixed[order], strict=True):
            cv2.fillConvexPoly(owner, triangle, index, cv2.LINE_8, 4)
        # Per triangle, the affine map from the drawn frame back to the portrait, looked up coefficient by coefficient.
        a, b, c, d, e, f = (np.take(v, owner, mode="clip") for v in self._affine(corner))
        line = np.arange(side, dtype=np.float32)
        across = a * line + b * line[:, None] + c
        down = d * line + e * line[:, None] + f
        drawn = cv2.remap(self._source, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        self._paint_mouth(drawn, (points[:, :2] + 0.5) * (side / mesh.image.shape[0]) - 0.5)
        return cv2.resize(drawn, (self.size, self.size), interpolation=cv2.INTER_AREA)

    def _affine(self, corner: np.ndarray) -> np.ndarray:
        """Coefficients (6, N) of x' = a x + b y + c, y' = d x + e y + f, from drawn to portrait triangles."""
        (x1, y1), (x2, y2) = (corner[:, 1] - corner[:, 0]).T, (corner[:, 2] - corner[:, 0]).T
        (u1, v1), (u2, v2) = self._origin_edges
        scale = x1 * y2 - x2 * y1
        scale = 1 / np.where(np.abs(scale) < 1e-6, 1e-6, scale)  # a triangle seen edge-on owns no pixel
        a, b = (u1 * y2 - u2 * y1) * scale, (u2 * x1 - u1 * x2) * scale
        d, e = (v1 * y2 - v2 * y1) * scale, (v2 * x1 - v1 * x2) * scale
        x0, y0 = corner[:, 0].T
        u0, v0 = self._origin.T
        return np.stack([a, b, u0 - a * x0 - b * y0, d, e, v0 - d * x0 - e * y0]).astype(np.float32)

    def _paint_mouth(self, drawn: np.ndarray, points: np.ndarray) -> None:
        """Fill the open mouth, in place: dark, a strip of teeth under the upper lip, the tongue below."""
        ring = points[MOUTH_RING]
        low = np.maximum(np.floor(ring.min(0)).astype(int) - 3, 0)
        high = np.minimum(np.ceil(ring.max(0)).astype(int) + 4, len(drawn))
        if (high <= low).any():
            return
        patch = drawn[low[1] : high[1], low[0] : high[0]]
        mask = np.zeros(patch.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round((ring - low) * 16).astype(np.int32)], (255,), shift=4)
        (left, right), (top, bottom) = points[INNER_MOUTH_CORNERS], points[INNER_LIPS_MIDDLE]
        axis = right - left
        half = np.linalg.norm(axis) / 2 + 1e-6
        axis = axis / (2 * half)
        row, column = np.mgrid[low[1] : high[1], low[0] : high[0]]
        x, y = column - top[0], row - top[1]
        # In half mouth widths: u sideways, v below the upper lip.
        u, v = (x * axis[0] + y * axis[1]) / half, (y * axis[0] - x * axis[1]) / half
        gap = np.linalg.norm(top - bottom) / half
        tongue = (
            np.clip((v - gap + 0.22) / 0.15, 0, 1)
            * np.clip(1 - (u / 0.6) ** 2, 0, 1)
            * np.clip((gap - 0.25) / 0.2, 0, 1)
        )
        teeth = np.clip((0.17 - 0.1 * u**2 - v) / 0.05, 0, 1) * np.clip((0.72 - np.abs(u)) / 0.2, 0, 1)
        teeth *= np.clip((gap - 0.04) / 0.08, 0, 1)
        seam = 1 - 0.18 * (np.abs((u * 4.5) % 1 - 0.5) > 0.44)
        color = np.full((*u.shape, 3), np.array([38.0, 14, 18]) * self._light)
        color += (np.array([125.0, 58, 62]) * self._light - color) * tongue[..., None]
        enamel = np.array([195.0, 185, 170]) * self._light * (seam * (1 - 0.35 * np.abs(u)).clip(0, 1))[..., None]
        color += (enamel - color) * teeth[..., None]
        cover = cv2.GaussianBlur(mask, (0, 0), 0.004 * len(drawn) + 0.3)[..., None] / 255.0 * np.clip(gap / 0.05, 0, 1)
        patch[:] = (patch + (color - patch) * cover).clip(0, 255)


def _as_arrays(controls: FaceControls) -> dict[str, np.ndarray]:
    return {name: value.cpu().double().numpy() for name, value in vars(controls).items()}
