"""Procedural avatars: the same seed gives the same pixels, and the pixels show what the labels say."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emo.data.synthetic.avatar import AvatarRenderer
from emo.data.synthetic.flow import warp_back
from emo.data.synthetic.identity import draw_identities
from emo.face import FACE_SHARE, FaceDetector
from emo.motion.controls import FaceControls
from emo.motion.rotation import rotation


@pytest.fixture(scope="module")
def renderer():
    return AvatarRenderer(64, batch=4)


def sweep(**controls) -> FaceControls:
    """Frames at rest but for the given controls."""
    values = {k: torch.tensor(v, dtype=torch.float32) for k, v in controls.items()}
    return replace(FaceControls.rest(len(next(iter(values.values())))), **values)


def test_same_seed_same_person_in_any_company():
    crowd, alone = draw_identities(range(20)), draw_identities([7])
    for fields in ("shape", "look"):
        for a, b in zip(getattr(crowd[7], fields), getattr(alone, fields), strict=True):
            assert torch.equal(a, b)
    assert len(crowd) == 20
    assert len(crowd[2:5]) == 3
    assert len(crowd[-1]) == 1


def test_a_thousand_seeds_are_a_thousand_people():
    people = draw_identities(range(1000))
    features = torch.cat([torch.stack(people.shape, 1), people.look.skin, people.look.hair, people.look.iris], 1)
    features = (features - features.mean(0)) / features.std(0).clamp_min(1e-6)
    between = torch.cdist(features, features).fill_diagonal_(torch.inf)
    assert between.min() > 0.25 * between[between.isfinite()].median()


def test_bad_requests_are_refused(renderer):
    with pytest.raises(ValueError, match="at least one"):
        draw_identities([])
    with pytest.raises(ValueError, match="non-negative"):
        draw_identities([-1])
    with pytest.raises(ValueError, match="multiple of 8"):
        AvatarRenderer(100)
    with pytest.raises(ValueError, match="2 people for 3 frames"):
        renderer.render(draw_identities([1, 2]), FaceControls.rest(3))


def test_pixels_do_not_depend_on_the_batch(renderer):
    people, motion = draw_identities([11, 12, 13]), sweep(yaw=[-15, 0, 12], jaw=[0, 0.5, 1], scale=[1, 0.95, 1.05])
    together = renderer.render(people, motion)
    assert together.shape == (3, 64, 64, 3)
    assert together.dtype == torch.uint8
    assert torch.equal(together, renderer.render(people, motion))
    single = AvatarRenderer(64, batch=1)
    assert torch.equal(together, single.render(people, motion))
    assert torch.equal(together[1:2], single.render(people[1], motion[1:2]))


def test_a_resting_face_is_symmetric(renderer):
    """Hair, light and clothes aside, both halves of the face are alike: compare eyes and mouth, lit from the front."""
    person = draw_identities([3])
    even = {k: torch.zeros(1) for k in ("light_side", "freckles")}
    person = replace(person, look=person.look._replace(**even))
    frame = renderer.render(person, FaceControls.rest(1))[0].float()
    box = renderer.labels(person, FaceControls.rest(1)).face_box[0]
    middle = slice(int(box[1]) + 10, int(box[3]) - 4)
    face = frame[middle, 18:46]
    assert (face - face.flip(1)).abs().mean() < 4


def test_opening_the_mouth_darkens_it_as_much_as_labeled(renderer):
    """The dark area between the lips grows with the labeled gap, and is absent at 0."""
    person, jaw = draw_identities([21]), [0.0, 0.25, 0.5, 0.75, 1.0]
    renderer = AvatarRenderer(128, batch=5)
    motion = sweep(jaw=jaw)
    frames, labels = renderer.render(person, motion).float(), renderer.labels(person, motion)
    changed = []
    for frame, (x, y) in zip(frames, labels.mouth.round().int().tolist(), strict=True):
        column = (frame[y - 14 : y + 15, x] - frames[0, y - 14 : y + 15, x]).abs().mean(1)
        changed.append(float((column > 25).sum()))
    assert labels.mouth_open[0] == 0
    assert changed[0] == 0
    assert np.corrcoef(changed, labels.mouth_open)[0, 1] > 0.9
    assert changed == sorted(changed)


def test_box_and_mouth_follow_shift_and_scale(renderer):
    person = draw_identities([5])
    rest, moved = renderer.labels(person, FaceControls.rest(1)), renderer.labels(person, sweep(tx=[0.1], ty=[0.05]))
    shift = torch.tensor([0.05, -0.025]) * 64
    assert torch.allclose(moved.mouth - rest.mouth, shift.expand(1, 2), atol=1e-4)
    assert torch.allclose(moved.face_box - rest.face_box, shift.repeat(2).expand(1, 4), atol=1e-4)
    large = renderer.labels(person, sweep(scale=[1.1]))
    size = lambda labels: labels.face_box[0, 2:] - labels.face_box[0, :2]
    assert torch.allclose(size(large), 1.1 * size(rest), atol=1e-3)
    pixels = renderer.render(person, sweep(tx=[0.0, 0.125]))  # four pixels at 64
    assert (pixels[0, :, 16:44].float() - pixels[1, :, 20:48].float())[20:50].abs().median() <= 2


def test_positive_yaw_turns_to_the_right_and_positive_pitch_up(renderer):
    person = draw_identities([5])
    rest = renderer.labels(person, FaceControls.rest(1)).mouth[0]
    assert renderer.labels(person, sweep(yaw=[15])).mouth[0, 0] > rest[0] + 2
    assert renderer.labels(person, sweep(pitch=[10])).mouth[0, 1] < rest[1] - 1
    nose = rotation(*(torch.tensor([v]) for v in (10.0, 0.0, 0.0)))[0] @ torch.tensor([0.0, 0.0, 1.0])
    assert nose[0] > 0.17


@pytest.mark.parametrize(
    "control", ["blink", "brow", "gaze_x", "gaze_y", "smile", "width", "rounding", "jaw", "yaw", "pitch", "roll"]
)
def test_every_control_is_seen(renderer, control):
    person, amount = draw_identities([8]), 10.0 if control in ("yaw", "pitch", "roll") else 0.9
    frames = renderer.render(person, sweep(**{control: [0.0, amount]})).float()
    assert (frames[0] - frames[1]).abs().amax() > 25


@pytest.mark.slow
def test_faces_are_found_and_measured():
    """MediaPipe finds every face, and reads back what was commanded."""
    solutions = pytest.importorskip("mediapipe.python.solutions.face_mesh")
    mesh = solutions.FaceMesh(static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.5)
    import cv2

    rng, count = np.random.default_rng(0), 24
    draw = lambda low, high: rng.uniform(low, high, count).tolist()
    motion = sweep(jaw=draw(0, 1), yaw=draw(-20, 20), pitch=draw(-12, 12), roll=draw(-10, 10))
    people, renderer = draw_identities(range(500, 500 + count)), AvatarRenderer(128, batch=4)
    labels, gap, roll, places = renderer.labels(people, motion), [], [], []
    for frame in renderer.render(people, motion).numpy():
        found = mesh.process(cv2.resize(frame, (512, 512), interpolation=cv2.INTER_CUBIC)).multi_face_landmarks
        assert found
        points = np.array([[p.x, p.y] for p in found[0].landmark]) * 128
        eyes = points[263] - points[33]
        gap.append(np.linalg.norm(points[13] - points[14]) / np.linalg.norm(eyes))
        roll.append(np.degrees(np.arctan2(eyes[1], eyes[0])))
        eye_centers = points[[33, 133]].mean(0), points[[362, 263]].mean(0)
        places.append([*eye_centers, *points[[1, 61, 291, 13, 14]]])
    assert np.corrcoef(gap, labels.mouth_open)[0, 1] > 0.93
    assert np.corrcoef(roll, motion.roll)[0, 1] > 0.97
    assert np.abs(np.array(places) - labels.points.numpy()).mean((0, 2)).max() < 2.5  # pixels, for every point


@pytest.mark.slow
def test_faces_are_as_large_as_in_the_crops_of_portraits():
    """What the networks train on is framed like what they are given later."""
    people, frames = draw_identities(range(300, 312)), FaceControls.rest(12)
    boxes = []
    with FaceDetector() as detector:
        for frame in AvatarRenderer(128, batch=4).render(people, frames).numpy():
            boxes.append(detector.detect(frame)[0].box)
    x0, y0, x1, y1 = np.array(boxes).T / 128
    assert np.maximum(x1 - x0, y1 - y0).mean() == pytest.approx(FACE_SHARE, abs=0.02)
    assert (y0 + y1).mean() / 2 == pytest.approx(0.5, abs=0.03)


def test_the_flow_finds_what_is_rigid_in_another_frame(renderer):
    motion = sweep(yaw=[-10, 10, 4], pitch=[0, 6, -5], jaw=[0.1, 0.8, 0.4], tx=[0, 0.05, 0], scale=[1, 1.05, 0.95])
    person = draw_identities([5])
    frames = renderer.render(person, motion)
    flow = renderer.flow(person, motion[1:], motion[:1])
    seen, true = flow.visible, frames[1:].float()
    error = (warp_back(frames[:1], flow) - true).abs().mean(-1)
    still = (frames[:1].float() - true).abs().mean(-1)
    assert 0.5 < seen.float().mean() < 0.95
    assert error[seen].mean() < 5
    assert still[seen].mean() > 2 * error[seen].mean()
    for index, (x, y) in enumerate(renderer.labels(person, motion[1:]).mouth.round().long()):
        assert not seen[index, y, x]
    noses = renderer.labels(person, motion).points[:, 2]
    for index, (x, y) in enumerate(noses[1:].long()):
        assert (flow.offset[index, y, x] - (noses[0] - noses[index + 1])).abs().max() < 1
    assert flow.offset[:, :8, :8].abs().max() == 0  # the wall
    pairs = renderer.flow(person, motion[1:], motion[[0, 0]])
    assert torch.equal(pairs.visible, seen)
