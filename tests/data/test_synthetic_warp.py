"""Portraits warped into speech; the portrait is a drawn avatar, and real ones where the data folder is at hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emo.data.synthetic.avatar import AvatarRenderer
from emo.data.synthetic.flow import warp_back
from emo.data.synthetic.identity import draw_identities
from emo.data.synthetic.portrait import landmarks
from emo.data.synthetic.warp import PortraitWarper
from emo.errors import FaceError
from emo.face.mesh import OVAL
from emo.motion.controls import FaceControls


def sweep(**controls) -> FaceControls:
    """Frames at rest but for the given controls."""
    values = {k: torch.tensor(v, dtype=torch.float32) for k, v in controls.items()}
    return replace(FaceControls.rest(len(next(iter(values.values())))), **values)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return AvatarRenderer(256, batch=1).render(draw_identities([104]), FaceControls.rest(1))[0].numpy()


@pytest.fixture(scope="module")
def warper(portrait) -> PortraitWarper:
    return PortraitWarper(portrait, 128)


def test_rest_looks_like_the_portrait(warper):
    import cv2

    frame = warper.render(FaceControls.rest(1))[0].numpy().astype(float)
    crop = cv2.resize(warper.mesh.image, (128, 128), interpolation=cv2.INTER_AREA).astype(float)
    assert frame.shape == (128, 128, 3)
    assert np.abs(frame - crop).mean() < 2


def test_same_motion_same_pixels(warper, portrait):
    motion = sweep(jaw=[0.2, 0.8], yaw=[-10, 10], blink=[0, 1])
    again = PortraitWarper(portrait, 128)
    assert torch.equal(warper.render(motion), again.render(motion))
    assert torch.equal(warper.render(motion)[1:], warper.render(motion[1:]))


def test_border_stays(warper):
    frames = warper.render(sweep(yaw=[0, 15], roll=[0, 8])).float()
    edge = torch.ones(128, 128, dtype=torch.bool)
    edge[2:-2, 2:-2] = False
    assert (frames[0] - frames[1]).abs().mean(-1)[edge].mean() < 2


def test_mouth_opens_as_labeled(warper):
    import cv2

    motion = sweep(jaw=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    labels, seen = warper.labels(motion), []
    for frame in warper.render(motion).numpy():
        points = landmarks(cv2.resize(frame, (512, 512), interpolation=cv2.INTER_CUBIC))
        seen.append(np.linalg.norm(points[13] - points[14]) / np.linalg.norm(points[33] - points[263]))
    assert np.corrcoef(seen, labels.mouth_open)[0, 1] > 0.95
    assert seen[0] < 0.08
    assert labels.mouth.shape == (6, 2)
    assert labels.mouth_open[0] == 0
    assert np.polyfit(labels.mouth_open, seen, 1)[0] == pytest.approx(1, abs=0.2)
    assert np.diff(labels.mouth_open).std() < 1e-4


def test_labels_are_where_the_face_is(warper):
    import cv2

    motion = sweep(yaw=[-12, 12, 0, 0], pitch=[0, 0, 8, 0], tx=[0, 0, 0, 0.05], roll=[0, 0, 5, 0])
    labels = warper.labels(motion)
    for frame, expected, box in zip(
        warper.render(motion).numpy(), warper.landmarks(motion), labels.face_box, strict=True
    ):
        points = landmarks(cv2.resize(frame, (512, 512), interpolation=cv2.INTER_CUBIC))[:, :2] / 4
        assert np.abs(points[:468] - expected[:468, :2].numpy()).mean() < 2.5
        oval = expected[OVAL, :2]
        assert (oval >= box[:2] - 1e-4).all()
        assert (oval <= box[2:] + 1e-4).all()


def test_the_warp_turns_like_the_avatar(warper):
    rest = warper.landmarks(FaceControls.rest(1))[0]
    nose = lambda motion: (warper.landmarks(motion)[0, 1] - rest[1]).tolist()
    assert nose(sweep(yaw=[10]))[0] > 1
    assert nose(sweep(pitch=[10]))[1] < -1
    tilted = warper.landmarks(sweep(roll=[10]))[0]
    slope = lambda points: float((points[263] - points[33])[1])
    assert slope(tilted) > slope(rest) + 2  # clockwise: the eye on the right sinks


@pytest.mark.parametrize("control", ["blink", "brow", "gaze_x", "gaze_y", "smile", "width", "rounding"])
def test_every_control_is_seen(warper, control):
    frames = warper.render(sweep(**{control: [0.0, 0.9]})).float()
    assert (frames[0] - frames[1]).abs().amax() > 12


def test_irises_look_where_the_eyes_look(warper):
    left, right, shut = warper.landmarks(sweep(gaze_x=[-0.8, 0.8, 0.0], blink=[0.0, 0.0, 1.0])).numpy()
    for iris, corners, lid in ((468, [33, 133], 145), (473, [263, 362], 374)):
        width = np.linalg.norm(np.subtract(*left[corners, :2]))
        assert 0.15 < (right[iris, 0] - left[iris, 0]) / width < 0.5
        rim = np.linalg.norm(right[iris + 1 : iris + 5, :2] - right[iris, :2], axis=1) / width
        assert 0.1 < rim.mean() < 0.35
        assert np.linalg.norm(shut[iris, :2] - shut[lid, :2]) < 0.15 * width


def test_landmarks_have_depth(warper):
    rest, turned = warper.landmarks(sweep(yaw=[0.0, 15.0])).numpy()
    assert rest[4, 2] < rest[OVAL, 2].min()  # the nose is nearest
    assert turned[454, 2] > rest[454, 2] + 3  # the temple on the right goes back
    assert turned[234, 2] < rest[234, 2] - 3


def test_the_flow_finds_every_frame_in_another(warper):
    motion = sweep(yaw=[-10, 10, 4], pitch=[0, 6, -5], jaw=[0.1, 0.8, 0.4], tx=[0, 0.05, 0], scale=[1, 1.05, 0.95])
    frames = warper.render(motion)
    flow = warper.flow(motion[1:], motion[:1])
    seen, true = flow.visible, frames[1:].float()
    error = (warp_back(frames[:1], flow) - true).abs().mean(-1)
    still = (frames[:1].float() - true).abs().mean(-1)
    assert seen.float().mean() > 0.9
    assert error[seen].mean() < 2.5
    assert still[seen].mean() > 4 * error[seen].mean()
    assert error[~seen].mean() > 4 * error[seen].mean()
    pairs = warper.flow(motion[1:], motion[[0, 0]])
    assert torch.equal(pairs.offset, flow.offset)
    assert torch.equal(pairs.visible, flow.visible)


def test_a_frame_is_where_it_is_in_itself(warper):
    motion = sweep(yaw=[7.0], jaw=[0.5])
    flow = warper.flow(motion, motion)
    assert flow.offset.abs().max() < 0.01
    mouth = warper.labels(motion).mouth[0].round().long()
    assert flow.visible.float().mean() > 0.97
    assert not flow.visible[0, mouth[1], mouth[0]]  # painted


def test_bad_portraits_are_refused():
    with pytest.raises(FaceError, match="no face"):
        PortraitWarper(np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(ValueError, match="uint8 RGB"):
        PortraitWarper(np.zeros((200, 200), np.uint8))


@pytest.mark.data
def test_real_portraits(data):
    import cv2

    for path in sorted((data / "images").glob("*")):
        warper = PortraitWarper(cv2.imread(str(path))[..., ::-1].copy(), 128)
        frames = warper.render(sweep(jaw=[0.5, 0.5, 0.5], yaw=[0, 12, -12])).numpy()
        for frame in frames:
            assert landmarks(cv2.resize(frame, (512, 512), interpolation=cv2.INTER_CUBIC)) is not None, path.name
