"""The report on a dataset: right numbers, the right frames, and a page that needs no other file."""

import io
import re
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pytest
from made_clips import made_clip, made_dataset
from PIL import Image

from emo.data import inspect as module
from emo.data.format import CONDITIONS, METADATA, load_labels, read_metadata, write_metadata
from emo.data.inspect import CELL, draw_labels, inspect_dataset, save_dataset_report
from emo.errors import DatasetError, OutputError
from emo.media.contact_sheet import GAP, LABEL_HEIGHT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three clips in train, one in test; known boxes, speeds and, in one of them, mouths."""
    root = tmp_path_factory.mktemp("made") / "<dataset> & co"
    box = lambda frames, *values: np.float32([values] * frames)
    speed = lambda frames, value: np.full(frames, value, np.float32)
    made_clip(root, 0, 10, person="<b>anna</b>", face_box=box(10, 8, 8, 40, 24), rotation_speed=speed(10, 0.5))
    made_clip(root, 1, 5, person="bert", face_box=box(5, 0, 0, 16, 48), rotation_speed=speed(5, 1.5), sound=False)
    made_clip(root, 2, 5, person="<b>anna</b>", width=96, height=48, face_box=box(5, 0, 0, 48, 10),
              rotation_speed=speed(5, 1.0), mouth_open=np.arange(5, dtype=np.float32) / 10)  # fmt: skip
    made_clip(root, 3, 30, person="bert", split="test", fps=30.0, face_box=box(30, 0, 0, 32, 32),
              rotation_speed=speed(30, 0.0))  # fmt: skip
    write_metadata(root)
    return root


def test_numbers_of_a_known_dataset(made):
    report = inspect_dataset(made)
    assert report.summary == {
        "train": "3 clips, 0.000222 h, 2 people",
        "test": "1 clips, 0.000278 h, 1 people",
        "sources": "video: 4",
        "size, frames per second": "64 x 64 at 25: 2, 96 x 48 at 25: 1, 64 x 64 at 30: 1",
        "with sound": "3 of 4",
        "people in both splits": "bert",
    }
    assert report.speeds.tolist() == [0.5, 1.5, 1.0, 0.0]
    assert report.frame_speeds.tolist() == [0.5] * 10 + [1.5] * 5 + [1.0] * 5 + [0.0] * 30
    assert report.face_sizes.tolist() == [0.5] * 10 + [0.75] * 5 + [0.5] * 5 + [0.5] * 30
    assert report.labels["mouth_open"] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert all(len(report.labels[name]) == 0 for name in CONDITIONS)  # as before they were labeled
    assert report.lengths.tolist() == [0.4, 0.2, 0.2, 1.0]


def test_a_synthetic_dataset(avatars):
    report = inspect_dataset(avatars, frames=4)
    assert report.summary["train"] == "5 clips, 0.00111 h, 3 people"
    assert report.summary["test"] == "1 clips, 0.000222 h, 1 people"
    assert report.summary["sources"] == "avatar: 6"
    assert report.summary["people in both splits"] == "none"
    assert len(report.frame_speeds) == len(report.face_sizes) == 120
    assert {name: len(values) for name, values in report.labels.items()} == dict.fromkeys(
        ("mouth_open", *CONDITIONS), 120
    )
    assert 0.2 < report.face_sizes.mean() < 1
    assert report.sheet.width == 4 * (CELL + GAP) + GAP


def test_large_datasets_are_sampled_for_what_is_read_per_frame(made, monkeypatch):
    monkeypatch.setattr(module, "MAX_SAMPLED_CLIPS", 2)
    report = inspect_dataset(made)
    assert len(report.speeds) == 4
    assert len(report.frame_speeds) == 10 + 5  # every other clip


def test_different_people_come_first(tmp_path):
    made_dataset(tmp_path, *[{"frames": 2, "person": person} for person in "aabacbd"])
    shown = lambda count: [
        clip.person for clip in module._of_different_people(read_metadata(tmp_path, "train"), count)
    ]
    assert shown(7) == shown(100) == ["a", "b", "c", "d", "a", "b", "a"]
    assert shown(5) == ["a", "b", "c", "d", "a"]
    assert shown(2) == ["a", "c"]  # spread over the dataset
    assert inspect_dataset(tmp_path, frames=3).sheet.size == (3 * (CELL + GAP) + GAP, CELL + 2 * GAP + LABEL_HEIGHT)


def test_boxes_and_landmarks_are_drawn_where_they_are_labeled(tmp_path):
    made_clip(tmp_path, 0, 3)
    clip = write_metadata(tmp_path)[0]
    labels = load_labels(tmp_path / "train" / clip.labels, 3)
    picture = np.asarray(draw_labels(tmp_path, clip)).astype(int)
    scale = 2 * CELL / 64
    assert picture.shape == (2 * CELL, 2 * CELL, 3)
    x0, y0, x1, y1 = (labels["face_box"][1] * scale).round().astype(int)
    for x, y in ((x0, (y0 + y1) // 2), (x1, (y0 + y1) // 2), ((x0 + x1) // 2, y0), ((x0 + x1) // 2, y1)):
        assert np.abs(picture[y - 1 : y + 2, x - 1 : x + 2] - (40, 220, 60)).sum(-1).min() < 10
    for k, point in enumerate((labels["points"][1] * scale).round().astype(int)):
        color = (70, 130, 255) if k < 2 else (255, 60, 60)
        x, y = point
        if (np.linalg.norm(labels["points"][1] - labels["points"][1][k], axis=1) < 3).sum() == 1:
            near = picture[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
            assert np.abs(near - color).sum(-1).min() < 10


class Page(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.sources, self.tags, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_holds_all_it_shows(made, tmp_path):
    report = inspect_dataset(made)
    picture, page = save_dataset_report(report, f"Dataset {made.name}", tmp_path / "a.report")
    assert (picture, page) == (tmp_path / "a.report.png", tmp_path / "a.report.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.report.html", "a.report.png"]
    with Image.open(picture) as image:
        image.load()
        assert image.width >= report.sheet.width
        assert image.height > report.sheet.height
        assert np.array_equal(
            np.asarray(image)[-report.sheet.height :, : report.sheet.width], np.asarray(report.sheet)
        )
    text = page.read_text(encoding="utf-8")
    parsed = Page(text)
    assert len(parsed.sources) == parsed.tags.count("img") == 2
    for source in parsed.sources:
        prefix, _, content = source.partition(",")
        assert prefix == "data:image/png;base64"
        Image.open(io.BytesIO(b64decode(content))).load()
    assert not re.search(r"https?:|url\(|@import|<script|<link", text)


def test_names_are_escaped(made, tmp_path):
    made_clip(tmp_path / "a", 0, 3, person="<script>alert(1)</script>")
    made_clip(tmp_path / "a", 1, 3, person="<script>alert(1)</script>", split="test")
    write_metadata(tmp_path / "a")
    report = inspect_dataset(tmp_path / "a")
    assert report.summary["people in both splits"] == "<script>alert(1)</script>"
    _, page = save_dataset_report(report, "<i>title</i> & co", tmp_path / "page")
    parsed = Page(page.read_text(encoding="utf-8"))
    assert not {"script", "i"} & set(parsed.tags)
    assert "<script>alert(1)</script>" in parsed.text
    assert "<i>title</i> & co" in parsed.text


def test_no_dataset_is_refused(tmp_path):
    for root in (tmp_path / "none", tmp_path):
        with pytest.raises(DatasetError, match=rf"{root} holds no {METADATA}"):
            inspect_dataset(root)


@pytest.mark.parametrize("name", ["000001.mp4", "000001.safetensors", METADATA])
def test_damaged_files_are_named(tmp_path, name):
    made_dataset(tmp_path, {"frames": 3}, {"frames": 3})
    (tmp_path / "train" / name).write_bytes(b"nothing of the kind")
    with pytest.raises(DatasetError, match=rf"train/{name}"):
        inspect_dataset(tmp_path)


def test_a_report_that_cannot_be_written(made, tmp_path):
    report = inspect_dataset(made, frames=1)
    (tmp_path / "file").touch()
    for place in (tmp_path / "none" / "report", tmp_path / "file" / "report"):
        with pytest.raises(OutputError, match=r"report\.png cannot be written"):
            save_dataset_report(report, "title", place)
