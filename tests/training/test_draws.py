"""What is random: by sample number alone, at the rates asked for, each condition on its own."""

import numpy as np
import pytest
import torch
from random_clips import RandomClips, make_stage

from emo.training.emo.config import CONDITIONS, DropConfig
from emo.training.emo.draws import draw

SHAPE, N = (3, 2, 4, 4), 2


def columns(numbers, seed: int = 0, **rates) -> torch.Tensor:
    """Kept or not, (samples, conditions)."""
    draws = draw(numbers, seed, (1, 1, 1, 1), 1, dict.fromkeys(CONDITIONS, 0.0) | rates)
    return torch.stack([draws.keep[name] for name in CONDITIONS], dim=1)


def test_a_sample_is_the_same_in_any_batch():
    together, alone = draw([4, 7, 9], 1, SHAPE, N, {"audio": 0.5}), draw([7], 1, SHAPE, N, {"audio": 0.5})
    for name in ("time", "noise", "motion_level", "motion_noise"):
        assert torch.equal(getattr(together, name)[1:2], getattr(alone, name))
    assert torch.equal(together.keep["audio"][1:2], alone.keep["audio"])


def test_what_is_drawn_of_a_sample_is_as_it_always_was():
    """Seeded results of earlier versions hold: two numbers and a chance per condition, in this order, then noise."""
    assert CONDITIONS == ("reference", "motion", "audio", "speed", "face_mask")
    assert list(DropConfig().probabilities().items()) == list(zip(CONDITIONS, (0.1, 0, 0, 0, 0.1), strict=True))
    draws = draw([5], 3, SHAPE, N, dict.fromkeys(CONDITIONS, 0.5))
    own = int(np.random.SeedSequence((3, 5)).generate_state(1)[0])
    generator = torch.Generator().manual_seed(own)
    time, level, *chances = torch.rand(7, generator=generator)
    assert (draws.time[0], draws.motion_level[0]) == (time, level)
    assert [draws.keep[name].item() for name in CONDITIONS] == [float(chance >= 0.5) for chance in chances]
    assert torch.equal(draws.noise[0], torch.randn(SHAPE, generator=generator))
    assert torch.equal(draws.motion_noise[0], torch.randn(N, *SHAPE[1:], generator=generator))


def test_samples_and_seeds_differ():
    noises = [draw([g], seed, SHAPE, N, {}).noise for g, seed in [(0, 0), (1, 0), (0, 1), (1, 1)]]
    assert all(not torch.equal(a, b) for i, a in enumerate(noises) for b in noises[:i])
    drawn = draw([0], 0, SHAPE, N, {})
    assert not torch.equal(drawn.noise[0, :N], drawn.motion_noise[0])


def test_frames_may_have_times_of_their_own():
    draws = draw(range(2000), 0, SHAPE, N, {}, per_frame_timesteps=True)
    assert draws.time.shape == (2000, 3)
    assert torch.allclose(draws.time.flatten().sort().values, torch.arange(6000) / 6000, atol=0.03)
    assert (torch.corrcoef(draws.time.T) - torch.eye(3)).abs().max() < 0.06


def test_rates_and_independence():
    rates = {"reference": 0.1, "motion": 0.3, "audio": 0.1, "speed": 0.1, "face_mask": 0.1}
    dropped = 1 - columns(range(4000), **rates)
    expected = torch.tensor([rates[name] for name in CONDITIONS])
    assert torch.allclose(dropped.mean(dim=0), expected, atol=0.02)  # about 3 standard deviations
    correlation = torch.corrcoef(dropped.T) - torch.eye(len(CONDITIONS))
    assert correlation.abs().max() < 0.06
    assert columns(range(100)).all()


def test_time_and_noise_are_uniform_and_normal():
    draws = draw(range(4000), 0, (1, 1, 1, 1), 1, {})
    assert torch.allclose(draws.time.sort().values, torch.arange(4000) / 4000, atol=0.03)
    assert draws.noise.mean().abs() < 0.05
    assert draws.noise.std() == pytest.approx(1, abs=0.04)
    assert (
        torch.corrcoef(torch.stack([draws.time, draws.noise.flatten(), draws.motion_level]))[0, 1:].abs().max() < 0.05
    )


@pytest.fixture(scope="module")
def networks(init):
    """Stage 3's, all of whose layers matter."""
    return make_stage(3, init).networks.eval().requires_grad_(False)


def run(networks, inputs: dict, **dropped: list[float]) -> torch.Tensor:
    keep = {name: torch.tensor(dropped.get(name, [1.0, 1.0])) for name in CONDITIONS}
    return networks(**inputs, keep=keep)


@pytest.fixture
def inputs() -> dict:
    batch = RandomClips(video=True).batch([0, 1])
    return {
        "sample": batch.latents[:, N:],
        "timestep": torch.tensor([100, 900]),
        "reference_latents": batch.reference_latents,
        "face_mask": batch.face_mask,
        "motion_latents": batch.latents[:, :N],
        "audio": batch.audio,
        "speed": batch.speed,
    }


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_is_dropped_for_the_samples_drawn_only(networks, inputs, condition):
    whole, dropped = run(networks, inputs), run(networks, inputs, **{condition: [1.0, 0.0]})
    torch.testing.assert_close(dropped[0], whole[0], rtol=0, atol=1e-5)
    assert (dropped[1] - whole[1]).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("condition", "name"),
    [
        ("reference", "reference_latents"),
        ("motion", "motion_latents"),
        ("audio", "audio"),
        ("speed", "speed"),
        ("face_mask", "face_mask"),
    ],
)
def test_nothing_of_a_dropped_condition_is_left(networks, inputs, condition, name):
    gone = {condition: [0.0, 0.0]}
    other = inputs[name].flip(0) if condition != "face_mask" else inputs[name] * 0
    torch.testing.assert_close(
        run(networks, {**inputs, name: other}, **gone), run(networks, inputs, **gone), rtol=0, atol=1e-5
    )


def test_dropped_conditions_are_those_of_guidance(networks, inputs):
    """Zero reference keys and values, zero maps at every site, zero tokens, zero features, a white mask."""
    unet = networks.unet
    gone = {name: [0.0, 0.0] for name in CONDITIONS}
    features = networks.reference_unet(inputs["reference_latents"], inputs["motion_latents"])
    expected = unet(
        inputs["sample"],
        inputs["timestep"],
        unet.project_reference(features.reference).dropped(),
        motion=features.motion.zeros(),
        audio=torch.zeros_like(networks.audio_projection(inputs["audio"])),
        face_mask_features=networks.face_locator(torch.ones_like(inputs["face_mask"])),
        speed=torch.zeros_like(networks.speed_encoder(inputs["speed"])),
    )
    torch.testing.assert_close(run(networks, inputs, **gone), expected)
