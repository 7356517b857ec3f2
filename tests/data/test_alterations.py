"""Portraits changed before they talk: what is planned, and what is seen."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from made_clips import CONFIG

from emo.data.synthetic.alter import SEEDS, alter_portrait
from emo.data.synthetic.alteration import VARIANTS, Alteration, AlterationShares
from emo.data.synthetic.avatar import AvatarRenderer
from emo.data.synthetic.identity import draw_identities
from emo.data.synthetic.morph import mouth_difference
from emo.data.synthetic.portrait import crop_portrait, landmarks
from emo.data.synthetic.proportions import change_proportions
from emo.data.synthetic.relight import change_light, draw_colors
from emo.data.synthetic.warp import PortraitWarper
from emo.errors import OptionError
from emo.face.mesh import OUTER_EYE_CORNERS, OVAL
from emo.motion.controls import FaceControls

ALL = AlterationShares(mirror=0.5, color=0.3, light=0.4, background=0.6, proportions=0.5, morph=0.25)
FILES = tuple(f"{name}.png" for name in "abcdefghijkl")
PEOPLE = tuple(f"P{number // 2}" for number in range(12))  # two pictures each
CAST = replace(
    CONFIG, identities=0, portraits=FILES, portrait_share=1.0, people=PEOPLE, alterations=ALL, test_share=0.34
)
SIDE = 256


@pytest.fixture(scope="module")
def crop(portrait) -> tuple[np.ndarray, np.ndarray]:
    """The astronaut and her landmarks."""
    return crop_portrait(portrait, SIDE)


@pytest.fixture(scope="module")
def avatar() -> np.ndarray:
    return AvatarRenderer(256, batch=1).render(draw_identities([104]), FaceControls.rest(1))[0].numpy()


def turned(yaw: list[float], **controls) -> FaceControls:
    values = {name: torch.tensor(value) for name, value in controls.items()}
    return replace(FaceControls.rest(len(yaw)), yaw=torch.tensor(yaw), **values)


# What is planned


def test_shares_of_alterations_are_kept():
    plans = [CAST.clip_spec(index).alteration for index in range(1000)]
    for name in ("mirror", "color", "light", "background"):
        assert np.mean([getattr(plan, name) for plan in plans]) == pytest.approx(getattr(ALL, name), abs=0.05)
    assert np.mean([plan.proportions is not None for plan in plans]) == pytest.approx(ALL.proportions, abs=0.05)
    assert np.mean([plan.partner is not None for plan in plans]) == pytest.approx(ALL.morph, abs=0.05)


def test_alterations_change_nothing_else():
    """Old datasets stay as they are: alterations have draws of their own."""
    plain = replace(CAST, alterations=AlterationShares())
    for index in range(50):
        spec, altered = plain.clip_spec(index), CAST.clip_spec(index)
        assert spec.alteration == Alteration(seed=0)
        assert spec.person == f"portrait-{PEOPLE[FILES.index(spec.portrait)]}"
        assert replace(altered, alteration=spec.alteration, partners=(), person=spec.person) == spec


def test_a_person_stays_on_one_side_of_the_split_mixed_or_not():
    sides: dict[str, set[str]] = {"train": set(), "test": set()}
    for index in range(400):
        spec = CAST.clip_spec(index)
        sides[spec.split] |= {PEOPLE[FILES.index(file)] for file in (spec.portrait, *spec.partners)}
        if spec.partners:
            assert [PEOPLE[FILES.index(file)] for file in spec.partners] == [f"P{spec.alteration.partner}"] * 2
            assert PEOPLE[FILES.index(spec.portrait)] != f"P{spec.alteration.partner}"
    assert not sides["train"] & sides["test"]
    assert len(sides["train"]) == 4
    assert len(sides["test"]) == 2


def test_new_people_come_again_and_are_the_same():
    shown: dict[str, set] = {}
    for index in range(600):
        plan = CAST.clip_spec(index).alteration
        shown.setdefault(CAST.clip_spec(index).person, set()).add((plan.proportions, plan.partner, plan.mixture))
    assert all(len(looks) == 1 for looks in shown.values())
    assert len(shown) <= 6 * (1 + VARIANTS) ** 2
    assert len(shown) > 50


def test_the_origin_says_what_was_done():
    plan = Alteration(seed=1, mirror=True, light=True, proportions=3, partner=1, mixture=0.5)
    spec = replace(CAST.clip_spec(0), portrait="x/a.png", alteration=plan, partners=("x/c.png", "x/d.png"))
    words = "a.png, mirrored, mixed with 0.50 of c.png or d.png, other proportions, other light, synthetic speech"
    assert spec.origin.startswith(words)


def test_everybody_needs_a_name():
    with pytest.raises(OptionError, match="11 names of people for 12 portraits"):
        replace(CAST, people=PEOPLE[1:])


# What is seen


def test_a_mirrored_portrait_moves_like_a_mirrored_person(portrait):
    motion = turned([8.0], gaze_x=[0.5], tx=[0.1])
    back = turned([-8.0], gaze_x=[-0.5], tx=[-0.1])
    own = PortraitWarper(portrait, 64).render(motion)[0].float()
    mirrored = PortraitWarper(alter_portrait(portrait, 512, Alteration(0, mirror=True)), 64).render(back)[0].float()
    assert (mirrored.flip(1) - own).abs().mean() < 6
    assert (mirrored - own).abs().mean() > 24


def test_other_proportions_move_picture_and_landmarks_alike(crop):
    image, points = crop
    moved = []
    for seed in range(4):
        changed, where = change_proportions(image, points, seed)
        seen = landmarks(cv2.resize(changed, (512, 512), interpolation=cv2.INTER_CUBIC))[:468, :2] / 2
        shift = np.linalg.norm(where[:468, :2] - points[:468, :2], axis=1)
        moved.append(shift.max())
        assert np.linalg.norm(seen - where[:468, :2], axis=1).mean() < 2.5
        for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
            assert np.abs(changed[edge].astype(int) - image[edge]).mean() < 1
    assert min(moved) > 3
    assert np.array_equal(changed, change_proportions(image, points, 3)[0])


def test_a_mixture_is_between_and_keeps_hair_and_surroundings(portrait, avatar, crop):
    first, points = alter_portrait(portrait, SIDE, Alteration(0)).image, crop[1]
    other = crop_portrait(avatar, SIDE)[1]
    mixed = alter_portrait(portrait, SIDE, Alteration(0, partner=1, mixture=0.5), [avatar])
    shape = lambda face: np.ptp(face[OVAL, 0]) / np.ptp(face[OVAL, 1])
    assert (shape(mixed.points) - shape(points)) / (shape(other) - shape(points)) == pytest.approx(0.5, abs=0.2)
    change = np.abs(mixed.image.astype(int) - first).mean(-1)
    left, right = points[OUTER_EYE_CORNERS, :2].astype(int)
    assert change[left[1] - 8 : left[1] + 30, left[0] : right[0]].mean() > 4
    assert change[:20].mean() < 2.5
    assert change[-20:].mean() < 1
    nothing = alter_portrait(portrait, SIDE, Alteration(0, partner=1, mixture=0.0), [avatar])
    assert np.abs(nothing.image.astype(int) - first).mean() < 1


def test_of_a_partners_pictures_the_likest_mouth_is_taken(portrait, avatar):
    talking = PortraitWarper(avatar, 256).render(replace(FaceControls.rest(1), jaw=torch.tensor([0.9])))[0].numpy()
    points, shut, wide = (crop_portrait(picture, SIDE)[1] for picture in (portrait, avatar, talking))
    likest = avatar if mouth_difference(points, shut) < mouth_difference(points, wide) else talking
    plan = Alteration(0, partner=1, mixture=0.5)
    both = alter_portrait(portrait, SIDE, plan, [avatar, talking])
    assert np.array_equal(both.image, alter_portrait(portrait, SIDE, plan, [likest]).image)


def test_light_comes_from_a_side_and_leaves_the_mean(crop):
    image, points = crop
    outline = np.zeros(image.shape[:2], np.uint8)
    face = cv2.fillPoly(outline, [points[OVAL, :2].astype(np.int32)], (1,)) > 0
    column = np.arange(SIDE)[None].repeat(SIDE, 0)
    middle, slants = points[OVAL, 0].mean(), []
    for seed in range(6):
        ratio = change_light(image, points, np.random.default_rng(seed)).mean(-1) / (image.mean(-1) + 1)
        slants.append(ratio[face & (column > middle)].mean() - ratio[face & (column < middle)].mean())
        assert ratio[face].mean() == pytest.approx(1, abs=0.12)
    assert max(slants) > 0.03
    assert min(slants) < -0.03


def test_another_background_stands_still_behind_the_person(portrait):
    altered = alter_portrait(portrait, 512, Alteration(4, background=True))
    warper = PortraitWarper(altered, 64)
    frames = warper.render(turned([-10.0, 10.0])).numpy().astype(int)
    wall = cv2.resize(altered.backdrop, (64, 64), interpolation=cv2.INTER_AREA).astype(int)
    cover = cv2.resize(altered.cover, (64, 64), interpolation=cv2.INTER_AREA)
    away = cv2.erode((cover < 0.02).astype(np.uint8), np.ones((9, 9))) > 0
    assert 0.1 < away.mean() < 0.7
    assert np.abs(frames - wall)[:, away].max() <= 2
    outline = warper.landmarks(FaceControls.rest(1))[0, OVAL, :2].int().numpy()
    face = cv2.fillPoly(np.zeros((64, 64), np.uint8), [outline], (1,)) > 0
    assert cover[face].mean() > 0.98
    flow = warper.flow(turned([10.0]), turned([-10.0]))
    assert (flow.offset[0][torch.tensor(away)] == 0).all()
    assert 0.02 < (~flow.visible).float().mean() < 0.3


def test_colors_change_person_and_background_alike(portrait):
    plain = alter_portrait(portrait, SIDE, Alteration(4, background=True))
    colored = alter_portrait(portrait, SIDE, Alteration(4, background=True, color=True))
    change = draw_colors(np.random.default_rng((SEEDS["color"], 4)))
    for name in ("image", "backdrop"):
        assert np.array_equal(getattr(colored, name), change(getattr(plain, name)))
        assert np.abs(getattr(colored, name).astype(int) - getattr(plain, name)).mean() > 3
