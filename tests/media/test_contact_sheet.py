"""The contact sheet."""

import numpy as np
from PIL import Image

from emo.media import contact_sheet
from emo.media.contact_sheet import GAP, LABEL_HEIGHT


def frames(n, height=20, width=30):
    values = np.arange(1, n + 1, dtype=np.uint8)[:, None, None, None] * 20
    return np.broadcast_to(values, (n, height, width, 3)).copy()


def test_frames_stand_in_reading_order():
    sheet = contact_sheet(frames(5), columns=3)
    assert sheet.size == (3 * (30 + GAP) + GAP, 2 * (20 + GAP) + GAP)
    for index in range(5):
        x, y = GAP + index % 3 * (30 + GAP), GAP + index // 3 * (20 + GAP)
        assert sheet.getpixel((x, y)) == sheet.getpixel((x + 29, y + 19)) == (20 * index + 20,) * 3
    assert sheet.getpixel((sheet.width - 10, sheet.height - 10)) == (255, 255, 255)


def test_cells_keep_the_shape_of_frames():
    sheet = contact_sheet([Image.new("RGB", (100, 50), "black")], columns=1, cell=(40, 40))
    assert sheet.size == (40 + 2 * GAP, 40 + 2 * GAP)
    black = np.argwhere(np.asarray(sheet).max(axis=2) == 0)
    assert np.ptp(black, axis=0).tolist() == [19, 39]


def test_labels_are_drawn_below():
    plain = contact_sheet(frames(2), columns=2)
    labeled = contact_sheet(frames(2), columns=2, labels=["0.0 s", "0.5 s"])
    assert labeled.height == plain.height + LABEL_HEIGHT
    assert (np.asarray(labeled)[GAP + 20 :, :] < 128).any()
