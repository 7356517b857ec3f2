"""What a picture says beside its pixels is applied or passed over, and is never a reason to lose the picture."""

import io
import subprocess
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from profiles import ADOBE, P3, PROPHOTO, SRGB, as_srgb, cmyk_profile, gray_profile, rgb_profile

from emo.errors import ImageError
from emo.media import image as image_module
from emo.media import load_image

RGB = {"P3": (P3, 2.2), "Adobe RGB": (ADOBE, 2.2), "ProPhoto": (PROPHOTO, 1.8)}
SAVED = {
    "png": {},
    "jpg": {"quality": 100, "subsampling": 0},
    "tif": {},
    "webp": {"lossless": True},
}


def ramp() -> np.ndarray:
    """(32, 48, 3) uint8, smooth, no color so bright that it leaves sRGB."""
    y, x = np.mgrid[0:32, 0:48]
    return np.stack([100 + x * 2, 90 + y * 2, 150 - x], axis=-1).astype(np.uint8)


def pixels(source: object) -> np.ndarray:
    picture = load_image(source)
    assert picture.mode == "RGB"
    return np.asarray(picture).astype(int)


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png_with(*chunks: bytes, last: bytes = b"", **options: object) -> bytes:
    """A PNG of the ramp with further chunks behind its header, and one before its end."""
    stream = io.BytesIO()
    Image.fromarray(ramp()).save(stream, "PNG", **options)
    content = stream.getvalue()
    return content[:33] + b"".join(chunks) + content[33:-12] + last + content[-12:]


@pytest.mark.parametrize("name", RGB)
@pytest.mark.parametrize("suffix", SAVED)
def test_color_profiles_are_applied(tmp_path, suffix, name):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(ramp()).save(path, icc_profile=rgb_profile(*RGB[name]), **SAVED[suffix])
    expected = as_srgb(ramp(), *RGB[name])
    assert np.abs(expected - ramp()).mean() > 2  # it matters
    for source in (path, Image.open(path)):
        error = np.abs(pixels(source) - expected)
        assert error.mean() < 2 if suffix == "jpg" else error.max() <= 2.5


@pytest.mark.parametrize("suffix", SAVED)
@pytest.mark.parametrize(
    "profile", [ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), rgb_profile(SRGB, None)]
)
def test_srgb_itself_changes_no_pixel(tmp_path, suffix, profile):
    colors = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for name, said in {"a": profile, "b": None}.items():
        Image.fromarray(colors).save(tmp_path / f"{name}.{suffix}", icc_profile=said, **SAVED[suffix])
    assert (pixels(tmp_path / f"a.{suffix}") == pixels(tmp_path / f"b.{suffix}")).all()


def test_profiles_of_other_kinds_of_pictures(tmp_path):
    gray = ramp()[..., 0]
    Image.fromarray(gray).save(tmp_path / "gray.png", icc_profile=gray_profile(1.0))
    assert np.abs(pixels(tmp_path / "gray.png") - as_srgb(np.repeat(gray[..., None], 3, -1), P3, 1.0)).max() <= 2.5
    inks = np.zeros((8, 24, 4), np.uint8)
    inks[:, 8:16, 0] = 255
    inks[:, 16:, 3] = 255
    for name, options in {"inks.jpg": {"quality": 100}, "inks.tif": {}}.items():
        Image.fromarray(inks, "CMYK").save(tmp_path / name, icc_profile=cmyk_profile(), **options)
        got = pixels(tmp_path / name)[4, [3, 12, 21]]
        assert got[0].min() > 245, name  # paper
        assert got[1][0] > 200, name
        assert got[1][1:].max() < 60, name  # cyan would be 0, 255, 255
        assert got[2].max() < 12, name
    colors = Image.fromarray(ramp()).quantize(64)
    colors.save(tmp_path / "palette.png", icc_profile=rgb_profile(*RGB["ProPhoto"]))
    expected = as_srgb(np.asarray(colors.convert("RGB")), *RGB["ProPhoto"])
    assert np.abs(pixels(tmp_path / "palette.png") - expected).max() <= 2.5


def test_transparency_and_profiles(tmp_path):
    alpha = np.full((32, 48, 1), 255, np.uint8)
    alpha[:16] = 0
    rgba = Image.fromarray(np.concatenate([ramp(), alpha], axis=-1))
    rgba.save(tmp_path / "a.png", icc_profile=rgb_profile(*RGB["ProPhoto"]))
    got = pixels(tmp_path / "a.png")
    assert (got[:16] == 255).all()
    assert np.abs(got[16:] - as_srgb(ramp(), *RGB["ProPhoto"])[16:]).max() <= 2.5


@pytest.mark.parametrize("suffix", SAVED)
@pytest.mark.parametrize(
    "profile",
    [
        b"no profile",
        rgb_profile(P3, 2.2)[:200],
        rgb_profile(P3, 2.2)[:128] + b"\xff" * 400,
        gray_profile(2.2),
        cmyk_profile(),
    ],
    ids=["text", "cut off", "damaged", "gray", "inks"],
)
def test_profiles_that_do_not_fit_are_passed_over(tmp_path, suffix, profile):
    Image.fromarray(ramp()).save(tmp_path / f"a.{suffix}", icc_profile=profile, **SAVED[suffix])
    Image.fromarray(ramp()).save(tmp_path / f"b.{suffix}", **SAVED[suffix])
    assert (pixels(tmp_path / f"a.{suffix}") == pixels(tmp_path / f"b.{suffix}")).all()


LONG = b'{"prompt": "a portrait"}' * 100_000  # 2.4 MB, beyond Pillow's limit for one text
MANY = b"".join(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 19))) for _ in range(200))  # 100 MiB in all
TEXTS = {
    "tEXt": chunk(b"tEXt", b"workflow\0" + LONG),
    "zTXt": chunk(b"zTXt", b"workflow\0\0" + zlib.compress(LONG)),
    "iTXt": chunk(b"iTXt", b"workflow\0\0\0\0\0" + LONG),
    "iTXt packed": chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(LONG)),
    "zTXt that is damaged": chunk(b"zTXt", b"workflow\0\0" + zlib.compress(LONG)[:-20]),
    "many": MANY,
    "tEXt without a name": chunk(b"tEXt", b""),
    "unknown": chunk(b"prVt", LONG),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_no_reason_to_lose_a_picture(tmp_path, name):
    for content in (png_with(TEXTS[name]), png_with(last=TEXTS[name])):
        (tmp_path / "a.png").write_bytes(content)
        assert (pixels(tmp_path / "a.png") == ramp()).all()


def test_large_profiles(tmp_path):
    """One of 2 MB is applied; one that unpacks to a hundred is passed over, without the memory."""
    large = rgb_profile(*RGB["ProPhoto"], padding=2_000_000)
    (tmp_path / "a.png").write_bytes(png_with(chunk(b"iCCP", b"x\0\0" + zlib.compress(large))))
    assert np.abs(pixels(tmp_path / "a.png") - as_srgb(ramp(), *RGB["ProPhoto"])).max() <= 2.5
    packer = zlib.compressobj()
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(100)) + packer.flush()
    (tmp_path / "b.png").write_bytes(png_with(chunk(b"iCCP", b"x\0\0" + bomb)))
    tracemalloc.start()
    assert (pixels(tmp_path / "b.png") == ramp()).all()
    assert tracemalloc.get_traced_memory()[1] < 48 << 20
    tracemalloc.stop()
    (tmp_path / "c.png").write_bytes(png_with(chunk(b"iCCP", b"x\0\0" + zlib.compress(large)[:-500])))
    assert pixels(tmp_path / "c.png").shape == (32, 48, 3)
    (tmp_path / "d.png").write_bytes(png_with(chunk(b"iCCP", b"x\0\0no zlib at all")))
    assert (pixels(tmp_path / "d.png") == ramp()).all()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize(
    "data",
    [
        b"MM\0\x2a\0\0\0\x08\xff\xff" + b"\xab" * 40,
        b"II\x2a\0\x08\0\0\0\1\0\x12\1\2\0\xff\xff\xff\x7f\0\0\0\0",
        b"II\x2a\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0\0\0\0\0",
        b"garbage",
        b"",
    ],
    ids=["noise", "a long text as orientation", "orientation 99", "no header", "nothing"],
)
def test_damaged_exif_keeps_the_picture(tmp_path, suffix, data):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(ramp()).save(path, exif=b"Exif\0\0" + data, **SAVED[suffix])
    assert np.abs(pixels(path) - ramp()).max() <= (4 if suffix == "jpg" else 0)


DRAWN = {
    "a.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "b.eps": b"\xc5\xd0\xd3\xc6\x20\0\0\0\x60\0\0\0"
    + bytes(20)
    + b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "a.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
    "a.pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
    "a.wmf": b"\xd7\xcd\xc6\x9a\0\0\0\0\0\0\x09\0\x09\0\x60\0" + bytes(6) + b"\1\0\x09\0\0\3" + bytes(30),
    "a.emf": b"\1\0\0\0\x6c\0\0\0" + bytes(32) + b" EMF" + bytes(80),
    "a.fits": b"SIMPLE  =                    T".ljust(80) + b"BITPIX  =                    8".ljust(2800),
    "a.ps": b"%!PS-Adobe-3.0\n(secret) (r) file\n",
}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("suffix", [None, ".png"])
def test_drawings_are_refused_and_no_program_is_started(tmp_path, monkeypatch, name, suffix):
    def no(*arguments: object, **options: object) -> None:
        raise AssertionError(f"a process is started: {arguments}")

    for function in ("Popen", "run", "call", "check_call"):
        monkeypatch.setattr(subprocess, function, no)
    monkeypatch.setattr("os.system", no)
    path = (tmp_path / name).with_suffix(suffix or Path(name).suffix)
    path.write_bytes(DRAWN[name])
    with pytest.raises(ImageError, match="is not a picture this program can read"):
        load_image(path)


def test_formats_that_are_not_listed_are_refused(tmp_path):
    Image.init()
    refused = 0
    for name in sorted(set(Image.SAVE) - set(image_module.FORMATS)):
        path = tmp_path / f"{name}.bin"
        try:
            Image.fromarray(ramp()).resize((64, 64)).save(path, name)
        except Exception:  # formats of other modes, and those that are only stubs
            continue
        if not path.stat().st_size:
            continue
        with pytest.raises(ImageError, match="is not a picture this program can read"):
            load_image(path)
        refused += 1
    assert refused >= 5


@pytest.mark.parametrize("values", [(0.0, 255.0), (-1.0, 1.0), (0.0, float("nan"))])
def test_float_pictures_are_not_called_damaged(tmp_path, values):
    Image.fromarray(np.resize(np.float32(values), (16, 16))).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match=r"a\.tif: the picture is a float array with values outside 0 to 1") as caught:
        load_image(tmp_path / "a.tif")
    assert "damaged" not in str(caught.value)


def test_files_that_are_too_large(tmp_path, monkeypatch):
    Image.fromarray(ramp()).save(tmp_path / "a.png")
    monkeypatch.setattr(image_module, "MAX_BYTES", 100)
    with pytest.raises(ImageError, match=r"a\.png has more than 0 MiB; scale"):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    "content",
    [
        b"P6 100000 100000 255\n",
        b"BM" + bytes(8) + b"\x36\0\0\0\x28\0\0\0" + (60000).to_bytes(4, "little") * 2 + b"\1\0\x18\0" + bytes(24),
        b"GIF89a" + b"\xff\xff\xff\xff" + b"\0\0\0," + bytes(4) + b"\xff\xff\xff\xff\0\2\2\x44\1\0;",
    ],
    ids=["PPM", "BMP", "GIF"],
)
def test_headers_that_promise_too_much(tmp_path, content):
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(ImageError, match="megapixels"):
        load_image(tmp_path / "a.bin")
