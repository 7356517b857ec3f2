"""Frame n is frame n, by either decoder, in every container."""

import sys

import numpy as np
import pytest
from media_helpers import ffmpeg, patches, write_sound, write_video

from emo.errors import VideoError
from emo.media import VideoReader
from emo.media import video as video_module

FRAMES = patches(60)
ORDER = [59, 0, 31, 5, 5, 4, 6, 30, 58, 13, 12, 11]


@pytest.fixture(params=["decord", "pyav"])
def backend(request, monkeypatch):
    if request.param == "pyav":
        monkeypatch.setitem(sys.modules, "decord", None)
    else:
        pytest.importorskip("decord")
    return request.param


def error(got: np.ndarray, expected: np.ndarray) -> float:
    """Worst frame's mean absolute difference; a wrong frame is far above 50."""
    assert got.dtype == np.uint8
    return float(abs(got.astype(int) - expected).mean(axis=(1, 2, 3)).max())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("plain.mp4", ["-c:v", "libx264", "-g", "20"]),
        ("open.mp4", ["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=12:bframes=3"]),
        ("dense.mp4", ["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=3:min-keyint=1:bframes=2:b-adapt=0"]),
        ("hevc.mp4", ["-c:v", "libx265", "-x265-params", "log-level=none:open-gop=1:keyint=12"]),
        ("a.mkv", ["-c:v", "libx264", "-g", "20"]),
        ("a.avi", ["-c:v", "mpeg4", "-bf", "2"]),
        ("a.mpg", ["-c:v", "mpeg2video", "-q:v", "3"]),
        ("a.webm", ["-c:v", "libvpx", "-b:v", "2M"]),
    ],
)
def test_random_access(tmp_path, backend, name, arguments):
    with VideoReader(write_video(tmp_path / name, FRAMES, *arguments), own=True) as reader:
        assert (len(reader), reader.num_frames, reader.fps) == (60, 60, 25)
        assert (reader.height, reader.width, reader.has_audio) == (64, 64, False)
        assert error(reader.read(ORDER), FRAMES[ORDER]) < 20
        assert error(np.concatenate([reader.read(range(s, s + 20)) for s in (0, 20, 40)]), FRAMES) < 20
        assert reader.read([]).shape == (0, 64, 64, 3)
        for indices in ([60], [-1]):
            with pytest.raises(IndexError):
                reader.read(indices)


def test_a_width_that_decord_fails_on(tmp_path, backend):
    with VideoReader(write_video(tmp_path / "a.mp4", FRAMES[:5, :, :48]), own=True) as reader:
        assert error(reader.read(range(5)), FRAMES[:5, :, :48]) < 20


def test_decord_reads_ordinary_files_and_only_those(tmp_path):
    decord = pytest.importorskip("decord")
    plain = write_video(tmp_path / "plain.mp4", FRAMES)
    with VideoReader(plain, own=True) as reader:
        assert isinstance(reader._frames._reader, decord.VideoReader)
    opened = write_video(tmp_path / "open.mp4", FRAMES, "-c:v", "libx264", "-x264-params", "open-gop=1:keyint=12")
    with VideoReader(opened, own=True) as reader:
        assert isinstance(reader._frames, video_module._PyAVFrames)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_respected(tmp_path, backend, degrees):
    frames = patches(5, height=64, width=96)
    write_video(tmp_path / "a.mp4", frames)
    ffmpeg("-display_rotation", degrees, "-i", tmp_path / "a.mp4", "-c", "copy", tmp_path / "b.mp4")
    upright = np.rot90(frames, degrees // 90, axes=(1, 2))
    with VideoReader(tmp_path / "b.mp4", own=True) as reader:
        assert (reader.height, reader.width) == upright.shape[1:3]
        assert error(reader.read(range(5)), upright) < 10


@pytest.mark.parametrize("fps", ["24", "30000/1001", "12.5"])
def test_rate_and_sound(tmp_path, backend, fps):
    video = write_video(tmp_path / "a.mp4", FRAMES, fps=fps)
    wav = write_sound(tmp_path / "a.wav", np.zeros(16000), 16000)
    ffmpeg("-i", video, "-i", wav, "-c:v", "copy", tmp_path / "b.mp4")
    with VideoReader(tmp_path / "b.mp4", own=True) as reader:
        assert str(reader.fps) == {"12.5": "25/2"}.get(fps, fps)
        assert reader.has_audio


def test_bad_files(tmp_path, backend):
    video = write_video(tmp_path / "a.mp4", FRAMES).read_bytes()
    sound = write_sound(tmp_path / "a.wav", np.zeros(16000), 16000).read_bytes()
    rows = {
        "zero.mp4": (b"", "0 bytes"),
        "text.mp4": (b"not a video\n" * 50, "not a video"),
        "cut.mp4": (video[: len(video) // 2], "not a video"),
        "sound.mp4": (sound, "no video track"),
    }
    for name, (content, message) in rows.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(VideoError, match=message) as caught:
            VideoReader(tmp_path / name, own=True)
        assert name in str(caught.value)
    with pytest.raises(VideoError, match="does not exist"):
        VideoReader(tmp_path / "missing.mp4", own=True)
    with pytest.raises(VideoError, match="directory"):
        VideoReader(tmp_path, own=True)


def test_a_cut_off_file_is_an_error_where_it_is_cut(tmp_path, backend):
    whole = write_video(tmp_path / "a.mp4", FRAMES, "-c:v", "libx264", "-g", "10", "-movflags", "+faststart")
    content = whole.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    with VideoReader(tmp_path / "cut.mp4", own=True) as reader, pytest.raises(VideoError, match=r"cut\.mp4"):
        reader.read([0, reader.num_frames - 1, 59 if reader.num_frames == 60 else 0, reader.num_frames - 1])


def test_real_videos(data, backend):
    for path in sorted((data / "video").iterdir())[:2]:
        with VideoReader(path, own=True) as reader:
            assert (len(reader), reader.fps, reader.height, reader.width) == (75, 25, 288, 288)
            assert reader.has_audio
            forth = reader.read(range(0, 75, 15))
            assert (reader.read(range(60, -1, -15))[::-1] == forth).all()
    with VideoReader(data / "bad_input" / "headturn_profile_silent.mp4", own=True) as reader:
        assert not reader.has_audio


def test_decoders_agree(data, monkeypatch):
    pytest.importorskip("decord")
    path = data / "bad_input" / "sintel_trailer_480x204_cuts.mp4"
    order = [1200, 3, 700, 701, 702, 699, 0, 1251]
    with VideoReader(path, own=True) as reader:
        first = reader.read(order)
    monkeypatch.setitem(sys.modules, "decord", None)
    with VideoReader(path, own=True) as reader:
        assert (reader.read(order) == first).all()
