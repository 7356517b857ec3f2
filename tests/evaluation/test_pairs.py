"""Which generated video belongs to which real one: folders, single files, manifests, and what is wrong with them."""

import json

import pytest

from emo.errors import OptionError
from emo.evaluation.compare.pairs import Pair, find_pairs


@pytest.fixture
def folders(tmp_path):
    """`folders(generated=[...], reference=[...])`: two folders of files with these names."""

    def make(**names):
        for folder, files in names.items():
            for name in files:
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"video")
        return tmp_path / "generated", tmp_path / "reference"

    return make


def test_names_belong_together_whatever_their_ending_and_order(folders):
    generated, reference = folders(
        generated=["b.mp4", "a.MOV", "x/c.mp4", "d.mp4", "notes.txt"],
        reference=["a.mp4", "b.mkv", "x/c.webm", "e.mp4"],
    )
    pairs, references = find_pairs(generated, reference)
    assert pairs == [
        Pair("a", generated / "a.MOV", reference / "a.mp4"),
        Pair("b", generated / "b.mp4", reference / "b.mkv"),
        Pair("d", generated / "d.mp4"),
        Pair("x/c", generated / "x/c.mp4", reference / "x/c.webm"),
    ]
    assert references == sorted(reference.rglob("*.*"))


def test_a_file_name_that_only_one_has_is_enough(folders):
    generated, reference = folders(generated=["run/a.mp4", "run/b.mp4"], reference=["p/a.mp4", "p/b.mp4", "q/b.mp4"])
    pairs, _ = find_pairs(generated, reference)
    assert [pair.reference for pair in pairs] == [reference / "p/a.mp4", None]


def test_two_single_videos_are_a_pair(folders):
    generated, reference = folders(generated=["mine.mp4"], reference=["real.mp4"])
    pairs, references = find_pairs(generated / "mine.mp4", reference / "real.mp4")
    assert pairs == [Pair("mine", generated / "mine.mp4", reference / "real.mp4")]
    assert references == [reference / "real.mp4"]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_manifest_names_pairs_and_portraits(folders, tmp_path, kind):
    generated, reference = folders(generated=["1.mp4", "2.mp4"], reference=["r.mp4"], pictures=["p.png"])
    rows = [
        {"generated": "generated/2.mp4", "reference": "", "portrait": "pictures/p.png"},
        {"generated": "generated/1.mp4", "reference": "reference/r.mp4", "portrait": ""},
    ]
    if kind == "csv":
        text = "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)])
    else:
        text = "\n".join(json.dumps({k: v for k, v in row.items() if v}) for row in rows) + "\n\n"
    (tmp_path / f"list.{kind}").write_text(text)
    pairs, _ = find_pairs(tmp_path / f"list.{kind}", reference)
    assert pairs == [
        Pair("generated/1", generated / "1.mp4", reference / "r.mp4"),
        Pair("generated/2", generated / "2.mp4", portrait=tmp_path / "pictures/p.png"),
    ]


def test_a_manifests_own_references_count_as_real_videos(folders, tmp_path):
    _, reference = folders(generated=["1.mp4"], reference=["r.mp4"], elsewhere=["s.mp4"])
    (tmp_path / "list.csv").write_text("generated,reference\ngenerated/1.mp4,elsewhere/s.mp4")
    assert find_pairs(tmp_path / "list.csv", reference)[1] == [tmp_path / "elsewhere/s.mp4", reference / "r.mp4"]


def test_a_table_of_excel_and_other_ways_to_write_a_path(folders, tmp_path):
    _, reference = folders(generated=["1.mp4"], reference=["r.mp4"])
    (tmp_path / "list.csv").write_text("\ufeffgenerated,reference\ngenerated/1.mp4,generated/../reference/r.mp4")
    pairs, references = find_pairs(tmp_path / "list.csv", reference)
    assert references == [reference / "r.mp4"] == [pairs[0].reference]


def test_one_real_video_belongs_to_all(folders):
    generated, reference = folders(generated=["1.mp4", "2.mp4"], reference=["r.mp4"])
    pairs, _ = find_pairs(generated, reference / "r.mp4")
    assert [pair.reference for pair in pairs] == [reference / "r.mp4"] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no video"),
        ("{", "cannot be read"),
        ("[1]", "must name a file as `generated`"),
        ('{"reference": "reference/r.mp4"}', "must name a file as `generated`"),
        ('{"generated": "nowhere.mp4"}', "nowhere.mp4 does not exist"),
        ('{"generated": "generated/1.mp4", "potrait": "x"}', "unknown column potrait"),
        ('{"generated": "generated/1.mp4"}\n{"generated": "generated/1.mp4"}', "two videos are called"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_bad_manifests(folders, tmp_path, text, message):
    _, reference = folders(generated=["1.mp4"], reference=["r.mp4"])
    path = tmp_path / "list.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(OptionError, match=message):
        find_pairs(path, reference)


def test_missing_and_empty_folders(folders, tmp_path):
    generated, reference = folders(generated=["1.mp4", "1.mov"], reference=["r.txt"], other=["r.mp4"])
    with pytest.raises(OptionError, match=r"--reference .*no file there ends in"):
        find_pairs(generated, reference)
    with pytest.raises(OptionError, match=r"--generated .*there is no such"):
        find_pairs(tmp_path / "nowhere", tmp_path / "other")
    with pytest.raises(OptionError, match=r"--generated .*two videos are called 1"):
        find_pairs(generated, tmp_path / "other")
    with pytest.raises(OptionError, match=r"--reference .*two videos are called 1"):
        find_pairs(tmp_path / "other", generated)
