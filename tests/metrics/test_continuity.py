import weakref

import numpy as np
import pytest

from emo.errors import EmoError
from emo.metrics import clip_border_ratio, color, drift, measure_frames, sharpness


def texture(seed: int = 0, side: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 200, (side, side, 3)).astype(np.uint8)


def video(frames: int, clip_length: int, step: int, jump: int) -> np.ndarray:
    """(T, 32, 32, 3): all pixels change by `step` from frame to frame, by `jump` where clips meet, up and down."""
    change = np.where(np.arange(1, frames) % clip_length == 0, jump, step) * np.where(np.arange(1, frames) % 2, 1, -1)
    return (texture() + np.r_[0, np.cumsum(change)][:, None, None, None]).astype(np.uint8)


@pytest.mark.parametrize(("step", "jump", "ratio"), [(2, 2, 1), (2, 10, 5), (4, 2, 0.5), (0, 0, 1), (0, 3, np.inf)])
def test_jumps_at_clip_borders_show(step, jump, ratio):
    measures = measure_frames(video(23, 5, step, jump))
    assert clip_border_ratio(measures.change, 5) == pytest.approx(ratio)
    assert len(measures) == 23
    assert measures.change.shape == (22,)


def test_jumps_elsewhere_are_no_border():
    assert clip_border_ratio(measure_frames(video(20, 5, 2, 10)).change, 4) == pytest.approx(2 / (54 / 15), rel=0.01)


@pytest.mark.parametrize("chunk", [1, 4, 23])
def test_chunks_and_iterators_change_nothing(chunk):
    frames = video(23, 5, 2, 10)
    whole = measure_frames(frames)
    chunks = measure_frames(frames[i : i + chunk] for i in range(0, 23, chunk))
    for name in ("sharpness", "color", "change"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(chunks, name))
        np.testing.assert_array_equal(getattr(whole, name), getattr(measure_frames(iter(list(frames))), name))


def test_few_frames_are_alive_at_a_time():
    alive, most = weakref.WeakSet(), 0

    class Frame(np.ndarray):
        __hash__ = object.__hash__

    def stream():
        nonlocal most
        for seed in range(20):
            frame = texture(seed).view(Frame)
            alive.add(frame)
            most = max(most, len(alive))
            yield frame

    measure_frames(stream())
    assert most <= 3


def test_blur_lowers_sharpness_and_tint_moves_color():
    import cv2

    frame = texture()
    assert sharpness(cv2.GaussianBlur(frame, (0, 0), 1.0)) < 0.3 * sharpness(frame)
    assert sharpness(np.full((8, 8, 3), 77, np.uint8)) == 0
    assert color(np.full((8, 8, 3), 255, np.uint8)) == pytest.approx([100, 0, 0], abs=0.01)
    assert color(np.full((8, 8, 3), (255, 0, 0), np.uint8)) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)


def test_drift_compares_the_ends():
    import cv2

    start = np.repeat(texture()[None], 10, 0)
    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in start])
    red = (soft.astype(int) + np.array((30, 0, 0))).clip(0, 255).astype(np.uint8)
    same = drift(measure_frames([*start, *start]), 5)
    assert (same.sharpness, same.color) == (0, 0)
    blurred = drift(measure_frames([*start, *soft]), 5)
    assert blurred.sharpness == pytest.approx(sharpness(soft[0]) / sharpness(start[0]) - 1)
    assert blurred.sharpness < -0.7
    reddened = drift(measure_frames([start, red]), 5)
    assert reddened.color == pytest.approx(np.linalg.norm(color(red[0]) - color(start[0])))
    assert reddened.color > 5


def test_bad_input_is_refused():
    with pytest.raises(EmoError, match="no frames"):
        measure_frames(iter(()))
    with pytest.raises(EmoError, match="uint8"):
        measure_frames([texture() / 255])
    with pytest.raises(EmoError, match="one size"):
        measure_frames([texture(), texture(side=16)])
    for frames, length in ((4, 5), (5, 5), (5, 1)):
        with pytest.raises(EmoError, match="no border"):
            clip_border_ratio(np.ones(frames - 1), length)
    measures = measure_frames(video(9, 5, 1, 1))
    with pytest.raises(EmoError, match="two spans"):
        drift(measures, 5)
    with pytest.raises(EmoError, match="one color"):
        drift(measure_frames(np.zeros((4, 8, 8, 3), np.uint8)), 2)
