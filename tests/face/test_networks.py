"""MediaPipe's networks run by PyTorch: landmarks as MediaPipe's own, on pictures and from frame to frame."""

import importlib.util
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from emo.downloads import sha256
from emo.errors import EmoError, WeightsError
from emo.face import FaceDetector, track_face
from emo.face import runner as runners
from emo.face.networks import files
from emo.face.networks.files import CHECKSUMS, MESH, NEAR_FINDER, are_networks_here, network_file
from emo.face.networks.finding import FAR, NEAR, BlazeFinder, merged
from emo.face.networks.meshes import AttentionMesh
from emo.face.networks.network import Network
from emo.face.networks.people import PersonMask
from emo.face.networks.sampling import Roi, sampled
from emo.face.networks.tflite import read_graph

against_mediapipe = pytest.mark.skipif(not runners.has_mediapipe(), reason="needs MediaPipe 0.10.21")


@pytest.fixture(scope="module")
def mesh() -> AttentionMesh:
    return AttentionMesh(4)


@against_mediapipe
def test_landmarks_are_mediapipes(mesh, astronaut):
    from emo.face.mediapipe_runner import MediaPipeMesh

    head = astronaut[20:260, 100:340]
    two = np.concatenate([head, np.rot90(head)], 1)  # one of them lies on its side
    theirs = MediaPipeMesh(faces=4, confidence=0.5)
    for picture, count in ((astronaut, 1), (two, 2)):
        ours, expected = mesh(np.ascontiguousarray(picture)), theirs(np.ascontiguousarray(picture))
        assert len(ours) == len(expected) == count
        np.testing.assert_allclose(ours, expected, atol=0.05)
    theirs.close()


@against_mediapipe
@pytest.mark.parametrize("far", [False, True])
def test_boxes_are_mediapipes(astronaut, far):
    from emo.face.mediapipe_runner import MediaPipeFinder

    theirs, ours = MediaPipeFinder(far=far), BlazeFinder(FAR if far else NEAR)
    head = astronaut[20:260, 100:340]
    for picture in (astronaut, astronaut[40:340, 60:510], np.concatenate([head, head[:, ::-1]], 1)):
        picture = np.ascontiguousarray(picture)
        expected = theirs(picture)
        assert len(expected) > 0
        for (box, score), (their_box, their_score) in zip(ours(picture), expected, strict=True):
            np.testing.assert_allclose(box, their_box, atol=0.01)
            assert score == pytest.approx(their_score, abs=1e-4)
    theirs.close()


@against_mediapipe
def test_people_are_mediapipes(astronaut):
    from emo.face.mediapipe_runner import MediaPipePeople

    theirs = MediaPipePeople()
    picture = np.ascontiguousarray(astronaut[:300])
    np.testing.assert_allclose(PersonMask()(picture), theirs(picture), atol=2e-3)
    theirs.close()


@against_mediapipe
def test_detector_and_tracks_do_not_depend_on_the_runner(astronaut, monkeypatch):
    frames = [np.ascontiguousarray(np.roll(astronaut, (2 * i, 3 * i), (0, 1))[:360]) for i in range(4)]
    tracks = {}
    for runner in runners.RUNNERS:
        monkeypatch.setenv(runners.VARIABLE, runner)
        with FaceDetector() as detector:
            (face,) = detector.detect(astronaut)
            tracks[runner] = track_face(frames, detector).landmarks, face.landmarks
    for ours, theirs in zip(tracks["torch"], tracks["mediapipe"], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.05)


def test_no_face_no_landmarks(mesh):
    assert mesh(np.full((200, 300, 3), 120, np.uint8)) == []
    assert mesh.landmarks(np.full((200, 300, 3), 120, np.uint8), Roi(150, 100, 80, 80)) is None


def test_boxes_that_overlap_are_one_face():
    def place(x, y, side):
        return np.concatenate([[(x, y), (x + side, y + side)], np.full((6, 2), x + side / 2)]).astype(np.float32)

    places = np.stack([place(0.1, 0.1, 0.2), place(0.6, 0.6, 0.2), place(0.12, 0.1, 0.2)])
    faces = merged(places, np.array([0.6, 0.7, 0.9]))
    assert [score for _, score in faces] == [0.9, 0.7]
    np.testing.assert_allclose(faces[0][0], 0.4 * places[0] + 0.6 * places[2], atol=1e-6)
    np.testing.assert_allclose(faces[1][0], places[1])


def test_a_turned_rectangle_leads_back_to_the_picture():
    picture = np.zeros((90, 120, 3), np.uint8)
    picture[30:34, 50:54] = 255  # about (52, 32)
    roi = Roi(60, 40, 50, 50, 0.4)
    bright = sampled(picture, roi, (100, 100))[..., 0]
    y, x = np.average(np.indices(bright.shape).reshape(2, -1), 1, bright.reshape(-1)) + 0.5
    np.testing.assert_allclose(roi.to_picture(np.array([[x / 100, y / 100]])), [[52, 32]], atol=0.6)
    tall = Roi.whole(90, 120).widened(64, 64)
    assert (tall.width, tall.height) == (120, 120)
    assert sampled(picture, tall, (64, 64), -1.0).min() == -1


def test_networks_are_what_the_files_say():
    network = Network(network_file(NEAR_FINDER))
    assert network.size == (128, 128)
    picture = np.random.default_rng(0).random((128, 128, 3), np.float32)
    once, again = network(picture), network(picture)
    assert [output.shape for output in once] == [(1, 896, 16), (1, 896, 1)]
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one, other)
    graph = read_graph(network_file(MESH))
    assert [graph.names[number] for number in graph.outputs][-1] == "conv_faceflag"
    assert not torch.is_grad_enabled() or not any(torch.as_tensor(output).requires_grad for output in once)


@pytest.mark.parametrize("content", [b"", b"not a network at all", None], ids=["empty", "other", "cut"])
def test_a_file_that_is_no_network_is_named(tmp_path, content):
    path = tmp_path / "broken.tflite"
    path.write_bytes(network_file(NEAR_FINDER).read_bytes()[:5000] if content is None else content)
    with pytest.raises(WeightsError, match=r"broken\.tflite"):
        Network(path)


@pytest.fixture
def without_mediapipe(tmp_path, monkeypatch) -> Path:
    """A machine that has no MediaPipe and an empty cache; gives what its wheel would hold."""
    wheel = tmp_path / files.WHEEL
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in CHECKSUMS:
            archive.write(network_file(name), f"mediapipe/modules/{name}")
    spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "mediapipe" else spec(name))
    monkeypatch.setenv("EMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(runners.VARIABLE, raising=False)
    return wheel


def test_networks_are_taken_out_of_the_wheel_once(without_mediapipe, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "WHEEL_URL", without_mediapipe.as_uri())
    monkeypatch.setattr(files, "WHEEL_CHECKSUM", sha256(without_mediapipe))
    assert runners.face_runner() == "torch"
    assert not are_networks_here()
    path = network_file(MESH)
    assert path == tmp_path / "cache/faces/face_landmark_with_attention.tflite"
    assert are_networks_here()
    assert not list(path.parent.glob("*.whl"))
    without_mediapipe.unlink()
    assert network_file(NEAR_FINDER).parent == path.parent
    with FaceDetector() as detector:
        assert detector.detect(np.zeros((64, 64, 3), np.uint8)) == []


def test_a_wheel_put_into_the_cache_is_taken_without_a_network(without_mediapipe, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "is_offline", lambda: True)
    with pytest.raises(WeightsError, match=r"HF_HUB_OFFLINE.*emo\[mediapipe\]"):
        network_file(MESH)
    kept = tmp_path / "cache/faces/mediapipe-0.10.21-cp311-cp311-win_amd64.whl"
    kept.parent.mkdir(parents=True)
    without_mediapipe.rename(kept)
    assert sha256(network_file(MESH)) == CHECKSUMS[MESH]
    assert kept.exists()  # it is the user's


def test_another_network_in_the_wheel_is_refused(without_mediapipe, tmp_path, monkeypatch):
    with zipfile.ZipFile(without_mediapipe, "w") as archive:
        for name in CHECKSUMS:
            archive.writestr(f"mediapipe/modules/{name}", b"other")
    folder = tmp_path / "cache/faces"
    folder.mkdir(parents=True)
    without_mediapipe.rename(folder / files.WHEEL)
    with pytest.raises(WeightsError, match="holds another"):
        network_file(MESH)
    assert not list(folder.glob("*.tflite"))
    (folder / files.WHEEL).write_bytes(b"no zip")
    with pytest.raises(WeightsError, match="is no wheel"):
        network_file(MESH)


def test_a_changed_file_in_the_cache_is_not_used(without_mediapipe, tmp_path):
    folder = tmp_path / "cache/faces"
    folder.mkdir(parents=True)
    without_mediapipe.rename(folder / files.WHEEL)
    (folder / Path(MESH).name).write_bytes(b"changed")
    assert sha256(network_file(MESH)) == CHECKSUMS[MESH]


@pytest.mark.parametrize(("value", "words"), [("dlib", "no runner"), ("mediapipe", "not installed")])
def test_a_runner_that_is_not_there_is_named(without_mediapipe, monkeypatch, value, words):
    monkeypatch.setenv(runners.VARIABLE, value)
    with pytest.raises(EmoError, match=words):
        FaceDetector()


def test_a_mediapipe_without_solutions_is_none(tmp_path, monkeypatch):
    """MediaPipe 0.10.30 and later have no `solutions`, and no networks."""
    (tmp_path / "mediapipe").mkdir()
    (tmp_path / "mediapipe" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "mediapipe", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv(runners.VARIABLE, raising=False)
    assert runners.face_runner() == "torch"
