"""Fragments: whole as they come, on one clock, with sound and picture together."""

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from emo.errors import OutputError
from emo.media import read_origin
from emo.media.fragments import PRIMING, SOUND_RATE, FragmentEncoder

RATE = 16000
CLICK = 13  # frame that is white, and in whose middle something clicks


def boxes(content: bytes) -> list[tuple[str, bytes]]:
    """Names and contents of the boxes that lie side by side."""
    found, place = [], 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        found.append((content[place + 4 : place + 8].decode(), content[place + 8 : place + size]))
        place += size
    return found


def inside(content: bytes, *names: str) -> list[bytes]:
    """Contents of boxes by their path."""
    for name in names[:-1]:
        content = b"".join(part for found, part in boxes(content) if found == name)
    return [part for found, part in boxes(content) if found == names[-1]]


def encoded(fps=Fraction(25), size=(64, 64), counts=(8, 8, 5), **given) -> tuple[list[bytes], FragmentEncoder]:
    """Head, fragments and the end of a black video whose frame CLICK is white, and clicks."""
    sound = np.zeros(round(sum(counts) * RATE / fps), np.float32)
    middle = round((CLICK + 0.5) * RATE / fps)
    sound[middle - 40 : middle + 40] = 0.8 * np.sin(np.arange(80))
    encoder = FragmentEncoder(size, fps, RATE, **given)
    parts, first = [encoder.head], 0
    for count in counts:
        frames = [np.full((*size, 3), 255 * (number == CLICK), np.uint8) for number in range(first, first + count)]
        start, stop = round(first * RATE / fps), round((first + count) * RATE / fps)
        parts.append(encoder.encode(frames, sound[start:stop]))
        first += count
    parts.append(encoder.finish())
    encoder.close()
    return parts, encoder


def decoded(content: bytes) -> tuple[list[float], list[float], np.ndarray, float]:
    """Times and brightness of the frames, samples, and when the first of these is heard."""
    with av.open(io.BytesIO(content)) as container:
        frames = list(container.decode(video=0))
    with av.open(io.BytesIO(content)) as container:
        blocks = list(container.decode(audio=0))
    bright = [float(frame.to_ndarray(format="gray").mean()) for frame in frames]
    samples = np.concatenate([block.to_ndarray()[0] for block in blocks])
    return [frame.time for frame in frames], bright, samples, blocks[0].time


def test_a_head_and_then_whole_fragments():
    parts, encoder = encoded()
    assert [name for name, _ in boxes(parts[0])] == ["ftyp", "moov"]
    for part in parts[1:]:
        assert [name for name, _ in boxes(part)] == ["moof", "mdat"]
    numbers = [struct.unpack(">I", inside(part, "moof", "mfhd")[0][4:])[0] for part in parts[1:]]
    assert numbers == [1, 2, 3, 4]
    assert encoder.mime.startswith('video/mp4; codecs="avc1.64')
    assert encoder.frames == 21


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001)])
def test_frames_come_evenly_over_the_borders(fps):
    times, _, samples, start = decoded(b"".join(encoded(fps)[0]))
    assert times == pytest.approx([PRIMING / SOUND_RATE + float(number / fps) for number in range(21)], abs=2e-5)
    assert start == 0
    assert len(samples) / SOUND_RATE >= times[-1] + float(1 / fps) - 0.001


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30)])
def test_sound_and_picture_are_together(fps):
    times, bright, samples, start = decoded(b"".join(encoded(fps)[0]))
    white = int(np.argmax(bright))
    assert (white, bright[white] > 200, sorted(bright)[-2] < 60) == (CLICK, True, True)
    heard = start + int(np.argmax(np.abs(samples))) / SOUND_RATE
    assert times[white] < heard < times[white] + float(1 / fps)
    assert heard == pytest.approx(times[white] + 0.5 / float(fps), abs=0.006)


def test_each_fragment_is_a_group_of_pictures_of_its_own():
    head, _, second, *_ = encoded()[0]
    times, bright, _, _ = decoded(head + second)
    assert len(times) == 8
    assert int(np.argmax(bright)) == CLICK - 8


def test_a_fragment_needs_none_after_it():
    parts = encoded()[0]
    assert len(decoded(b"".join(parts[:2]))[0]) == 8


def test_odd_sizes_are_padded_and_the_origin_is_told(tmp_path):
    parts, _ = encoded(size=(65, 63), origin={"emo": "1", "seed": 3})
    path = tmp_path / "live.mp4"
    path.write_bytes(b"".join(parts))
    assert read_origin(path)["seed"] == 3
    with av.open(str(path)) as container:
        assert (container.streams.video[0].height, container.streams.video[0].width) == (66, 64)


def test_colors_are_kept():
    encoder = FragmentEncoder((64, 64), Fraction(25), RATE)
    colors = np.zeros((64, 64, 3), np.uint8)
    colors[:32, :32], colors[:32, 32:], colors[32:, :32] = (200, 30, 30), (30, 180, 40), (40, 60, 220)
    content = encoder.head + encoder.encode([colors] * 3, np.zeros(1920, np.float32)) + encoder.finish()
    encoder.close()
    with av.open(io.BytesIO(content)) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (1, 1)
        shown = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    for place in ((16, 16), (16, 48), (48, 16), (48, 48)):
        assert np.abs(shown[place].astype(int) - colors[place]).max() < 12


def test_frames_that_fit_into_no_video_are_refused():
    with pytest.raises(OutputError, match="do not fit"):
        FragmentEncoder((20000, 64), Fraction(25), RATE)
