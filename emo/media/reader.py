"""Reads one picture or recording of a stranger in a process of its own: python -m emo.media.reader picture|sound …

The file is its standard input, already open; what is in it goes to standard output as bare pixels or samples, and what
there is to say of it to standard error, as one line of JSON. Before the first byte is decoded the process gives up
everything else (`emo.media.confine`), so that whatever a decoder can be talked into, it reaches nothing.
"""

import io
import json
import logging
import os
import sys
import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO

import numpy as np
from PIL import Image

from emo.errors import AudioError, EmoError, ImageError
from emo.media.confine import confine
from emo.media.image import load_image

PIXEL_BYTES = 32  # at most, while a picture is decoded, turned and converted
ROOM = 512_000_000  # bytes for everything else
REMARKS = 10  # of the log


def picture_into(file: BinaryIO, name: str, most_pixels: int, out: BinaryIO) -> dict[str, int]:
    """Write the picture in `file` to `out`, RGB, 8 bits, as `load_image` reads it.

    Returns:
        Its width and height.

    Raises:
        ImageError: naming it, if it cannot be read, or has more pixels than allowed, before any is decoded.
    """
    try:
        with Image.open(file) as image:
            width, height = image.size
            if width * height > most_pixels:
                size = f"{width} x {height} pixels ({width * height / 1e6:.1f} megapixels)"
                raise ImageError(
                    f"{name} has {size}, the most this page takes is {most_pixels / 1e6:g}: scale it down"
                )
            picture = load_image(image)
    except Image.UnidentifiedImageError as error:
        raise ImageError(f"{name} is not a picture this program can read; save it as PNG or JPEG") from error
    except (EmoError, MemoryError):
        raise
    except Exception as error:  # PIL's decoders raise almost anything on damaged data
        raise ImageError(f"{name} is damaged or truncated ({error}); save or download it again") from error
    for top in range(0, picture.height, 256):
        out.write(picture.crop((0, top, picture.width, min(top + 256, picture.height))).tobytes())
    return {"width": picture.width, "height": picture.height}


def sound_into(file: BinaryIO, name: str, most_seconds: float | None, out: BinaryIO) -> dict[str, int]:
    """Write the sound in `file` to `out`, float32 at its own rate, channels side by side.

    Returns:
        Its rate and number of channels, 1 or 2.

    Raises:
        AudioError: naming it, if it cannot be read or is longer than allowed; no more than that is decoded. What the
            file says of its length is not asked, since it may say anything.
    """
    samples, form = 0, None
    for block, rate in sound_blocks(file, name):
        form = form or (rate, block.shape[1])
        if form != (rate, block.shape[1]):
            raise AudioError(f"{name} changes its sampling rate or its channels on the way; convert it first")
        samples += len(block)
        if most_seconds is not None and samples > most_seconds * rate:
            raise AudioError(f"the recording is longer than {most_seconds:g} s, the most this page takes: cut it")
        out.write(np.ascontiguousarray(block, "<f4"))
    if form is None:
        raise AudioError(f"{name} holds no sound that can be decoded; check that it plays")
    return {"rate": form[0], "channels": form[1]}


def sound_blocks(file: BinaryIO, name: str) -> Iterator[tuple[np.ndarray, int]]:
    """The sound as float32 (n, channels) at its own rate; more than two channels become one.

    Raises:
        AudioError: naming it, if it is not media or has no sound track of a known codec.
    """
    import av
    from av.error import FFmpegError

    try:
        with av.open(file, options={"protocol_whitelist": "none"}) as container:
            if not container.streams.audio:
                raise AudioError(f"{name} has no sound track; give a recording")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise AudioError(f"{name} has sound of an unknown codec; convert it to WAV, FLAC or MP3 first")
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                except FFmpegError:
                    packet = None
                if packet is None:
                    break
                with suppress(FFmpegError):
                    for frame in packet.decode():
                        yield _samples(frame), frame.sample_rate
    except FFmpegError as error:
        raise AudioError(f"{name} is not a recording this program can read ({error.strerror})") from error


def _samples(frame) -> np.ndarray:
    array = frame.to_ndarray()
    if not frame.format.is_planar:
        array = array.reshape(-1, frame.layout.nb_channels).T
    if array.dtype.kind in "iu":
        half = 1 << (array.dtype.itemsize * 8 - 1)
        array = (array.astype(np.float64) - (half if array.dtype.kind == "u" else 0)) / half
    if array.shape[0] > 2:
        array = array.mean(axis=0, keepdims=True)
    return array.T.astype(np.float32)


def _warm_up() -> None:
    """Have all that the decoders load late loaded now."""
    Image.init()
    Image.MAX_IMAGE_PIXELS = None  # `most_pixels` is asked for instead
    nowhere = io.BytesIO()
    for form in ("PNG", "TIFF", "JPEG"):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, form)
        picture_into(io.BytesIO(file.getvalue()), "", 100, nowhere)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((2, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(3200))
    sound_into(io.BytesIO(file.getvalue()), "", None, nowhere)
    for odd in (b"", b"GIF89a\0", b"RIFF\0\0\0\0WAVEfmt "):
        for read in (picture_into, sound_into):
            with suppress(EmoError):
                read(io.BytesIO(odd), "", 100, nowhere)


class _Remarks(logging.Handler):
    """Keeps the first of what is logged."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.lines) < REMARKS:
            self.lines.append(record.getMessage())


def _answer(work: Callable[[], dict[str, int]], remarks: _Remarks) -> dict[str, object]:
    try:
        return work() | {"remarks": remarks.lines}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


def main() -> None:
    """Read what is at standard input; the exit status is 0 whenever there is an answer.

    Arguments: kind, the file's name, the most pixels or seconds (0: any), bytes that may be written, seconds of work.
    """
    kind, name, most, file_size, seconds = sys.argv[1:]
    said = os.fdopen(os.dup(2), "w", encoding="utf-8")
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), 2)  # for what libraries print
    remarks = _Remarks()
    logging.getLogger("emo").addHandler(remarks)
    logging.getLogger("emo").propagate = False
    _warm_up()
    remarks.lines.clear()
    file, out = os.fdopen(0, "rb"), os.fdopen(1, "wb")
    memory = ROOM + (int(most) * PIXEL_BYTES if kind == "picture" else 0)
    confined = confine(memory, int(seconds), int(file_size))

    def work() -> dict[str, int]:
        if kind == "picture":
            found = picture_into(file, name, int(most), out)
        else:
            found = sound_into(file, name, float(most) or None, out)
        out.flush()
        return found

    json.dump(_answer(work, remarks) | {"confined": confined}, said)
    said.flush()
    os._exit(0)  # nothing of what a stranger's bytes have left behind is run any more


if __name__ == "__main__":
    main()
