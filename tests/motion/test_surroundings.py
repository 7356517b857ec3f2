"""Frames that wait for those around them."""

import numpy as np
import pytest
import torch

from emo.motion.gohd.animator import frames_around
from emo.motion.surroundings import Surroundings, draw_surrounded

REACH = 3


def walk(count: int) -> torch.Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(0))


def seen(taken) -> torch.Tensor:
    """The window that each drawn frame is drawn by."""
    return frames_around(taken.values, REACH)[taken.shown]


@pytest.mark.parametrize("lengths", [[20], [10, 10], [4, 4, 4, 8], [2, 1, 1, 16], [7, 13, 0], [1] * 20])
def test_every_frame_is_drawn_once_by_what_goes_on_around_it(lengths):
    motion, parts = walk(20), walk(20).split(lengths)
    around = Surroundings(REACH)
    drawn = []
    for number, part in enumerate(parts, 1):
        taken = around.take(part, ended=number == len(parts))
        assert len(taken) == len(taken.values[taken.shown])
        drawn.append(seen(taken))
        assert len(around.known) <= 2 * REACH
        around = Surroundings(REACH, around.known.clone())  # as if one went on from a state
    assert torch.equal(torch.cat(drawn), frames_around(motion, REACH))


def test_frames_that_do_not_wait_know_what_was_before():
    around = Surroundings(REACH, waits=False)
    first, second = (around.take(part, ended=False) for part in walk(20).split(10))
    assert (len(first), len(second)) == (10, 10)
    whole = frames_around(walk(20), REACH)
    assert torch.equal(seen(second), whole[10:])
    assert torch.equal(seen(first)[: 10 - REACH], whole[: 10 - REACH])
    assert torch.equal(seen(first)[-1, -REACH:], walk(20)[9].expand(REACH, -1))  # the last one lasts


def test_nothing_waits_without_a_reach():
    around = Surroundings(0)
    for part in walk(20).split(8):
        taken = around.take(part, ended=False)
        assert torch.equal(taken.values[taken.shown], part)


@pytest.mark.parametrize("reach", [0, REACH])
def test_only_what_is_shown_is_drawn(reach):
    class Drawer:
        def render(self, appearance, motion, **shown):
            assert shown.keys() == ({"shown"} if self.reach else set())
            return np.uint8(motion[shown.get("shown", slice(None)), :1, None, None].expand(-1, 4, 4, 3))

    animator = Drawer()
    animator.reach = reach
    frames = Surroundings(reach).take(torch.arange(12.0)[:, None], ended=False)
    pictures = draw_surrounded(animator, None, frames)
    assert pictures.shape == (12 - reach, 3, 4, 4)
    assert pictures[:, 0, 0, 0].tolist() == list(range(12 - reach))
