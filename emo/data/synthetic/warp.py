"""A still portrait that talks: its mesh follows the controls, its pixels follow the mesh."""

from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from emo.data.synthetic.backdrop import cut_out
from emo.data.synthetic.flow import Flow
from emo.data.synthetic.labels import FaceLabels
from emo.data.synthetic.mouth_paint import paint_mouth
from emo.data.synthetic.parts import BACKGROUND
from emo.data.synthetic.portrait import CroppedPortrait, build_mesh, crop_portrait, place_irises
from emo.data.synthetic.portrait_parts import triangle_parts
from emo.face.mesh import (
    CHEEKS,
    EYES,
    INNER_LIPS_MIDDLE,
    LOWER_BROWS,
    LOWER_LIP,
    MOUTH_CORNERS,
    NOSE_UNDER_TIP,
    NUM_LANDMARKS,
    NUM_SKIN_LANDMARKS,
    OVAL,
    UPPER_BROWS,
    UPPER_LIP,
)
from emo.motion.controls import FaceControls
from emo.motion.mesh.raster import draw_triangles, look_up, triangle_maps
from emo.motion.rotation import rotation

BROWS = [*UPPER_BROWS[0], *LOWER_BROWS[0], *UPPER_BROWS[1], *LOWER_BROWS[1]]
WIDE_OPEN = 0.34  # gap between the lips over the mouth's width at jaw = 1; more looks drawn
SUPERSAMPLING = 2
FINE = 3  # drawn as coarse as pixels, near triangles hide half a pixel around them: much of a small eye
SEEN = 0.1  # of an area in one frame, that must be left of it in the other for it to be seen there


class PortraitWarper:
    """Draws one portrait in any `FaceControls`. Convincing to about 15 degrees of yaw and pitch, acceptable to 20.

    Args:
        image: (H, W, 3) uint8 RGB with one frontal face, around which it is cropped; or what is cropped already.
        size: side of the drawn frames in pixels.
    Raises:
        FaceError: no face is found.
        ValueError: the image is not (H, W, 3) uint8, or `size` is below 32.
    """

    def __init__(self, image: np.ndarray | CroppedPortrait, size: int = 128) -> None:
        picture = image.image if isinstance(image, CroppedPortrait) else image
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"a portrait must be (H, W, 3) uint8 RGB, not {picture.shape} {picture.dtype}")
        if size < 32:
            raise ValueError(f"size must be at least 32 pixels, not {size}")
        self.size = size
        if not isinstance(image, CroppedPortrait):
            image = CroppedPortrait(*crop_portrait(image, portrait_side(size)))
        points = image.points
        self.mesh = mesh = build_mesh(image.image, points)
        # The picture to sample from, no finer than the drawn frames need.
        self._side = min(mesh.image.shape[0], SUPERSAMPLING * size)
        self._source = cv2.resize(mesh.image, (self._side, self._side), interpolation=cv2.INTER_AREA)
        self._cover, self._backdrop = None, None
        if image.cover is not None and image.backdrop is not None:
            self._cover = cv2.resize(image.cover, (self._side, self._side), interpolation=cv2.INTER_AREA)
            drawn = (SUPERSAMPLING * size,) * 2
            self._backdrop = cv2.resize(image.backdrop, drawn, interpolation=cv2.INTER_AREA).astype(np.float32)
        depth = points[OVAL, 2].mean()
        self._pivot = np.array([*(mesh.center + 0.12 * mesh.height * mesh.down), depth + 0.15 * mesh.width])
        self._origin = self._scaled(mesh.vertices, self._side)[mesh.triangles]
        around = ((mesh.triangles >= NUM_LANDMARKS) & (mesh.triangles < mesh.eye_vertex)).any(1)
        self._behind = (
            0.3 * mesh.width * around
        )  # hair and background lie behind the face, the mouth's inside behind the lips
        self._behind[-mesh.mouth_triangles :] += 0.05 * mesh.width
        self._prepare_mouth(points)
        self._iris_corner, self._iris_share = place_irises(mesh)

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
        points = self.landmarks(controls)[..., :2]
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
        """FaceMesh points (T, 478, 3), moved as the picture is, in pixels of the drawn frames.

        Depth grows away from the camera, in the same pixels. Lids that close take the irises along.
        """
        points = self._deform(controls)
        moved = points[:, :NUM_LANDMARKS].copy()
        moved[:, NUM_SKIN_LANDMARKS:] = np.einsum("ic,ticx->tix", self._iris_share, points[:, self._iris_corner])
        moved[..., :2] += 0.5
        return torch.tensor(moved * self.size / self.mesh.image.shape[0], dtype=torch.float32)

    def flow(self, controls: FaceControls, reference: FaceControls) -> Flow:
        """Where what every frame of `controls` shows stands in the frame of `reference`, exact to the triangle.

        Args:
            controls: T frames.
            reference: one frame for all of them, or T frames, one for each.
        """
        frames, references = self._deform(controls), self._deform(reference)
        line = np.arange(self.size, dtype=np.float32)
        offset = np.empty((len(frames), self.size, self.size, 2), np.float32)
        visible = np.empty(offset.shape[:3], bool)
        there = self._seen(references[0], self._cover)
        for index, points in enumerate(frames):
            if index and len(references) > 1:
                there = self._seen(references[index], self._cover)
            here = self._seen(points, self._cover)
            maps = triangle_maps(here.corner, there.corner)
            across, down = look_up(maps, here.owner)
            across, down = np.where(here.person, across, line), np.where(here.person, down, line[:, None])
            offset[index] = np.stack([across - line, down - line[:, None]], -1)
            column, row = np.round(across).astype(int), np.round(down).astype(int)
            inside = (column >= 0) & (column < self.size) & (row >= 0) & (row < self.size)
            place = row.clip(0, self.size - 1), column.clip(0, self.size - 1)
            kept = (maps[0] * maps[4] - maps[1] * maps[3] > SEEN)[here.owner]
            kept &= self._touch(here.owner, there.owner[place]) & ~self._in_mouth(here.owner)
            visible[index] = inside & (there.person[place] == here.person) & (kept | ~here.person)
        return Flow(torch.from_numpy(offset), torch.from_numpy(visible))

    def parts(self, controls: FaceControls) -> Tensor:
        """Which part of the person every pixel of every frame shows, by the triangles that are seen.

        What lies before the face, such as glasses or a fringe, counts as what is behind it. Person and background are
        told apart as they are to cut the person out; where that was not done, the segmentation is asked once.

        Returns:
            (T, size, size) uint8, places in `emo.data.synthetic.parts.PARTS`.
        """
        kinds = triangle_parts(self.mesh)
        seen = (self._seen(points, self._silhouette, FINE) for points in self._deform(controls))
        return torch.from_numpy(np.stack([np.where(s.person, kinds[s.owner], np.uint8(BACKGROUND)) for s in seen]))

    @cached_property
    def _silhouette(self) -> np.ndarray:
        """How far the person covers the pixels of the source, (side, side), before their own background too."""
        if self._cover is not None:
            return self._cover
        return cv2.resize(cut_out(self.mesh.image)[0], (self._side, self._side), interpolation=cv2.INTER_AREA)

    def _seen(self, points: np.ndarray, cover: np.ndarray | None, fine: int = 1) -> "_Seen":
        """What a frame shows at every pixel; without `cover` of the source all is the person.

        With an odd `fine` triangles are drawn that much finer and asked for in the pixels' middles.
        """
        owner = self._owner(points, fine * self.size)[0][fine // 2 :: fine, fine // 2 :: fine]
        corner = self._scaled(points, self.size)[self.mesh.triangles]
        if cover is None:
            return _Seen(owner, corner, np.ones(owner.shape, bool))
        return _Seen(owner, corner, _looked_up(cover, *look_up(triangle_maps(corner, self._origin), owner)) > 0.5)

    def _touch(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Whether triangles are the same or have a corner in common, by their numbers, both (H, W)."""
        a, b = self.mesh.triangles[one], self.mesh.triangles[other]
        return (a[..., :, None] == b[..., None, :]).any((-2, -1))

    def _in_mouth(self, triangle: np.ndarray) -> np.ndarray:
        return triangle >= len(self.mesh.triangles) - self.mesh.mouth_triangles

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
        """One frame: the map of triangles, then one lookup of the portrait."""
        side = self.size * SUPERSAMPLING
        owner, corner = self._owner(points, side)
        across, down = look_up(triangle_maps(corner, self._origin), owner)
        drawn = cv2.remap(self._source, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        paint_mouth(drawn, self._scaled(points, side), self._light)
        if self._cover is not None and self._backdrop is not None:
            cover = _looked_up(self._cover, across, down)[..., None]
            drawn = cv2.add(self._backdrop, cover * (drawn - self._backdrop), dtype=cv2.CV_8U)
        return cv2.resize(drawn, (self.size, self.size), interpolation=cv2.INTER_AREA)

    def _owner(self, points: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
        """The triangles seen in a frame of that side, (side, side), and where all their corners are, (N, 3, 2)."""
        corner = self._scaled(points, side)[self.mesh.triangles]
        depth = points[:, 2][self.mesh.triangles].mean(1) + self._behind
        return draw_triangles(corner, depth, (side, side)), corner

    def _scaled(self, points: np.ndarray, side: int) -> np.ndarray:
        """Vertices (V, 2) in pixels of a frame of that side."""
        return (points[:, :2] + 0.5) * (side / self.mesh.image.shape[0]) - 0.5


class _Seen(NamedTuple):
    """What is seen in a frame: the triangles' numbers (H, W), all their corners (N, 3, 2), where the person is (H, W)
    and not the backdrop behind them."""

    owner: np.ndarray
    corner: np.ndarray
    person: np.ndarray


def portrait_side(size: int) -> int:
    """Side of the cropped portrait from which frames of `size` pixels are drawn."""
    return max(512, SUPERSAMPLING * size)


def _as_arrays(controls: FaceControls) -> dict[str, np.ndarray]:
    return {name: value.cpu().double().numpy() for name, value in vars(controls).items()}


def _looked_up(cover: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """How far the person covers those places of the source, like `across`."""
    return cv2.remap(cover, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
