"""The dataset's files: written whole, read back exactly, refused by name when damaged."""

import json
import shutil
from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np
import pytest
from made_clips import made_clip, made_dataset, made_labels
from safetensors import safe_open
from safetensors.numpy import save_file

from emo.data.format import (
    METADATA,
    VERSION,
    ClipInfo,
    load_labels,
    read_info,
    read_metadata,
    save_labels,
    write_metadata,
)
from emo.data.motion_labels import MotionLabels
from emo.errors import DatasetError

INFO = ClipInfo("a.mp4", "a.safetensors", "somebody", "train", 25.0, 9, 64, 48, True, 0.5, "video", "where, äöü")
ROW = {name: value for name, value in vars(INFO).items() if name != "motion"}


def table(tmp_path, *rows) -> None:
    """A train table of these rows: JSON values, or text as it is."""
    (tmp_path / "train").mkdir(exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (tmp_path / "train" / METADATA).write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def test_labels_and_row_come_back_exactly(tmp_path):
    labels = made_labels(9, 64, 48) | {"jaw": np.float32([0.1] * 9), "seen": np.arange(9) % 2 == 0}
    labels["points"] = labels["points"][:, ::-1]  # a view, not contiguous
    save_labels(tmp_path / "a.safetensors", labels, INFO)
    loaded = load_labels(tmp_path / "a.safetensors", 9)
    assert loaded.keys() == labels.keys()
    for name, array in labels.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)
    assert read_info(tmp_path / "a.safetensors") == INFO
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_motion_comes_back_and_files_without_it_stay_what_they_were(tmp_path):
    moved = replace(INFO, motion=MotionLabels(0.5, 0.08, 0.2, 0.9, 0.1, -0.3, 1.2, "happy", 0.7))
    for info, version in ((moved, 3), (INFO, 2)):
        save_labels(tmp_path / "a.safetensors", made_labels(9, 64, 48), info)
        assert read_info(tmp_path / "a.safetensors") == info
        with safe_open(tmp_path / "a.safetensors", "np") as file:
            row = json.loads(file.metadata()["clip"])
        assert row.pop("version") == version
        assert ("motion" in row) == (version == 3)
        table(tmp_path, row if version == 2 else row | {"motion": row["motion"] | {"later": 1}})
        assert read_metadata(tmp_path, "train") == [info]
    for damaged in ({"emotion": "happy"}, 7, [1]):
        table(tmp_path, ROW | {"motion": damaged})
        with pytest.raises(DatasetError, match="line 1: motion is damaged"):
            read_metadata(tmp_path, "train")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("points", None),
        ("face_box", lambda v: v[:-1]),
        ("points", lambda v: v[:, :5]),
        ("rotation_speed", lambda v: v[:, None]),
        ("jaw", lambda v: np.zeros(8)),
        ("jaw", lambda v: np.float32(0)),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, name, change):
    """Saving them, and reading a file that somebody else wrote."""
    labels, path = made_labels(9, 64, 48), tmp_path / "a.safetensors"
    if change is None:
        del labels[name]
    else:
        labels[name] = np.asarray(change(labels.get(name)))
    with pytest.raises(DatasetError, match=rf"a\.safetensors: {name}"):
        save_labels(path, labels, INFO)
    assert not list(tmp_path.iterdir())
    save_file({key: np.ascontiguousarray(array) for key, array in labels.items()}, path)
    with pytest.raises(DatasetError, match=rf"a\.safetensors: {name}"):
        load_labels(path, 9)


def test_labels_say_their_version(tmp_path):
    labels, path = made_labels(9, 64, 48), tmp_path / "a.safetensors"
    save_labels(path, labels, INFO)
    with safe_open(path, "np") as file:
        row = json.loads(file.metadata()["clip"])
    assert row == ROW | {"version": 2}
    for old in (None, {}, {"clip": json.dumps(ROW)}):  # as before there was one
        save_file(labels, path, old)
        assert load_labels(path, 9).keys() == labels.keys()
    save_file(labels, path, {"clip": json.dumps(ROW | {"version": VERSION + 1})})
    with pytest.raises(DatasetError, match=r"a\.safetensors: labels of version 4, made by a later emo; update"):
        load_labels(path, 9)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text", "no labels", "no row", "other row", "folder"])
def test_damaged_label_files_are_named(tmp_path, damage):
    path = tmp_path / "a.safetensors"
    save_labels(path, made_labels(9, 64, 48), INFO)
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage in ("no row", "no labels"):
        save_file({} if damage == "no labels" else made_labels(9, 64, 48), path)
    elif damage == "other row":
        save_file(made_labels(9, 64, 48), path, {"clip": '{"person": "somebody"}'})
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut": content[:-50], "text": b"these are no labels"}[damage])
    if "row" not in damage:
        with pytest.raises(DatasetError, match=r"a\.safetensors"):
            load_labels(path, 9)
    with pytest.raises(DatasetError, match=r"a\.safetensors"):
        read_info(path)


def test_labels_of_another_length_are_refused(tmp_path):
    save_labels(tmp_path / "a.safetensors", made_labels(9, 64, 48), INFO)
    with pytest.raises(DatasetError, match=r"a\.safetensors: face_box should be \(10, 4\)"):
        load_labels(tmp_path / "a.safetensors", 10)


def test_tables_are_made_of_the_label_files(tmp_path):
    written = [
        made_clip(tmp_path, number, 4, split=split) for number, split in ((2, "train"), (0, "test"), (1, "train"))
    ]
    assert write_metadata(tmp_path) == [written[2], written[0], written[1]]
    assert read_metadata(tmp_path, "train") == [written[2], written[0]]
    assert read_metadata(tmp_path, "test") == [written[1]]


def test_a_half_written_clip_is_never_listed(tmp_path):
    made_dataset(tmp_path, {"frames": 4}, {"frames": 4})
    whole = (tmp_path / "train" / METADATA).read_bytes()
    for name in ("7.mp4", "8.mp4.part", "8.mp4.tmp", "9.safetensors.tmp"):
        shutil.copy(
            tmp_path / "train" / f"000000.{'mp4' if 'mp4' in name else 'safetensors'}", tmp_path / "train" / name
        )
    assert len(write_metadata(tmp_path)) == 2
    assert (tmp_path / "train" / METADATA).read_bytes() == whole
    assert not (tmp_path / "test").exists()


def test_a_table_goes_with_the_last_of_its_clips(tmp_path):
    made_dataset(tmp_path, {"frames": 4}, {"frames": 4, "split": "test"})
    (tmp_path / "test" / "000001.safetensors").unlink()
    assert len(write_metadata(tmp_path)) == 1
    assert not (tmp_path / "test" / METADATA).exists()


def test_keys_of_later_versions_blank_lines_and_strange_letters_are_tolerated(tmp_path):
    row = ROW | {"person": "line\u2028separator", "mood": "merry"}
    table(tmp_path, row, "", json.dumps(row, ensure_ascii=False), {key: ROW[key] for key in ROW if key != "origin"})
    clips = read_metadata(tmp_path, "train")
    assert [clip.person for clip in clips] == ["line\u2028separator"] * 2 + ["somebody"]
    assert [clip.origin for clip in clips] == [INFO.origin] * 2 + [""]
    save_file(made_labels(9, 64, 48), tmp_path / "b.safetensors", {"clip": json.dumps(ROW | {"mood": "merry"})})
    assert read_info(tmp_path / "b.safetensors") == INFO


@pytest.mark.parametrize("row", ["no JSON", "[1, 2]", "7", '"text"', "null", '{"file_name": "a.mp4"'])
def test_a_row_that_is_none_is_named_by_its_line(tmp_path, row):
    table(tmp_path, ROW, row)
    with pytest.raises(DatasetError, match=rf"train/{METADATA}, line 2: not a row"):
        read_metadata(tmp_path, "train")


def test_missing_keys_are_named_with_their_line(tmp_path):
    table(tmp_path, ROW, "", {key: ROW[key] for key in ROW if key not in ("fps", "person")})
    with pytest.raises(DatasetError, match=rf"train/{METADATA}, line 3: fps, person is missing"):
        read_metadata(tmp_path, "train")


def test_no_table_an_empty_one_and_one_that_is_no_text(tmp_path):
    with pytest.raises(DatasetError, match=rf"train/{METADATA} does not exist.*emo synthesize"):
        read_metadata(tmp_path, "train")
    table(tmp_path)
    with pytest.raises(DatasetError, match="names no clips"):
        read_metadata(tmp_path, "train")
    (tmp_path / "train" / METADATA).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=rf"train/{METADATA} is damaged"):
        read_metadata(tmp_path, "train")


def test_rates_are_exact():
    row = ROW | {"fps": 29.97, "frames": 2997}
    assert ClipInfo(**row).rate == Fraction(2997, 100)
    assert ClipInfo(**row).seconds == 100


@pytest.mark.filterwarnings("ignore")
def test_hugging_face_datasets_reads_it(avatars, tmp_path, monkeypatch):
    """As the Hub does; reports and caches in the folder do not disturb it."""
    for name in ("HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    datasets = pytest.importorskip("datasets")

    root = shutil.copytree(avatars, tmp_path / "dataset")
    (root / ".cache" / "weights-64" / "train").mkdir(parents=True)
    for name in (
        "inspect.png",
        "inspect.html",
        ".cache/weights-64/train/000000.safetensors",
        ".cache/weights-64/complete",
    ):
        (root / name).write_bytes(b"something")
    loaded = datasets.load_dataset("videofolder", data_dir=str(root), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train", "test"}
    for split in ("train", "test"):
        rows = loaded[split].cast_column("video", datasets.Video(decode=False))
        clips = read_metadata(root, split)
        assert len(rows) == len(clips) > 0
        assert set(rows.column_names) == {"video", "motion", *ROW} - {"file_name"}
        for row, clip in zip(rows, clips, strict=True):
            assert row["video"]["path"] == str(root / split / clip.file_name)
            assert {key: row[key] for key in row if key != "video"} == {
                k: v for k, v in asdict(clip).items() if k != "file_name"
            }
