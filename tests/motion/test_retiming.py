"""Frames of one rate between those of another: all at once, or as windows come."""

from fractions import Fraction

import pytest
import torch

from emo.motion.timing import Retiming


@pytest.mark.parametrize("target", [5, Fraction(25, 2), 24, 25, Fraction(30000, 1001), 30, 50, 100])
@pytest.mark.parametrize("window", [1, 3, 8])
def test_windows_give_what_the_whole_gives(target, window):
    retiming = Retiming(Fraction(25), Fraction(target))
    values = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    frames = round(20 * retiming.target / retiming.source)
    made, last = [], values[:0]
    for first in range(0, 20, window):
        new = values[first : first + window]
        end = frames if first + window >= 20 else retiming.made(first + len(new))
        made.append(retiming(torch.cat([last, new]), retiming.made(first), end, first - len(last)))
        last = new[-1:]
    assert torch.equal(torch.cat(made), retiming(values, 0, frames))


def test_a_line_stays_a_line():
    source, target = Fraction(25), Fraction(40)
    line = (torch.arange(25) + 0.5)[:, None] / 25
    made = Retiming(source, target)(line, 0, 40)[:, 0]
    inside = slice(1, -1)  # beyond the ends they repeat
    torch.testing.assert_close(made[inside], ((torch.arange(40) + 0.5) / 40)[inside])


def test_the_same_rate_changes_nothing():
    values = torch.randn(9, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Retiming(Fraction(25), Fraction(25))(values, 0, 9), values)


def test_of_no_frames_none_can_be_made():
    assert [Retiming(Fraction(25), Fraction(fps)).made(0) for fps in (5, 25, 30, 100)] == [0, 0, 0, 0]
