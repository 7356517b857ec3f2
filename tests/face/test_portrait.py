import warnings

import numpy as np
import pytest
from PIL import Image

from emo.errors import FaceError
from emo.face import FACE_SHARE, Box, Crop, FaceDetector, prepare_portrait
from emo.face.upright import find_tilted

HEAD = (slice(0, 250), slice(90, 360))


def prepare(picture: np.ndarray, size: int = 128, **options):
    return prepare_portrait(Image.fromarray(picture), height=size, width=size, **options)


@pytest.fixture
def two(astronaut):
    """Two heads, the left one smaller."""
    large = astronaut[HEAD]
    small = np.asarray(Image.fromarray(large).resize((216, 200)))
    return np.concatenate([np.pad(small, ((25, 25), (27, 27), (0, 0)), mode="edge"), large], 1)


def test_portrait_of_one_face(astronaut):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        portrait = prepare(astronaut)
    assert portrait.image.shape == (128, 128, 3)
    assert portrait.mask.shape == (128, 128)
    np.testing.assert_array_equal(portrait.image, portrait.crop.apply(portrait.picture))
    np.testing.assert_array_equal(portrait.picture, astronaut)
    box = portrait.crop.to_crop(portrait.face.box)
    assert (box[3] - box[1]) / 128 == pytest.approx(FACE_SHARE, abs=0.01)
    grown = (box[2] - box[0]) * (box[3] - box[1]) * 1.3**2
    assert portrait.mask.sum() == pytest.approx(grown, rel=0.05)


def test_crop_of_another_aspect_ratio(astronaut):
    portrait = prepare_portrait(Image.fromarray(astronaut), height=160, width=96)
    assert portrait.image.shape == (160, 96, 3)
    c = portrait.crop
    assert (c.x1 - c.x0) / (c.y1 - c.y0) == pytest.approx(96 / 160, rel=0.01)


def test_region_given_as_full_box_or_mask_keeps_the_crop(astronaut):
    plain = prepare(astronaut)
    mask = np.zeros(astronaut.shape[:2], np.uint8)
    mask[80:160, 200:250] = 255
    full, box, masked = (prepare(astronaut, face_region=r) for r in ("full", (200, 80, 250, 160), mask))
    assert full.crop == box.crop == masked.crop == plain.crop
    assert (full.mask == 1).all()
    assert (box.mask != masked.mask).sum() <= 4  # corners


def test_without_a_face_the_error_names_the_picture_and_the_way_on():
    with pytest.raises(FaceError, match=r"cup\.png: no face found.*--face-region full"):
        prepare(np.full((200, 300, 3), 90, np.uint8), name="cup.png")


def test_without_a_face_a_region_will_do():
    empty = np.full((200, 300, 3), 90, np.uint8)
    full = prepare(empty, face_region="full")
    assert full.face is None
    assert full.crop == Crop(50, 0, 250, 200, 128, 128)
    assert (full.mask == 1).all()
    mask = np.zeros((200, 300), bool)
    mask[60:120, 140:180] = True
    box, masked = prepare(empty, face_region=(140, 60, 180, 120)), prepare(empty, face_region=mask)
    assert box.crop == masked.crop
    x0, y0, x1, y1 = box.crop.to_crop(Box(140, 60, 180, 120))
    assert (x0 + x1) / 2 == pytest.approx(64, abs=1)
    assert (y1 - y0) / 128 == pytest.approx(1.3 * FACE_SHARE, rel=0.02)
    assert box.mask.sum() == pytest.approx((x1 - x0) * (y1 - y0), rel=0.05)


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_face_cut_off_by_the_border(astronaut, side):
    whole = {
        "left": (176, 0, 512, 400),
        "right": (0, 0, 276, 400),
        "top": (0, 67, 512, 400),
        "bottom": (0, 0, 512, 182),
    }
    cut = {"left": (200, 0, 512, 400), "right": (0, 0, 252, 400), "top": (0, 92, 512, 400), "bottom": (0, 0, 512, 156)}
    x0, y0, x1, y1 = whole[side]
    prepare(astronaut[y0:y1, x0:x1])
    x0, y0, x1, y1 = cut[side]
    with pytest.raises(FaceError, match=r"portrait: its face is cut off.*--face-region full"):
        prepare(astronaut[y0:y1, x0:x1])


def test_face_smaller_than_64_pixels(astronaut):
    shrink = lambda factor: np.asarray(Image.fromarray(astronaut).resize((round(512 * factor),) * 2, Image.LANCZOS))
    prepare(shrink(0.63))  # 67 px
    with pytest.raises(FaceError, match=r"its face is 5\d pixels large, at least 64.*--face-region full"):
        prepare(shrink(0.53))


def test_a_face_that_is_refused_goes_with_a_region(astronaut):
    small = np.asarray(Image.fromarray(astronaut).resize((256, 256)))
    with pytest.warns(UserWarning, match="pixels large.*all the same"):
        portrait = prepare(small, face_region="full")
    assert portrait.face.box[3] - portrait.face.box[1] < 64
    assert (portrait.mask == 1).all()


def test_near_profile_is_refused_and_three_quarters_are_not(picture):
    with pytest.raises(FaceError, match=r"turned 4\d degrees away.*at most 40.*--face-region full"):
        prepare(picture("bad_input/profile_threequarter.png"))
    for face in (1, 2):
        prepare(picture("bad_input/twofaces_480x270.png"), face=face)


@pytest.mark.parametrize("name", ["painting_mona_lisa_crop.jpg", "photo_actor_man_240up.png", "photo_grid_woman.png"])
def test_real_portraits_and_their_paste_back(picture, name):
    portrait = prepare(picture(f"images/{name}"), size=512)
    back = portrait.crop.paste(portrait.image[None], portrait.picture)[0]
    assert np.abs(back.astype(float) - portrait.picture).mean() < 3
    inside = portrait.mask.astype(bool)
    x, y = (portrait.face.landmarks[:, i] for i in (0, 1))
    x, y, *_ = np.array([portrait.crop.to_crop(Box(a, b, a, b)) for a, b in zip(x, y, strict=True)]).T.astype(int)
    assert inside[y, x].all()


def test_of_several_faces_the_largest_is_taken_with_a_warning(two):
    with pytest.warns(UserWarning, match=r"duo\.png: 2 faces.*number 2 from the left.*--face 1 \.\.\. 2"):
        portrait = prepare(two, name="duo.png")
    assert portrait.face.box[0] > 270
    with pytest.warns(UserWarning, match="number 1 from the left"):
        assert prepare(two[:, ::-1]).face.box[0] < 270


def test_face_chooses_from_the_left(two):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert prepare(two, face=1).face.box[0] < 270 < prepare(two, face=2).face.box[0]


@pytest.mark.parametrize("face", [0, 3, -1])
def test_face_out_of_range(two, face):
    with pytest.raises(FaceError, match=f"there is no face {face}, 2 faces are found"):
        prepare(two, face=face)


def test_bad_region_is_refused_before_the_search(astronaut):
    with pytest.raises(FaceError, match="outside"):
        prepare(astronaut, face_region=(600, 0, 700, 100))


def test_a_region_chooses_among_several_faces(portrait):
    small = np.asarray(Image.fromarray(portrait).resize((384, 384)))
    both = np.zeros((512, 896, 3), np.uint8)
    both[:384, :384], both[:, 384:] = small, portrait
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        left = prepare_portrait(Image.fromarray(both), height=64, width=64, face_region=(100, 30, 240, 160))
    assert left.face.box[2] < 384


TURNS = {1: "90 degrees clockwise", 2: "180 degrees", 3: "90 degrees counter-clockwise"}


def tilted(picture: np.ndarray, degrees: float) -> np.ndarray:
    """Clockwise, within a larger picture."""
    image = Image.fromarray(np.pad(picture, ((120, 120), (120, 120), (0, 0)), mode="edge"))
    return np.asarray(image.rotate(-degrees, Image.Resampling.BICUBIC))


@pytest.mark.parametrize("turns", TURNS)
def test_a_picture_on_its_side_or_head_is_refused_with_the_way_to_turn_it(astronaut, turns):
    """np.rot90 turns counter-clockwise."""
    turned = np.rot90(astronaut, turns)
    with pytest.raises(FaceError, match=r"a\.png: its face is tilted by (8|9|1[678])\d degrees; turn") as caught:
        prepare(turned, name="a.png")
    assert f"turn the picture by {TURNS[turns]}, or animate" in str(caught.value)
    assert "--face-region full" in str(caught.value)
    with pytest.warns(UserWarning, match=f"tilted by .*turn the picture by {TURNS[turns]}.*all the same"):
        prepare(turned, face_region="full")


@pytest.mark.parametrize("degrees", [-30, 25])
def test_a_head_held_askew_is_taken(astronaut, degrees):
    prepare(tilted(astronaut, degrees))


@pytest.mark.parametrize(("degrees", "way"), [(60, "counter-clockwise"), (-55, "clockwise")])
def test_a_tilt_between_quarter_turns_is_told_as_it_is(astronaut, degrees, way):
    with pytest.raises(FaceError, match=rf"tilted by ([56]\d) degrees; turn the picture by \1 degrees {way}"):
        prepare(tilted(astronaut, degrees))


def test_a_face_that_is_not_even_found_unless_turned(astronaut):
    turned = tilted(astronaut, 180)
    with FaceDetector() as detector:
        assert detector.detect(turned) == []
        face, roll = find_tilted(detector, turned)
        assert abs(roll) == pytest.approx(180, abs=8)
        assert face.box[3] - face.box[1] == pytest.approx(108, abs=12)
        large = np.asarray(Image.fromarray(turned).resize((3008, 3008)))
        face, _ = find_tilted(detector, large)
        assert face.box[3] - face.box[1] == pytest.approx(432, rel=0.1)
        assert find_tilted(detector, np.full((100, 160, 3), 90, np.uint8)) is None
    with pytest.raises(FaceError, match=r"tilted by 1\d\d degrees; turn the picture by 180 degrees, or .* without"):
        prepare(turned)
    with pytest.warns(UserWarning, match="tilted by"):
        assert prepare(turned, face_region="full").face is None


@pytest.mark.slow
def test_no_real_portrait_passes_turned_and_none_is_refused_upright(data):
    pictures = sorted((data / "faces").glob("*/*.jpg"))[::4]
    assert len(pictures) > 20
    for path in pictures:
        picture = np.asarray(Image.open(path).convert("RGB"))
        prepare(picture)
        for turns, way in TURNS.items():
            with pytest.raises(FaceError, match=f"tilted by .*turn the picture by {way}"):
                prepare(np.rot90(picture, turns))
