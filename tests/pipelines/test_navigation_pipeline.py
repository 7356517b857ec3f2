"""GoHD's pipeline with its own face animator: lambda moves its latent, and motion stays as it is made."""

import numpy as np
import pytest
import torch
from tiny import noise, tiny_gohd
from zero_init import fill_zero_init

from emo import GoHDPipeline, MotionTrack
from emo.motion.gohd import NavigationAnimator


@pytest.fixture(scope="module")
def pipe() -> GoHDPipeline:
    torch.manual_seed(0)
    animator = NavigationAnimator(
        sample_size=32, latent_dim=24, directions=5, reach=2, motion_dim=16, navigator_dim=16,
        block_out_channels=(8, 16, 16), code_channels=(8, 16), norm_num_groups=4, picture_size=128,
    )  # fmt: skip
    fill_zero_init(animator)
    with torch.no_grad():
        animator.decoder.last_level.mend.weight.mul_(20)  # so that faces move by pixels
    made = GoHDPipeline(**tiny_gohd().components | {"animator": animator.eval()})
    made.set_progress_bar_config(disable=True)
    return made


def frames(pipe, given, **options) -> np.ndarray:
    return pipe(**given(**options)).frames.astype(int)


def test_it_talks_at_any_even_size_and_comes_back_from_disk(pipe, given, tmp_path):
    whole = frames(pipe, given)
    assert whole.shape == (20, 128, 128, 3)
    assert frames(pipe, given, height=96, width=96).shape == (20, 96, 96, 3)
    pipe.save_pretrained(tmp_path)
    loaded = GoHDPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert isinstance(loaded.animator, NavigationAnimator)
    assert np.abs(frames(loaded, given) - whole).max() <= 1


def test_resumed_equals_uninterrupted(pipe, given):
    stream = pipe.stream(**given())
    clips = list(stream)
    assert len(clips) == 3
    resumed = list(pipe.stream(**given(resume_from=clips[0].state)))
    assert len(resumed) == 2
    for one, other in zip(clips[1:], resumed, strict=True):
        assert np.array_equal(one.frames, other.frames)


def test_lambda_moves_the_latent_and_not_the_motion(pipe, given):
    motion = [
        pipe.generate_motion(noise(0.8), num_inference_steps=2, generator=torch.Generator().manual_seed(0), **options)
        for options in ({}, {"motion_strength": 0.5})
    ]
    assert torch.equal(motion[0].values, motion[1].values)
    still = frames(pipe, given, motion_strength=0)
    assert np.ptp(still, axis=0).max() <= 1
    whole, half = frames(pipe, given), frames(pipe, given, motion_strength=0.5)
    assert np.ptp(whole, axis=0).max() > 1
    assert np.abs(half - whole).max() > 1


def test_lambda_moves_given_motion_too(pipe, given):
    motion = MotionTrack.rest(20, 25).set(yaw=15.0, jaw=1.0)
    told = {"motion": motion, "num_inference_steps": None, "generator": None}
    none, half, whole = (frames(pipe, given, motion_strength=far, **told) for far in (0, 0.5, 1))
    assert np.abs(half - none).max() > 0
    assert np.abs(whole - half).max() > 0
    assert np.array_equal(none, frames(pipe, given, motion_strength=0))


def test_live_frames_are_drawn_by_lambda(pipe, portrait):
    def chunks():
        samples, rate = noise(0.8)
        yield from ((part, rate) for part in np.array_split(samples, 4))

    for far, moves in ((0, False), (1, True)):
        drawn = [clip.frames for clip in pipe.live(portrait, chunks(), motion_strength=far, num_inference_steps=2)]
        assert (np.ptp(np.concatenate(drawn).astype(int), axis=0).max() > 1) == moves
