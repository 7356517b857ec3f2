"""What the page draws."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from emo.face import prepare_portrait
from emo.media.image import shrunk
from emo.ui import frames
from emo.ui.frames import MAX_FRAMES, PREVIEW_SIDE, PreviewFrames
from emo.ui.jobs import JobProgress, JobResult
from emo.ui.preview import corner_marked, drawn_region, frames_html, progress_html


def pictures(html: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]


def test_the_frames_so_far_spread_over_all_of_them():
    so_far = PreviewFrames()
    for start in range(0, 250, 10):
        for value in range(start, start + 10):
            newest = np.full((8, 8, 3), value, np.uint8)
            so_far.add(newest)
        clip = so_far.clip(newest)
        kept = [int(np.asarray(image).mean()) for image in clip.kept]
        assert len(kept) <= MAX_FRAMES
        assert kept[0] == 0
        assert len(set(np.diff(kept)) or {1}) == 1
        assert kept[-1] >= (start + 10) * 0.8
    assert clip.num_frames == 250
    newest, sheet = pictures(frames_html(clip))
    assert abs(np.asarray(newest).mean() - 249) < 2
    assert sheet.width > sheet.height


def test_only_frames_that_are_kept_are_shrunk(monkeypatch):
    sides = []
    monkeypatch.setattr(frames, "shrunk", lambda picture, side: sides.append(side) or shrunk(picture, side))
    so_far, frame = PreviewFrames(), np.zeros((600, 600, 3), np.uint8)
    for _ in range(200):
        so_far.add(frame)
    assert len(sides) < 5 * MAX_FRAMES
    assert so_far.clip(frame).newest.size == (PREVIEW_SIDE, PREVIEW_SIDE)


@pytest.mark.parametrize("region", [None, (180.0, 70.0, 280.0, 210.0), "full"])
def test_the_region_is_drawn_where_it_is(portrait, region):
    wide = np.pad(portrait, ((0, 0), (0, 300), (0, 0)), constant_values=200)
    prepared = prepare_portrait(Image.fromarray(wide), height=64, width=64, face_region=region)
    drawn = np.asarray(drawn_region(prepared, region is not None)).astype(int)
    scale = 512 / wide.shape[1]
    yellow = (abs(drawn - [255, 176, 0]).sum(-1) < 60).nonzero()
    assert len(yellow[0]) > 100
    box = np.array([yellow[1].min(), yellow[0].min(), yellow[1].max(), yellow[0].max()]) / scale
    crop, (x0, _, x1, _) = prepared.crop, prepared.face.box
    expected = {
        None: ((x0 + x1) / 2 - 0.65 * (x1 - x0), None, (x0 + x1) / 2 + 0.65 * (x1 - x0), None),
        "full": (crop.x0, None, crop.x1, None),
    }.get(region, region)
    for found, wanted in zip(box, expected, strict=True):
        assert wanted is None or abs(found - max(wanted, 0)) < 10
    assert drawn[256, -5].max() < 80  # outside of the crop it is dark


def test_a_corner_is_marked_where_it_was_tapped():
    marked = np.asarray(corner_marked(Image.new("RGB", (1024, 512)), 800, 100))
    rows, columns = marked.max(-1).nonzero()
    assert (round(rows.mean()), round(columns.mean())) == pytest.approx((50, 400), abs=2)
    small = Image.new("RGB", (100, 50))
    assert shrunk(small, 512) is small


def test_progress_in_words():
    assert "Looking at" in progress_html(JobProgress())
    text = progress_html(JobProgress(done=10, steps=40, frames=12, num_frames=50, seconds=20))
    assert 'value="10" max="40"' in text
    assert "Step 10 of 40, 12 of 50 frames, about 60 s left" in text
    assert "50 frames, 2.00 s of video, in 61.2 s" in progress_html(JobResult("x.mp4", 50, 25.0, 61.23))
