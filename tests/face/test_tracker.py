import numpy as np
import pytest

from emo.errors import FaceError
from emo.face import Face, FaceDetector, landmark_box, track_face

FRAME = np.zeros((128, 128, 3), np.uint8)


def face(x: float, y: float, side: float = 40.0) -> Face:
    """A face of which only place and size are told."""
    landmarks = np.random.default_rng(0).uniform(-0.5, 0.5, (478, 3)) * side + np.array((x, y, 0))
    landmarks = landmarks.astype(np.float32)
    return Face(landmark_box(landmarks), 0.9, landmarks)


class Script:
    """Stands for a detector: per frame, the faces in it, and which of them the mesh confirms near the last box."""

    def __init__(self, *frames: tuple[list[Face], Face | None]):
        self.frames, self.searches, self.boxes = list(frames), 0, []

    def play(self):
        for frame in self.frames:
            self.now = frame
            yield FRAME

    def landmarks_near(self, image, box):
        self.boxes.append(box)
        return None if self.now[1] is None else self.now[1].landmarks

    def detect(self, image):
        self.searches += 1
        return self.now[0]


def test_the_largest_face_is_taken_and_then_followed_from_box_to_box():
    small, large, moved = face(20, 20, 20), face(80, 60), face(83, 62)
    script = Script(([small, large], None), ([small], moved), ([small], large))
    track = track_face(script.play(), script)
    assert track.found.tolist() == [True, True, True]
    np.testing.assert_array_equal(track.landmarks, np.stack([f.landmarks for f in (large, moved, large)]))
    assert track.landmarks.dtype == np.float32
    assert script.searches == 1
    assert script.boxes == [large.box, moved.box]


def test_a_lost_face_is_searched_nearest_to_where_it_was():
    near, far = face(70, 60, 20), face(20, 20, 40)
    script = Script(([face(80, 60)], None), ([far, near], None), ([], near))
    track = track_face(script.play(), script)
    np.testing.assert_array_equal(track.landmarks[1], near.landmarks)
    assert script.searches == 2


def test_missing_frames_are_interpolated_and_ends_repeated():
    first, last = face(40, 60), face(80, 60)
    script = Script(([], None), ([first], None), ([], None), ([], None), ([], None), ([last], None), ([], None))
    track = track_face(script.play(), script)
    assert track.found.tolist() == [False, True, False, False, False, True, False]
    assert len(track) == 7
    for frame, share in enumerate((0, 0, 0.25, 0.5, 0.75, 1, 1)):
        expected = (1 - share) * first.landmarks + share * last.landmarks
        np.testing.assert_allclose(track.landmarks[frame], expected, atol=1e-4)
    np.testing.assert_array_equal(track.landmarks[[0, 1]], np.stack([first.landmarks] * 2))


def test_no_face_and_no_frames_are_errors_with_the_name():
    empty = Script(([], None), ([], None))
    with pytest.raises(FaceError, match=r"cat\.mp4 .*no face in any of its 2 frames"):
        track_face(empty.play(), empty, name="cat.mp4")
    with pytest.raises(FaceError, match="no frames"):
        track_face(iter(()), empty)


def test_frames_are_taken_one_by_one():
    script, asked = Script(*[([face(60, 60)], face(60, 60))] * 5), []

    def stream():
        for index, frame in enumerate(script.play()):
            asked.append((index, len(script.boxes)))
            yield frame

    track_face(stream(), script)
    assert asked == [(0, 0), (1, 0), (2, 1), (3, 2), (4, 3)]


@pytest.fixture(scope="module")
def walk(astronaut) -> list[np.ndarray]:
    """12 frames of 128 px of the astronaut, two pixels further to the right in each."""
    import cv2

    cuts = [astronaut[20:276, 110 - 4 * i : 366 - 4 * i] for i in range(12)]
    return [cv2.resize(cut, (128, 128), interpolation=cv2.INTER_AREA) for cut in cuts]


def test_a_small_moving_face_is_followed(detector, walk):
    track = track_face(iter(walk), detector)
    assert track.found.all()
    middle = track.landmarks[:, :, :2].mean(1)
    assert np.diff(middle[:, 0]) == pytest.approx(np.full(11, 2), abs=0.7)
    assert np.ptp(middle[:, 1]) < 1.5


def test_a_track_depends_on_its_frames_alone(detector, walk, astronaut):
    track = track_face(walk, detector)
    detector.detect(astronaut)
    track_face([astronaut[:, ::-1].copy()] * 2, detector)
    again = track_face(walk, detector)
    with FaceDetector() as fresh:
        other = track_face(walk, fresh)
    np.testing.assert_array_equal(track.landmarks, again.landmarks)
    np.testing.assert_array_equal(track.landmarks, other.landmarks)


def test_the_track_says_what_detection_on_every_frame_says(detector, walk):
    track = track_face(walk, detector)
    alone = np.stack([detector.detect(frame)[0].landmarks for frame in walk])
    assert np.abs(track.landmarks - alone)[..., :2].mean() < 0.5
