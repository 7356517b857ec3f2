"""Guidance per condition: pred = c + Σ (w − 1) (c − c without it)."""

import pytest
import torch
from tiny import tiny_pipeline

from emo.pipelines.emo_conditions import batch_conditions

AUDIO, REFERENCE = 1.7, 2.5


@pytest.fixture(scope="module")
def parts():
    """The tiny backbone, its conditions for one clip, and noisy latents."""
    pipe, generator = tiny_pipeline(), torch.Generator().manual_seed(1)
    randn = lambda *shape: torch.randn(*shape, generator=generator)
    with torch.no_grad():
        maps = pipe.reference_unet(randn(1, 4, 16, 16), randn(1, 2, 4, 16, 16))
        conditions = dict(
            reference=pipe.unet.project_reference(maps.reference),
            motion=maps.motion,
            audio=randn(1, 4, 3, 16),
            face_mask_features=randn(1, 8, 16, 16),
            speed=randn(1, 4, 16),
        )
    return pipe.unet, conditions, randn(1, 4, 4, 16, 16), torch.tensor(500)


def predict(parts, audio_scale, reference_scale):
    unet, conditions, latents, timestep = parts
    with torch.no_grad():
        batch = batch_conditions(**conditions, scales={"audio": audio_scale, "reference": reference_scale})
        return batch.predict(unet, latents, timestep), len(batch.weights)


@torch.no_grad()
def plain(parts, **changed):
    unet, conditions, latents, timestep = parts
    return unet(latents, timestep[None], **{**conditions, **changed})


@pytest.mark.parametrize(
    ("audio_scale", "reference_scale", "rows"),
    [(1, 1, 1), (AUDIO, 1, 2), (1, REFERENCE, 2), (AUDIO, REFERENCE, 3), (0, 0, 3)],
)
def test_equals_the_formula_computed_pass_by_pass(parts, audio_scale, reference_scale, rows):
    _, conditions, _, _ = parts
    whole = plain(parts)
    without_audio = plain(parts, audio=torch.zeros_like(conditions["audio"]))
    without_reference = plain(parts, reference=conditions["reference"].dropped())
    expected = (
        whole + (audio_scale - 1) * (whole - without_audio) + (reference_scale - 1) * (whole - without_reference)
    )
    prediction, batch = predict(parts, audio_scale, reference_scale)
    torch.testing.assert_close(prediction, expected, rtol=1e-4, atol=1e-5)
    assert batch == rows  # a scale of 1 costs no pass


def test_each_scale_changes_the_prediction(parts):
    base = predict(parts, 1, 1)[0]
    assert not torch.allclose(predict(parts, AUDIO, 1)[0], base, atol=1e-4)
    assert not torch.allclose(predict(parts, 1, REFERENCE)[0], base, atol=1e-4)


def test_no_speed_is_not_zero_speed_features(parts):
    _, conditions, _, _ = parts
    none, zeros = plain(parts, speed=None), plain(parts, speed=torch.zeros_like(conditions["speed"]))
    assert not torch.allclose(none, zeros, atol=1e-5)
