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
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms

from emo.errors import AudioError, EmoError
from emo.media.confine import confine
from emo.media.demuxer import Media
from emo.media.image import read_image
from emo.media.sound import at_most_two, sound_blocks

PIXEL_BYTES = 32  # at most, while a picture is decoded, turned and converted
ROOM = 512_000_000  # bytes for everything else
MAX_REMARKS = 10  # of the log


def picture_into(file: BinaryIO, name: str, most_pixels: int, out: BinaryIO) -> dict[str, int]:
    """Write the picture in `file` to `out`, RGB, 8 bits, as `load_image` reads it.

    Returns:
        Its width and height.

    Raises:
        ImageError: naming it, if it cannot be read, or has more pixels than allowed, before any is decoded.
    """
    picture = read_image(file, name, most_pixels)
    for top in range(0, picture.height, 256):
        out.write(picture.crop((0, top, picture.width, min(top + 256, picture.height))).tobytes())
    return {"width": picture.width, "height": picture.height}


def sound_into(file: BinaryIO, name: str, most_seconds: float | None, out: BinaryIO) -> dict[str, int]:
    """Write the sound in `file` to `out`, float32 at its own rate, two channels side by side.

    Returns:
        Its rate.

    Raises:
        AudioError: naming it, if it cannot be read or is longer than allowed; no more than that is decoded. What the
            file says of its length is not asked, since it may say anything.
    """
    length, rate = 0, 0
    with Media(name, AudioError, file) as media:
        for samples, rate, layout in sound_blocks(media):
            length += samples.shape[1]
            if most_seconds is not None and length > most_seconds * rate:
                raise AudioError(f"the recording is longer than {most_seconds:g} s, the most this page takes: cut it")
            both = np.broadcast_to(at_most_two(samples, rate, layout), (2, samples.shape[1]))
            out.write(np.ascontiguousarray(both.T, "<f4").data)
    if not length:
        raise AudioError(f"{name} holds no sound that can be decoded; check that it plays")
    return {"rate": rate}


def _warm_up() -> None:
    """Have all that the decoders load late loaded now."""
    Image.init()
    Image.MAX_IMAGE_PIXELS = None  # `most_pixels` is asked for instead
    nowhere, profile = io.BytesIO(), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for form in ("PNG", "TIFF", "JPEG"):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, form, icc_profile=profile)
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
        if len(self.lines) < MAX_REMARKS:
            self.lines.append(record.getMessage())


def _answer(work: Callable[[], dict[str, int]], remarks: _Remarks) -> dict[str, object]:
    try:
        return {**work(), "remarks": remarks.lines}
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
