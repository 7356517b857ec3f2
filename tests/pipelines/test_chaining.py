"""Clips joined by motion frames: what is computed once, what flows on, and continuing after an interruption."""

import numpy as np
import pytest
import torch
from tiny import FRAMES, MOTION_FRAMES, noise

SECONDS = 0.4  # 10 frames at 25 fps: clips of 4, 4 and 2 frames


def count_calls(monkeypatch, owner, name):
    """Count the calls of a method and keep their arguments."""
    calls, method = [], getattr(owner, name)
    monkeypatch.setattr(
        owner, name, lambda *args, **kwargs: (calls.append((args, kwargs)), method(*args, **kwargs))[1]
    )
    return calls


def stream(pipe, portrait, **options):
    defaults = dict(num_inference_steps=2, audio_guidance_scale=1, output_type="np")
    options = {**defaults, "generator": torch.Generator().manual_seed(0), **options}
    return pipe.stream(portrait, noise(SECONDS), **options)


def test_networks_are_called_no_more_than_needed(pipe, generate, monkeypatch):
    """ReferenceNet once per clip, reference keys and values, face mask and portrait once per video (3.2.4)."""
    reference = count_calls(monkeypatch, pipe.reference_unet, "forward")
    projections = count_calls(monkeypatch, pipe.unet, "project_reference")
    masks = count_calls(monkeypatch, pipe.face_locator, "forward")
    encodings = count_calls(monkeypatch, pipe.vae, "encode")
    denoising = count_calls(monkeypatch, pipe.unet, "forward")
    generate(SECONDS)
    assert [len(calls) for calls in (reference, projections, masks, encodings, denoising)] == [3, 1, 1, 1, 6]


def test_the_first_clip_sees_zero_motion_frames_and_later_clips_the_last_latents(pipe, portrait, monkeypatch):
    calls = count_calls(monkeypatch, pipe.reference_unet, "forward")
    latents = [clip.frames for clip in stream(pipe, portrait, output_type="latent")]
    motion = [args[1] if len(args) > 1 else kwargs["motion_latents"] for args, kwargs in calls]
    assert motion[0].shape == (1, MOTION_FRAMES, 4, 16, 16)
    assert not motion[0].any()
    for clip in (1, 2):
        torch.testing.assert_close(motion[clip][0], latents[clip - 1][-MOTION_FRAMES:], rtol=0, atol=0)


def test_motion_frames_matter_from_the_second_clip_on(pipe, portrait, generate, monkeypatch):
    chained = generate(SECONDS)
    forward = pipe.reference_unet.forward
    zeroed = lambda reference=None, motion_latents=None: forward(reference, torch.zeros_like(motion_latents))
    monkeypatch.setattr(pipe.reference_unet, "forward", zeroed)
    unchained = generate(SECONDS)
    np.testing.assert_array_equal(chained[:FRAMES], unchained[:FRAMES])
    assert np.abs(chained[FRAMES:] - unchained[FRAMES:]).max() > 1e-3


def test_stream_yields_the_frames_of_the_call_clip_by_clip(pipe, portrait, generate):
    clips = list(stream(pipe, portrait))
    assert [len(clip.frames) for clip in clips] == [4, 4, 2]
    assert [(clip.index, clip.num_clips) for clip in clips] == [(0, 3), (1, 3), (2, 3)]
    np.testing.assert_array_equal(np.concatenate([clip.frames for clip in clips]), generate(SECONDS))


@pytest.mark.parametrize("stopped_after", [1, 2])
@pytest.mark.parametrize("options", [{}, {"eta": 1.0}, {"speed": 0.5, "audio_guidance_scale": 2}])
def test_continuing_from_a_state_equals_never_having_stopped(pipe, portrait, stopped_after, options):
    whole = [clip.frames for clip in stream(pipe, portrait, **options)]
    clips = iter(stream(pipe, portrait, **options))
    state = [next(clips).state for _ in range(stopped_after)][-1]
    clips.close()
    generator = torch.Generator().manual_seed(999)  # its state comes from the interrupted run
    rest = [clip.frames for clip in stream(pipe, portrait, resume_from=state, **{**options, "generator": generator})]
    np.testing.assert_array_equal(np.concatenate(whole[stopped_after:]), np.concatenate(rest))


def test_a_longer_recording_begins_like_a_shorter_one_of_whole_clips(pipe, portrait):
    """Up to the frames whose audio windows reach the end, generation is causal over clips."""
    track = noise(2.0)[0]
    constant = lambda seconds: (np.tile(track[:640], round(seconds * 25)), 16000)
    run = lambda seconds: [
        clip.frames
        for clip in pipe.stream(
            portrait,
            constant(seconds),
            num_inference_steps=1,
            audio_guidance_scale=1,
            output_type="np",
            generator=torch.Generator().manual_seed(0),
        )
    ]
    shorter, longer = run(0.32), run(0.64)
    assert (len(shorter), len(longer)) == (2, 4)
    assert np.abs(shorter[0] - longer[0]).max() < 0.05
