"""The file that is given is read and no other one, whatever it names and whatever it is named."""

import contextlib
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import hostile_files
import numpy as np
import pytest
from hostile_files import HOSTILE, film, plant
from hostile_watch import has_color, has_tone, opened
from media_helpers import ffmpeg, patches, write_sound, write_video

from emo.data.prepare.probe import probe
from emo.errors import AudioError, EmoError, VideoError
from emo.evaluation.compare.measured import MeasuredVideo
from emo.media import AudioTrack, ConstantRateReader, VideoReader, load_image
from emo.media import video as video_module
from emo.media.demuxer import FORMATS, Media
from emo.media.origin import read_origin

STARTED: list[tuple[str, object]] = []  # processes and connections, by Python's own account
WATCHING = False


def hook(event: str, arguments: tuple) -> None:
    if WATCHING and event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect"):
        STARTED.append((event, arguments))


sys.addaudithook(hook)


def canary_in_sound(path: Path) -> bool:
    with AudioTrack.open(path) as track:
        return has_tone(track.read(0, track.length))


def canary_in_video(path: Path) -> bool:
    with VideoReader(path) as reader:
        return has_color(reader.read(range(min(3, len(reader)))))


def canary_in_constant_rate_reader(path: Path) -> bool:
    reader = ConstantRateReader(path, 25)
    pictures = [has_color(frame) for frame in reader.frames(0, 5) if frame is not None]
    return any(pictures) or (reader.has_audio and has_tone(reader.sound(0, 25)))


def canary_in_clip(path: Path) -> bool:
    clip = MeasuredVideo(path, path.parent / "cache")
    return has_tone(clip.waveform()) or any(has_color(frames) for frames in clip.frames())


READERS = {
    "AudioTrack": canary_in_sound,
    "VideoReader": canary_in_video,
    "ConstantRateReader": canary_in_constant_rate_reader,
    "Clip": canary_in_clip,
    "probe": lambda path: probe(path, 25) and False,
    "read_origin": lambda path: "canary" in read_origin(path),
    "load_image": lambda path: has_color(np.asarray(load_image(path))),
}


def look(has_canary: Callable[[Path], bool], path: Path) -> tuple[bool, str]:
    """Whether the canary is there; and why not, where the file is refused."""
    try:
        return has_canary(path), ""
    except EmoError as error:
        return False, str(error)


@pytest.fixture
def network(monkeypatch):
    """Whether somebody has called where the hostile files' addresses lead."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        monkeypatch.setattr(hostile_files, "ADDRESS", f"127.0.0.1:{server.getsockname()[1]}")

        def called() -> bool:
            with contextlib.suppress(BlockingIOError):
                server.accept()[0].close()
                return True
            return False

        yield called


@pytest.mark.parametrize("name", HOSTILE)
def test_no_other_file_is_read(tmp_path, monkeypatch, network, name):
    path = HOSTILE[name](tmp_path, plant(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "WATCHING", True)
    STARTED.clear()
    strayed = {}
    for given in (path, Path(path.name)):
        for reader, has_canary in READERS.items():
            with opened(tmp_path) as names:
                found, message = look(has_canary, given)
            if found or names - {path.name, "", "cache"}:
                strayed[reader, str(given)] = found, names
            assert not message or str(given) in message or message == "the video has no sound"
            assert "\n" not in message
    assert not strayed
    assert not network()
    assert not STARTED


def test_the_canary_is_found_where_it_is(tmp_path):
    """Without which nothing above means anything."""
    plant(tmp_path)
    expected = {"AudioTrack": ".wav", "VideoReader": ".mp4", "ConstantRateReader": ".ts", "read_origin": ".mp4"}
    for reader, suffix in {**expected, "Clip": ".mkv", "load_image": ".png"}.items():
        with opened(tmp_path) as names:
            assert READERS[reader](tmp_path / f"secret{suffix}"), reader
        assert f"secret{suffix}" in names
    (tmp_path / "film.mp4").write_bytes(film())
    for reader in ("AudioTrack", "VideoReader", "ConstantRateReader", "Clip"):
        assert not READERS[reader](tmp_path / "film.mp4")


def test_a_playlist_is_called_one(tmp_path):
    path = HOSTILE["hls absolute"](tmp_path, plant(tmp_path))
    with pytest.raises(
        AudioError, match=r"a\.m3u8 is not a recording .*playlist that names other files; give the file"
    ):
        AudioTrack.open(path)
    with pytest.raises(VideoError, match=r"a\.m3u8 is not a video .*playlist"):
        VideoReader(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_what_decord_may_open(tmp_path, suffix):
    """Its libavformat cannot be given a whitelist."""
    decord = pytest.importorskip("decord")
    path = write_video(tmp_path / f"a{suffix}", patches(5))
    with VideoReader(path) as reader:  # whoever made it
        assert isinstance(reader._frames, video_module._PyAVFrames)
    for name, allowed in ((f"b{suffix}", True), (f"%d{suffix}", False), (f"b:c{suffix}", True)):
        with VideoReader(path.rename(tmp_path / name), own=True) as reader:
            assert isinstance(getattr(reader._frames, "_reader", None), decord.VideoReader) == allowed
        path = tmp_path / name
    old = tmp_path / "old.mov"  # QuickTime of old begins with anything
    old.write_bytes(path.read_bytes().replace(b"ftyp", b"free", 1))
    if suffix == ".mp4":
        with VideoReader(old, own=True) as reader:
            assert isinstance(reader._frames, video_module._PyAVFrames)


SOUNDS = {
    **{"wav": (), "w64": (), "aiff": (), "caf": (), "au": (), "flac": (), "mp3": (), "ogg": (), "opus": (), "m4a": ()},
    **{
        "mka": (),
        "webm": (),
        "aac": (),
        "ac3": (),
        "eac3": (),
        "dts": ("-strict", -2),
        "wv": (),
        "tta": (),
        "voc": (),
    },
    **{"mp4": (), "mov": (), "ts": (), "flv": ("-ar", 44100), "asf": (), "wma": (), "avi": (), "nut": ()},
    **{"mpg": ("-f", "mpeg"), "rm": ("-ar", 44100), "amr": ("-c:a", "copy"), "latm": (), "thd": ("-strict", -2)},
}


@pytest.mark.parametrize("suffix", [suffix for suffix in SOUNDS if suffix != "amr"])
def test_ordinary_kinds_are_read(tmp_path, suffix):
    samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
    path = write_sound(tmp_path / f"a.{suffix}", samples, 48000, *SOUNDS[suffix])
    with AudioTrack.open(path) as track:
        sound = track.read(0, track.length)
    assert abs(len(sound) - 16000) < 2500  # raw AAC and the like count what pads them
    assert 0.2 < np.sqrt(np.square(sound[4000:12000]).mean()) < 0.5


@pytest.mark.parametrize(
    "name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.avi", "a.flv", "a.ts", "a.mpg", "a.ogv", "a.mxf"]
)
def test_ordinary_videos_are_read(tmp_path, name):
    codec = {".webm": "libvpx", ".ogv": "libtheora", ".mxf": "mpeg2video", ".mpg": "mpeg2video"}
    arguments = ("-c:v", codec.get(name[1:], "libx264"), "-b:v", "2M")
    path = write_video(tmp_path / name, patches(10), *arguments)
    with VideoReader(path) as reader:
        assert abs(reader.read(range(8)).astype(int) - patches(10)[:8]).mean() < 30


def test_the_whitelist_names_demuxers_that_there_are():
    """A name that libavformat does not know would silently take a kind away."""
    import av.format

    known = {part for name in av.formats_available for part in name.split(",")}
    assert set(FORMATS) <= known
    assert not {"hls", "dash", "concat", "sdp", "rtsp", "image2", "image2pipe", "mlv", "vobsub", "imf", "lavfi"} & set(
        FORMATS
    )


def test_streams_that_players_take(tmp_path):
    silent = write_sound(tmp_path / "a.wav", np.zeros(16000), 16000)
    video = write_video(tmp_path / "a.mp4", patches(5))
    tracks = ("-i", silent, "-i", silent, "-i", video, "-map", 0, "-map", 1, "-map", 2, "-c:a", "pcm_s16le")
    ffmpeg(*tracks, "-disposition:a:0", 0, "-disposition:a:1", "default", tmp_path / "b.mkv")
    with Media(tmp_path / "b.mkv", AudioError) as media:
        assert (media.sound.index, media.num_sounds, media.video.index) == (1, 2, 2)


class Failing:
    """A file on a disk that fails, from the `calls`-th reading on."""

    def __init__(self, path: Path, calls: int):
        self.file, self.calls = open(path, "rb"), calls  # noqa: SIM115
        self.seek, self.tell, self.seekable, self.readable, self.close = (
            getattr(self.file, name) for name in ("seek", "tell", "seekable", "readable", "close")
        )

    def read(self, size: int) -> bytes:
        self.calls -= 1
        if self.calls < 0:
            raise OSError(5, "Input/output error")
        return self.file.read(size)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_disk_that_fails_is_an_error_of_the_family(tmp_path, calls):
    path = write_sound(tmp_path / "a.wav", np.zeros(48000), 16000)
    file = Failing(path, calls)
    with contextlib.suppress(AudioError), Media(path, AudioError, file) as media:
        assert list(media.packets(media.sound)) is not None
    assert file.file.closed


def test_a_film_that_ends_in_its_head_is_an_error_of_the_family(tmp_path):
    path = write_video(tmp_path / "a.ogv", patches(10), "-c:v", "libtheora")
    for cut in range(20, 400, 20):
        (tmp_path / "b.ogv").write_bytes(path.read_bytes()[:cut])
        with pytest.raises(VideoError):
            VideoReader(tmp_path / "b.ogv")


def test_a_picture_that_grows_beyond_bounds_is_not_decoded(tmp_path, monkeypatch):
    from emo.media import demuxer

    monkeypatch.setattr(demuxer, "MAX_PIXELS", 100 * 100)
    small, large = (
        write_video(tmp_path / f"{side}.mkv", patches(3, side, side), "-c:v", "mjpeg") for side in (64, 160)
    )
    with VideoReader(small) as reader:
        assert len(reader) == 3
    with pytest.raises(VideoError):
        VideoReader(large)
