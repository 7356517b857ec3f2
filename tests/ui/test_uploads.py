"""Uploads are read in a process that reaches nothing else, and whatever happens there is one sentence here."""

import io
import json
import logging
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from emo.errors import AudioError, ImageError
from emo.media import AudioTrack, demuxer, load_image
from emo.ui import uploads
from emo.ui.uploads import read_portrait, read_sound

posix = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals are POSIX's")


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """`reader(source)` puts another module in the reader's place."""

    def put(source: str) -> None:
        (tmp_path / "other_reader.py").write_text("import os, sys, time, json\n" + source)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(uploads, "READER", "other_reader")

    return put


def encoded(path: Path, samples: np.ndarray, rate: int, codec: str, layout: str, form: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples, format=form, layout=layout)
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.gif", "a.avif", "a.jp2"])
def test_a_picture_is_what_load_image_makes_of_it(tmp_path, portrait, name):
    Image.fromarray(portrait[::4, ::2]).save(tmp_path / name)
    picture = read_portrait(tmp_path / name, 1)
    assert (np.asarray(picture) == np.asarray(load_image(tmp_path / name))).all()
    assert read_portrait(tmp_path / name, 1) is picture  # kept


def test_another_picture_under_the_same_name_is_read_again(tmp_path):
    for value in (10, 200):
        Image.new("RGB", (64, 32), (value,) * 3).save(tmp_path / "a.png", compress_level=value % 3)
        assert read_portrait(tmp_path / "a.png", 1).getpixel((0, 0)) == (value,) * 3


def picture(path: Path, width: int, height: int) -> Path:
    Image.new("RGB", (width, height)).save(path)
    return path


def test_kept_pictures_are_few(tmp_path, monkeypatch):
    """They are counted by their pixels, go when their file does, and all of them when the page ends."""
    monkeypatch.setattr(uploads, "KEPT_PIXELS", 3000)
    uploads.forget_portraits()
    paths = [picture(tmp_path / f"{i}.png", 40, 30) for i in range(3)]
    large = picture(tmp_path / "large.png", 60, 60)
    kept = lambda: [key[0].name for key in uploads._kept]
    for path in paths:
        read_portrait(path, 1)
    assert kept() == ["1.png", "2.png"]
    read_portrait(large, 1)
    assert kept() == ["1.png", "2.png"]
    paths[2].unlink()
    read_portrait(paths[1], 1)
    assert kept() == ["1.png"]
    uploads.forget_portraits()
    assert kept() == []


def test_nothing_is_kept_when_the_page_has_ended(pipe, tmp_path):
    from emo.ui import Limits
    from emo.ui.server import serve

    with serve(pipe, Limits()):
        read_portrait(picture(tmp_path / "a.png", 4, 3), 1)
    assert not uploads._kept


@pytest.mark.parametrize("what", ["process", "timer"])
def test_no_reader_can_be_started(tmp_path, monkeypatch, caplog, what):
    path = picture(tmp_path / "a.png", 4, 3)

    def fail(*_, **__):
        raise OSError("no more processes") if what == "process" else RuntimeError("can't start new thread")

    started, start = [], uploads.subprocess.Popen
    if what == "process":
        monkeypatch.setattr(uploads.subprocess, "Popen", fail)
    else:
        monkeypatch.setattr(uploads.subprocess, "Popen", lambda *a, **k: started.append(start(*a, **k)) or started[0])
        monkeypatch.setattr(uploads.threading.Timer, "start", fail)
    with caplog.at_level(logging.CRITICAL), pytest.raises(ImageError, match=r"a\.png cannot be read"):
        read_portrait(path, 1)
    assert [process.returncode is not None for process in started] == [True] * len(started)
    monkeypatch.undo()
    assert read_portrait(path, 1).size == (4, 3)  # its turn has been given back


def test_the_server_is_busy(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "WAIT_SECONDS", 0.05)
    path = picture(tmp_path / "a.png", 4, 3)
    with uploads._at_once, uploads._at_once, pytest.raises(ImageError, match=r"^the server is busy; try again$"):
        read_portrait(path, 1)
    assert read_portrait(path, 1).size == (4, 3)


def test_a_reader_finds_what_the_server_finds(tmp_path, reader, monkeypatch):
    """Libraries beside this Python among it, and nothing else of what the server has been told."""
    given = {name: str(tmp_path) for name in ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HF_TOKEN", "secret")
    reader(f"open({str(tmp_path / 'seen')!r}, 'w').write(json.dumps(dict(os.environ)))")
    with pytest.raises(ImageError):
        read_portrait(picture(tmp_path / "a.png", 4, 3), 1)
    seen = json.loads((tmp_path / "seen").read_text())
    assert given.items() <= seen.items()
    assert "HF_TOKEN" not in seen


@pytest.mark.parametrize(
    ("name", "codec", "form"),
    [
        ("a.wav", "pcm_s16le", "s16"),
        ("a.flac", "flac", "s16"),
        ("a.mkv", "pcm_f32le", "flt"),
        ("b.wav", "pcm_u8", "u8"),
    ],
)
def test_a_recording_keeps_its_samples(tmp_path, name, codec, form):
    layout, channels = ("mono", 1) if form == "u8" else ("stereo", 2)
    sound = np.random.default_rng(1).uniform(-0.9, 0.9, (1, 3000 * channels))
    kinds = {"s16": (32768, 0, "<i2"), "u8": (128, 128, "u1"), "flt": (1, 0, "<f4")}
    scale, zero, kind = kinds[form]
    samples = (sound * scale + zero).astype(kind)
    read_sound(encoded(tmp_path / name, samples, 11025, codec, layout, form), tmp_path / "copy", None)
    with av.open(str(tmp_path / "copy")) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.channels, stream.codec.name) == (11025, 2, "pcm_f32le")
        found = np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1)
    expected = ((samples.astype(float) - zero) / scale).reshape(-1, channels)
    assert np.abs(found.reshape(-1, 2) - expected).max() < 1e-6


def test_a_track_of_the_copy_is_the_files_own(sound, tmp_path):
    read_sound(sound(0.5), tmp_path / "copy.wav", 0.5)
    with AudioTrack.open(sound(0.5)) as ours, AudioTrack.open(tmp_path / "copy.wav") as theirs:
        assert ours.duration == theirs.duration
        assert np.abs(ours.read(0, ours.length) - theirs.read(0, ours.length)).max() < 1e-6


def test_no_more_is_decoded_than_the_limit(tmp_path):
    """Silence in FLAC: some hundred kilobytes would become gigabytes."""
    path = tmp_path / "hours.flac"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000 * 60), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48000
        for _ in range(20):
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    with pytest.raises(AudioError, match="longer than 2 s"):
        read_sound(path, tmp_path / "copy", 2)
    assert (tmp_path / "copy").stat().st_size < 48000 * 2 * 4 * 3


def test_pixels_are_limited_before_they_are_decoded(tmp_path):
    """A head that promises ten thousand megapixels, and no pixels at all behind it."""
    file = io.BytesIO()
    Image.new("L", (100, 50)).save(file, "PNG")
    (tmp_path / "small.png").write_bytes(file.getvalue())
    with pytest.raises(ImageError, match=r"small\.png has 100 x 50 pixels .*most taken here is 0\.004: scale"):
        read_portrait(tmp_path / "small.png", 0.004)
    assert read_portrait(tmp_path / "small.png", 0.005).size == (100, 50)
    (tmp_path / "bomb.pgm").write_bytes(b"P5 100000 100000 255\n")
    with pytest.raises(ImageError, match=r"100000 x 100000 pixels \(10000\.0 megapixels\)"):
        read_portrait(tmp_path / "bomb.pgm", 100)


@pytest.mark.parametrize("read", [lambda path: read_portrait(path, 1), lambda path: read_sound(path, path / "x", 1)])
def test_no_file(tmp_path, read):
    with pytest.raises((ImageError, AudioError), match="directory"):
        read(tmp_path)


PLANTED = {
    "hls.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n",
    "hls_url.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
    "list.mp3": "ffconcat version 1.0\nfile '{secret}'\n",
    "list.wav": "ffconcat version 1.0\nfile file:{secret}\n",
    "dash.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S"><Period><AdaptationSet contentType="audio"><Representation id="0" '
    'bandwidth="9"><BaseURL>file://{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "picture.svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{secret}"/></svg>',
    "picture.eps": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n({secret}) run\n%%EOF\n",
    "picture.fpx": "{secret}",
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_names_another_file_does_not_get_it(tmp_path, sound, name):
    """As portrait and as recording; the secret is a sound with a face beside it."""
    (tmp_path / name).write_text(PLANTED[name].format(secret=sound(0.4)))
    with pytest.raises(ImageError, match=name):
        read_portrait(tmp_path / name, 1)
    with pytest.raises(AudioError, match=name):
        read_sound(tmp_path / name, tmp_path / "copy", 5)


@posix
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("os.kill(os.getpid(), 11)", "its reader gave up"),
        ("sys.exit(1)", "its reader gave up"),
        ("raise ValueError('odd')", "its reader gave up"),
        ("print('{', file=sys.stderr)", "its reader gave up"),
        ("print('[1]', file=sys.stderr)", "its reader gave up"),
        ("print('[' * 60000, file=sys.stderr)", "its reader gave up"),
        ("print('{}', file=sys.stderr)", "its reader gave up"),
        ("print(json.dumps(dict(width=10**9, height=10**9)), file=sys.stderr)", "its reader gave up"),
        ("print(json.dumps(dict(width=-1, height=-1)), file=sys.stderr)", "its reader gave up"),
        ("print(json.dumps(dict(width='2', height=2)), file=sys.stderr)", "its reader gave up"),
        ("print(json.dumps(dict(width=2, height=2)), file=sys.stderr); os.write(1, bytes(11))", "its reader gave up"),
        ("print(json.dumps(dict(rate=0)), file=sys.stderr); os.write(1, b'12345678')", "its reader gave up"),
        ("print(json.dumps(dict(rate=8000)), file=sys.stderr); os.write(1, b'1234')", "its reader gave up"),
        ("print(json.dumps(dict(error='SystemExit', message='1')), file=sys.stderr)", "its reader gave up"),
        ("print(json.dumps(dict(error='MemoryError')), file=sys.stderr)", "too much memory"),
        ("while True: os.write(2, b'x' * 10000)", "its reader gave up"),
        ("time.sleep(60)", "takes longer than 1 s to read"),
        ("os.close(2); time.sleep(60)", "its reader gave up"),
    ],
)
def test_whatever_a_reader_does_is_one_sentence(tmp_path, reader, monkeypatch, caplog, source, words):
    (tmp_path / "a.bin").write_bytes(b"x")
    reader(source)
    monkeypatch.setattr(uploads, "BASE_SECONDS", 1 if "sleep" in source else 20)
    read = {
        ImageError: lambda: read_portrait(tmp_path / "a.bin", 1),
        AudioError: lambda: read_sound(tmp_path / "a.bin", tmp_path / "copy", 0.1),
    }
    kind = AudioError if "rate" in source or "sleep" in source else ImageError
    began = time.monotonic()
    with caplog.at_level(logging.CRITICAL), pytest.raises(kind, match=words) as error:
        read[kind]()
    assert time.monotonic() - began < 10
    assert str(error.value).startswith("a.bin ")
    assert "\n" not in str(error.value)


@posix
def test_memory_and_work_have_an_end(tmp_path, reader):
    """In the process as it is when a decoder is at work: the readers' own function is replaced, nothing else."""
    (tmp_path / "a.bin").write_bytes(b"x")
    replaced = """
from emo.media import reader
read = reader.picture_into
def greedy(file, name, most, out):
    return read(file, name, most, out) if not name else {work}
reader.picture_into = greedy
reader.main()
"""
    for work, words in (("bytearray(1 << 33)", "too much memory"), ("out.write(bytes(10_000_000))", "gave up")):
        reader(replaced.format(work=work))
        with pytest.raises(ImageError, match=words):
            read_portrait(tmp_path / "a.bin", 1)


def test_remarks_go_to_the_log(tmp_path, reader, caplog):
    (tmp_path / "a.bin").write_bytes(b"x")
    reader("print(json.dumps(dict(remarks=['cut off'], confined=True, width=1, height=1)), file=sys.stderr)\n"
           "os.write(1, bytes(3))")  # fmt: skip
    with caplog.at_level(logging.WARNING):
        assert read_portrait(tmp_path / "a.bin", 1).size == (1, 1)
    assert [record.message for record in caplog.records] == ["cut off"]


def test_what_is_said_has_bounds(tmp_path, reader, caplog):
    (tmp_path / "a.bin").write_bytes(b"x")
    reader(
        "said = dict(remarks=['\\x1b[2J\\ud800' + 'x' * 1000] * 50, confined=True, error='ImageError', "
        "message='m' * 600)\nprint(json.dumps(said), file=sys.stderr)"
    )
    with caplog.at_level(logging.WARNING), pytest.raises(ImageError, match=r"^m{500}$"):
        read_portrait(tmp_path / "a.bin", 1)
    assert {record.message for record in caplog.records} == {"[2J" + " " + "x" * 495}
    assert len(caplog.records) == 10


def test_the_server_decodes_nothing_itself(pipe, image, sound, tmp_path, monkeypatch):
    """The one thing it opens is the copy that its reader made."""
    from emo.pipelines.emo_options import EMOOptions
    from emo.ui import Limits
    from emo.ui.request import Request, open_request, preview_portrait, read_request

    opened = []
    real = demuxer._opened
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a picture is decoded in the server"))
    monkeypatch.setattr(demuxer, "_opened", lambda path, error: opened.append(path) or real(path, error))
    preview_portrait(image, {"face_region": "auto"}, EMOOptions, 64, Limits())
    request = Request(image, sound(), options={"steps": 1})
    open_request(pipe, request, read_request(request, EMOOptions, Limits(), tmp_path), None).audio.close()
    assert opened
    assert [path for path in opened if tmp_path not in path.parents] == []


def test_the_copys_head_says_how_long_it_is(tmp_path, sound):
    read_sound(sound(0.4), tmp_path / "copy.wav", None)
    content = (tmp_path / "copy.wav").read_bytes()
    assert len(content) == uploads.HEADER + 6400 * 2 * 4
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
