"""Guidance and layers that are not computed in every step."""

import numpy as np
import pytest
import torch
from tiny import noise, tiny_pipeline

from emo.generation.fingerprint import fingerprint
from emo.generation.guidance import ReusedGuidance, guided

STEPS = {"num_inference_steps": 8, "audio_guidance_scale": 1.5}


def far(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).mean())


def test_guidance_is_kept_until_it_is_computed_again():
    weights = torch.tensor([1.5, -0.5])
    rows = lambda latents, timestep: torch.stack([latents, latents**2])
    whole = lambda latents, timestep: latents[None]
    steps = ReusedGuidance(rows, whole, weights, 3)
    at = lambda value: torch.full((2,), value)
    guidance = lambda value: 0.5 * (at(value) - at(value) ** 2)
    for value, last in ((2.0, 2.0), (3.0, 2.0), (4.0, 2.0), (5.0, 5.0), (6.0, 5.0)):
        torch.testing.assert_close(steps(at(value), torch.tensor(0)), (at(value) + guidance(last))[None])
    torch.testing.assert_close(guided(rows(at(2.0), 0), weights), (at(2.0) + guidance(2.0))[None])


def test_rows_are_computed_in_the_steps_that_want_them(pipe, generate, monkeypatch):
    rows = []
    forward = type(pipe.unet).forward
    monkeypatch.setattr(
        type(pipe.unet), "forward", lambda self, x, t, *a, **k: rows.append(len(t)) or forward(self, x, t, *a, **k)
    )
    generate(0.3, guidance_every=3, **STEPS)  # two clips, each of which begins with guidance
    assert rows == [2, 1, 1, 2, 1, 1, 2, 1] * 2
    rows.clear()
    generate(0.1, guidance_every=3, num_inference_steps=2, audio_guidance_scale=1)
    assert rows == [1, 1]


def test_layers_are_computed_in_the_steps_that_want_them(pipe, generate):
    resnet, calls = pipe.unet.mid_block.resnets[0], []
    hook = resnet.norm1.register_forward_hook(lambda *_: calls.append(pipe.unet.is_cache_enabled))
    generate(0.3, cache_interval=2, **STEPS)
    assert calls == [True] * 2 * 5  # steps 0, 1, 2, 4 and 6 of each clip
    hook.remove()
    assert not pipe.unet.is_cache_enabled


@pytest.mark.parametrize("options", [{"guidance_every": 3}, {"cache_interval": 2}], ids=["guidance", "layers"])
def test_reuse_stays_near(generate, options):
    plain, fewer = generate(0.1, **STEPS), generate(0.1, **{**STEPS, "num_inference_steps": 2})
    assert 0 < far(generate(0.1, **STEPS, **options), plain) < 0.25 * far(fewer, plain)


def test_a_second_run_is_the_same_and_nothing_is_left_behind(generate):
    scales = {**STEPS, "reference_guidance_scale": 1.5}
    plain = generate(0.1, **scales)
    first = generate(0.3, **scales, guidance_every=3, cache_interval=2)
    assert far(first[: len(plain)], plain) > 0
    np.testing.assert_array_equal(generate(0.3, **scales, guidance_every=3, cache_interval=2), first)
    np.testing.assert_array_equal(generate(0.1, **scales), plain)


def test_a_layer_forecast_of_every_step_is_the_layer(generate):
    """With as many steps as are computed whole, both are the plain path."""
    short = {"num_inference_steps": 3, "audio_guidance_scale": 1.5}
    np.testing.assert_allclose(generate(0.2, cache_interval=4, **short), generate(0.2, **short), atol=1e-5)


@pytest.mark.parametrize("name", ["guidance_every", "cache_interval"])
def test_reuse_is_told_of_the_video_and_marks_what_may_be_resumed(pipe, portrait, name):
    streams = [pipe.stream(portrait, noise(0.1), **{name: every}) for every in (1, 2)]
    one, two = (fingerprint(stream, 0) for stream in streams)
    assert {key for key in one if one[key] != two[key]} == {name}
    assert [stream.origin["options"][name] for stream in streams] == [1, 2]


def test_a_clip_resumed_is_the_clip_that_was_not_interrupted(pipe, portrait):
    options = {**STEPS, "guidance_every": 3, "cache_interval": 2, "output_type": "uint8"}
    whole = list(pipe.stream(portrait, noise(0.4), generator=torch.Generator().manual_seed(3), **options))
    rest = pipe.stream(portrait, noise(0.4), generator=torch.Generator(), resume_from=whole[0].state, **options)
    for again, clip in zip(rest, whole[1:], strict=True):
        np.testing.assert_array_equal(again.frames, clip.frames)


def test_cached_layers_are_the_backbones_own():
    from emo.pipelines.emo_cache import forecast_layers

    unet = tiny_pipeline().unet
    with forecast_layers(unet, 2):
        hooked = {name for name, module in unet.named_modules() if getattr(module, "_diffusers_hook", None) and name}
    kinds = {name.split(".")[-2] for name in hooked}
    assert kinds == {"attentions", "motion_modules", "resnets"}
