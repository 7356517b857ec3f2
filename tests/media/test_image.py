"""Every kind of picture comes out as upright 8-bit RGB, and everything else as an ImageError."""

import contextlib
import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from emo.errors import ImageError
from emo.media import load_image

SIZE = (48, 32)


@pytest.fixture
def ramp() -> np.ndarray:
    """(32, 48, 3) uint8, no two corners alike."""
    y, x = np.mgrid[0:32, 0:48]
    return np.stack([x * 5, y * 7, 255 - x * 3], axis=-1).astype(np.uint8)


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path, ramp, orientation):
    turn = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: np.rot90,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(ramp).save(tmp_path / "a.png", exif=exif)
    assert (pixels(load_image(tmp_path / "a.png")) == turn(ramp)).all()
    assert (pixels(load_image(Image.open(tmp_path / "a.png"))) == turn(ramp)).all()


def test_alpha_is_composited_on_white(tmp_path, ramp):
    alpha = np.zeros((32, 48, 1), np.uint8)
    alpha[:, 24:] = 255
    alpha[:, 20:24] = 128
    rgba = np.concatenate([ramp, alpha], axis=-1)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    for source in (tmp_path / "a.png", rgba, Image.fromarray(rgba)):
        got = pixels(load_image(source))
        assert (got[:, :20] == 255).all()
        assert (got[:, 24:] == ramp[:, 24:]).all()
        assert abs(got[:, 20:24] - (ramp[:, 20:24] * 128.0 + 255 * 127) / 255).max() <= 1


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "YCbCr", "HSV", "LAB", "RGBX", "RGBa", "PA"])
def test_every_mode(ramp, mode):
    gray = np.asarray(Image.fromarray(ramp).convert("L"))
    source = Image.fromarray(gray if mode in ("L", "LA", "1") else ramp)
    if mode == "RGBa":
        image = source.convert("RGBA").convert("RGBa")
    elif mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.applyTransform(source, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    elif mode == "PA":
        image = source.quantize(256).convert("PA")
    else:
        image = source.convert(mode)
    got = pixels(load_image(image))
    assert got.shape == (32, 48, 3)
    if mode != "1":
        assert abs(got - pixels(source.convert("RGB"))).mean() < 20


def test_palette_transparency(tmp_path):
    image = Image.new("P", SIZE, 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (24, 0, 48, 32))
    image.save(tmp_path / "a.png", transparency=0)
    got = pixels(load_image(tmp_path / "a.png"))
    assert (got[:, :24] == 255).all()
    assert (got[:, 24:] == [0, 0, 255]).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_gray_is_scaled_not_clipped(tmp_path, suffix):
    gray = np.linspace(0, 65535, 48 * 32).reshape(32, 48).astype(np.uint16)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(gray).save(path)
    expected = np.round(gray / 257)[..., None]
    assert abs(pixels(load_image(path)) - expected).max() <= 1
    assert abs(pixels(load_image(gray)) - expected).max() <= 1
    assert abs(pixels(load_image(Image.fromarray(gray.astype(np.int32)))) - expected).max() <= 1


def test_float_arrays(ramp):
    assert (pixels(load_image(ramp / 255)) == ramp).all()
    assert (pixels(load_image((ramp / 255).astype(np.float32)[..., :1])) == ramp[..., :1]).all()
    assert (pixels(load_image(Image.fromarray((ramp[..., 0] / 255).astype(np.float32)))) == ramp[..., :1]).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 16, 16), np.uint8),
        np.zeros((16,), np.uint8),
        np.zeros((0, 16, 3), np.uint8),
        np.zeros((16, 16, 2), np.uint8),
        np.zeros((16, 16, 3), np.int64),
        np.full((16, 16, 3), 200.0),
        np.full((16, 16, 3), np.nan),
    ],
)
def test_bad_arrays(array):
    with pytest.raises(ImageError, match="the picture"):
        load_image(array)


def encoded(array: np.ndarray, format: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format)
    return stream.getvalue()


def test_bad_files(tmp_path, ramp):
    png, jpeg = encoded(ramp, "PNG"), encoded(ramp, "JPEG")

    def bomb(side: int) -> bytes:
        header = b"IHDR" + side.to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
        return png[:12] + header + zlib.crc32(header).to_bytes(4, "big") + png[33:]

    rows = {
        "zero.png": (b"", "0 bytes"),
        "text.png": (b"not a picture\n" * 20, "not a picture"),
        "cut.png": (png[: len(png) // 2], "truncated"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
        "bomb.png": (bomb(20_000), "megapixels"),
        "large.png": (bomb(10_000), "megapixels"),
    }
    for name, (content, message) in rows.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageError, match=message) as caught:
            load_image(tmp_path / name)
        assert name in str(caught.value)
    with pytest.raises(ImageError, match="does not exist"):
        load_image(tmp_path / "missing.png")
    with pytest.raises(ImageError, match="directory"):
        load_image(str(tmp_path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"]), st.data())
def test_damaged_bytes_give_a_picture_or_an_image_error(tmp_path, format, data):
    array = np.arange(24 * 16 * 3, dtype=np.uint8).reshape(24, 16, 3)
    content = bytearray(encoded(array, format))
    content = content[: data.draw(st.integers(1, len(content)))]
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[position] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.bin"
    path.write_bytes(content)
    with contextlib.suppress(ImageError):
        assert load_image(path).mode == "RGB"


def test_real_pictures(data: Path):
    for path in sorted((data / "images").iterdir()):
        got = load_image(path)
        assert got.size == Image.open(path).size
        assert abs(pixels(got) - pixels(Image.open(path).convert("RGB"))).max() == 0
