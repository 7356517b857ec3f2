"""The same clip, in every way a file may say how it is shown, comes out the same: docs/media.md, "Pictures"."""

import re
import struct
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from media_helpers import ffmpeg, write_video
from wide_colors import wide, yuv420p10

from emo.media import ConstantRateReader, VideoReader
from emo.media.picture import without_combs

DOCS = Path(__file__).parents[2] / "docs" / "media.md"
HEIGHT, WIDTH, COUNT = 64, 96, 12
NTSC = Fraction(30000, 1001)


def clip(count: int = COUNT, height: int = HEIGHT, width: int = WIDTH, step: float = 1) -> np.ndarray:
    """A smooth pattern without symmetry that moves to the right, uint8 (count / step, height, width, 3)."""
    time, y, x = np.mgrid[0:count:step, 0 : 1 : height * 1j, 0 : 1.5 : width * 1j]
    red = 120 + 80 * np.sin(2 * np.pi * (2 * x - time / 8) + 2 * y)
    green = 60 + 120 * y**2 + 40 * np.sin(2 * np.pi * (x - time / 10))
    blob = np.exp(-((x - 0.3 - time / 30) ** 2 + (y - 0.3) ** 2) / 0.05)
    return np.stack([red, green, 50 + 30 * x + 120 * blob], axis=-1).round().astype(np.uint8)


CLIP = clip()


class Case(NamedTuple):
    """make: writes a file named after `ending` into a folder. shown: the frames that players show."""

    make: Callable[[Path], object]
    ending: str = "mp4"
    shown: np.ndarray = CLIP
    fps: Fraction = Fraction(25)
    tolerance: float = 4.0  # levels, mean of a frame


def encode(*arguments: object, frames: np.ndarray = CLIP, fps: object = 25) -> Callable[[Path], object]:
    return lambda path: write_video(path, frames, *(arguments or ("-c:v", "libx264", "-crf", 12)), fps=fps)


X264 = ("-c:v", "libx264", "-crf", 12)


def again(first: Callable[[Path], object], *arguments: object, before: tuple = ()) -> Callable[[Path], object]:
    """What another run of ffmpeg makes of a file, by default with the streams as they are."""

    def make(path: Path) -> None:
        first(path.with_name("first.mkv"))
        ffmpeg(*before, "-i", path.with_name("first.mkv"), *("-c", "copy"), *arguments, path)

    return make


def turned(degrees: int, *flips: str) -> Callable[[Path], object]:
    """Coded so that turning it counter-clockwise, and then exchanging left and right or top and bottom, shows it."""
    frames = CLIP
    frames = frames[:, :, ::-1] if "-display_hflip" in flips else frames
    frames = frames[:, ::-1] if "-display_vflip" in flips else frames
    frames = np.ascontiguousarray(np.rot90(frames, -degrees // 90, axes=(1, 2)))
    return again(encode(frames=frames), before=("-display_rotation", degrees, *flips))


def resized(frames: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames])


def high_dynamic_range(transfer: str, name: str) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        raw = ("-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", f"{WIDTH}x{HEIGHT}", "-r", 25, "-i", "-")
        tags = f"setparams=color_primaries=bt2020:color_trc={name}:colorspace=bt2020nc:range=tv"
        codec = ("-c:v", "libx265", "-x265-params", "log-level=none:lossless=1", "-pix_fmt", "yuv420p10le")
        ffmpeg(*raw, "-vf", tags, *codec, path, stdin=yuv420p10(wide(CLIP, transfer)))

    return make


def tagged(
    matrix: str, *, levels: str = "tv", tags: bool = True, frames: np.ndarray = CLIP
) -> Callable[[Path], object]:
    said = f"colorspace={matrix}:color_primaries={matrix}:color_trc={matrix}:range={levels}"
    nothing = "colorspace=unknown:color_primaries=unknown:color_trc=unknown:range=unknown"
    filters = (
        f"scale=out_color_matrix={matrix}:out_range={levels},format=yuv420p,setparams={said if tags else nothing}"
    )
    return encode(*X264, "-vf", filters, frames=frames)


def interlaced(frames: np.ndarray) -> Callable[[Path], object]:
    return encode("-c:v", "libx264", "-crf", 8, "-vf", "setfield=tff", "-flags", "+ildct+ilme", frames=frames)


def gray(frames: np.ndarray) -> np.ndarray:
    """Of 4:2:0's colors, half as many lines, there is nothing to tell fields apart by."""
    return np.repeat(frames.mean(axis=-1, keepdims=True).round().astype(np.uint8), 3, axis=-1)


FAST = gray(clip(3 * COUNT, step=3))


def woven() -> np.ndarray:
    """FAST, but for its lower lines, which are those of half a frame later."""
    fields = gray(clip(3 * COUNT, step=1.5))
    frames = fields[0::2].copy()
    frames[:, 1::2] = fields[1::2, 1::2]
    return frames


def fine() -> np.ndarray:
    """Detail that stands still: letters, and lines of two pixels."""
    frame = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    cv2.putText(frame, "Ag", (6, 50), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 40, 30), 3)
    frame[:8] = np.where(np.arange(8) // 2 % 2, 60, 190)[:, None, None]
    return np.repeat(frame[None], COUNT, 0)


def cover_first(path: Path) -> None:
    """With a cover picture, and the atom that holds it before the tracks: it becomes the first stream of pictures."""
    plain, cover = path.with_name("plain.mp4"), path.with_name("cover.png")
    encode()(plain)
    ffmpeg("-f", "lavfi", "-i", "color=red:size=32x32", "-frames:v", 1, cover)
    attached = ("-map", 0, "-map", 1, "-c", "copy", "-disposition:v:1", "attached_pic")
    ffmpeg("-i", plain, "-i", cover, *attached, path)
    data = path.read_bytes()
    start = data.rindex(b"moov") - 4  # behind the pictures, so that its inside may be moved
    children, place = [], start + 8
    while place < start + struct.unpack(">I", data[start : start + 4])[0]:
        size = struct.unpack(">I", data[place : place + 4])[0]
        children.append(data[place : place + size])
        place += size
    children.sort(key=lambda atom: atom[4:8] != b"udta")
    path.write_bytes(data[: start + 8] + b"".join(children) + data[place:])


def missing(*codec: object) -> Callable[[Path], object]:
    kept = "select='not(between(n,4,6))'"
    return encode(*(codec or (*X264, "-bf", 2)), "-vf", kept, "-fps_mode", "vfr")


HELD = CLIP[[0, 1, 2, 3, 3, 3, 3, 7, 8, 9, 10, 11]]


def two_sizes(path: Path) -> None:
    """Two transport streams, one after the other, whose sizes differ."""
    parts = path.with_name("1.ts"), path.with_name("2.ts")
    encode(*X264, "-bf", 0, frames=CLIP[:6])(parts[0])
    encode(*X264, "-bf", 0, "-output_ts_offset", 0.24, frames=resized(CLIP[6:], WIDTH * 3 // 4, HEIGHT * 3 // 4))(
        parts[1]
    )
    path.write_bytes(b"".join(part.read_bytes() for part in parts))


TALL = resized(CLIP, WIDTH, 640)

CASES = {
    "as they are": {
        "H.264": Case(encode()),
        "B-frames": Case(encode(*X264, "-bf", 3, "-g", 6)),
        "AVI": Case(encode("-c:v", "mpeg4", "-q:v", 2), "avi"),
        "Ogg": Case(encode("-c:v", "libtheora", "-q:v", 10), "ogv"),
        "RGB": Case(encode("-c:v", "libx264rgb", "-crf", 8, "-pix_fmt", "rgb24"), "mkv"),
    },
    "turned": {f"by {degrees}": Case(turned(degrees)) for degrees in (90, 180, 270)},
    "mirrored": {
        "left and right": Case(turned(0, "-display_hflip")),
        "top and bottom": Case(turned(0, "-display_vflip")),
        "and turned by 90": Case(turned(90, "-display_hflip")),
        "and turned by 270": Case(turned(270, "-display_hflip")),
        "and turned in mov": Case(turned(90, "-display_vflip"), "mov"),
    },
    "pixels that are not square": {
        "wide": Case(encode(*X264, "-vf", "setsar=4/3", frames=resized(CLIP, 72, HEIGHT))),
        "tall": Case(encode(*X264, "-vf", "setsar=3/4", frames=resized(CLIP, WIDTH, 48))),
        "said by the mkv": Case(again(encode(frames=resized(CLIP, 72, HEIGHT)), "-aspect", "3:2"), "mkv"),
        "said by the mp4": Case(again(encode(frames=resized(CLIP, 72, HEIGHT)), "-aspect", "3:2")),
        "absurd": Case(encode(*X264, "-vf", "setsar=1/20")),
        "turned as well": Case(
            again(
                encode(*X264, "-vf", "setsar=4/3", frames=np.rot90(resized(CLIP, WIDTH, 48), -1, (1, 2)).copy()),
                before=("-display_rotation", 90),
            )
        ),
    },
    "high dynamic range": {
        "PQ": Case(high_dynamic_range("pq", "smpte2084")),
        "HLG": Case(high_dynamic_range("hlg", "arib-std-b67"), "mkv"),
    },
    "wide gamut": {"BT.2020": Case(high_dynamic_range("sdr", "bt2020-10"))},
    "matrix and range": {
        "BT.709": Case(tagged("bt709")),
        "BT.601": Case(tagged("smpte170m")),
        "full": Case(tagged("smpte170m", levels="pc")),
        "full BT.709": Case(tagged("bt709", levels="pc")),
        "nothing said": Case(tagged("smpte170m", tags=False)),
        "nothing said, high definition": Case(tagged("bt709", tags=False, frames=TALL), shown=TALL),
    },
    "more than 8 bits": {
        "10": Case(
            encode("-c:v", "libx265", "-crf", 10, "-x265-params", "log-level=none", "-vf", "format=yuv420p10le")
        )
    },
    "interlaced": {
        "what moves": Case(interlaced(woven()), shown=FAST),
        "what stands still": Case(interlaced(fine()), shown=fine(), tolerance=5),
        "MPEG-2": Case(
            encode("-c:v", "mpeg2video", "-q:v", 2, "-vf", "setfield=tff", "-flags", "+ildct+ilme", frames=woven()),
            "mpg",
            FAST,
            tolerance=6,
        ),
    },
    "cover picture": {"first in the file": Case(cover_first)},
    "pictures missing": {
        "mp4": Case(missing(), shown=HELD),
        "mkv": Case(missing(), "mkv", HELD),
        "ts": Case(missing(), "ts", HELD),
        "webm": Case(missing("-c:v", "libvpx", "-b:v", "4M"), "webm", HELD, tolerance=6),
    },
    "coarse clock": {
        "29.97 in mkv": Case(encode(fps=NTSC), "mkv", fps=NTSC),
        "23.976 in webm": Case(
            encode("-c:v", "libvpx", "-b:v", "4M", fps="24000/1001"), "webm", fps=Fraction(24000, 1001), tolerance=6
        ),
        "29.97 in flv": Case(encode(fps=NTSC), "flv", fps=NTSC),
    },
    "margins": {
        "left and above": Case(encode(*X264, "-bsf:v", "h264_metadata=crop_left=8:crop_top=4"), shown=CLIP[:, 4:, 8:]),
        "right": Case(encode(*X264, "-bsf:v", "h264_metadata=crop_right=6"), "mkv", CLIP[:, :, :-6]),
    },
    "sizes that change": {"ts": Case(two_sizes, "ts", tolerance=6)},
    "beginning cut off by the container": {
        "mp4": Case(again(encode(*X264, "-g", 12, "-bf", 0), before=("-ss", 0.16)), shown=CLIP[4:])
    },
}
"""By the rows of the table in the docs."""


def by_constant_rate_reader(path: Path, fps: Fraction) -> tuple[Fraction, np.ndarray]:
    reader = ConstantRateReader(path, fps)
    frames = list(reader.frames(0, 100))
    assert {(reader.height, reader.width)} == {frame.shape[:2] for frame in frames}
    late = list(reader.frames(5, 9))  # from the middle on it sees the same
    assert all((one == other).all() for one, other in zip(late, frames[5:9], strict=False))
    return reader.fps, np.stack(frames)


def by_video_reader(path: Path, fps: Fraction) -> tuple[Fraction, np.ndarray]:
    with VideoReader(path, own=True) as reader:
        frames = reader.read(range(len(reader)))
        assert frames.shape[1:3] == (reader.height, reader.width)
        assert (reader.read([len(reader) - 1, 0, 3]) == frames[[-1, 0, 3]]).all()
        return reader.fps, frames


READERS = {
    "ConstantRateReader": by_constant_rate_reader,
    "VideoReader": by_video_reader,
    "VideoReader without decord": by_video_reader,
}


@pytest.mark.parametrize(("row", "name"), [(row, name) for row, cases in CASES.items() for name in cases])
def test_all_readers_see_what_players_show(tmp_path, monkeypatch, row, name):
    case = CASES[row][name]
    path = tmp_path / f"a.{case.ending}"
    case.make(path)
    for reader, read in READERS.items():
        with monkeypatch.context() as patch:
            if "without" in reader:
                patch.setitem(sys.modules, "decord", None)
            fps, frames = read(path, case.fps)
        assert (fps, frames.dtype, frames.shape) == (case.fps, np.uint8, case.shown.shape), reader
        errors = np.abs(frames.astype(int) - case.shown).mean((1, 2, 3))
        assert errors.max() < case.tolerance, (reader, errors.round(1))


def test_the_clip_tells_what_is_wrong():
    """Every mistake that the cases are about is far beyond their tolerances."""
    moved = CLIP.astype(int)
    others = [moved[:, ::-1], moved[:, :, ::-1], moved[:, ::-1, ::-1], np.roll(moved, 1, 0), moved[..., ::-1]]
    assert min(np.abs(moved - other).mean((1, 2, 3)).min() for other in others) > 10
    assert np.abs(woven().astype(int) - FAST).mean((1, 2, 3)).min() > 8


def test_orientations_are_those_of_ffmpeg(tmp_path):
    """What ffmpeg, which turns pictures by itself, makes of the same files."""
    for row in ("turned", "mirrored"):
        for name, case in CASES[row].items():
            path = tmp_path / f"{name}.{case.ending}"
            case.make(path)
            raw = np.frombuffer(ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"), np.uint8)
            assert np.abs(raw.reshape(CLIP.shape).astype(int) - CLIP).mean() < 4, name


def test_the_docs_name_the_same_rows():
    table = DOCS.read_text(encoding="utf-8").partition("## Pictures")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) +\|", table, re.MULTILINE)
    assert [row for row in rows if row != "Property" and set(row) != {"-"}] == list(CASES)


def test_combs_go_and_detail_stays():
    assert np.abs(without_combs(woven()[3]).astype(int) - FAST[3])[1:-1].max() <= 12
    assert (without_combs(fine()[0]) == fine()[0]).mean() > 0.99
    for height in (1, 2, 3):  # no neighbor below, or none at all
        frame = clip(1, height, 8)[0]
        assert without_combs(frame).shape == frame.shape
