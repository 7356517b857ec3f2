"""Motion is read from the clips of a dataset, once, and what cannot be known stays unknown."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_clips import made_clip, made_dataset
from made_faces import made_face, turn
from made_videos import talker, write_video

from emo.data import ClipReader, extract_motion
from emo.data.face_readings import FOLDER, calm_readings, load_readings
from emo.data.format import load_labels, read_info, read_metadata, save_labels, write_metadata
from emo.data.prepare.store import Store
from emo.errors import DatasetError
from emo.motion import CONTROLS
from emo.motion.reading import face_readings

FRAMES = 12


def labeled_face(root: Path, number: int, person: str = "somebody", frames: int = FRAMES, **face) -> None:
    """A clip of random patches, labeled with the landmarks of a face, `face` for each frame."""
    points = np.stack([made_face(**{name: values[n] for name, values in face.items()}) for n in range(frames)])
    made_clip(root, number, frames, person=person, landmarks=points.astype(np.float32))


def label(root: Path, number: int, name: str) -> np.ndarray:
    return load_labels(root / "train" / f"{number:06d}.safetensors", FRAMES)[name]


@pytest.fixture(scope="module")
def filmed(tmp_path_factory) -> Path:
    """Two clips of one face that talks, and one of nobody."""
    root = tmp_path_factory.mktemp("filmed")
    frames, sound, _ = talker(1.2, 1)
    made_dataset(root, *[{"frames": FRAMES, "width": 160, "height": 160, "person": "somebody"}] * 3)
    for number in range(2):
        write_video(root / "train" / f"{number:06d}.mp4", frames[number * FRAMES :][:FRAMES], sound[: FRAMES * 640])
    return root


@pytest.fixture(scope="module")
def extracted(filmed, tmp_path_factory) -> tuple[Path, list]:
    root = shutil.copytree(filmed, tmp_path_factory.mktemp("extracted") / "people")
    return root, list(extract_motion(root, 1))


def test_every_control_is_read_from_the_frames(extracted, filmed):
    root, steps = extracted
    assert [(step.clips, step.all_clips) for step in steps] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    before = load_labels(filmed / "train/000000.safetensors", FRAMES)
    after = load_labels(root / "train/000000.safetensors", FRAMES)
    assert set(after) == {*before, *CONTROLS.names, "distance"}
    assert all((after[name] == before[name]).all() for name in before)
    assert after["jaw"].std() > 0.01
    np.testing.assert_allclose(after["distance"], 1 / after["scale"], rtol=1e-5)
    assert len(ClipReader(root, with_labels=CONTROLS.names)) == 2


def test_who_is_not_seen_is_named_and_left(extracted, filmed):
    root, steps = extracted
    (line,) = steps[-1].faceless
    assert "000002.mp4" in line
    assert "no face" in line
    for name in ("train/000002.safetensors", "train/000002.mp4"):
        assert (root / name).read_bytes() == (filmed / name).read_bytes()


def test_what_was_not_seen_stays_unknown(extracted):
    motion = read_info(extracted[0] / "train/000000.safetensors").motion
    assert motion is not None
    assert motion.distance is not None
    unknown = ("gaze_x", "gaze_y", "emotion", "emotion_strength", "head_coupling", "blink_coupling")
    assert all(getattr(motion, name) is None for name in unknown)
    assert read_metadata(extracted[0], "train")[0].motion == motion


def test_a_second_run_looks_at_nothing_again(extracted, tmp_path, monkeypatch):
    root = shutil.copytree(extracted[0], tmp_path / "again")
    files = {path: path.read_bytes() for path in root.rglob("*.safetensors")}
    monkeypatch.setattr("emo.data.face_readings.track_face", lambda *_, **__: pytest.fail("looked again"))
    shutil.rmtree(root / "train" / "000002.mp4", ignore_errors=True)
    (root / "train" / "000002.safetensors").unlink()
    write_metadata(root)
    assert [(step.clips, step.all_clips) for step in extract_motion(root, 1)] == [(2, 2)]
    assert all(path.read_bytes() == files[path] for path in root.rglob("*.safetensors"))


def test_who_was_not_seen_is_not_looked_for_again_but_named_again(extracted, tmp_path, monkeypatch):
    root = shutil.copytree(extracted[0], tmp_path / "again")
    monkeypatch.setattr("emo.data.face_readings.track_face", lambda *_, **__: pytest.fail("looked again"))
    (step,) = extract_motion(root, 1)
    assert (step.clips, step.all_clips) == (3, 3)
    assert step.faceless == (f"{root}/train/000002.mp4: no face in any of its {FRAMES} frames",)


def test_clips_of_one_name_in_two_folders_have_readings_of_their_own(filmed, tmp_path):
    root = shutil.copytree(filmed, tmp_path / "two")
    (root / "train" / "000002.safetensors").unlink()
    frames, sound, _ = talker(1.2, 2)
    made_clip(root, 0, FRAMES, width=160, height=160, split="test", person="somebody")
    write_video(root / "test" / "000000.mp4", frames[FRAMES:][:FRAMES], sound[: FRAMES * 640])
    write_metadata(root)
    assert list(extract_motion(root, 1))[-1].clips == 3
    first, other = (load_labels(root / split / "000000.safetensors", FRAMES)["jaw"] for split in ("train", "test"))
    assert (first != other).any()
    moved = replace(read_metadata(root, "train")[0], split="test")
    (root / "train" / "000000.mp4").replace(root / "test" / "000000.mp4")
    assert load_readings(root, moved) is not None  # of what has only changed its split
    (root / "test" / "000000.mp4").write_bytes(b"of another video")
    assert load_readings(root, moved) is None


def test_a_run_that_was_stopped_goes_on(extracted, filmed, tmp_path):
    root = shutil.copytree(filmed, tmp_path / "stopped")
    steps = extract_motion(root, 1)
    assert [next(steps).clips for _ in range(2)] == [0, 1]
    steps.close()
    assert len(list((root / FOLDER).iterdir())) == 1
    assert [(step.clips, step.all_clips) for step in extract_motion(root, 1)] == [(1, 3), (2, 3), (3, 3)]
    for number in range(2):
        name = f"train/{number:06d}.safetensors"
        done, whole = (load_labels(folder / name, FRAMES) for folder in (root, extracted[0]))
        assert all((done[column] == whole[column]).all() for column in CONTROLS.names)


def test_labels_of_landmarks_are_taken_where_there_are_some(tmp_path):
    labeled_face(tmp_path, 0, opening=np.linspace(0.02, 0.15, FRAMES))
    write_metadata(tmp_path)
    list(extract_motion(tmp_path, 1))
    jaw = label(tmp_path, 0, "jaw")
    np.testing.assert_allclose(jaw, (np.linspace(0.02, 0.15, FRAMES) - 0.01) / 0.18, atol=1e-3)


def test_a_main_look_is_told_against_all_that_is_seen_of_somebody(tmp_path):
    looks = [0.0, 0.0, 0.0, 0.06]
    for number, look in enumerate(looks):
        labeled_face(tmp_path / "one", number, gaze=np.tile([look, 0.0], (FRAMES, 1)), opening=np.full(FRAMES, 0.1))
    shutil.copytree(tmp_path / "one", tmp_path / "several")
    for number in range(4):
        path = tmp_path / "several/train" / f"{number:06d}.safetensors"
        info = replace(read_info(path), person=f"person {number}")
        save_labels(path, load_labels(path, FRAMES), info)
    for name in ("one", "several"):
        write_metadata(tmp_path / name)
        list(extract_motion(tmp_path / name, 1))
    aside = read_info(tmp_path / "one/train/000003.safetensors").motion
    assert aside is not None
    assert aside.gaze_x == pytest.approx(0.06 / 0.13, abs=0.02)
    assert label(tmp_path / "one", 3, "gaze_x").mean() == pytest.approx(0.06 / 0.13, abs=0.02)
    assert read_info(tmp_path / "one/train/000000.safetensors").motion.gaze_x == pytest.approx(0, abs=0.02)
    alone = read_info(tmp_path / "several/train/000003.safetensors").motion
    assert (alone.gaze_x, alone.gaze_y) == (None, None)
    list(extract_motion(tmp_path / "several", 1, one_person=True))
    assert read_info(tmp_path / "several/train/000003.safetensors").motion == aside


def test_a_face_that_fills_less_of_the_picture_is_farther_away(tmp_path):
    for number, size in enumerate((6.0, 12.0)):
        labeled_face(tmp_path, number, size=np.full(FRAMES, size), opening=np.full(FRAMES, 0.1))
    write_metadata(tmp_path)
    list(extract_motion(tmp_path, 1))
    near, far = (label(tmp_path, number, "scale") for number in (1, 0))
    np.testing.assert_allclose(near, 2 * far, rtol=0.05)
    motions = [read_info(tmp_path / "train" / f"{number:06d}.safetensors").motion for number in range(2)]
    assert motions[0].distance == pytest.approx(2 * motions[1].distance, rel=0.05)


def test_heads_are_calmed_and_lips_are_not():
    rng = np.random.default_rng(0)
    shut = np.full(40, 0.1)
    shut[20] = 0.0
    yaw = rng.normal(0, 1, 40)
    points = np.stack([made_face(opening=gap, rotation=turn(yaw=angle)) for gap, angle in zip(shut, yaw, strict=True)])
    calm, sharp = calm_readings(points), face_readings(points)
    np.testing.assert_allclose(calm["opening"], sharp["opening"])
    jitter = [np.abs(np.diff(readings["yaw"])).mean() for readings in (calm, sharp)]
    assert jitter[0] < 0.4 * jitter[1]


def test_clips_that_hold_every_control_stay_as_they_are(tmp_path):
    told = {name: np.linspace(0, 1, FRAMES, dtype=np.float32) for name in CONTROLS.names}
    clip = made_clip(tmp_path, 0, FRAMES)
    path = tmp_path / "train" / clip.labels
    save_labels(path, load_labels(path, FRAMES) | told, clip)
    write_metadata(tmp_path)
    before = (tmp_path / "train/000000.safetensors").read_bytes()
    assert [(step.clips, step.all_clips) for step in extract_motion(tmp_path, 1)] == [(0, 0)]
    assert (tmp_path / "train/000000.safetensors").read_bytes() == before
    assert not (tmp_path / FOLDER).exists()


def test_preparing_more_videos_keeps_the_motion(extracted, tmp_path):
    root = shutil.copytree(extracted[0], tmp_path / "people")
    rows = [replace(row, motion=None) for row in read_metadata(root, "train")]
    (root / ".prepare/clips").mkdir(parents=True)
    (root / "test").mkdir()
    moved = [replace(rows[0], split="test"), *rows[1:]]
    published = Store(root).publish(moved)
    motions = {row.file_name: row.motion for row in published}
    assert {name: motion is not None for name, motion in motions.items()} == {
        "000000.mp4": True,
        "000001.mp4": True,
        "000002.mp4": False,
    }
    assert read_info(root / "test/000000.safetensors").motion == motions["000000.mp4"]


def test_what_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no metadata\.jsonl; give a folder made by emo prepare"):
        list(extract_motion(tmp_path, 1))
    made_dataset(tmp_path / "nobody", {"frames": FRAMES})
    clip = read_metadata(tmp_path / "nobody", "train")[0]
    assert load_readings(tmp_path / "nobody", clip) is None
    for _ in range(2):
        with pytest.raises(DatasetError, match=r"no clip shows a face; .*000000\.mp4"):
            list(extract_motion(tmp_path / "nobody", 1))
        assert load_readings(tmp_path / "nobody", clip) == {}
