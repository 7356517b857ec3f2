"""The same sound, in every way a file may hold it, is heard at the same times: docs/media.md, "Sound"."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from imageio_ffmpeg import get_ffmpeg_exe
from media_helpers import ffmpeg, patches, write_sound, write_video

from emo.evaluation.compare.measured import MeasuredVideo
from emo.media import AudioTrack, ConstantRateReader, VideoReader, VideoWriter

DOCS = Path(__file__).parents[2] / "docs" / "media.md"
RATE, SECONDS = 48000, 3
TONES = (400, 700, 1100)  # Hz, of the first, the second and the third second
HIGH = 12000  # Hz, in all of them: gone where sound has passed through 16 kHz
STEP = 0.05  # seconds in which sound is compared


def voice(start: float = 0, stop: float = SECONDS, *, high: bool = True) -> np.ndarray:
    """Each second of it has a tone of its own, and its loudness goes up and down: float32 (n,) at RATE."""
    time = np.arange(round(start * RATE), round(stop * RATE)) / RATE
    hertz = np.array(TONES)[np.minimum(time.astype(int), SECONDS - 1)]
    loudness = 0.25 + 0.15 * np.sin(2 * np.pi * 2 * time)
    samples = loudness * np.sin(2 * np.pi * hertz * time) + high * 0.05 * np.sin(2 * np.pi * HIGH * time)
    return samples.astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


class Heard(NamedTuple):
    """What is heard: `spans` of seconds in which the voice stands at its place, and silence elsewhere."""

    spans: tuple[tuple[float, float], ...] = ((0, SECONDS),)
    level: float = 1.0
    quiet: bool = True  # elsewhere
    ragged: float = (
        0.06  # seconds around the ends of spans and tones that are not looked at: codecs' priming, a lost packet
    )


class Case(NamedTuple):
    """make: writes a recording named after `ending`, or returns what `AudioTrack.open` takes in place of a file."""

    make: Callable[[Path], object]
    ending: str
    heard: Heard = Heard()
    word: str = ""  # in the log
    video: bool = False  # it holds pictures too, and readers of videos are asked as well


def write(samples: np.ndarray, *arguments: object) -> Callable[[Path], object]:
    return lambda path: write_sound(path, samples, RATE, *arguments)


def several(*tracks: np.ndarray, default: int | None, video: bool = False) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        inputs, maps = [], []
        for number, samples in enumerate(tracks):
            inputs += ["-i", write_sound(path.with_name(f"{number}.wav"), samples, RATE)]
            maps += ["-map", number, f"-disposition:a:{number}", "default" if number == default else 0]
        if video:
            inputs += ["-i", write_video(path.with_name("pictures.mp4"), patches(75, 32, 32))]
            maps += ["-map", len(tracks), "-c:v", "copy"]
        ffmpeg(*inputs, *maps, "-c:a", "aac", "-b:a", "192k", path)

    return make


def joined(first: int, then: int, codec: str) -> Callable[[Path], None]:
    """A stream whose packets of the first second are of so many channels, and the others of another number."""

    def packets(path: Path, channels: int) -> list[bytes]:
        options = ("-b:a", "192k", *(("-write_xing", 0, "-reservoir", 0) if codec == "mp3" else ()))
        coded = write_sound(path.with_name(f"{channels}.{codec}"), np.stack([voice()] * channels), RATE, *options)
        content, found = coded.read_bytes(), []
        content = content[10 + content[9] :] if content[:3] == b"ID3" else content
        while content:
            size = 576 if codec == "mp3" else (content[3] & 3) << 11 | content[4] << 3 | content[5] >> 5
            found.append(content[:size])
            content = content[size:]
        return found

    def make(path: Path) -> None:
        stream, at = path.with_name(f"joined.{codec}"), RATE // (1152 if codec == "mp3" else 1024)
        stream.write_bytes(b"".join(packets(path, first)[:at] + packets(path, then)[at:]))
        ffmpeg("-i", stream, "-c", "copy", path) if path.suffix == ".ts" else stream.rename(path)

    return make


def chained(channels: int) -> Callable[[Path], None]:
    """Two Ogg streams, of one channel and of so many, one after the other."""

    def make(path: Path) -> None:
        parts = FIRST, np.stack([LAST] * channels)
        files = [write_sound(path.with_name(f"{n}{path.suffix}"), part, RATE) for n, part in enumerate(parts)]
        path.write_bytes(b"".join(file.read_bytes() for file in files))

    return make


def with_gap(*codec: object) -> Callable[[Path], None]:
    """Without the packets of the second second; those that are left keep their times."""

    def make(path: Path) -> None:
        whole = write_sound(path.with_name(f"whole{path.suffix}"), voice(), RATE, *codec)
        ffmpeg("-i", whole, "-c", "copy", "-bsf:a", r"noise=drop=between(pts*tb\,1\,2)", path)

    return make


def video_with_gap(path: Path) -> None:
    whole = path.with_name("whole.mkv")
    video_of(voice())(whole)
    ffmpeg("-i", whole, "-c", "copy", "-bsf:a", r"noise=drop=between(pts*tb\,1\,2)", path)


def two_parts(start: float, offset: float) -> Callable[[Path], None]:
    """A transport stream of the first two seconds, and of what begins at `start`, at another time by its clock."""

    def make(path: Path) -> None:
        parts = []
        for samples, time in ((voice(0, 2), 0), (voice(start), offset)):
            part = path.with_name(f"{len(parts)}.ts")
            timing = ("-output_ts_offset", time, "-muxdelay", 0)
            parts.append(write_sound(part, samples, RATE, "-c:a", "aac", "-b:a", "192k", *timing).read_bytes())
        path.write_bytes(b"".join(parts))

    return make


def video_of(samples: np.ndarray, *, late: float = 0, codec: str = "aac") -> Callable[[Path], None]:
    def make(path: Path) -> None:
        wav = write_sound(path.with_name("a.wav"), samples, RATE)
        pictures = write_video(path.with_name("pictures.mp4"), patches(75, 32, 32))
        inputs = ("-i", pictures, "-itsoffset", late, "-i", wav, "-map", 0, "-map", 1)
        ffmpeg(*inputs, "-c:v", "copy", "-c:a", codec, "-b:a", "192k", path)

    return make


def damaged(path: Path) -> None:
    content = bytearray(write_sound(path, voice(), RATE, "-c:a", "aac").read_bytes())
    middle = content.index(b"mdat") + (len(content) - content.index(b"mdat")) // 2
    content[middle : middle + 1500] = b"\xff\x00\xaa\x00" * 375
    path.write_bytes(content)


def tagged(path: Path) -> None:
    """With chapters beyond the end and names everywhere."""
    wav = write_sound(path.with_name("a.wav"), voice(), RATE)
    chapters = path.with_name("chapters.txt")
    chapters.write_text(
        ";FFMETADATA1\ntitle=SECRET title\nartist=SECRET artist\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=60\n"
        "title=SECRET one\n[CHAPTER]\nTIMEBASE=1/1\nSTART=60\nEND=120\ntitle=SECRET two\n"
    )
    names = ("-metadata:s:a:0", "title=SECRET track", "-metadata:s:a:0", "handler_name=SECRET handler")
    ffmpeg(
        "-i", wav, "-i", chapters, "-map_metadata", 1, "-map_chapters", 1, *names, "-c:a", "aac", "-b:a", "192k", path
    )


BOTH = np.stack([voice(), voice()])
OPPOSITE = np.stack([voice(), -voice()])
PARTLY = np.concatenate([BOTH[:, : 2 * RATE], OPPOSITE[:, 2 * RATE :]], axis=1)
SURROUND = np.zeros((6, SECONDS * RATE), np.float32)
SURROUND[2] = voice()  # the voice in the middle, as in films
FRONT = np.zeros((6, SECONDS * RATE), np.float32)
FRONT[0], FRONT[1] = voice(), -voice()
FIRST, LAST = voice(0, 1), voice(1, SECONDS)
GAP = Heard(((0, 1), (2, SECONDS)), ragged=0.1)
SHORT = Heard(((0, 1),), ragged=0.1)


CASES = {
    "plain": {
        "wav": Case(write(voice()), "wav"),
        "mp3": Case(write(voice(), "-b:a", "192k"), "mp3"),
        "stereo ogg": Case(write(BOTH), "ogg"),
        "video": Case(video_of(voice()), "mp4", video=True),
    },
    "several tracks": {
        "default in mkv": Case(several(silence(3), voice(), default=1), "mkv"),
        "default in mp4": Case(several(0.1 * voice()[::-1], voice(), silence(3), default=1), "mp4"),
        "none marked": Case(several(voice(), silence(3), default=None), "mkv"),
        "video": Case(several(silence(3), voice(), default=1, video=True), "mkv", video=True),
        "silent default": Case(
            several(silence(3), voice(), default=0), "mkv", Heard(()), word="sound track .* is silent"
        ),
    },
    "channels that change": {
        **{
            f"{codec}, {a} then {b}": Case(joined(a, b, codec), codec)
            for codec in ("mp3", "aac")
            for a, b in ((1, 2), (2, 1))
        },
        "ts, 2 then 5.1": Case(joined(2, 6, "aac"), "ts"),
        "Ogg, the same ones": Case(chained(1), "opus", Heard(ragged=0.1)),
        "Ogg": Case(chained(2), "ogg", SHORT, word="changes its channels or its sampling rate at 1.0 s"),
    },
    "opposite phase": {
        "whole": Case(write(OPPOSITE), "wav"),
        "in part": Case(write(PARTLY), "flac"),
        "5.1": Case(write(FRONT), "wav"),
        "video": Case(video_of(OPPOSITE, codec="pcm_s16le"), "mov", video=True),
    },
    "one channel alone": {
        "left": Case(write(np.stack([voice(), 0 * voice()])), "wav", Heard(level=0.5)),
        "right": Case(write(np.stack([0 * voice(), voice()])), "flac", Heard(level=0.5)),
    },
    "more than two channels": {
        "5.1": Case(write(SURROUND), "wav", Heard(level=1 / 6)),
        "5.1, all alike": Case(write(np.stack([voice()] * 6)), "wav"),
        "7.1 in m4a": Case(write(np.stack([voice()] * 8), "-c:a", "aac", "-b:a", "640k"), "m4a"),
        "16 in opus": Case(write(np.stack([voice()] * 16), "-c:a", "libopus", "-mapping_family", 255), "opus"),
        "24 in wav": Case(write(np.stack([voice()] * 24), "-c:a", "pcm_s16le"), "wav"),
        "3": Case(lambda path: (np.stack([voice()] * 3), RATE), "wav"),
    },
    "pauses": {
        "webm": Case(with_gap("-c:a", "libopus", "-b:a", "128k"), "webm", GAP),
        "mka": Case(with_gap("-c:a", "aac", "-b:a", "192k"), "mka", GAP),
        "m4a": Case(with_gap("-c:a", "aac", "-b:a", "192k"), "m4a", GAP),
        "ts": Case(with_gap("-c:a", "aac", "-b:a", "192k"), "ts", GAP),
        "video": Case(video_with_gap, "mkv", GAP, video=True),
    },
    "timestamps that are wrong": {
        "overlap": Case(two_parts(1.8, 1.8), "ts", Heard(ragged=0.1)),
        "begin anew": Case(two_parts(2, 0), "ts", Heard(ragged=0.1)),
        "jump by hours": Case(two_parts(2, 5000), "ts", Heard(ragged=0.1)),
    },
    "sound that starts late": {
        "by 0.4 s": Case(video_of(voice(), late=0.4), "mp4", video=True),
        "mkv": Case(video_of(voice(), late=0.4), "mkv", video=True),
    },
    "damage": {"m4a": Case(damaged, "m4a", Heard(((0, 1.3), (1.7, SECONDS)), quiet=False), word="is damaged")},
    "chapters and names": {"m4a": Case(tagged, "m4a")},
    "arrays": {
        "int16": Case(lambda path: ((voice() * 32767).astype(np.int16), RATE), "wav"),
        "stereo floats": Case(lambda path: (BOTH, RATE), "wav"),
        "torch": Case(lambda path: (torch.from_numpy(OPPOSITE), RATE), "wav"),
    },
}
"""By the rows of the table in the docs."""


def loudness(samples: np.ndarray, rate: int, hertz: float) -> np.ndarray:
    """Of a tone, STEP by STEP: its amplitude, (steps,)."""
    size = round(STEP * rate)
    steps = samples[: len(samples) // size * size].reshape(-1, size)
    wave = np.exp(-2j * np.pi * hertz * np.arange(size) / rate) * np.hanning(size)
    return np.abs(steps @ wave) / np.hanning(size).sum() * 2


def check(
    samples: np.ndarray, rate: int, heard: Heard, *, late: float = 0, whole: bool = True, name: str = ""
) -> None:
    """That every second's tone is where it should be and nowhere else, as loud as it should be; and the high one."""
    samples = samples[round(late * rate) :]
    begins = np.arange(0, SECONDS - STEP / 2, STEP)
    ends = begins + STEP
    edges = np.array([edge for span in (*heard.spans, (1, 2)) for edge in span])
    sharp = ((ends[:, None] <= edges - heard.ragged) | (begins[:, None] >= edges + heard.ragged)).all(1)
    inside = np.array([any(a <= time < b for a, b in heard.spans) for time in begins + STEP / 2])
    for hertz in (*TONES, *((HIGH,) if rate > 2 * HIGH else ())):
        got, source = loudness(samples, rate, hertz), loudness(voice(), RATE, hertz) * heard.level
        if whole and heard.spans:
            assert len(got) * STEP >= heard.spans[-1][1] - heard.ragged, f"{name} ends early"
        got, rest = got[: len(source)], slice(min(len(got), len(source)))
        error = np.abs(got - np.where(inside, source, 0)[rest])
        looked_at = (sharp & (inside | heard.quiet))[rest]
        most = 0.03 if hertz == HIGH else 0.03 + 0.1 * heard.level  # of 0.05, and of up to 0.4
        assert error[looked_at].max() < most, (name, hertz, error.round(2))


def decoded(path: Path, filters: str = "pan=mono|c0=c0") -> np.ndarray:
    """The first channel of a video's sound by ffmpeg itself, from the video's own start, at RATE."""
    raw = ffmpeg(
        "-i", path, "-map", "0:a:0", "-af", f"{filters},aresample=async=1:first_pts=0", "-ar", RATE, "-f", "f32le", "-"
    )
    return np.frombuffer(raw, "<f4")


def ffmpeg_says(path: Path) -> str:
    return subprocess.run([get_ffmpeg_exe(), "-hide_banner", "-i", path], capture_output=True, text=True).stderr


def all_text(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


@pytest.mark.parametrize(("row", "name"), [(row, name) for row, cases in CASES.items() for name in cases])
def test_all_readers_hear_what_players_play(tmp_path, caplog, row, name):
    case = CASES[row][name]
    path = tmp_path / f"a.{case.ending}"
    source = case.make(path)
    source = source if isinstance(source, tuple) else path
    late = 0.4 if row == "sound that starts late" else 0
    video = tmp_path / "finished.mp4"
    with AudioTrack.open(source) as track:
        check(track.read(0, track.length), 16000, case.heard, name="AudioTrack")
        with VideoWriter(video, 25) as writer:
            writer.write(patches(track.num_frames(25), 32, 32))
            writer.finish(track)
    assert re.search(case.word, caplog.text) if case.word else "WARNING" not in caplog.text, caplog.text
    in_video = case.heard._replace(level=1.0 if row in ("one channel alone",) else case.heard.level)
    if (
        row != "more than two channels" and "5.1" not in name and name != "right"
    ):  # whose mix, or first channel, is another one
        check(decoded(video), RATE, in_video, name="finished video")
    with VideoReader(video) as reader:
        assert abs(len(reader) - 25 * float(track.duration)) < 1
    streams = ffmpeg_says(video)
    assert re.findall(r"Stream #0:\d.*?: (\w+):", streams) == ["Video", "Audio"]
    assert "Chapter" not in streams
    assert "SECRET" not in all_text(video)
    if case.video:
        check(
            ConstantRateReader(path, 25).sound(0, 75),
            16000,
            case.heard,
            late=late,
            whole=not late,
            name="ConstantRateReader",
        )
        check(
            MeasuredVideo(path, tmp_path / "cache").waveform(),
            16000,
            case.heard,
            late=late,
            whole=not late,
            name="Clip",
        )


def test_the_docs_name_the_same_rows():
    table = DOCS.read_text(encoding="utf-8").partition("## Sound")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) +\|", table, re.MULTILINE)
    assert [row for row in rows if row != "Property" and set(row) != {"-"}] == list(CASES)
