"""Making a dataset: the same clips whatever happens on the way, and labels that fit picture and sound."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from made_clips import CLIPS, CONFIG, QUICK
from PIL import Image
from tiny import noise

from emo.data import format
from emo.data.format import CONDITIONS, METADATA, load_labels, read_metadata
from emo.data.inspect import inspect_dataset
from emo.data.reader import ClipReader
from emo.data.synthesize import RECIPE, recipe_of, synthesize_clip, synthesize_dataset
from emo.data.synthetic.alteration import AlterationShares
from emo.data.synthetic.articulation import articulate_recording, frame_count
from emo.data.synthetic.config import EARLIER, PEOPLE_PER_SEED, STILL_SHARE, SyntheticConfig
from emo.data.synthetic.find_landmarks import find_landmarks
from emo.data.synthetic.parts import SKIN
from emo.data.synthetic.renderer import Renderer, controls_of
from emo.errors import DatasetError, EmoError, OptionError, OutputError
from emo.face import Box, mesh
from emo.media import AudioTrack, VideoReader


def make(config: SyntheticConfig, clips: int, root: Path, **options) -> list[int]:
    return list(synthesize_dataset(config, clips, root, **{"workers": 1, "compile": False} | options))


def pictures(path: Path) -> np.ndarray:
    with VideoReader(path) as video:
        return video.read(range(len(video)))


def sound(path: Path) -> np.ndarray:
    with AudioTrack.open(path, 16000) as track:
        return track.read(0, track.length)


def same_dataset(a: Path, b: Path) -> bool:
    """Whether two folders hold the same: files, tables, label bytes, decoded pictures and sound."""
    files = lambda root: {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    assert files(a) == files(b)
    for file in files(a):
        if file.suffix == ".mp4":
            assert np.array_equal(pictures(a / file), pictures(b / file)), file
            assert np.array_equal(sound(a / file), sound(b / file)), file
        else:
            assert (a / file).read_bytes() == (b / file).read_bytes(), file
    return True


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """Five clips of QUICK, made at one go."""
    root = tmp_path_factory.mktemp("whole") / "dataset"
    make(QUICK, 5, root)
    return root


# What is planned


def test_plans_depend_on_cast_and_number():
    config = replace(CONFIG, recordings=("a.wav", "b.wav"), speech_share=0.5, portraits=("c.png",), portrait_share=0.3)
    specs = [config.clip_spec(index) for index in range(20)]
    assert [config.clip_spec(index) for index in reversed(range(20))] == specs[::-1]
    assert len({spec.seed for spec in specs}) == 20
    assert replace(config, seed=4).clip_spec(0) != specs[0]


def test_another_seed_shares_no_person():
    people = lambda seed: {replace(CONFIG, seed=seed, identities=50).clip_spec(index).identity for index in range(100)}
    assert len(people(3)) == 50
    assert not people(3) & people(4)
    with pytest.raises(OptionError, match="identities"):
        replace(CONFIG, identities=PEOPLE_PER_SEED + 1)


def test_somebody_must_be_there_to_draw():
    with pytest.raises(OptionError, match="identities 0"):
        replace(CONFIG, identities=0, portraits=("a.png",), portrait_share=0.5)
    assert replace(CONFIG, identities=0, portraits=("a.png",), portrait_share=1.0).clip_spec(3).portrait == "a.png"


@pytest.mark.parametrize("people", [1, 4, 10, 37])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.5, 0.9])
def test_splits_share_no_person_and_have_their_parts(people, share):
    config = replace(CONFIG, identities=people, test_share=share)
    splits = {"train": set(), "test": set()}
    for index in range(2 * people):
        spec = config.clip_spec(index)
        splits[spec.split].add(spec.person)
    assert not splits["train"] & splits["test"]
    assert len(splits["test"]) == round(people * share)
    assert len(splits["train"]) == people - round(people * share)


def test_few_clips_of_many_people_have_both_splits():
    """The command's defaults: 72 clips of 100 people."""
    splits = [replace(CONFIG, identities=100, test_share=0.1).clip_spec(index).split for index in range(72)]
    assert splits.count("test") == 7


def test_portraits_of_one_name_are_different_people():
    """Else one of them could be in train and in test."""
    files = tuple(f"{folder}/face.png" for folder in "abcdefgh")
    config = replace(CONFIG, identities=0, portraits=files, portrait_share=1.0, test_share=0.25)
    specs = [config.clip_spec(index) for index in range(100)]
    assert len({spec.person for spec in specs}) == len({spec.portrait for spec in specs}) == 8
    assert not {p.person for p in specs if p.split == "train"} & {p.person for p in specs if p.split == "test"}
    assert len({p.portrait for p in specs if p.split == "test"}) == 2


def test_the_second_edition_has_the_same_cast_and_slower_heads():
    first, second = (
        [replace(CONFIG, edition=edition).clip_spec(index) for index in range(1000)] for edition in (1, 2)
    )
    assert [replace(spec, speed=0) for spec in first] == [replace(spec, speed=0) for spec in second]
    medians = [np.median([spec.speed for spec in specs]) for specs in (first, second)]
    assert medians[0] == pytest.approx(0.9, abs=0.1)
    assert medians[1] == pytest.approx(0.4, abs=0.06)
    with pytest.raises(OptionError, match="edition 3"):
        replace(CONFIG, edition=3)
    with pytest.raises(OptionError, match="instructed"):
        replace(CONFIG, edition=1, instructed_share=0.1)


def test_shares_are_kept():
    recordings, portraits = ("r1.wav", "r2.wav", "r3.wav"), ("p1.png", "p2.png")
    config = replace(CONFIG, recordings=recordings, speech_share=0.6, portraits=portraits, portrait_share=0.3)
    specs = [config.clip_spec(index) for index in range(1000)]
    share = lambda test: np.mean([test(spec) for spec in specs])
    assert share(lambda spec: spec.portrait is not None) == pytest.approx(0.3, abs=0.04)
    assert share(lambda spec: spec.recording is not None) == pytest.approx(0.6, abs=0.04)
    assert share(lambda spec: bool(spec.portrait and spec.recording)) == pytest.approx(0.18, abs=0.04)
    assert share(lambda spec: spec.speed < 0.1) == pytest.approx(STILL_SHARE, abs=0.03)
    for file in recordings:
        assert share(lambda spec, file=file: spec.recording == file) == pytest.approx(0.2, abs=0.04)
    speeds = np.array([spec.speed for spec in specs])
    assert 0 <= speeds.min() < 0.01
    assert 1.85 < speeds.max() < 1.9
    assert np.std([spec.place for spec in specs]) == pytest.approx(1 / np.sqrt(12), abs=0.02)
    all_recorded = replace(config, speech_share=1.0, portrait_share=1.0)
    assert all(p.portrait and p.recording for p in map(all_recorded.clip_spec, range(50)))


# What is written


def test_a_clip_is_the_same_in_any_company(avatars, tmp_path):
    """The last clip, drawn first."""
    (tmp_path / "train").mkdir()
    info = synthesize_clip(Renderer(CONFIG), CLIPS - 1, tmp_path)
    assert info in read_metadata(avatars, "train")
    for name in (info.file_name, info.labels):
        assert (tmp_path / "train" / name).is_file()
    assert (tmp_path / "train" / info.labels).read_bytes() == (avatars / "train" / info.labels).read_bytes()
    assert np.array_equal(pictures(tmp_path / "train" / info.file_name), pictures(avatars / "train" / info.file_name))


def test_rows_tell_what_is_in_the_files(avatars):
    clips = read_metadata(avatars, "train") + read_metadata(avatars, "test")
    assert sorted(clip.file_name for clip in clips) == [f"{index:06d}.mp4" for index in range(CLIPS)]
    for clip in clips:
        spec, folder = CONFIG.clip_spec(int(clip.file_name[:6])), avatars / clip.split
        labels = load_labels(folder / clip.labels, clip.frames)
        assert (clip.person, clip.split, clip.source) == (spec.person, spec.split, "avatar")
        assert (clip.fps, clip.frames, clip.seconds, clip.has_audio) == (25, 20, 0.8, True)
        assert clip.speed == pytest.approx(labels["rotation_speed"].mean(), abs=1e-4)
        assert clip.speed == pytest.approx(spec.speed, abs=2e-3)
        with VideoReader(folder / clip.file_name) as video:
            assert (len(video), video.fps, video.width, video.height) == (20, 25, clip.width, clip.height)
            assert video.has_audio
    assert {clip.person for clip in clips if clip.split == "test"} == {f"avatar-{CONFIG.identity(2)}"}


def test_everybody_says_something_else_and_moves_otherwise(avatars):
    clips = read_metadata(avatars, "train") + read_metadata(avatars, "test")
    labels = [load_labels(avatars / clip.split / clip.labels, clip.frames) for clip in clips]
    for name in ("jaw", "yaw", "gaze_x", "brow", "tx", "scale", "smile"):
        assert len({values[name].tobytes() for values in labels}) == CLIPS, name


def test_the_picture_is_what_was_drawn_and_the_sound_what_was_said(avatars):
    for index in (0, 2):
        rendered, spec = Renderer(CONFIG).render(CONFIG.clip_spec(index)), CONFIG.clip_spec(index)
        path = avatars / spec.split / f"{index:06d}.mp4"
        written, heard = pictures(path), sound(path)
        assert np.abs(written.astype(int) - rendered.frames).mean() < 4
        by_lag = [
            np.corrcoef(heard[200 + lag : 12000 + lag], rendered.waveform[200:12000])[0, 1] for lag in range(-160, 161)
        ]
        assert int(np.argmax(by_lag)) - 160 == 0
        assert max(by_lag) > 0.97
        labels = load_labels(path.with_suffix(".safetensors"), 20)
        for name, values in rendered.labels.items():
            assert np.array_equal(values, labels[name])
        (row,) = (clip for clip in read_metadata(avatars, spec.split) if clip.file_name == path.name)
        assert row.motion == rendered.motion is not None
        assert np.allclose(labels["distance"] * labels["scale"], 1)
        assert labels.keys() >= set(CONDITIONS)


@pytest.mark.parametrize("fps", [25.0, 30.0, 29.97])
def test_frames_cover_the_sound(tmp_path, fps):
    config = replace(QUICK, fps=fps, seconds=0.23)
    make(config, 1, tmp_path / "a")
    (clip,) = read_metadata(tmp_path / "a", "train")
    rendered = Renderer(config).render(config.clip_spec(0))
    assert len(rendered.waveform) == 3680
    assert clip.frames == len(rendered.frames) == -(-3680 * clip.rate // 16000) == frame_count(3680, fps)
    with VideoReader(tmp_path / "a" / "train" / clip.file_name) as video:
        assert (len(video), video.fps) == (clip.frames, clip.rate)


def test_labels_are_where_the_face_is(avatars):
    inside = []
    for split in ("train", "test"):
        for clip in read_metadata(avatars, split):
            labels = load_labels(avatars / split / clip.labels, clip.frames)
            box, points = labels["face_box"], labels["points"]
            assert (points >= box[:, None, :2]).all()
            assert (points <= box[:, None, 2:]).all()
            inside += ((box >= 0) & (box <= 64)).all(1).tolist()
            left_eye, right_eye, nose, mouth_left, mouth_right, upper, lower = points.transpose(1, 0, 2)
            assert (left_eye[:, 0] < right_eye[:, 0]).all()
            assert (mouth_left[:, 0] < mouth_right[:, 0]).all()
            assert (lower[:, 1] >= upper[:, 1] - 0.2).all()
            assert (np.maximum(left_eye, right_eye)[:, 1] < nose[:, 1]).all()
            gap = np.linalg.norm(upper - lower, axis=1)
            assert np.corrcoef(gap, labels["mouth_open"])[0, 1] > 0.95
    assert np.mean(inside) > 0.8


def test_the_mouth_follows_the_written_sound(avatars):
    drawn, heard = [], []
    for split in ("train", "test"):
        for clip in read_metadata(avatars, split):
            drawn.append(load_labels(avatars / split / clip.labels, clip.frames)["mouth_open"])
            heard.append(articulate_recording(sound(avatars / split / clip.file_name), clip.fps).jaw.numpy())
    by_lag = {}
    for lag in range(-4, 5):
        pairs = [(d[4:-4], np.roll(h, lag)[4:-4]) for d, h in zip(drawn, heard, strict=True)]
        by_lag[lag] = np.corrcoef(*(np.concatenate(values) for values in zip(*pairs, strict=True)))[0, 1]
    assert max(by_lag, key=by_lag.get) == 0
    assert by_lag[0] > 0.8


def test_portraits_and_recordings(tmp_path, portrait):
    Image.fromarray(portrait).save(tmp_path / "astronaut.png")
    samples, rate = noise(0.13)
    from scipy.io import wavfile

    wavfile.write(tmp_path / "short.wav", rate, samples)
    speak = dict(recordings=(str(tmp_path / "short.wav"),), portraits=(str(tmp_path / "astronaut.png"),))
    config = replace(
        CONFIG, seed=14, seconds=0.4, identities=2, portrait_share=0.5, speech_share=0.5, test_share=0.0, **speak
    )
    specs = [config.clip_spec(index) for index in range(5)]
    kinds = {(spec.portrait is None, spec.recording is None) for spec in specs}
    assert len(kinds) == 4
    make(config, 5, tmp_path / "a")
    again = Renderer(config)
    for clip, spec in zip(read_metadata(tmp_path / "a", "train"), specs, strict=True):
        folder = tmp_path / "a" / "train"
        assert clip.source == ("avatar" if spec.portrait is None else "portrait")
        assert clip.frames == (10 if spec.recording is None else 4)  # as long as the recording
        assert ("short.wav" in clip.origin, "astronaut.png" in clip.origin) == (
            spec.recording is not None, spec.portrait is not None,
        )  # fmt: skip
        heard = sound(folder / clip.file_name)
        if spec.recording is not None:
            assert np.corrcoef(heard[200:1900], samples[200:1900])[0, 1] > 0.9
        if spec.portrait is not None:
            labels, rendered = load_labels(folder / clip.labels, clip.frames), again.render(spec)
            assert clip.person == "portrait-astronaut-0"
            assert all(np.array_equal(rendered.labels[name], labels[name]) for name in labels)
            assert np.abs(pictures(folder / clip.file_name).astype(int) - rendered.frames).mean() < 4


def test_excerpts_are_pieces_of_the_recording(tmp_path):
    from scipy.io import wavfile

    samples, rate = noise(2.0)
    wavfile.write(tmp_path / "long.wav", rate, samples)
    config = replace(CONFIG, recordings=(str(tmp_path / "long.wav"),), speech_share=1.0, seconds=0.5)
    renderer, starts = Renderer(config), []
    for place in (0.0, 0.3, 1 - 1e-12):
        piece = renderer._excerpt(replace(config.clip_spec(0), place=place), config.recordings[0])
        assert len(piece) == 8000
        lag = int(np.correlate(samples, piece, "valid").argmax())
        np.testing.assert_allclose(piece, samples[lag : lag + 8000], atol=1e-4)
        starts.append(lag)
    assert starts == [0, int(0.3 * 24001), 24000]


def test_a_track_is_the_clip_without_its_pictures(avatars, tmp_path):
    root = tmp_path / "tracks"
    make(replace(CONFIG, pictures=False), 3, root)
    assert not list(root.glob("*/*.mp4"))
    rows = {clip.file_name: clip for split in ("train", "test") for clip in read_metadata(root, split)}
    drawn = {clip.labels: clip for split in ("train", "test") for clip in read_metadata(avatars, split)}
    assert sorted(rows) == ["000000.wav", "000001.wav", "000002.wav"]
    for clip in rows.values():
        assert not clip.has_pictures
        assert replace(clip, file_name=drawn[clip.labels].file_name) == drawn[clip.labels]
        labels, same = (load_labels(folder / clip.split / clip.labels, 20) for folder in (root, avatars))
        assert labels.keys() == same.keys()
        assert all(np.array_equal(labels[name], same[name]) for name in labels)
    reader = ClipReader(root)
    rendered = Renderer(CONFIG).render(CONFIG.clip_spec(0))
    np.testing.assert_allclose(reader.waveform(0).numpy(), rendered.waveform, atol=1e-4)
    for pictures in (lambda: reader.frames(0, [0]), lambda: next(reader.batches(0, 4))):
        with pytest.raises(DatasetError, match=r"000000\.wav is a track without pictures"):
            pictures()
    assert inspect_dataset(root).sheet.width > 0
    with pytest.raises(DatasetError, match="made with pictures = False"):
        make(CONFIG, 3, root)


# Going on


def test_datasets_of_the_first_edition_go_on_as_they_were(tmp_path):
    """Their recipes do not say that they are; nor do their labels and tables know of anything newer."""
    first = replace(QUICK, edition=1, test_share=0.0)
    make(first, 2, tmp_path / "whole")
    make(first, 1, tmp_path / "old")
    path = tmp_path / "old" / RECIPE
    recipe = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in recipe.items() if name not in EARLIER}, indent=1))
    assert recipe_of(tmp_path / "old")["edition"] == 1
    assert recipe_of(tmp_path / "new") is None
    with pytest.raises(DatasetError, match="old was made with edition = 1, not 2"):
        make(replace(first, edition=2), 2, tmp_path / "old")
    assert make(first, 2, tmp_path / "old") == [1, 2]
    path.write_text((tmp_path / "whole" / RECIPE).read_text())
    assert same_dataset(tmp_path / "old", tmp_path / "whole")
    table = (tmp_path / "old" / "train" / METADATA).read_text()
    assert "motion" not in table
    assert b'\\"version\\": 2' in (tmp_path / "old" / "train" / "000001.safetensors").read_bytes()


def test_an_interrupted_run_goes_on_to_the_same(whole, tmp_path):
    root = tmp_path / "dataset"
    progress = synthesize_dataset(QUICK, 5, root, workers=1, compile=False)
    assert [next(progress), next(progress), next(progress)] == [0, 1, 2]
    progress.close()
    listed = [
        clip.file_name
        for split in ("train", "test")
        if (root / split / METADATA).is_file()
        for clip in read_metadata(root, split)
    ]
    assert sorted(listed) == ["000000.mp4", "000001.mp4"]
    assert make(QUICK, 5, root) == [2, 3, 4, 5]
    assert same_dataset(root, whole)


def test_an_error_in_the_middle_leaves_tables(tmp_path, monkeypatch):
    render = Renderer.render

    def fail(renderer, clip):
        if clip.index == 2:
            raise EmoError("the reason")
        return render(renderer, clip)

    monkeypatch.setattr(Renderer, "render", fail)
    with pytest.raises(EmoError, match="the reason"):
        make(replace(QUICK, test_share=0.0), 5, tmp_path / "a")
    assert len(read_metadata(tmp_path / "a", "train")) == 2


def test_a_clip_without_labels_is_made_again(whole, tmp_path):
    """The video is written first: stopped between the two, the clip is not there."""
    root = shutil.copytree(whole, tmp_path / "dataset")
    for name in ("000003.safetensors", "000004.safetensors", "000004.mp4"):
        next(root.glob(f"*/{name}")).unlink()
    next(root.glob("*/000003.mp4")).write_bytes(b"half a video")
    (root / "train" / "000003.mp4.part").write_bytes(b"the spool of a killed run")
    (root / "train" / "000004.safetensors.tmp").write_bytes(b"half")
    assert make(QUICK, 5, root) == [3, 4, 5]
    assert same_dataset(root, whole)


def test_labels_come_after_the_video(tmp_path, monkeypatch):
    (tmp_path / "train").mkdir()

    def check(path, labels, info):
        assert path.with_suffix(".mp4").is_file()
        raise KeyboardInterrupt

    monkeypatch.setattr("emo.data.synthesize.save_labels", check)
    with pytest.raises(KeyboardInterrupt):
        synthesize_clip(Renderer(QUICK), 0, tmp_path)


KILLED = """
import os, signal, sys
from pathlib import Path
import emo.data.synthesize as module
from made_clips import QUICK
save = module.save_labels

def killed(path, labels, info):
    if path.stem == "000002":
        os.kill(os.getpid(), signal.SIGKILL)
    save(path, labels, info)

module.save_labels = killed
list(module.synthesize_dataset(QUICK, 5, Path(sys.argv[1]), workers=1, compile=False))
"""


def test_a_killed_run_goes_on_to_the_same(whole, tmp_path):
    root = tmp_path / "dataset"
    result = subprocess.run([sys.executable, "-c", KILLED, root], env=environment())
    assert result.returncode == -signal.SIGKILL
    assert {path.name for path in root.glob("*/*.mp4")} == {"000000.mp4", "000001.mp4", "000002.mp4"}
    assert not list(root.glob(f"*/{METADATA}"))
    assert make(QUICK, 5, root) == [2, 3, 4, 5]
    assert same_dataset(root, whole)


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}


def test_more_clips_leave_the_old_ones_alone(whole, tmp_path):
    root = tmp_path / "dataset"
    make(QUICK, 3, root)
    stamps = {path: path.stat().st_mtime_ns for path in root.rglob("0*")}
    assert len(stamps) == 6
    assert make(QUICK, 5, root) == [3, 4, 5]
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert same_dataset(root, whole)
    assert make(QUICK, 4, root) == [4]  # fewer: nothing is made and nothing is taken away
    assert same_dataset(root, whole)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 4}, {"identities": 5}, {"size": 72}, {"seconds": 0.3}, {"fps": 12.0}, {"samples": 2},
        {"test_share": 0.5}, {"portraits": ("a.png",)}, {"portrait_share": 0.1}, {"recordings": ("b.wav",)},
        {"speech_share": 0.2}, {"edition": 1}, {"instructed_share": 0.5}, {"pictures": False},
    ],
)  # fmt: skip
def test_other_settings_are_refused_by_name(whole, other):
    ((name, _),) = other.items()
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    with pytest.raises(DatasetError, match=rf"{whole} was made with {name} = "):
        make(replace(QUICK, **other), 9, whole)
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*")} == before


def test_portraits_may_move_to_another_folder(tmp_path):
    """Their names, not their paths, belong to the dataset."""
    config = replace(QUICK, portraits=("here/a.png",), recordings=("here/b.wav",))
    make(config, 0, tmp_path / "a")
    make(replace(config, portraits=("there/a.png",), recordings=("there/b.wav",)), 0, tmp_path / "a")


def test_a_dataset_from_before_people_were_told_goes_on(whole, tmp_path):
    """Its recipe does not say what there was no choice of."""
    root = shutil.copytree(whole, tmp_path / "dataset")
    recipe = json.loads((root / RECIPE).read_text())
    untold = ("people", "alterations", "landmarks")
    (root / RECIPE).write_text(json.dumps({name: recipe[name] for name in recipe if name not in untold}))
    next(root.glob("*/000004.safetensors")).unlink()
    assert recipe_of(root) == recipe
    assert make(QUICK, 5, root) == [4, 5]
    with pytest.raises(DatasetError, match="alterations"):
        make(replace(QUICK, alterations=AlterationShares(mirror=0.5)), 5, root)


def test_what_is_known_of_a_clip_gives_its_flow_parts_and_landmarks(tmp_path, portrait):
    Image.fromarray(portrait).save(tmp_path / "astronaut.png")
    config = replace(QUICK, portraits=(str(tmp_path / "astronaut.png"),), portrait_share=0.5, landmarks=True, seed=1)
    renderer, sources = Renderer(config), set()
    for index in range(4):
        spec = config.clip_spec(index)
        rendered = renderer.render(spec)
        controls = controls_of(rendered.labels)
        flow = renderer.flow(spec, controls, controls[:1])
        assert flow.offset.shape == (2, 64, 64, 2)
        assert flow.offset[0].abs().max() < 0.5
        sources.add(spec.portrait is None)
        maps = renderer.parts(spec, controls)
        assert maps.shape == (2, 64, 64)
        nose = rendered.labels["points"][:, format.FACE_POINTS.index("nose")].astype(int)
        assert (maps[[0, 1], nose[:, 1], nose[:, 0]] == SKIN).all()
        places, depths = np.split(rendered.labels["landmarks"], [2], 2)
        assert depths.std() > 1
        if spec.portrait is not None:
            np.testing.assert_allclose(places[:, mesh.OVAL].min(1), rendered.labels["face_box"][:, :2], atol=1e-4)
        else:
            corners = rendered.labels["points"][:, format.MOUTH_CORNERS]
            np.testing.assert_allclose(places[:, mesh.MOUTH_CORNERS], corners, atol=3)
    assert sources == {True, False}


def test_landmarks_of_avatars_are_found_in_their_pictures():
    detector = SimpleNamespace(detect=lambda frame: [], landmarks_near=lambda frame, box: None)
    frames = np.zeros((2, 64, 64, 3), np.uint8)
    found = find_landmarks(frames, detector)
    assert found.shape == (2, 478, 3)
    assert np.isnan(found).all()
    face = SimpleNamespace(landmarks=np.ones((478, 3), np.float32), box=Box(0, 0, 9, 9))
    detector.detect = lambda frame: [face] * int(frame.any())
    frames[1] = 1
    found = find_landmarks(frames, detector)
    assert np.isnan(found[0]).all()
    assert (found[1] == 1).all()
    tracks = Renderer(replace(QUICK, pictures=False, landmarks=True))
    assert "landmarks" not in tracks.render(QUICK.clip_spec(0)).labels


def test_foreign_and_impossible_folders_are_refused(tmp_path):
    foreign, file = tmp_path / "foreign", tmp_path / "file"
    foreign.mkdir()
    (foreign / "holiday.mp4").touch()
    file.touch()
    with pytest.raises(DatasetError, match="foreign exists and was not made by emo synthesize"):
        make(QUICK, 1, foreign)
    with pytest.raises(DatasetError, match="file is a file"):
        make(QUICK, 1, file)
    with pytest.raises(OutputError, match="file/below cannot be written to"):
        make(QUICK, 1, file / "below")
    assert [path.name for path in foreign.iterdir()] == ["holiday.mp4"]
    assert not file.read_bytes()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[1]", "\udcff"])
def test_a_damaged_recipe_is_named(tmp_path, text):
    (tmp_path / RECIPE).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DatasetError, match=rf"{RECIPE} is damaged"):
        make(QUICK, 1, tmp_path)


def test_the_recipe_is_the_cast(whole):
    recipe = json.loads((whole / RECIPE).read_text())
    assert recipe == {**asdict(QUICK), "portraits": [], "recordings": [], "people": []}


def test_two_workers_stop_with_whole_clips_and_make_the_same(whole, tmp_path):
    root = tmp_path / "dataset"
    progress = synthesize_dataset(QUICK, 5, root, workers=2, compile=False)
    assert [next(progress), next(progress)] == [0, 1]
    progress.close()
    there = len(list(root.glob("*/*.safetensors")))
    assert len(list(root.glob("*/*.mp4"))) == there
    assert sum(len(table.read_text().splitlines()) for table in root.glob(f"*/{METADATA}")) == there
    assert make(QUICK, 5, root, workers=2) == list(range(there, 6))
    assert same_dataset(root, whole)


ORPHANS = """
import sys
from pathlib import Path
from made_clips import CONFIG
from emo.data.synthesize import synthesize_dataset
if __name__ == "__main__":
    for count in synthesize_dataset(CONFIG, 1000, Path(sys.argv[1]), workers=2, compile=False):
        print(count, flush=True)
"""


@pytest.mark.slow
def test_a_killed_run_leaves_no_workers_behind(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(ORPHANS)
    arguments = [sys.executable, script, tmp_path / "dataset"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert [process.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "2\n"]
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) >= 2
        process.kill()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    before = len(list((tmp_path / "dataset").glob("*/*.safetensors")))
    time.sleep(0.5)
    assert len(list((tmp_path / "dataset").glob("*/*.safetensors"))) == before
