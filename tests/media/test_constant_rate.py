"""Videos of every kind as frames at one rate, with their sound in step; and where they are cut."""

import subprocess

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from made_videos import background, write_video

from emo.data.prepare.probe import probe
from emo.data.prepare.scenes import split_scenes
from emo.errors import VideoError
from emo.media.constant_rate import MAX_HOLD, ConstantRateReader


def gray(count: int, side: int = 64) -> np.ndarray:
    """Frames that tell their number by their gray: 3 levels each."""
    return np.repeat(np.arange(count, dtype=np.uint8) * 3, side * side * 3).reshape(count, side, side, 3)


def numbers(frames) -> list[int | None]:
    return [None if frame is None else round(float(frame.mean()) / 3) for frame in frames]


def ffmpeg(*arguments) -> None:
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """60 numbered frames at 25 fps, a click of 40 ms at frame 30."""
    sound = np.zeros(60 * 640)
    sound[30 * 640 : 31 * 640] = 0.5 * np.sin(np.arange(640))
    return write_video(tmp_path_factory.mktemp("counted") / "counted.mp4", gray(60), sound)


@pytest.mark.parametrize(("rate", "expected"), [(25, list(range(60))), (50, [i // 2 for i in range(120)])])
def test_frames_come_at_the_rate_asked_for(counted, rate, expected):
    assert numbers(ConstantRateReader(counted, rate).frames(0, 1000)) == expected


def test_a_faster_video_is_thinned_out_by_time(tmp_path):
    path = write_video(tmp_path / "fast.mp4", gray(60), fps=30)
    assert numbers(ConstantRateReader(path, 25).frames(0, 1000)) == [int((i + 0.5) / 25 * 30) for i in range(50)]


def test_from_the_middle_the_same_frames_come(counted):
    assert numbers(ConstantRateReader(counted, 25).frames(37, 52)) == list(range(37, 52))


@pytest.mark.parametrize("name", ["b.avi", "b.ts", "b.mkv", "b.flv", "b.h264"])
def test_any_container_gives_the_same_frames(counted, tmp_path, name):
    codec = ["-c:v", "mpeg4", "-q:v", "2"] if name == "b.avi" else ["-c:v", "libx264", "-bf", "2", "-g", "20"]
    ffmpeg("-i", counted, *codec, "-an", tmp_path / name)
    reader = ConstantRateReader(tmp_path / name, 25)
    whole = numbers(reader.frames(0, 1000))
    assert whole[:58] == list(range(58))
    assert numbers(reader.frames(31, 50)) == whole[31:50]


def test_frames_of_a_variable_rate_are_shown_at_their_times(counted, tmp_path):
    kept = "not(between(n,10,17))*not(between(n,30,50))"
    ffmpeg("-i", counted, "-vf", f"select='{kept}'", "-fps_mode", "vfr", "-an", tmp_path / "vfr.mkv")
    got = numbers(ConstantRateReader(tmp_path / "vfr.mkv", 25).frames(0, 1000))
    hold = int(MAX_HOLD * 25)
    assert got[:30] == [*range(10), *[9] * 8, *range(18, 30)]
    assert got[30 : 30 + hold - 1] == [29] * (hold - 1)
    assert got[30 + hold : 51] == [None] * (21 - hold)  # shown for too long
    assert got[51:] == list(range(51, 60))


def test_upright(counted, tmp_path):
    wide = write_video(tmp_path / "wide.mp4", np.repeat(background()[None], 5, 0))
    ffmpeg("-display_rotation", 90, "-i", wide, "-c", "copy", tmp_path / "tall.mp4")
    reader = ConstantRateReader(tmp_path / "tall.mp4", 25)
    assert (reader.height, reader.width) == (320, 200)
    frame = next(reader.frames(0, 1))
    assert np.abs(frame.astype(int) - np.rot90(background())).mean() < 5


def test_damage_leaves_a_hole_and_nothing_wrong(tmp_path):
    noise = np.random.default_rng(0).integers(0, 60, (100, 64, 64, 1)).astype(np.uint8)
    write_video(tmp_path / "a.mp4", gray(60).repeat(2, 0)[:100] // 2 + noise)
    ffmpeg("-i", tmp_path / "a.mp4", "-c:v", "libx264", "-g", 20, "-bf", 0, tmp_path / "whole.mp4")
    before = list(ConstantRateReader(tmp_path / "whole.mp4", 25).frames(0, 1000))
    data = bytearray((tmp_path / "whole.mp4").read_bytes())
    middle = len(data) * 45 // 100
    data[middle : middle + len(data) // 25] = bytes(len(data) // 25)
    (tmp_path / "hole.mp4").write_bytes(data)
    after = list(ConstantRateReader(tmp_path / "hole.mp4", 25).frames(0, 1000))
    changed = [i for i, (a, b) in enumerate(zip(before, after, strict=False)) if b is None or (a != b).any()]
    assert len(after) == 100
    assert changed
    assert min(changed) >= 20
    assert max(changed) < 80  # from the next frame that stands alone, all is well
    assert all(after[i] is None or (after[i] == after[min(changed) - 1]).all() for i in changed)  # held, then missing


@pytest.mark.parametrize("late", [0.0, 0.32])
def test_sound_is_in_step_wherever_it_starts(counted, tmp_path, late):
    both = ("-i", counted, "-itsoffset", late, "-i", counted, "-map", "0:v", "-map", "1:a")
    ffmpeg(*both, "-c", "copy", tmp_path / "s.mkv")
    at = 30 * 640 + late * 16000
    for start, stop in ((0, 60), (26, 50)):
        sound = ConstantRateReader(tmp_path / "s.mkv", 25).sound(start, stop)
        assert (sound.dtype, len(sound)) == (np.float32, (stop - start) * 640)
        loud = np.flatnonzero(np.abs(sound) > 0.2)
        assert abs(loud[0] + start * 640 - at) < 100
        assert abs(loud[-1] + start * 640 - at - 640) < 100


def test_sound_of_a_file_that_cannot_be_searched(counted, tmp_path):
    ffmpeg("-i", counted, "-c:v", "copy", "-c:a", "aac", "-ar", "44100", tmp_path / "s.flv")
    for start in (0, 26):
        loud = np.flatnonzero(np.abs(ConstantRateReader(tmp_path / "s.flv", 25).sound(start, 50)) > 0.2)
        assert abs(loud[0] + (start - 30) * 640) < 1100  # FLV counts AAC's priming as sound


def test_what_is_no_video_is_told(tmp_path):
    (tmp_path / "text.mp4").write_bytes(b"no video at all\n" * 100)
    with pytest.raises(VideoError, match=r"text\.mp4"):
        ConstantRateReader(tmp_path / "text.mp4", 25)
    assert "not a video" in probe(tmp_path / "text.mp4", 25).fault
    (tmp_path / "empty.mp4").touch()
    assert "empty" in probe(tmp_path / "empty.mp4", 25).fault


def test_a_probe_knows_length_and_content(counted, tmp_path):
    found = probe(counted, 25)
    assert (found.frames, found.seconds, found.fault) == (60, 2.4, "")
    (tmp_path / "copy.avi").write_bytes(counted.read_bytes())
    assert probe(tmp_path / "copy.avi", 25) == found
    (tmp_path / "other.mp4").write_bytes(counted.read_bytes() + b"x")
    assert probe(tmp_path / "other.mp4", 25).key != found.key


def test_scenes_begin_at_cuts():
    one, other, black = background(1), background(2), np.zeros((200, 320, 3), np.uint8)
    frames = [one] * 5 + [black] * 3 + [None] * 2 + [black] + [other] * 4 + [one.copy() for _ in range(2)]
    scenes = [(start, len(list(scene))) for start, scene in split_scenes(frames, 27.0)]
    assert scenes == [(0, 5), (5, 6), (11, 4), (15, 2)]
    assert [start for start, _ in split_scenes(frames, 27.0)] == [0, 5, 11, 15]  # not taken, passed over
    assert [start for start, _ in split_scenes(frames, 1000.0)] == [0]
    assert list(split_scenes([], 27.0)) == []
