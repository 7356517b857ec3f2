"""Any picture a user may bring, as 8-bit RGB."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from emo.errors import ImageError
from emo.media.files import require_file


def load_image(source: str | Path | Image.Image | np.ndarray) -> Image.Image:
    """Read a picture as RGB, 8 bits per channel, upright, on white.

    EXIF rotation is applied; alpha and palette transparency are composited on white; greyscale, CMYK and 16-bit
    pictures are converted. Of an animation the first picture is taken.

    Args:
        source: a file, a PIL image, or an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4): uint8, uint16 (0 to
            65535) or float (0 to 1).

    Raises:
        ImageError: naming the file, if it is missing, a directory, empty, truncated, not a picture, or larger than
            PIL's limit against decompression bombs; or if an array has another shape, type or range.
    """
    if isinstance(source, np.ndarray):
        return _rgb(_image_from_array(source))
    if isinstance(source, Image.Image):
        return _rgb(source)
    path = Path(source)
    require_file(path, ImageError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL's remarks on odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return _rgb(image)
    except Image.UnidentifiedImageError as error:
        raise ImageError(f"{path} is not a picture this program can read; save it as PNG or JPEG") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = Image.MAX_IMAGE_PIXELS // 1_000_000
        raise ImageError(f"{path} has more than {limit} million pixels; scale it down first") from error
    except Exception as error:  # PIL's decoders raise almost anything on damaged data (SyntaxError, struct.error ...)
        raise ImageError(f"{path} is damaged or truncated ({error}); save or download it again") from error


def _rgb(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # "I;16" and its byte orders; "I" is how PIL holds some 16-bit PNGs
        image = Image.fromarray(_to_8_bit(np.asarray(image).clip(0, 65535), 65535))
    elif image.mode == "F":
        image = _image_from_array(np.asarray(image))
    elif image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("RGB")


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
