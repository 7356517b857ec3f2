"""Windows, and what is known in them."""

import pytest
import torch
from diffusers import DDIMScheduler

from emo.motion import cut_window, impute, plan_windows
from emo.motion.windows import bend_to


@pytest.mark.parametrize(("frames", "overlap"), [(50, 0), (51, 0), (7, 0), (50, 5), (20, 19), (100, 7)])
def test_every_frame_is_new_in_one_window(frames, overlap):
    windows = list(plan_windows(frames, 20, 4, overlap))
    new = [f for w in windows for f in range(w.start + (overlap if w.index else 0), w.start + w.frames)]
    assert new == list(range(frames))
    assert [w.prefix for w in windows] == [min(4, w.start) for w in windows]


def test_a_window_knows_the_frames_before_it():
    track = torch.arange(1, 26).float()[None, :, None]
    first, second, last = (cut_window(track, w, 4) for w in plan_windows(25, 10, 4))
    assert not first.prefix_mask.any()
    assert first.prefix.abs().max() == 0
    assert second.prefix.flatten().tolist() == [7, 8, 9, 10]
    assert second.prefix_mask.all()
    assert second.frames.flatten().tolist() == list(range(11, 21))
    assert last.frame_mask.tolist() == [True] * 5 + [False] * 5
    assert last.frames.flatten().tolist() == [21, 22, 23, 24, 25, 0, 0, 0, 0, 0]


def test_a_short_past_stands_before_the_window():
    track = torch.arange(1, 10).float()[None, :, None]
    second = cut_window(track, list(plan_windows(9, 3, 5))[1], 5)
    assert second.prefix.flatten().tolist() == [0, 0, 1, 2, 3]
    assert second.prefix_mask.tolist() == [False, False, True, True, True]


def test_what_is_known_comes_out_as_it_is():
    torch.manual_seed(0)
    scheduler = DDIMScheduler(prediction_type="sample", clip_sample=False)
    scheduler.set_timesteps(10)
    known, noise = torch.randn(2, 6, 3), torch.randn(2, 6, 3)
    mask = torch.zeros(6, 1, dtype=torch.bool)
    mask[:2] = True
    sample = noise
    for step in scheduler.timesteps:
        sample = impute(sample, known, mask, noise, step, scheduler)
        noisy = scheduler.add_noise(known, noise, step.expand(2))
        torch.testing.assert_close(sample[:, :2], noisy[:, :2])
        sample = scheduler.step(torch.zeros_like(sample), step, sample).prev_sample
    sample = impute(sample, known, mask, noise, None, scheduler)
    assert torch.equal(sample[:, :2], known[:, :2])
    assert sample[:, 2:].abs().max() < 1e-5


def test_motion_goes_on_from_the_one_before_and_is_itself_again_after_some_frames():
    before = torch.tensor([[0.0, 1.0, 2.0]])[..., None]
    values = 10 + torch.arange(20.0)[None, :, None]
    bent = bend_to(values, before, 8)
    assert bent[0, 0, 0] == pytest.approx(3)  # both go on by one
    torch.testing.assert_close(bent[:, 8:], values[:, 8:])
    changes = bent[0, :, 0].diff()
    assert changes.min() > 0
    assert changes.max() < 3
    assert bend_to(values, before[:, -1:], 8)[0, 0, 0] == pytest.approx(3)
    steady = bend_to(torch.arange(3.0, 10)[None, :, None], before, 8)
    torch.testing.assert_close(steady, torch.arange(3.0, 10)[None, :, None])
