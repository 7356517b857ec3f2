"""The written video: exact timing, sound of the same length, nothing half-done under the final name, and resumable."""

import errno
import os
import subprocess
import sys
import threading
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_helpers import ffmpeg, patches, write_sound, write_video

from emo.errors import EmoError, OutputError, ResumeError
from emo.media import AudioTrack, VideoReader, VideoWriter
from emo.media import encoder as encoder_module
from emo.media import ffmpeg as ffmpeg_module

RATES = [24, 25, "29.97", "30000/1001", "24000/1001", 30, 60, "11.111", 240]


def sound(rate: int, seconds: float, channels: int = 1) -> tuple[np.ndarray, int]:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (channels, round(rate * seconds))).astype(np.float32), rate


def write(path: Path, frames: np.ndarray, fps: object, audio: AudioTrack | None = None, clip: int = 12) -> Path:
    with VideoWriter(path, fps) as writer:
        for start in range(0, len(frames), clip):
            writer.write(frames[start : start + clip])
        writer.finish(audio)
    return path


def ends(path: Path) -> dict[str, Fraction]:
    with av.open(str(path)) as container:
        return {stream.type: stream.duration * stream.time_base for stream in container.streams}


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_every_frame_stands_at_its_exact_time(tmp_path, fps, suffix):
    path = write(tmp_path / f"a{suffix}", patches(27, 32, 32), fps)
    rate = Fraction(fps)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert [frame.pts * frame.time_base for frame in frames] == [i / rate for i in range(27)]
        assert (stream.average_rate, stream.frames) == (rate, 27)
        assert stream.duration * stream.time_base == 27 / rate
        assert (stream.codec_context.name, frames[0].format.name) == ("h264", "yuv420p")
        assert (frames[0].colorspace, frames[0].color_range) == (1, 1)  # BT.709, limited range
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("clip", [1, 5, 12, 27])
def test_frames_come_back(tmp_path, clip):
    frames = patches(27)
    frames[3], frames[4] = [250, 20, 10], [10, 200, 40]
    with VideoReader(write(tmp_path / "a.mp4", frames, 25, clip=clip)) as reader:
        got = reader.read(range(len(reader))).astype(int)
    assert got.shape == frames.shape
    assert abs(got - frames).mean(axis=(1, 2, 3)).max() < 6
    assert abs(got[3:5] - frames[3:5]).max() <= 3  # the right color matrix, both ways


@pytest.mark.parametrize(("height", "width"), [(33, 47), (34, 47), (33, 48)])
def test_odd_sizes_are_padded_with_the_edge(tmp_path, height, width):
    frames = patches(3, height, width)
    with VideoReader(write(tmp_path / "a.mp4", frames, 25)) as reader:
        assert (reader.height, reader.width) == (height + height % 2, width + width % 2)
        got = reader.read(range(3)).astype(int)
    assert abs(got[:, :height, :width] - frames).mean() < 6
    assert abs(got[:, -1, :width] - frames[:, -1]).mean() < 12


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_sound_and_picture_end_together(tmp_path, rate, channels):
    source = write_sound(tmp_path / "a.wav", *sound(rate, 1.03, channels))
    with AudioTrack.open(source) as track:
        path = write(tmp_path / "b.mp4", patches(track.num_frames(25), 32, 32), 25, track)
    found = ends(path)
    assert found["video"] == Fraction(26, 25)
    assert abs(found["audio"] - found["video"]) < Fraction(1, 1000)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.codec_context.channels) == ("aac", min(channels, 2))
        assert stream.rate == (48000 if rate % 16000 == 0 and rate > 44100 else 44100)


@pytest.mark.parametrize("count", [5, 40])
def test_sound_is_cut_or_padded_to_the_picture(tmp_path, count):
    with AudioTrack.open(sound(16000, 1)) as track:
        found = ends(write(tmp_path / "a.mp4", patches(count, 32, 32), 25, track))
    assert found["video"] == Fraction(count, 25)
    assert abs(found["audio"] - found["video"]) < Fraction(1, 1000)


@pytest.mark.parametrize("kind", ["wav", "mp3", "ogg", "mov", "array"])
@pytest.mark.parametrize("fps", [25, "30000/1001"])
def test_sound_comes_back_in_time(tmp_path, kind, fps):
    samples = np.zeros(48000 * 2 + 500, np.float32)
    beeps = [24000, 60000, 90000]
    for beep in beeps:
        samples[beep : beep + 2400] = np.hanning(2400) * np.sin(np.arange(2400) * 0.2)
    source = (samples, 48000) if kind == "array" else tmp_path / f"a.{kind}"
    if kind == "mov":  # a film whose sound starts late: the track, and the result, start with the sound
        wav, film = write_sound(tmp_path / "a.wav", samples, 48000), write_video(tmp_path / "a.mp4", patches(60))
        late = ("-i", film, "-itsoffset", "0.4", "-i", wav, "-map", "0:v", "-map", "1:a")
        ffmpeg(*late, "-c:v", "copy", "-c:a", "pcm_s16le", source)
    elif kind != "array":
        write_sound(source, samples, 48000)
    with AudioTrack.open(source) as track:
        path = write(tmp_path / "b.mp4", patches(track.num_frames(fps), 32, 32), fps, track)
        with AudioTrack.open(path) as copy:
            assert 0 <= copy.duration - track.duration <= 1 / Fraction(fps)
            for beep in beeps:
                start, stop = beep // 3 - 800, beep // 3 + 1600
                first, second = track.read(start, stop), copy.read(start, stop)
                lag = int(np.correlate(first, second, "full").argmax()) - (len(first) - 1)
                assert abs(lag) <= 1
                assert abs(first - second).max() < 0.1


def test_real_recordings(data, tmp_path):
    frames = np.repeat(patches(1, 32, 32), 400, axis=0)
    for path in sorted((data / "audio").glob("*.flac")):
        with AudioTrack.open(path) as track, VideoWriter(tmp_path / f"{path.stem}.mp4", 25) as writer:
            count = track.num_frames(25)
            for start in range(0, count, 400):
                writer.write(frames[: count - start])
            writer.finish(track)
        found = ends(writer.path)
        assert found["video"] == Fraction(count, 25)
        assert abs(found["audio"] - found["video"]) < Fraction(1, 1000)
        if path.name == "speech_en_1961_inaugural.flac":
            assert count == 275


KILLED = """
import os, sys, numpy as np
from emo.media import VideoWriter
frames = np.load(sys.argv[2])
writer = VideoWriter(sys.argv[1], "30000/1001")
for start in (0, 12, 24):
    writer.write(frames[start : start + 12])
    if start == 12:
        print(writer.position, flush=True)
writer._spool.write(b"half a segment")
os._exit(9)
"""


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path):
    frames = patches(60)
    (tmp_path / "whole").mkdir()
    with AudioTrack.open(sound(44100, 2)) as track:
        whole = write(tmp_path / "whole" / "a.mp4", frames, "30000/1001", track)
        np.save(tmp_path / "frames.npy", frames)
        arguments = [sys.executable, "-c", KILLED, tmp_path / "a.mp4", tmp_path / "frames.npy"]
        killed = subprocess.run(arguments, capture_output=True)
        assert killed.returncode == 9
        assert not (tmp_path / "a.mp4").exists()
        with VideoWriter(tmp_path / "a.mp4", "30000/1001", resume_at=int(killed.stdout)) as writer:
            assert writer.position == int(killed.stdout)
            for start in (24, 36, 48):
                writer.write(frames[start : start + 12])
            writer.finish(track)
    assert (tmp_path / "a.mp4").read_bytes() == whole.read_bytes()
    assert not writer.spool_path.exists()


def test_position_is_the_size_of_the_spool(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        sizes = [0]
        for _ in range(3):
            writer.write(patches(4, 32, 32))
            assert writer.position == writer.spool_path.stat().st_size > sizes[-1]
            sizes.append(writer.position)
    with VideoWriter(tmp_path / "a.mp4", 25, resume_at=sizes[1]) as writer:
        assert writer.spool_path.stat().st_size == sizes[1]
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        assert writer.position == writer.spool_path.stat().st_size == 0


def test_frames_are_taken_one_by_one_as_they_are_made(tmp_path):
    frames, alive, most = patches(9, 33, 47), [], []

    def make():
        for frame in frames:
            one = frame.copy()
            alive.append(weakref.ref(one))
            most.append(sum(ref() is not None for ref in alive))
            yield one
            del one

    write(tmp_path / "whole.mp4", frames, 25)
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(make())
        writer.finish()
    assert max(most) == 1
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_an_error_while_frames_are_made_ends_ffmpeg_and_writes_nothing(tmp_path):
    def make():
        yield from patches(3)
        raise KeyError("gone")

    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        before = threading.active_count()
        with pytest.raises(KeyError, match="gone"):
            writer.write(make())
        assert threading.active_count() == before
        assert writer.position == writer.spool_path.stat().st_size == 0
        writer.write(patches(3))
        writer.finish()


def test_an_encoder_that_fails_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder_module, "BT709", ["-no_such_option", "1"])
    with (
        VideoWriter(tmp_path / "a.mp4", 25) as writer,
        pytest.raises(OutputError, match=r"a\.mp4: ffmpeg failed \(.+\)"),
    ):
        writer.write(patches(40, 512, 512))
    assert writer.position == 0


@pytest.mark.parametrize("shape", [(2, 16386), (16386, 2), (17000, 17000)])
def test_frames_that_no_video_holds(tmp_path, shape):
    frame = np.broadcast_to(np.uint8(0), (*shape, 3))
    with VideoWriter(tmp_path / "a.mp4", 25) as writer, pytest.raises(OutputError, match=r"a\.mp4: frames of .*16384"):
        writer.write([frame])


def test_large_frames_are_encoded_frugally(tmp_path, monkeypatch):
    frames = patches(27)
    monkeypatch.setattr(encoder_module, "SHOWN_PIXELS", 100)
    with VideoReader(write(tmp_path / "a.mp4", frames, 25)) as reader:
        assert abs(reader.read(range(27)).astype(int) - frames).mean() < 6
        assert len(reader) == 27


def test_resuming_needs_the_spool(tmp_path):
    with pytest.raises(ResumeError, match="part is missing"):
        VideoWriter(tmp_path / "a.mp4", 25, resume_at=10)
    (tmp_path / "a.mp4.part").write_bytes(b"short")
    with pytest.raises(ResumeError, match="shorter"):
        VideoWriter(tmp_path / "a.mp4", 25, resume_at=10)
    assert (tmp_path / "a.mp4.part").read_bytes() == b"short"


def test_nothing_stands_under_the_final_name_before_the_end(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"an older video")
    with VideoWriter(path, 25) as writer:
        writer.write(patches(3, 32, 32))
        assert path.read_bytes() == b"an older video"
    assert writer.spool_path.exists()
    writer.discard()
    assert os.listdir(tmp_path) == ["a.mp4"]
    assert path.read_bytes() == b"an older video"
    write(path, patches(3, 32, 32), 25)
    assert path.read_bytes() != b"an older video"


def test_bad_outputs(tmp_path, monkeypatch):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_bytes(b"")
    rows = {
        tmp_path / "missing" / "a.mp4": "does not exist",
        tmp_path / "file" / "a.mp4": "does not exist",
        tmp_path / "folder.mp4": "is a directory",
        tmp_path / "a.avi": r"\.mp4 or \.mov",
        tmp_path / "a": r"\.mp4 or \.mov",
    }
    for path, message in rows.items():
        with pytest.raises(OutputError, match=message) as caught:
            VideoWriter(path, 25)
        assert path.name in str(caught.value)
    with pytest.raises(EmoError, match="fps"):
        VideoWriter(tmp_path / "a.mp4", 0)

    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(OutputError, match=r"a\.mp4 cannot be written"):
        VideoWriter(tmp_path / "a.mp4", 25)
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.mp4"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user who can be refused")
def test_a_folder_without_write_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        VideoWriter(tmp_path / "a.mp4", 25)


def test_finishing_nothing_is_an_error(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25) as writer, pytest.raises(OutputError, match="no frames"):
        writer.finish()


class FullDisk:
    """A spool on a disk that takes `room` more bytes."""

    def __init__(self, file, room):
        self.file = file
        self.room = room

    def write(self, data):
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self.file.write(data[: self.room])
        self.room -= written
        return written

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_disk_full_while_writing_loses_nothing_before(tmp_path):
    frames = patches(24)
    whole = write(tmp_path / "whole.mp4", frames, 25)
    with VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(frames[:12])
        position, file = writer.position, writer._spool
        writer._spool = FullDisk(file, 100)
        with pytest.raises(OutputError, match=r"a\.mp4\.part cannot be written \(No space left"):
            writer.write(frames[12:])
        assert writer.position == position == writer.spool_path.stat().st_size
        writer._spool = file
        writer.write(frames[12:])
        writer.finish()
    assert writer.path.read_bytes() == whole.read_bytes()


def test_a_failed_mux_leaves_the_spool_and_no_half_file(tmp_path, monkeypatch):
    writer = VideoWriter(tmp_path / "a.mp4", 25)
    writer.write(patches(12))

    script = "import sys; open(sys.argv[-1][5:], 'w').write('half'); sys.exit('Error writing trailer: No space left')"
    popen = subprocess.Popen
    fails = lambda command, **options: popen([sys.executable, "-c", script, *command], **options)
    monkeypatch.setattr(ffmpeg_module.subprocess, "Popen", fails)
    with pytest.raises(OutputError, match=r"a\.mp4: ffmpeg failed \(no space left"):
        writer.finish()
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["a.mp4.part"]
    writer.finish()
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_disk_full_for_real(tmp_path):
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path], capture_output=True)
    if mount.returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        writer = VideoWriter(tmp_path / "a.mp4", 25)
        noise = np.random.default_rng(0).integers(0, 256, (4, 96, 96, 3), np.uint8)
        writer.write(noise)
        while writer.position < 140_000:  # the spool fits, the finished file beside it does not
            writer.write(noise)
        with pytest.raises(OutputError, match="no space left"):
            writer.finish()
        assert os.listdir(tmp_path) == ["a.mp4.part"]
        with pytest.raises(OutputError, match="No space left"):  # noqa: PT012
            writer = VideoWriter(tmp_path / "a.mp4", 25, resume_at=writer.position)
            for _ in range(10):
                writer.write(noise)
        assert writer.spool_path.stat().st_size == writer.position
        writer.close()
    finally:
        subprocess.run(["umount", tmp_path], check=True)
