"""Which samples a process sees at which step."""

from itertools import chain, islice

import pytest

from emo.data.sampler import StepSampler


def test_two_processes_share_what_one_with_twice_the_batch_sees():
    whole = list(islice(StepSampler(6), 5))
    halves = [list(islice(StepSampler(3, 2, rank), 5)) for rank in (0, 1)]
    assert [first + second for first, second in zip(*halves, strict=True)] == whole
    assert list(chain(*whole)) == list(range(30))


@pytest.mark.parametrize(("processes", "rank"), [(1, 0), (3, 0), (3, 2)])
def test_a_run_goes_on_at_any_step(processes, rank):
    whole = list(islice(StepSampler(2, processes, rank), 10))
    assert list(islice(StepSampler(2, processes, rank, start_step=4), 6)) == whole[4:]
    again = StepSampler(2, processes, rank, start_step=4)
    assert list(islice(again, 3)) == list(islice(again, 3)) == whole[4:7]


@pytest.mark.parametrize("options", [(0,), (1, 0), (1, 2, 2), (1, 2, -1), (1, 1, 0, -1)])
def test_impossible_settings_are_refused(options):
    with pytest.raises(ValueError, match="must be"):
        StepSampler(*options)
