"""The parts of `emo prepare`: faces, filters, crop, labels, people, folder, engines, voices."""

import json
import os
import sys
import types
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
from made_clips import made_clip
from made_videos import FACE, HEIGHT, SIDE, WIDTH, background, pasted, talker

from emo.bounds import Bound, bounds
from emo.data.format import METADATA, load_labels, read_info, read_metadata
from emo.data.prepare import filters
from emo.data.prepare.config import FilterConfig, PrepareConfig, load_prepare_config
from emo.data.prepare.engines import DIED, local_engine
from emo.data.prepare.faces import LOOK_EVERY, SceneTrack, track_scene
from emo.data.prepare.filters import Reason, clip_crop, runs, silent_frames, visual_faults
from emo.data.prepare.labels import place_labels, run_labels
from emo.data.prepare.people import choose_test_people, group_videos
from emo.data.prepare.sound import demucs_separator
from emo.data.prepare.store import Store
from emo.data.prepare.sync import HeardVoice, is_dubbed, match_lips, seen_lips
from emo.data.synthetic.speech import synthesize
from emo.errors import ConfigError, DatasetError, OutputError
from emo.face import FACE_SHARE, Box, Crop, FaceDetector

CONFIG = Path(__file__).parents[2] / "configs" / "prepare.yaml"


@pytest.fixture(scope="module")
def detector():
    with FaceDetector() as detector:
        yield detector


@pytest.fixture(scope="module")
def track(detector) -> SceneTrack:
    """A talker in a larger scene."""
    return track_scene(pasted(talker()[0]), detector)


def faults(track: SceneTrack, **options) -> dict[str, np.ndarray]:
    found = visual_faults(track, (HEIGHT, WIDTH), FilterConfig(**({"min_face": 60} | options)))
    return {reason: where for reason, where in found.items() if where.any()}


def changed(track: SceneTrack, change) -> SceneTrack:
    """The track with its landmarks, (T, 478, 3), changed."""
    return replace(track, landmarks=change(track.landmarks.copy()))


def turned(landmarks: np.ndarray, yaw: float = 0, pitch: float = 0, roll: float = 0) -> np.ndarray:
    y, p, r = np.radians((-yaw, -pitch, roll))
    about = lambda a, b, t: np.array([
        [np.cos(t) if i == j and i in (a, b) else float(i == j) for j in range(3)] for i in range(3)
    ]) + np.sin(t) * (np.eye(3)[[b]].T @ np.eye(3)[[a]] - np.eye(3)[[a]].T @ np.eye(3)[[b]])  # fmt: skip
    middle = landmarks.mean((0, 1))
    return ((landmarks - middle) @ (about(0, 1, r) @ about(2, 0, y) @ about(1, 2, p)).T + middle).astype(np.float32)


def test_a_talker_in_a_larger_scene_is_followed_and_without_fault(track):
    assert track.found.all()
    assert faults(track) == {}
    sides = (track.boxes[:, 2:] - track.boxes[:, :2]).max(1)
    assert abs(sides.mean() - FACE) < 8


def test_faces_come_and_go(detector):
    frames = [background()] * 4 + list(pasted(talker()[0][:6])) + [None] * 2 + list(pasted(talker()[0][6:10]))
    track = track_scene(frames, detector)
    assert track.missing.tolist() == [False] * 10 + [True] * 2 + [False] * 4
    assert not track.found[:4].any()
    assert track.found[6:10].all()  # looked for every third frame
    assert not track.found[10:12].any()
    assert track.found[12:].all()
    empty = track_scene([background()] * 3, detector)
    assert set(faults(empty)) == {Reason.NO_FACE}


def test_a_second_face_rules_frames_out(detector):
    alone, two = pasted(talker()[0][:LOOK_EVERY], x=0), pasted(talker()[0][:LOOK_EVERY], x=0)
    two[:, 20 : 20 + SIDE, WIDTH - SIDE :] = talker(person=1)[0][:LOOK_EVERY]
    track = track_scene([*alone, *two, *two], detector)
    assert faults(track)[Reason.SEVERAL].all()  # from the look before it on
    alone = track_scene([*alone, *alone], detector)
    assert Reason.SEVERAL not in faults(alone)
    near = replace(alone, others=np.full(len(alone), 0.3))
    assert Reason.SEVERAL not in faults(near)
    assert Reason.SEVERAL in faults(near, other_face=0.2)


def test_a_small_bystander_counts_only_within_the_crop(detector):
    import cv2

    frames = pasted(talker()[0][:1], x=0)
    small = cv2.resize(talker(person=1)[0][0], (100, 100), interpolation=cv2.INTER_AREA)
    far = frames.copy()
    far[0, 100:, 220:] = small
    assert 0.2 < track_scene(far, detector).others[0] < 0.8
    crop = Crop.around(Box(*track_scene(frames, detector).boxes[0]), (HEIGHT, WIDTH), height=64, width=64)
    near = frames.copy()
    near[0, 10:110, crop.x1 - 75 : crop.x1 + 25] = small
    assert track_scene(near, detector).others[0] == np.inf


@pytest.mark.parametrize("color", [(200, 205, 210), (60, 60, 60)])
def test_a_covered_mouth_is_seen(detector, color):
    import cv2

    frames = pasted(talker()[0][:2])
    for frame, points in zip(frames, talker()[2]["points"], strict=False):
        x, y = (points[3:].mean(0) + np.array([80, 20])).round().astype(int).tolist()
        cv2.ellipse(frame, (x, y), (24, 15), 0, 0, 360, color, -1)
    assert Reason.COVERED in faults(track_scene(frames, detector))


@pytest.mark.parametrize(
    ("reason", "change", "options"),
    [
        (Reason.SMALL, lambda p: p * (0.6, 0.6, 0.6), {}),
        (Reason.CUT, lambda p: p + np.array([-p[..., 0].min() - 15, 0, 0]), {}),
        (Reason.CUT, lambda p: p + np.array([0, HEIGHT - p[..., 1].max() + 10, 0]), {}),
        (Reason.COVERED, lambda p: p + np.array([0, HEIGHT - p[:, 17, 1].max() + 2, 0]), {"max_cut": 1}),
        (Reason.TURNED, lambda p: turned(p, yaw=35), {"max_move": 1}),
        (Reason.TURNED, lambda p: turned(p, yaw=-38), {"max_move": 1}),
        (Reason.TURNED, lambda p: turned(p, roll=40), {"max_move": 1}),
        (Reason.TURNED, lambda p: turned(p, pitch=45), {"max_move": 1, "max_angle": 180}),
    ],
)
def test_every_visual_filter(track, reason, change, options):
    assert reason in faults(changed(track, change), **options)
    assert reason not in faults(track, **options)


def test_jumps_are_rapid_movement(track):
    def jump(points):
        points[10:] += (0.15 * FACE, 0, 0)
        return points

    where = faults(changed(track, jump))[Reason.FAST]
    assert np.flatnonzero(where).tolist() == [10]
    assert Reason.FAST in faults(changed(track, lambda p: p * np.where(np.arange(len(p)) < 9, 1, 1.2)[:, None, None]))


def test_gaia_angle_tells_the_turn_and_not_the_tilt(track):
    straight = turned(track.landmarks, yaw=-float(run_labels(track.landmarks)["yaw"].mean()))
    base = filters.nose_angles(straight).mean()
    assert abs(base - 180) < 6
    for degrees in (-20, 20):
        off = filters.nose_angles(turned(straight, yaw=degrees)).mean() - base
        assert 14 < abs(off) < 28
        assert abs(filters.nose_angles(turned(straight, roll=degrees)).mean() - base) < 1
    left, right = (filters.nose_angles(turned(straight, yaw=degrees)).mean() for degrees in (-20, 20))
    assert min(left, right) < base < max(left, right)


def test_speaking_is_a_voice_and_lips_at_the_same_time():
    rng, config = np.random.default_rng(0), FilterConfig()
    lips, loud = 0.1 + 0.05 * np.sin(np.arange(200)), rng.random(200) * 0.6 + 0.3
    still, quiet = np.full(200, 0.02), np.zeros(200)
    assert not silent_frames(lips, loud, 25, config).any()
    assert silent_frames(still, loud, 25, config).all()  # a voice from elsewhere
    assert silent_frames(lips, quiet, 25, config).all()  # chewing
    for pause, expected in ((38, 0), (39, 39)):
        loud_then = loud.copy()
        loud_then[80 : 80 + pause] = 0
        assert silent_frames(lips, loud_then, 25, config).sum() == expected
        assert silent_frames(lips, np.roll(loud_then, 120), 25, config).sum() == expected  # at the end


@pytest.fixture(scope="module")
def voices() -> list[HeardVoice]:
    """Of two times three seconds, 25 frames each."""
    return [HeardVoice.of(synthesize(seed, 3.0).waveform, 75, 25) for seed in (1, 2)]


def noisy(lips: np.ndarray) -> np.ndarray:
    """Lips as a reader sees them, of a face with a larger mouth."""
    return 1.4 * lips + 0.1 + np.random.default_rng(0).normal(0, 0.01, len(lips))


def test_lips_that_follow_the_voice_match_it_at_their_lag(voices):
    own, other = (voice.lips for voice in voices)
    match, lag = match_lips(noisy(own), own, 25)
    assert match > 0.8
    assert lag == 0
    for late in (-12, -2, 3, 12):
        moved = np.roll(own, late)
        assert match_lips(noisy(moved), own, 25).lag == pytest.approx(late / 25)
    assert match_lips(noisy(other), own, 25).match < 0.5
    assert match_lips(noisy(own)[::2], own[::2], 12.5).match > 0.8
    arch = 0.2 * np.hanning(75)  # what sentences of one form have in common
    alike = np.corrcoef(noisy(other + arch), own + arch)[0, 1]
    assert match_lips(noisy(other + arch), own + arch, 25).match < alike - 0.1
    assert match_lips(np.ones(75), own, 25) == (0.0, 0.0)
    assert match_lips(own[:4], own[:4], 25) == (0.0, 0.0)  # too short to tell


def test_the_lips_of_a_talker_follow_the_voice(track):
    heard = HeardVoice.of(talker()[1], len(track), 25)
    match, lag = match_lips(seen_lips(track.landmarks), heard.lips, 25)
    assert match > 0.5
    assert abs(lag) <= 0.08
    assert match_lips(-seen_lips(track.landmarks), heard.lips, 25).match < match


def test_a_voice_has_as_many_frames_as_are_seen():
    sound = synthesize(1, 1.0).waveform
    for frames in (20, 25, 27):
        voice = HeardVoice.of(sound, frames, 25)
        assert len(voice.lips) == len(voice.loudness) == frames
    part = voice.part(3, 9)
    np.testing.assert_array_equal(part.lips, voice.lips[3:9])
    np.testing.assert_array_equal(part.loudness, voice.loudness[3:9])


def test_dubbed_is_who_matches_too_little_or_too_late(track):
    heard = HeardVoice.of(talker()[1], len(track), 25).lips
    match, _ = match_lips(seen_lips(track.landmarks), heard, 25)
    dubbed = lambda lips, **options: is_dubbed(track.landmarks, lips, 25, FilterConfig(**options))
    assert not dubbed(heard, min_lip_match=match - 0.01)
    assert dubbed(heard, min_lip_match=match + 0.01)
    late = np.roll(heard, 6)
    assert dubbed(late, min_lip_match=-1)
    assert not dubbed(late, min_lip_match=-1, max_lip_lag=0.4)


def test_runs_and_parts():
    assert runs(np.array([1, 1, 0, 0, 1, 0, 1], bool)) == [(0, 2), (4, 5), (6, 7)]
    assert runs(np.zeros(3, bool)) == []
    assert filters.divide(10, 30, 20) == [(10, 30)]
    assert filters.divide(10, 31, 20) == [(10, 20), (20, 31)]


def test_the_crop_lies_inside_the_picture_with_the_portraits_margin():
    config, box = PrepareConfig(size=96), np.array([[140.0, 60, 190, 120]] * 5)
    crop = clip_crop(box, (HEIGHT, WIDTH), config)
    assert (crop.height, crop.width) == (96, 96)
    assert abs(60 / (crop.y1 - crop.y0) - FACE_SHARE) < 0.01
    for x, y in ((40, 30), (300, 180), (160, 170)):
        moved = box - [165, 90] * 2 + [x, y] * 2
        crop = clip_crop(moved, (HEIGHT, WIDTH), config)
        if not isinstance(crop, str):
            assert crop.x0 >= -1
            assert crop.y0 >= -1
            assert crop.x1 <= WIDTH + 1
            assert crop.y1 <= HEIGHT + 1
            assert 0.48 <= 60 / (crop.y1 - crop.y0) <= 0.71
    assert clip_crop(box * 1.9 - [150, 0] * 2, (HEIGHT, WIDTH), replace(config, size=64)) == Reason.CLOSE
    wandering = box + np.linspace(0, 80, 5)[:, None] * [1, 0, 1, 0]
    assert clip_crop(wandering, (HEIGHT, WIDTH), config) == Reason.LEAVES


def test_labels_fit_what_was_drawn(track):
    truth = talker()[2]
    crop = clip_crop(track.boxes, (HEIGHT, WIDTH), PrepareConfig(size=96))
    labels = place_labels(track.landmarks, crop) | run_labels(track.landmarks)
    zoom = 96 / (crop.x1 - crop.x0)
    points = (truth["points"] + np.array([80 - crop.x0, 20 - crop.y0])) * zoom
    assert np.linalg.norm(labels["points"] - points, axis=-1).mean() < 1.5
    box = (truth["face_box"] + [80 - crop.x0, 20 - crop.y0] * 2) * zoom
    assert np.abs(labels["face_box"] - box).mean() < 4
    assert np.std(labels["roll"] - truth["roll"]) < 0.5  # the portrait tilts its head by itself
    assert abs(np.polyfit(truth["tx"], labels["tx"], 1)[0] - SIDE / (crop.x1 - crop.x0)) < 0.6
    aside = place_labels(track.landmarks + np.float32([10, -6, 0]), crop)
    assert np.allclose(aside["tx"] - labels["tx"], 20 / (crop.x1 - crop.x0), atol=1e-3)
    assert np.allclose(aside["ty"] - labels["ty"], 12 / (crop.x1 - crop.x0), atol=1e-3)
    assert abs(np.median(labels["scale"]) - 1) < 0.1
    np.testing.assert_allclose(labels["distance"] * labels["scale"], 1)
    np.testing.assert_array_equal(place_labels(track.landmarks * 2, crop)["distance"] < labels["distance"], True)
    for name in ("gaze_x", "gaze_y", "brow"):
        assert abs(np.median(labels[name])) < 1e-9, name


def test_eyes_and_brows_are_labeled_as_synthetic_ones_are(track):
    """In a few frames irises are moved by a full look aside and up, brows by a full raise."""
    rest = run_labels(track.landmarks)
    moved = track.landmarks.copy()
    eye = np.linalg.norm(moved[:, 33] - moved[:, 133], axis=1)
    apart = np.linalg.norm(moved[:, 33] - moved[:, 263], axis=1)
    few = slice(0, len(moved) // 4)
    moved[few, 468:, 0] += 0.13 * eye[few, None]
    moved[few, 468:, 1] -= 0.055 * eye[few, None]
    moved[few, [70, 63, 105, 66, 107, 300, 293, 334, 296, 336], 1] -= 0.05 * apart[few, None]
    looking = run_labels(moved)
    for name in ("gaze_x", "gaze_y", "brow"):
        change = looking[name] - rest[name]
        assert change[few].mean() - change[len(moved) // 4 :].mean() == pytest.approx(1, abs=0.25), name


def test_a_tilted_clip_has_the_roll_it_was_tilted_by(detector, track):
    import cv2

    straight = run_labels(track.landmarks)["roll"]
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), -12, 1)
    tilted = [cv2.warpAffine(frame, turn, (WIDTH, HEIGHT)) for frame in pasted(talker()[0])]
    roll = run_labels(track_scene(tilted, detector).landmarks)["roll"]
    assert abs((roll - straight).mean() - 12) < 1


def unit(*values: float) -> np.ndarray:
    vector = np.zeros(8, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def test_videos_of_one_person_are_found_in_any_order():
    faces = {"c": [unit(1, 0)], "a": [unit(0, 1), unit(1, 0.1)], "b": [unit(0, 0, 1)], "d": [unit(0, 0.1, 1)]}
    expected = {"a": "person-a", "c": "person-a", "b": "person-b", "d": "person-b"}
    for order in (list(faces), list(faces)[::-1]):
        assert group_videos({key: faces[key] for key in order}, 0.1) == expected
    assert len(set(group_videos(faces, 0.0).values())) == 4
    chain = {str(k): [unit(np.cos(k * 0.4), np.sin(k * 0.4))] for k in range(5)}
    assert len(set(group_videos(chain, 0.1).values())) == 1
    assert len(set(group_videos(chain, 0.05).values())) == 5
    assert group_videos({}, 0.1) == {}


def test_many_videos_are_compared_across_blocks(monkeypatch):
    monkeypatch.setattr("emo.data.prepare.people.BLOCK_ROWS", 2)
    rng = np.random.default_rng(0)
    seven = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    faces = {f"{k:02d}": [seven[k % 7]] for k in range(21)}
    people = group_videos(faces, 0.1)
    assert all(people[f"{k:02d}"] == f"person-{k % 7:02d}" for k in range(21))


def test_a_tenth_of_the_people_is_tested_on():
    people = {f"person-{k}" for k in range(30)}
    tested = choose_test_people(people, 0.1)
    assert len(tested) == 3
    assert tested < people
    assert choose_test_people(people - {min(people - tested)}, 0.1) == tested
    assert choose_test_people(people, 0) == set()


def test_the_written_configuration_is_the_default():
    assert load_prepare_config(CONFIG) == PrepareConfig() == load_prepare_config()
    assert load_prepare_config(CONFIG, ["filters.min_face=64", "size=256"]) == PrepareConfig(
        size=256, filters=FilterConfig(min_face=64)
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("filters.min_fase=3", "min_fase"),
        ("size=large", "size"),
        ("size=100", "multiple of 8"),
        ("min_seconds=8", "min_seconds"),
        ("piece_seconds=5", "piece_seconds"),
        ("test_share=1", "test_share"),
        ("fps=0", "fps"),
        ("filters.max_pause=-1", "max_pause"),
        ("filters.max_face=2", "max_face"),
        ("filters.min_lip_match=2", "min_lip_match"),
        ("filters.min_sync=0.35", "min_sync"),
    ],
)
def test_settings_that_cannot_be(setting, message):
    with pytest.raises(ConfigError, match=message):
        load_prepare_config(None, [setting])


def leaves(schema: type, prefix: str = "") -> dict[str, Bound | None]:
    """The bound of every value, by its key."""
    hints, found = get_type_hints(schema), {}
    for name, bound in bounds(schema).items():
        found |= leaves(hints[name], f"{prefix}{name}.") if is_dataclass(hints[name]) else {prefix + name: bound}
    return found


@pytest.mark.parametrize("key", leaves(PrepareConfig))
def test_every_setting_is_in_its_bound_or_named(key):
    bound = leaves(PrepareConfig)[key]
    assert (bound is None) == (key == "separate_vocals")
    for text in (
        *(".nan", ".inf", "-.inf", "1e30", "-1", "9" * 400, "[1]"),
        *("{a: 1}", "''", "word", "${", "${size}"),
    ):
        message = None
        try:
            value = load_prepare_config(None, [f"{key}={text}"])
        except ConfigError as error:
            message = str(error)
        if message is not None:
            assert key in message, (text, message)
            assert len(message.splitlines()) == 1
            continue
        for part in key.split("."):
            value = getattr(value, part)
        assert bound is None or bound.allows(value), (text, value)


@pytest.mark.parametrize("content", ["[1]", "3", "word", "- size: 64\n", "size: [\n", "size: .inf", "1: 2", "\0"])
def test_a_file_of_settings_that_cannot_be_is_named(tmp_path, content):
    (tmp_path / "c.yaml").write_text(content)
    with pytest.raises(ConfigError, match=r"c\.yaml: ") as caught:
        load_prepare_config(tmp_path / "c.yaml")
    assert len(str(caught.value).splitlines()) == 1


def test_a_configuration_with_an_unknown_key_is_refused(tmp_path):
    (tmp_path / "c.yaml").write_text("filters: {min_fase: 3}")
    with pytest.raises(ConfigError, match=r"c\.yaml: .*min_fase"):
        load_prepare_config(tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match="does not exist"):
        load_prepare_config(tmp_path / "d.yaml")


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "out")
    store.open(asdict(PrepareConfig()))
    return store


def staged_clips(store: Store, count: int = 3) -> list:
    """Clips that wait for their split, as rows without one."""
    rows = []
    for number in range(count):
        info = made_clip(store.root / ".prepare" / "made", number, 3, split="x")
        rows.append(replace(info, person="", split=""))
        for name in (info.file_name, info.labels):
            (store.root / ".prepare" / "made" / "x" / name).rename(store.staged(name))
    return rows


def test_clips_move_into_their_splits_and_between_them(store):
    rows = staged_clips(store)
    cast = lambda *splits: [replace(row, person="p", split=s) for row, s in zip(rows, splits, strict=False)]
    first, second, third = cast("train", "test", "train")
    assert store.publish([first, second, third]) == [first, third, second]
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in store.root.glob("*/0*")}
    store.publish(cast("train", "test", "train"))
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in store.root.glob("*/0*")} == before  # nothing to do
    store.publish(cast("test", "test", "train"))
    assert [row.file_name for row in read_metadata(store.root, "test")] == ["000000.mp4", "000001.mp4"]
    assert len(list(store.root.glob("train/0*"))) == 2
    load_labels(store.root / "test" / "000000.safetensors", 3)
    store.publish(cast("test", "test"))  # the third one's video has changed
    assert not list(store.root.glob("train/*"))


@pytest.mark.parametrize("stop", range(1, 8))
def test_a_publication_cut_short_is_finished_by_the_next(store, monkeypatch, stop):
    rows = [replace(row, person="p", split="train") for row in staged_clips(store)]
    store.publish(rows)
    moved = [replace(row, split="test" if row.file_name != "000001.mp4" else "train", person="q") for row in rows]
    steps, unlink, rename = iter(range(stop)), Path.unlink, os.replace

    def counted(call):
        def step(*arguments, **options):
            if next(steps, None) is None:
                raise KeyboardInterrupt
            return call(*arguments, **options)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", counted(unlink))
        patch.setattr(os, "replace", counted(rename))
        with pytest.raises(KeyboardInterrupt):
            store.publish(moved)
    if stop > 1:  # while files move, there are no tables to be believed
        assert not list(store.root.glob(f"train/{METADATA}"))
    store.publish(moved)
    assert sorted(path.name for path in store.root.glob("test/0*.mp4")) == ["000000.mp4", "000002.mp4"]
    assert [read_info(path).person for path in sorted(store.root.glob("*/*.safetensors"))] == ["q"] * 3
    assert len(list(store.root.glob("t*/0*"))) == 6


def test_folders_of_others_are_left_alone(store, tmp_path):
    with pytest.raises(DatasetError, match="size = 512, not 256"):
        store.open(asdict(PrepareConfig(size=256)))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(DatasetError, match="was not made by emo prepare"):
        Store(tmp_path / "mine").open({})
    with pytest.raises(DatasetError, match="is a file"):
        Store(tmp_path / "mine" / "thesis.txt").open({})
    store.staged("a.mp4.part").touch()
    (store.root / ".prepare" / "pieces" / "a.json.tmp").touch()
    store.open(asdict(PrepareConfig()))
    assert not list((store.root / ".prepare").glob("*/*"))


def work(item: str) -> str:
    if item == "dies":
        os._exit(1)
    if item == "fails":
        raise ValueError("no such thing\nat all")
    if item == "full":
        raise OutputError("disk full")
    return item.upper()


@pytest.mark.slow
def test_who_dies_at_work_takes_nothing_along():
    items = ["a", "dies", "b", "fails", "c", "d", "e", "f"]
    outcomes = {outcome.item: outcome[1:] for outcome in local_engine(2)(work, items)}
    assert outcomes.pop("dies") == (None, DIED)
    assert outcomes.pop("fails") == (None, "ValueError: no such thing")
    assert outcomes == {item: (item.upper(), "") for item in "abcdef"}


def test_in_one_process_errors_are_outcomes_too():
    assert [tuple(o) for o in local_engine(1)(work, ["a", "fails"])] == [
        ("a", "A", ""), ("fails", None, "ValueError: no such thing")
    ]  # fmt: skip
    assert list(local_engine(1)(work, [])) == []
    with pytest.raises(OutputError):
        list(local_engine(1)(work, ["full"]))


def test_voices_are_separated_by_demucs(monkeypatch):
    """The adapter, with a demucs of two channels at 32 kHz that halves the voice and is a sample short."""
    import torch

    class Demucs:
        samplerate, audio_channels = 32000, 2

        def __init__(self, **options):
            assert (options["model"], options["shifts"]) == ("weights", 0)

        def separate_tensor(self, wave, rate):
            assert (wave.shape[0], rate) == (2, 32000)
            return wave, {"vocals": wave[:, :-2] / 2, "other": torch.zeros_like(wave)}

    api = types.ModuleType("demucs.api")
    api.Separator, api.LoadModelError = Demucs, RuntimeError
    monkeypatch.setitem(sys.modules, "demucs", types.ModuleType("demucs"))
    monkeypatch.setitem(sys.modules, "demucs.api", api)
    demucs_separator.cache_clear()
    sound = np.sin(np.arange(1600) / 8).astype(np.float32)
    voice = demucs_separator("weights")(sound)
    assert (voice.dtype, len(voice)) == (np.float32, 1600)
    assert np.abs(voice - sound / 2)[50:-50].max() < 0.02
    demucs_separator.cache_clear()


def test_voices_need_demucs(monkeypatch):
    monkeypatch.setitem(sys.modules, "demucs.api", None)
    demucs_separator.cache_clear()
    with pytest.raises(ConfigError, match=r"emo\[vocals\]"):
        demucs_separator("htdemucs")
    assert json.dumps(asdict(PrepareConfig()))  # a configuration can be kept
