"""`emo live`: where sound comes from and where frames go, without any device."""

import errno
import io
import os
import signal
import sys
import threading
import time
import types
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import noise

from emo.cli import live, live_input
from emo.cli.live_input import Arriving, microphone, standard_input
from emo.cli.live_output import CameraOutput, FileOutput, Output, Pace, PipeOutput, WindowOutput
from emo.errors import EmoError
from emo.media import AudioTrack, Recording, VideoReader, read_origin
from emo.media.live_sound import heard as heard_of

RATE, FPS = 16000, Fraction(25)
SHADES = [np.full((32, 48, 3), shade, np.uint8) for shade in range(0, 250, 5)]


class Voice:
    """What of a pipeline the command needs: a frame for every 40 ms of sound."""

    def live(self, image, chunks, *, sampling_rate, **options):
        return Speech(chunks, sampling_rate)


class Speech:
    fps, frame_size = FPS, (32, 48)

    def __init__(self, chunks, rate):
        self.chunks, self.rate = chunks, rate

    def origin_of(self, sound):
        return {"emo": "0", "inputs": {"audio": sum(map(len, sound))}}

    def __iter__(self):
        heard = shown = 0
        for chunk in self.chunks:
            samples, rate = heard_of(chunk, self.rate)
            assert rate == self.rate
            heard += len(samples)
            frames = SHADES[shown : heard * 25 // rate]
            shown += len(frames)
            yield SimpleNamespace(each=lambda frames=frames: iter(frames))


@pytest.fixture
def voice(monkeypatch, model):
    """The command with `Voice` in place of a model, and frames wherever they go."""
    import emo.cli.generate
    import emo.hub
    from emo.pipelines import VASAOptions

    system = SimpleNamespace(name="vasa", title="VASA-1", pipeline=Voice, options=VASAOptions)
    monkeypatch.setattr(emo.hub, "system_of", lambda place: system)
    monkeypatch.setattr(emo.cli.generate, "load_pipeline", lambda options, system: Voice())


@pytest.fixture
def spoken(monkeypatch):
    """Bytes that come on standard input; `spoken(data, end)` leaves it open without `end`."""
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False, fileno=lambda: reading))

    def speak(data: bytes, end: bool = True) -> None:
        def write():
            os.write(writing, data)
            if end:
                os.close(writing)

        threading.Thread(target=write, daemon=True).start()

    return speak


def samples(seconds: float) -> np.ndarray:
    return (noise(seconds)[0] * 32767).astype("<i2")


def test_standard_input_becomes_a_video_with_its_sound(command, voice, spoken, image, tmp_path, model):
    said = samples(1.6)
    spoken(said.tobytes())
    status, out, err = command("live", image, "--stdin", "-o", tmp_path / "out.mp4", "--model", model)
    assert (status, "40 frames, 1.60 s" in out) == (0, True), err
    with VideoReader(tmp_path / "out.mp4") as video:
        assert len(video) == 40
        assert [frame.mean() for frame in video.read(range(0, 40, 10))] == pytest.approx([0, 50, 100, 150], abs=4)
    with AudioTrack.open(tmp_path / "out.mp4") as track:
        heard = track.read(0, len(said))
    assert np.corrcoef(heard, said)[0, 1] > 0.9
    assert not list(tmp_path.glob("*.part"))
    assert read_origin(tmp_path / "out.mp4")["inputs"] == {"audio": len(said)}


def test_an_interrupt_ends_it_with_a_whole_file(command, voice, spoken, image, tmp_path, model):
    spoken(samples(1).tobytes(), end=False)
    threading.Timer(1.5, signal.raise_signal, [signal.SIGINT]).start()
    before = signal.getsignal(signal.SIGINT)
    status, out, err = command("live", image, "--stdin", "-o", tmp_path / "out.mp4", "--model", model)
    assert (status, "25 frames" in out) == (0, True), err
    assert signal.getsignal(signal.SIGINT) == before
    with VideoReader(tmp_path / "out.mp4") as video:
        assert len(video) == 25


def test_frames_go_through_a_pipe(capfdbinary, voice, spoken, image, model):
    from emo.cli.main import main

    spoken(samples(0.8).tobytes())
    assert main(["live", str(image), "--stdin", "--pipe", "--model", str(model)]) == 0
    shown = capfdbinary.readouterr()
    assert shown.out == b"".join(frame.tobytes() for frame in SHADES[:20])
    assert b"20 frames" in shown.err


def test_what_was_drawn_before_an_error_is_a_video(command, voice, spoken, image, tmp_path, model, monkeypatch):
    whole = Speech.__iter__

    def torn(self):
        for number, clip in enumerate(whole(self)):
            if number == 10:
                raise EmoError("the model fell over")
            yield clip

    monkeypatch.setattr(Speech, "__iter__", torn)
    spoken(samples(1.6).tobytes())
    status, _, err = command("live", image, "--stdin", "-o", tmp_path / "out.mp4", "--model", model)
    assert (status, "the model fell over" in err) == (2, True)
    with VideoReader(tmp_path / "out.mp4") as video:
        assert len(video) == 10


def torn_disk(monkeypatch, name: str, good: int):
    """A disk that is full when `os.NAME` is called in writing a video, but for so many times."""
    call, calls = getattr(os, name), []

    def full(*arguments):
        calls.append(name)
        if len(calls) > good:
            raise OSError(errno.ENOSPC, "No space left on device")
        return call(*arguments)

    monkeypatch.setattr("emo.media.writer.os", SimpleNamespace(**{**vars(os), name: full}))


@pytest.mark.parametrize(("name", "good", "left"), [("fsync", 0, 0), ("fsync", 1, 50), ("replace", 0, 0)])
def test_a_full_disk_is_a_line_and_leaves_no_half_file(
    command, voice, spoken, image, tmp_path, model, monkeypatch, name, good, left
):
    torn_disk(monkeypatch, name, good)
    monkeypatch.setattr("test_live_command.SHADES", SHADES * 2)
    spoken(samples(2.4).tobytes())
    status, _, err = command("live", image, "--stdin", "-o", tmp_path / "out.mp4", "--model", model)
    told = [line for line in err.splitlines() if "listening" not in line]
    assert (status, len(told), "No space left on device" in err) == (2, 1, True), err
    assert not {path.name for path in tmp_path.iterdir()} - {"portrait.png", "out.mp4"}
    assert (tmp_path / "out.mp4").exists() == bool(left)
    if left:
        with VideoReader(tmp_path / "out.mp4") as video:
            assert len(video) == left


def test_an_unfinished_video_is_not_written_over(command, voice, image, tmp_path, model):
    left = [tmp_path / "out.mp4.part", tmp_path / "out.mp4.resume"]
    for path in left:
        path.write_bytes(b"half of it")
    status, _, err = command("live", image, "--stdin", "-o", tmp_path / "out.mp4", "--model", model)
    assert (status, len(err.splitlines())) == (2, 1)
    assert "out.mp4 is unfinished: continue what made it with --resume" in err
    assert [path.read_bytes() for path in left] == [b"half of it"] * 2


def test_other_systems_and_missing_outputs_are_told(command, image, tmp_path, model):
    status, _, err = command("live", image, "--stdin", "-o", tmp_path / "out.mp4", "--model", model)
    assert (status, err.count("\n")) == (2, 1)
    assert "is of EMO, which cannot follow live sound; choose a model of VASA-1" in err
    for arguments, words in (((), "say where the frames go"), (("--pipe", "--rate", 3), "1000 to 768000")):
        status, _, err = command("live", image, "--stdin", *arguments, "--model", model)
        assert (status, words in err) == (2, True)


@pytest.mark.parametrize("option", [("--motion", "nod.safetensors"), ("--running-normalization",)])
def test_options_that_do_nothing_for_live_sound_are_unknown(command, image, option):
    with pytest.raises(SystemExit):
        command("live", image, "--stdin", "--pipe", *option)


def test_samples_in_halves_are_put_together(monkeypatch):
    sound, said = Arriving(), np.arange(300, dtype="<i2")
    read = iter([*(said.tobytes()[start : start + 7] for start in range(0, 600, 7)), b""])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False, fileno=lambda: 0))
    monkeypatch.setattr(live_input.os, "read", lambda descriptor, size: next(read))
    with standard_input(sound, 100):
        np.testing.assert_array_equal(np.concatenate(list(sound)), said)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(EmoError, match="nothing writes to it"), standard_input(sound, RATE):
        pass


def test_what_arrives_ends_stops_and_fails():
    ended = Arriving()
    assert ended.put(1)
    ended.end()
    assert list(ended) == [1]
    stopped = Arriving(2)
    stopped.put(1)
    stopped.stop()
    assert not stopped.put(2)
    assert list(stopped) == [1]
    full = Arriving(1)
    full.put_at_once(1, EmoError("too slow"))
    full.put_at_once(2, EmoError("too slow"))
    arrived = iter(full)
    assert next(arrived) == 1
    with pytest.raises(EmoError, match="too slow"):
        next(arrived)


def fake_sounddevice(monkeypatch, blocks, error: Exception | None = None) -> list[dict]:
    asked = []

    class InputStream:
        def __init__(self, callback, **options):
            if error:
                raise error
            asked.append(options)
            self.callback = callback

        def __enter__(self):
            for block in blocks:
                self.callback(block, len(block), None, None)

        def __exit__(self, *exception):
            pass

    module = types.ModuleType("sounddevice")
    module.InputStream, module.PortAudioError = InputStream, OSError
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return asked


def test_a_microphone_is_heard(monkeypatch):
    blocks = samples(0.4).reshape(10, -1, 1)
    asked = fake_sounddevice(monkeypatch, blocks)
    sound = Arriving()
    with microphone(sound, 48000, "3"):
        sound.stop()
    np.testing.assert_array_equal(np.stack(list(sound))[..., None], blocks)
    assert (asked[0]["samplerate"], asked[0]["device"], asked[0]["channels"]) == (48000, 3, 1)


def test_a_microphone_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(EmoError, match=r"install it: pip install 'emo\[live\]'"), microphone(Arriving(), RATE):
        pass
    fake_sounddevice(monkeypatch, [], OSError("no such device"))
    with pytest.raises(EmoError, match="--mic Studio: no such device"), microphone(Arriving(), RATE, "Studio"):
        pass


def test_frames_are_shown_evenly_and_late_ones_delay_the_rest():
    now, slept = 10.0, []

    def sleep(seconds):
        nonlocal now
        slept.append(round(seconds, 3))
        now += seconds

    pace = Pace(FPS, lambda: now, sleep)
    pace.wait()
    pace.wait()
    now += 0.1
    pace.wait()
    pace.wait()
    assert slept == [0.04, 0.04]
    assert now == pytest.approx(10.18)


def test_a_window_is_asked_for_only_where_there_is_one(monkeypatch):
    cv2 = types.ModuleType("cv2")
    cv2.getBuildInformation = lambda: "  GUI:                           NONE\n"
    monkeypatch.setitem(sys.modules, "cv2", cv2)
    with pytest.raises(EmoError, match="opencv-python-headless"):
        WindowOutput()
    cv2.getBuildInformation = lambda: "  GUI:                           QT5\n"
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(EmoError, match="no display"):
        WindowOutput()


def test_a_window_shows_frames_until_it_is_closed(monkeypatch):
    shown, keys = [], iter([255, ord("q")])
    cv2 = types.ModuleType("cv2")
    vars(cv2).update(WINDOW_AUTOSIZE=1, WND_PROP_VISIBLE=4, destroyAllWindows=lambda: None)
    vars(cv2).update(getBuildInformation=lambda: "  GUI:   QT5\n", namedWindow=lambda *_: None)
    vars(cv2).update(imshow=lambda _, frame: shown.append(frame), waitKey=lambda _: next(keys))
    vars(cv2).update(getWindowProperty=lambda *_: 1.0)
    monkeypatch.setitem(sys.modules, "cv2", cv2)
    monkeypatch.setenv("DISPLAY", ":0")
    frame = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    with WindowOutput() as window:
        window.write(frame)
        assert not window.closed
        window.write(frame)
        assert window.closed
    np.testing.assert_array_equal(shown[0][..., ::-1], frame)


def test_a_camera_takes_frames(monkeypatch):
    sent, made = [], []

    class Camera:
        def __init__(self, **options):
            made.append(options)

        send = staticmethod(sent.append)

        def close(self):
            sent.append("closed")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=Camera))
    with CameraOutput((32, 48), FPS) as camera:
        camera.write(SHADES[0])
    assert made == [{"width": 48, "height": 32, "fps": 25.0}]
    assert sent[1] == "closed"
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(EmoError, match=r"install it: pip install 'emo\[live\]'"):
        CameraOutput((32, 48), FPS)


def test_a_window_that_is_closed_ends_the_sound():
    class Closing(Output):
        closed = True

        def __init__(self):
            self.frames = []

        def write(self, frame):
            self.frames.append(frame)

    sound, output = Arriving(), Closing()
    for chunk in np.split(samples(0.4), 10):
        sound.put((chunk, RATE))
    assert live.show(Speech(sound, RATE), sound, [output]) == len(output.frames) == 10
    assert not sound.put(None)


def test_nothing_is_drawn_any_more_when_frames_cannot_go_anywhere():
    class Torn(Output):
        def write(self, frame):
            raise EmoError("nowhere to go")

    drawn = []

    class Endless(Speech):
        def __iter__(self):
            try:
                while True:
                    yield SimpleNamespace(each=lambda: iter(SHADES[:1]))
                    time.sleep(0.2)
            finally:
                drawn.append("to the end")

    with pytest.raises(EmoError, match="nowhere to go"):
        live.show(Endless([], RATE), Arriving(), [Torn()])
    assert drawn == ["to the end"]


def test_a_file_is_written_in_segments_of_many_frames(tmp_path):
    with Recording() as recording, FileOutput(tmp_path / "out.mp4", FPS, recording, lambda _: {}) as output:
        list(recording.keep([noise(4.4)[0]]))
        for index in range(110):
            output.write(SHADES[index % 50])
            assert len(output._frames) < 50
        output.finish()
    with VideoReader(tmp_path / "out.mp4") as video:
        assert len(video) == 110


def test_a_pipe_gets_the_bytes(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=written))
    PipeOutput().write(SHADES[3][:, ::2])
    assert written.getvalue() == SHADES[3][:, ::2].tobytes()
