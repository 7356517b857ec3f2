"""Part maps of avatars and warped portraits: every class is where the labels and the flow say that it must be."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from emo.data.synthetic.alter import alter_portrait
from emo.data.synthetic.alteration import Alteration
from emo.data.synthetic.avatar import AvatarRenderer
from emo.data.synthetic.flow import warp_back
from emo.data.synthetic.identity import draw_identities
from emo.data.synthetic.parts import BACKGROUND, BROWS, EYES, LIPS, MOUTH, PARTS, REST, SKIN
from emo.data.synthetic.warp import PortraitWarper
from emo.motion.controls import FaceControls


def sweep(**controls) -> FaceControls:
    """Frames at rest but for the given controls."""
    values = {k: torch.tensor(v, dtype=torch.float32) for k, v in controls.items()}
    return replace(FaceControls.rest(len(next(iter(values.values())))), **values)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return AvatarRenderer(256, batch=1).render(draw_identities([104]), FaceControls.rest(1))[0].numpy()


@pytest.fixture(scope="module", params=["avatar", "portrait", "cut out"])
def person(request, portrait):
    """Somebody of one kind: `parts`, `labels` and `flow` of controls."""
    if request.param == "avatar":
        renderer, who = AvatarRenderer(64, batch=4), draw_identities([104])
        return SimpleNamespace(**{n: partial(getattr(renderer, n), who) for n in ("parts", "labels", "flow")})
    if request.param == "portrait":
        return PortraitWarper(portrait, 96)
    return PortraitWarper(alter_portrait(portrait, 512, Alteration(4, background=True)), 96)


def at(maps: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Classes (T, K) at places (T, K, 2)."""
    column, row = places.long().unbind(-1)
    return maps[torch.arange(len(maps))[:, None], row, column]


def test_classes_are_where_the_labels_say(person):
    motion = sweep(jaw=[0, 0.8, 0.8], yaw=[0, 8, -8], tx=[0, 0.1, -0.1])
    maps, labels = person.parts(motion), person.labels(motion)
    side = maps.shape[1]
    assert maps.shape == (3, side, side)
    assert maps.dtype == torch.uint8
    assert maps.max() < len(PARTS)
    eyes, nose = labels.points[:, :2], labels.points[:, 2:3]
    assert (at(maps, eyes) == EYES).all()
    assert (at(maps, nose) == SKIN).all()
    mouth = at(maps, labels.mouth[:, None])[:, 0]
    assert mouth.tolist() == [LIPS, MOUTH, MOUTH]
    brows = (maps == BROWS).nonzero()
    assert len(brows) > 3 * 10
    for frame, (box, pair) in enumerate(zip(labels.face_box, eyes, strict=True)):
        rows, columns = brows[brows[:, 0] == frame, 1:].T
        assert rows.max() < pair[:, 1].max()
        assert box[0] - 2 < columns.min() < pair[0, 0] < pair[1, 0] < columns.max() < box[2] + 2
        left, right = int(pair[0, 0]), int(pair[1, 0])
        within = maps[frame, int(box[1]) + side // 16 : int(labels.mouth[frame, 1]), left:right]
        assert (within != BACKGROUND).all()
    assert (maps[:, :4, [0, 1, 2, -3, -2, -1]] == BACKGROUND).all()
    middle = slice(side * 2 // 5, side * 3 // 5)
    assert (maps[:, -2, middle] == REST).all()  # clothes
    assert (maps[:, side // 5, middle] == REST).float().mean() > 0.9  # hair


def test_mouth_and_eyes_open_and_close(person):
    mouth = (person.parts(sweep(jaw=[0, 0.3, 1])) == MOUTH).sum((1, 2))
    assert mouth[0] == 0
    assert 0 < mouth[1] < mouth[2] / 2
    eyes = (person.parts(sweep(blink=[0, 0.5, 1])) == EYES).sum((1, 2))
    assert eyes[0] > 1.5 * eyes[1] > 0
    assert eyes[2] < 0.1 * eyes[0]
    brows = (person.parts(sweep(brow=[-1, 1])) == BROWS).float()
    row = (brows.sum(2) * torch.arange(brows.shape[1])).sum(1) / brows.sum((1, 2))
    assert row[1] < row[0] - 1


def test_the_map_moves_as_the_picture_does(person):
    motion = sweep(yaw=[-10, 10, 4], pitch=[0, 6, -5], tx=[0, 0.1, 0], scale=[1, 1.05, 0.95])
    maps, flow = person.parts(motion), person.flow(motion[1:], motion[:1])
    for kind in (BACKGROUND, SKIN, REST):
        told, true = (maps == kind)[..., None].expand(-1, -1, -1, 3) * 255, (maps[1:] == kind)[flow.visible]
        led = warp_back(told[:1], flow)[..., 0][flow.visible] > 127
        left = told[:1, ..., 0].expand(2, -1, -1)[flow.visible] > 127
        assert (led != true).float().mean() < 0.02
        assert (led != true).sum() < 0.5 * (left != true).sum()


def test_same_motion_same_map(person):
    motion = sweep(jaw=[0.2, 0.8], yaw=[-10, 10], blink=[1, 0])
    maps = person.parts(motion)
    assert torch.equal(maps, person.parts(motion))
    assert torch.equal(maps[1:], person.parts(motion[1:]))


def test_the_cut_out_person_is_told_from_the_wall_as_before_their_own(portrait):
    altered = alter_portrait(portrait, 512, Alteration(4, background=True))
    own, other = (PortraitWarper(p, 96).parts(FaceControls.rest(1)) for p in (portrait, altered))
    assert 0.2 < (own == BACKGROUND).float().mean() < 0.7
    assert (own != other).float().mean() < 0.02
