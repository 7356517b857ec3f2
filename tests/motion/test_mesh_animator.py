"""A photograph that moves as it is told; what it does is read back from the drawn frames."""

import cv2
import numpy as np
import pytest
import torch

from emo.errors import FaceError
from emo.face.measures import mouth_opening
from emo.face.mesh import INNER_LIPS_MIDDLE, NOSE_TIP, OVAL
from emo.face.tracker import track_face
from emo.motion import CONTROLS, MeshAnimator, MotionTrack
from emo.motion.mesh.unfold import unfolded


def sweep(**controls) -> torch.Tensor:
    """Motion at rest but for the given controls."""
    frames = len(next(iter(controls.values())))
    return MotionTrack.rest(frames, 25).set(**controls).values


def changed(frames: np.ndarray) -> np.ndarray:
    """By how much each frame differs from the first, per pixel."""
    return np.abs(frames[1:].astype(float) - frames[0]).max(-1)


@pytest.fixture(scope="module")
def read(animator, appearance) -> torch.Tensor:
    """What is read of frames that turn, talk, blink and look about, and what they were told."""
    time = np.linspace(0, 2 * np.pi, 24)
    told = sweep(
        yaw=12 * np.sin(time), roll=8 * np.cos(time), jaw=(0.4 + 0.4 * np.cos(3 * time)).tolist(),
        blink=np.clip(np.sin(2 * time) ** 8, 0, 1), tx=0.08 * np.cos(2 * time), scale=1 + 0.08 * np.sin(time),
    )  # fmt: skip
    return torch.stack([told, animator.motion(animator.render(appearance, told))])


def test_at_rest_it_is_the_portrait(animator, appearance, face):
    frame = animator.render(appearance, MotionTrack.rest(1, 25).values)[0]
    above = slice(0, int(appearance.landmarks[NOSE_TIP, 1]))  # she smiles, and at rest lips are shut
    assert np.abs(frame.astype(float) - face)[above].mean() < 0.6


@pytest.mark.parametrize(
    ("name", "r", "slope"),
    [("yaw", 0.95, 0.25), ("roll", 0.98, 0.1), ("jaw", 0.9, 0.3), ("tx", 0.9, 0.15), ("scale", 0.95, 0.2)],
)
def test_what_is_told_is_read_back(read, name, r, slope):
    told, seen = (track[:, CONTROLS.names.index(name)] for track in read)
    assert np.corrcoef(told, seen)[0, 1] > r
    assert np.polyfit(told, seen, 1)[0] == pytest.approx(1, abs=slope)


def test_eyes_close(read):
    told, seen = (track[:, CONTROLS.names.index("blink")] for track in read)
    assert seen[told > 0.9].min() > 0.5
    assert seen[told < 0.05].mean() < 0.25


def test_lips_close_whatever_the_portrait_shows(animator, appearance):
    frames = animator.render(appearance, sweep(jaw=[0.0, 0.0, 0.7]))
    opening = mouth_opening(track_face(frames).landmarks)
    assert mouth_opening(appearance.landmarks[None])[0] > 0.04  # she smiles
    assert opening[1] < 0.03
    assert opening[2] > 0.1


@pytest.mark.parametrize("name", ["gaze_x", "gaze_y", "brow", "smile", "width", "rounding", "pitch", "ty"])
def test_every_control_is_seen(animator, appearance, name):
    frames = animator.render(appearance, sweep(**{name: [0.0, 0.9 if name != "pitch" else 9.0]}))
    assert changed(frames).max() > 20


def test_irises_keep_their_shape(animator, appearance):
    """A look aside moves an iris within lids that stay, and touches nothing else."""
    frames = animator.render(appearance, sweep(gaze_x=[0.0, 0.8]))
    moved = changed(frames)[0] > 8
    row, column = np.nonzero(moved)
    eyes = appearance.landmarks[[33, 133, 362, 263], :2]
    assert (column > eyes[:, 0].min() - 3).all()
    assert (column < eyes[:, 0].max() + 3).all()
    assert np.ptp(row) < 0.4 * np.ptp(eyes[:, 0])


def test_teeth_stay_with_the_skull(animator, appearance):
    """As the jaw falls the upper teeth stay where they are and the chin goes."""
    half, wide = (appearance._expression(dict(_row(jaw=jaw))) for jaw in (0.4, 1.0))
    upper, lower = ((wide - half)[0, lip, 1] for lip in INNER_LIPS_MIDDLE)
    assert lower > 4 * abs(upper)
    assert (wide - half)[0, 152, 1] > 0.5 * lower  # the chin


def _row(**controls) -> dict[str, np.ndarray]:
    return dict(zip(CONTROLS.names, sweep(**{k: [v] for k, v in controls.items()}).double().numpy().T, strict=True))


def test_the_surroundings_follow_without_a_seam(animator, appearance):
    """A field of origins over the whole picture, in which neighbors come from neighbors."""
    turn = appearance.head.turn(_row(yaw=15.0, tx=0.1, scale=1.1))
    origins = appearance._surroundings.origins(turn.matrix[0], turn.scale[0], turn.shift[0], np.zeros((36, 2)))
    steps = [np.abs(np.diff(origins, axis=axis)).max(-1) for axis in (0, 1)]
    outside = np.ones(origins.shape[:2], np.uint8)
    place = appearance.head.place(appearance.head.points[None], turn)[0, OVAL, :2]
    cv2.fillPoly(outside, [place.round().astype(np.int32)], (0,))
    assert max(steps[0][outside[1:] > 0].max(), steps[1][outside[:, 1:] > 0].max()) < 6
    assert np.abs(origins[-1, 5] - [5, 255]).max() < 30  # a corner hardly moves


def test_the_far_side_is_not_laid_bare(face, appearance):
    turned = appearance.head
    frontal = turned.turn(_row(yaw=40.0)).matrix
    turned_yaw, turned._yaw = turned._yaw, 40.0
    try:
        out, back = (np.degrees(np.arcsin(turned.turn(_row(yaw=yaw)).matrix[0, 2, 0])) for yaw in (40.0, -40.0))
    finally:
        turned._yaw = turned_yaw
    assert abs(np.degrees(np.arcsin(frontal[0, 2, 0]))) == pytest.approx(25, abs=1)
    assert (abs(out), abs(back)) == (pytest.approx(8, abs=0.5), pytest.approx(9, abs=0.5))


def test_frames_do_not_depend_on_each_other(animator, appearance):
    motion = sweep(yaw=np.linspace(-10, 10, 18), jaw=np.linspace(0, 1, 18))
    frames = animator.render(appearance, motion)
    assert np.array_equal(animator.render(appearance, motion[17:])[0], frames[17])


def test_any_size_and_shape(animator, face):
    for size in ((112, 112), (320, 256)):
        picture = cv2.copyMakeBorder(face, 0, size[0] - 256, 0, 0, cv2.BORDER_REPLICATE) if size[0] > 256 else face
        picture = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)
        frames = animator.render(animator.appearance(picture), sweep(jaw=[0.0, 0.8]))
        assert frames.shape == (2, *size, 3)
        assert changed(frames).max() > 20


def test_it_is_a_component(animator, tmp_path, appearance):
    MeshAnimator(min_face=40).save_pretrained(tmp_path)
    again = MeshAnimator.from_pretrained(tmp_path)
    assert again.config["min_face"] == 40
    motion = sweep(jaw=[0.6])
    assert np.array_equal(again.render(appearance, motion), animator.render(appearance, motion))


def test_pictures_without_a_face_are_refused(animator, face):
    with pytest.raises(FaceError, match="no face"):
        animator.appearance(np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(FaceError, match="larger picture"):
        MeshAnimator(min_face=200).appearance(face)


def test_hidden_vertices_take_the_look_of_their_neighbors():
    """A strip whose last vertex is folded back under it, as a far cheek is."""
    straight = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]], float)
    folded = straight.copy()
    folded[4:, 0] = 0.5
    triangles = np.array([[0, 1, 2], [1, 3, 2], [2, 3, 4], [3, 5, 4]])
    found = unfolded(folded, straight, triangles)
    assert np.array_equal(found[:4], folded[:4])
    assert np.abs(found[4:, 0] - 1).max() < 0.01
    assert np.array_equal(unfolded(straight, straight, triangles), straight)
