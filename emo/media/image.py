"""Any picture a user may bring, as 8-bit RGB."""

import io
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps

from emo.errors import ImageError
from emo.files import require_file

FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "TGA")
"""What Pillow is asked to read: formats that hold their pixels themselves. EPS would start Ghostscript."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt")  # prompts and workflows of picture generators, beyond Pillow's limits
MAX_PROFILE = 1 << 24  # bytes of a color profile
MAX_BYTES = 1 << 28  # of a file, which is read whole
SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}  # Pillow's mode: a profile's color space
SAME = 2  # of 255: a profile that changes colors by no more is sRGB itself


def load_image(source: str | Path | Image.Image | np.ndarray) -> Image.Image:
    """Read a picture as sRGB, 8 bits per channel, upright, on white.

    EXIF rotation and color profiles are applied; alpha and palette transparency are composited on white; grayscale,
    CMYK and 16-bit pictures are converted. Of an animation the first picture is taken. Metadata that cannot be
    understood is passed over.

    Args:
        source: a file, a PIL image, or an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4): uint8, uint16 (0 to
            65535) or float (0 to 1).

    Raises:
        ImageError: naming the file, if it is missing, a directory, empty, truncated, not a picture of one of
            `FORMATS`, or larger than PIL's limit against decompression bombs; or if an array has another shape, type
            or range.
    """
    if isinstance(source, np.ndarray):
        return _rgb(_image_from_array(source), None)
    if isinstance(source, Image.Image):
        return _rgb(source, source.info.get("icc_profile"))
    path = Path(source)
    require_file(path, ImageError)
    with path.open("rb") as file:
        return read_image(file, str(path))


def read_image(file: BinaryIO, name: str, most_pixels: int | None = None) -> Image.Image:
    """`load_image` of an open file, called `name` in messages.

    Args:
        most_pixels: refuse a picture of more, before any is decoded; PIL's limit by default.

    Raises:
        ImageError: see `load_image`.
    """
    Image.init()
    formats = [form for form in FORMATS if form in Image.OPEN]
    if file.seek(0, os.SEEK_END) > MAX_BYTES:
        raise ImageError(f"{name} has more than {MAX_BYTES >> 20} MiB; scale the picture down first")
    file.seek(0)
    most = most_pixels or Image.MAX_IMAGE_PIXELS or math.inf  # Pillow itself warns first, and refuses twice as many
    try:
        plain, profile = _without_texts(file.read())
        with Image.open(plain, formats=formats) as image:
            width, height = image.size
            if width * height <= most:
                return _rgb(image, profile or image.info.get("icc_profile"))
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error
    except Image.UnidentifiedImageError as error:
        raise ImageError(f"{name} is not a picture this program can read; save it as PNG or JPEG") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} has more than {most / 1e6:.0f} megapixels; scale it down first") from error
    except Exception as error:  # PIL's decoders raise almost anything on damaged data (SyntaxError, struct.error ...)
        raise ImageError(f"{name} is damaged or truncated ({error}); save or download it again") from error
    raise ImageError(
        f"{name} has {width} x {height} pixels ({width * height / 1e6:.1f} megapixels), the most taken here is "
        f"{most / 1e6:.3g}: scale it down"
    )


def shrunk(picture: Image.Image, side: int) -> Image.Image:
    """The picture with its longer side at most `side` pixels; itself if it is small enough."""
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    return picture.resize([max(1, round(length * scale)) for length in picture.size], Image.Resampling.LANCZOS)


def _without_texts(content: bytes) -> tuple[io.BytesIO, bytes | None]:
    """A file for Pillow, and the color profile that was taken out of it: of a PNG neither it nor texts are left in.

    Pillow refuses a whole picture for the size of either.
    """
    if not content.startswith(PNG_SIGNATURE):
        return io.BytesIO(content), None
    kept, profile = bytearray(PNG_SIGNATURE), None
    for kind, chunk in _chunks(memoryview(content)):
        if kind == b"iCCP":
            _, _, packed = bytes(chunk[8:-4]).partition(b"\0")
            with suppress(zlib.error):
                profile = zlib.decompressobj().decompress(packed[1:], MAX_PROFILE)
        elif kind not in PNG_TEXT:
            kept += chunk
    return io.BytesIO(kept), profile


def _chunks(content: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The chunks of a PNG with their names, up to its end; the last one may be cut off."""
    place, kind = len(PNG_SIGNATURE), b""
    while place < len(content) and kind != b"IEND":
        length = 12 + int.from_bytes(content[place : place + 4], "big")
        kind = bytes(content[place + 4 : place + 8])
        yield kind, content[place : place + length]
        place += length


def _rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    with suppress(Exception):  # of damaged EXIF data Pillow raises almost anything
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # "I;16" and its byte orders; "I" is how PIL holds some 16-bit PNGs
        image = Image.fromarray(_to_8_bit(np.asarray(image).clip(0, 65535), 65535))
    elif image.mode == "F":
        image = _image_from_array(np.asarray(image))
    alpha = None
    if image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A")
        image = image.convert("L" if image.mode in ("L", "LA", "La") else "RGB")
    if image.mode not in SPACES:
        image = image.convert("RGB")
    if profile is not None:
        image = _srgb(image, profile)
    image = image.convert("RGB")
    return image if alpha is None else Image.composite(image, Image.new("RGB", image.size, "white"), alpha)


def _srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """A picture of a profile's colors in sRGB; as it is where the profile is damaged or of another kind of picture."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        core: Any = source.profile  # the stubs take it for the file it was read from
        if core.xcolor_space.strip() != SPACES[image.mode]:
            return image
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), image.mode, "RGB")
        if image.mode == "RGB":
            ramp = np.stack(np.meshgrid(*[np.arange(0, 256, 51)] * 3), axis=-1).reshape(1, -1, 3).astype(np.uint8)
            mapped = np.asarray(ImageCms.applyTransform(Image.fromarray(ramp), transform))
            if np.abs(mapped.astype(int) - ramp).max() <= SAME:
                return image
        return ImageCms.applyTransform(image, transform) or image  # nothing is returned in place alone
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image


def _image_from_array(array: np.ndarray) -> Image.Image:
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ImageError(f"the picture has shape {array.shape}; give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    if array.dtype == np.uint16:
        array = _to_8_bit(array, 65535)
    elif array.dtype.kind == "f":
        if not ((array >= 0) & (array <= 1)).all():
            raise ImageError("the picture is a float array with values outside 0 to 1; scale it, or give uint8")
        array = _to_8_bit(array, 1)
    elif array.dtype != np.uint8:
        raise ImageError(f"the picture is an array of {array.dtype}; give uint8, uint16, or float from 0 to 1")
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def _to_8_bit(array: np.ndarray, maximum: int) -> np.ndarray:
    return np.round(array * (255 / maximum)).astype(np.uint8)
