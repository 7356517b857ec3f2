"""Clips joined by motion frames: what is computed once, what flows on, and continuing after an interruption."""

import numpy as np
import pytest
import torch
from tiny import FRAMES, MOTION_FRAMES, noise, tiny_pipeline

from emo.errors import OptionError
from emo.generation import ClipState
from emo.generation.audio_features import AudioFeatures
from emo.generation.windows import cut_windows

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


def test_the_first_clip_sees_zero_maps_and_later_clips_the_last_latents(pipe, portrait, monkeypatch):
    """3.2.4."""
    reference = count_calls(monkeypatch, pipe.reference_unet, "forward")
    denoising = count_calls(monkeypatch, pipe.unet, "forward")
    latents = [clip.frames for clip in stream(pipe, portrait, output_type="latent")]
    assert not any(maps.any() for _, given in denoising[:2] for maps in given["motion"].values())
    assert all(maps.any() for _, given in denoising[2:] for maps in given["motion"].values())
    for clip in (1, 2):
        motion = reference[clip][1]["motion_latents"]
        assert motion.shape == (1, MOTION_FRAMES, 4, 16, 16)
        torch.testing.assert_close(motion[0], latents[clip - 1][-MOTION_FRAMES:], rtol=0, atol=0)


def first_noise(pipe, portrait, monkeypatch, **options) -> list[torch.Tensor]:
    """What every clip starts from, (F, L, h, w)."""
    denoising = count_calls(monkeypatch, pipe.unet, "forward")
    assert len(list(stream(pipe, portrait, **options))) == 3
    return [args[0][0] for args, _ in denoising[::2]]


def along(clip: torch.Tensor, distance: int = 1) -> float:
    """Correlation of frames so far apart, (F, L, h, w)."""
    return torch.corrcoef(torch.stack([clip[:-distance].flatten(), clip[distance:].flatten()]))[0, 1].item()


@pytest.mark.parametrize("mirroring", [0.0, 0.9])
@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_noise_is_correlated_from_frame_to_frame(correlation, mirroring, pipe, portrait, monkeypatch):
    clips = first_noise(pipe, portrait, monkeypatch, noise_correlation=correlation, noise_mirroring=mirroring)
    for clip in clips:
        assert along(clip) == pytest.approx(correlation, abs=0.06)
        assert along(clip, 2) == pytest.approx(correlation**2, abs=0.09)
        assert [frame.std().item() for frame in clip] == pytest.approx([1] * 4, abs=0.1)


def test_the_noise_is_correlated_as_the_backbone_was_trained(portrait, monkeypatch):
    pipe = tiny_pipeline()
    assert along(first_noise(pipe, portrait, monkeypatch)[0]) == pytest.approx(0, abs=0.06)
    pipe.unet.register_to_config(noise_correlation=0.7)
    assert along(first_noise(pipe, portrait, monkeypatch)[0]) == pytest.approx(0.7, abs=0.06)


@pytest.mark.parametrize("mirroring", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_noise_goes_on_mirrored_across_borders(mirroring, correlation, pipe, portrait, monkeypatch):
    first, second, third = first_noise(
        pipe, portrait, monkeypatch, noise_mirroring=mirroring, noise_correlation=correlation
    )
    for before, after in ((first, second), (second, third)):
        assert torch.corrcoef(torch.stack([before.flip(0).flatten(), after.flatten()]))[0, 1].item() == pytest.approx(
            mirroring**0.5, abs=0.1
        )
        assert after.std().item() == pytest.approx(1, abs=0.06)
        if mirroring == 1:
            assert torch.equal(before[-1], after[0])


def test_the_first_clip_has_the_same_noise_whatever_the_mirroring(pipe, portrait, monkeypatch):
    starts = [first_noise(pipe, portrait, monkeypatch, noise_mirroring=share) for share in (0.0, 0.7)]
    assert torch.equal(starts[0][0], starts[1][0])
    fresh = [
        (after - 0.7**0.5 * before.flip(0)) / 0.3**0.5 for before, after in zip(starts[1], starts[1][1:], strict=False)
    ]
    for one, other in zip(fresh, starts[0][1:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_every_clip_gets_its_own_windows_of_the_whole_track(pipe, portrait, monkeypatch):
    """Sound (3.2.2) and speed (3.2.5), with ±m neighbors across the borders of clips."""
    audio = count_calls(monkeypatch, pipe.audio_projection, "forward")
    speed = count_calls(monkeypatch, pipe.speed_encoder, "forward")
    speeds = np.linspace(0, 2, 10)
    request = stream(pipe, portrait, speed=speeds)
    assert len(list(request)) == 3
    frames = 3 * FRAMES  # the last clip is padded
    track = AudioFeatures(request.audio, pipe.audio_encoder, pipe.feature_extractor, request.fps, 10)
    with torch.no_grad():
        whole = cut_windows(track.windows(0, 10, 0)[:, :, 0], 2, 0, frames)
    torch.testing.assert_close(torch.cat([args[0] for args, _ in audio], dim=1), whole)
    expected = cut_windows(torch.tensor(speeds, dtype=torch.float32)[None], 2, 0, frames)
    torch.testing.assert_close(torch.cat([args[0] for args, _ in speed], dim=1), expected)


def test_iterating_again_makes_the_same_video(pipe, portrait):
    request = stream(pipe, portrait)
    first, second = (np.concatenate([clip.frames for clip in request]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_motion_frames_matter_from_the_second_clip_on(pipe, portrait, generate, monkeypatch):
    chained = generate(SECONDS)
    forward = pipe.unet.forward
    zeroed = lambda *args, motion, **kwargs: forward(*args, motion=motion.zeros(), **kwargs)
    monkeypatch.setattr(pipe.unet, "forward", zeroed)
    unchained = generate(SECONDS)
    np.testing.assert_array_equal(chained[:FRAMES], unchained[:FRAMES])
    assert np.abs(chained[FRAMES:] - unchained[FRAMES:]).max() > 1e-3


def test_stream_yields_the_frames_of_the_call_clip_by_clip(pipe, portrait, generate):
    clips = list(stream(pipe, portrait))
    assert [len(clip.frames) for clip in clips] == [4, 4, 2]
    assert [(clip.index, clip.num_clips) for clip in clips] == [(0, 3), (1, 3), (2, 3)]
    np.testing.assert_array_equal(np.concatenate([clip.frames for clip in clips]), generate(SECONDS))


@pytest.mark.parametrize("stopped_after", [1, 2])
@pytest.mark.parametrize(
    "options", [{}, {"eta": 1.0}, {"speed": 0.5, "audio_guidance_scale": 2}, {"noise_correlation": 0.9}]
)
def test_continuing_from_a_state_equals_never_having_stopped(pipe, portrait, stopped_after, options):
    whole = [clip.frames for clip in stream(pipe, portrait, **options)]
    clips = iter(stream(pipe, portrait, **options))
    state = [next(clips).state for _ in range(stopped_after)][-1]
    clips.close()
    generator = torch.Generator().manual_seed(999)  # its state comes from the interrupted run
    rest = [clip.frames for clip in stream(pipe, portrait, resume_from=state, **{**options, "generator": generator})]
    np.testing.assert_array_equal(np.concatenate(whole[stopped_after:]), np.concatenate(rest))


@pytest.mark.parametrize(
    ("output_type", "paste_back"),
    [(kind, paste) for kind in ("pil", "np", "pt", "uint8") for paste in (False, True)] + [("latent", False)],
)
def test_continuing_after_the_last_clip_gives_no_frames_of_the_same_kind(pipe, portrait, output_type, paste_back):
    options = dict(num_inference_steps=1, audio_guidance_scale=1, output_type=output_type, paste_back=paste_back)
    *_, last = pipe.stream(portrait, noise(0.2), **options)
    rest = pipe(portrait, noise(0.2), **options, resume_from=last.state).frames
    if output_type == "pil":
        assert rest == []
    else:
        assert type(rest) is type(last.frames)
        assert (rest.dtype, rest.shape) == (last.frames.dtype, (0, *last.frames.shape[1:]))


def test_a_state_without_the_models_tensors_is_refused(pipe, portrait):
    with pytest.raises(OptionError, match="resume_from") as error:
        pipe.stream(portrait, noise(0.2), resume_from=ClipState(1, {"noise": torch.zeros(1)}, None))
    assert error.value.option == "resume_from"
