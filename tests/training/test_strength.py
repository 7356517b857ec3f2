"""Clips that start from the portrait's latents: what is learned is what a sampler meets on its way."""

import pytest
import torch
from diffusers import DDIMScheduler
from random_clips import RandomClips, make_stage

from emo.generation.sampling import sample
from emo.training.emo.config import EMOObjectiveConfig
from emo.training.emo.objective import EMOObjective


def scheduler(**options) -> DDIMScheduler:
    return DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        **options,
    )


@pytest.mark.parametrize("strength", [0.4, 0.8])
def test_a_sampler_meets_the_noise_that_is_learned(strength):
    """With the true frames for every prediction, the latents on the way are those of training, at every step."""
    torch.manual_seed(0)
    objective = EMOObjective(scheduler(), EMOObjectiveConfig(), strength)
    frames, reference, fresh = torch.randn(1, 3, 4, 5, 5), torch.randn(1, 4, 5, 5), torch.randn(1, 3, 4, 5, 5)
    noise = objective.noise(fresh, frames, reference)
    met = []

    def predict(latents, timestep):
        met.append((latents, objective.noisy(frames, noise, timestep[None])))
        return objective.target(frames, noise, timestep[None])

    made = sample(scheduler(), predict, fresh, 10, prior=reference[:, None], strength=strength)
    assert len(met) == round(10 * strength)
    for latents, learned in met:
        torch.testing.assert_close(latents, learned, rtol=0, atol=1e-4)
    torch.testing.assert_close(made, frames, rtol=0, atol=1e-2)


def test_times_end_at_the_strength_and_all_of_it_is_the_paper_s():
    time = torch.linspace(0, 1 - 1e-6, 1000)
    assert EMOObjective(scheduler(), EMOObjectiveConfig(), 0.5).timestep(time).max() == 499
    whole = EMOObjective(scheduler(), EMOObjectiveConfig())
    assert whole.timestep(time).max() == 999
    noise, frames, reference = torch.randn(1, 2, 4, 3, 3), torch.randn(1, 2, 4, 3, 3), torch.randn(1, 4, 3, 3)
    assert torch.equal(whole.noise(noise, frames, reference), noise)


def test_the_stages_learn_it_and_save_it_with_the_backbone(init, tmp_path):
    batch, seen = RandomClips(video=True).batch([0, 1]), {}
    stage = make_stage(2, init, objective__strength=0.6)
    encoded = stage.encode(batch)
    stage.loss(lambda **inputs: seen.update(inputs) or inputs["sample"], encoded)
    assert seen["timestep"].max() < 600
    plain, pulled = {}, seen["sample"]
    other = encoded.reference_latents + 1
    stage.loss(
        lambda **inputs: plain.update(inputs) or inputs["sample"],
        type(encoded)(**{**vars(encoded), "reference_latents": other}),
    )
    _, sigma = stage.objective._levels(seen["timestep"], 5)
    change = (plain["sample"] - pulled) / sigma
    torch.testing.assert_close(change, torch.full_like(change, stage.objective.pull), rtol=0, atol=1e-4)
    assert stage.objective.pull > 0
    stage.save(tmp_path / "new", stage.networks.state_dict())
    later = make_stage(3, tmp_path / "new")
    assert later.objective.strength == later.pipe.unet.config.strength == 0.6
