"""Speech becomes latents in windows that share frames: whole or one by one, resumed or not."""

import itertools

import pytest
import torch

from emo.errors import MotionError
from emo.motion.gaia import MotionConformer, PosePredictor, SpeechEncoder, latent_space, measured_latents
from emo.motion.gaia import vp_sde_scheduler as scheduler
from emo.pipelines.gaia_motion import FADE, START, SequenceSampler, continued

N, SHARED, A, T = 8, 3, 6, 17
SPACE = latent_space((3, 2, 2))
SPACE = measured_latents(SPACE, torch.randn(50, len(SPACE), generator=torch.Generator().manual_seed(0)) * 2 + 1)


@pytest.fixture(scope="module")
def networks() -> tuple[MotionConformer, SpeechEncoder, PosePredictor]:
    torch.manual_seed(0)
    sizes = {"max_length": N, "overlap": SHARED, "dim": 16, "layers": 1, "heads": 2, "kernel": 3}
    denoiser = MotionConformer(space=SPACE.to_dict(), speech_dim=8, **sizes).eval()
    torch.nn.init.normal_(denoiser.blocks[0].cross_attention.to_out[0].weight)
    speech_encoder = SpeechEncoder(audio_dim=A, dim=8, kernel=3).eval()
    torch.nn.init.normal_(speech_encoder.no_speech)
    return denoiser, speech_encoder, PosePredictor(audio_dim=A, channels=(8,), kernel=3).eval()


@pytest.fixture(scope="module")
def audio() -> torch.Tensor:
    return torch.randn(T, A, generator=torch.Generator().manual_seed(2))


def sampler(networks, seed: int = 0, **options) -> SequenceSampler:
    options = {"num_steps": 4, "reference": torch.zeros(len(SPACE))} | options
    generator = torch.Generator().manual_seed(seed)
    return SequenceSampler(*networks, scheduler(), torch.device("cpu"), generator=generator, **options)


def windows(networks, audio, state=START, turn=None, **options) -> list:
    made = sampler(networks, **options).windows(lambda start, stop: audio[start:stop], len(audio), state, turn)
    return list(made)


def whole(*args, **options) -> torch.Tensor:
    return torch.cat([window.values for window in windows(*args, **options)])


def test_every_frame_is_made_once_and_going_on_is_never_having_stopped(networks, audio):
    made = windows(networks, audio)
    assert [len(window.values) for window in made] == [5, 5, 5, 2]
    for state in (made[0].state, made[2].state):
        rest = windows(networks, audio, state)
        assert all(torch.equal(a.values, b.values) for a, b in zip(rest, made[state.next_clip :], strict=True))
    assert not torch.equal(whole(networks, audio, seed=1), whole(networks, audio))


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_what_was_made_before_stands_in_every_step(networks, audio, eta):
    """At the end as it is; before, as noisy as the rest."""
    one = sampler(networks, eta=eta)
    state = one.window(audio[:5]).state
    before, seen = state.tensors["motion"], []
    assert before.shape == (SHARED, len(SPACE))
    made = one.window(audio[5:10], state, on_step=lambda index, timestep, latents: seen.append(latents.clone()))
    assert torch.equal(seen[-1][0, :SHARED], before)
    steps = scheduler()
    steps.set_timesteps(4)
    signals = [steps.alphas_cumprod[timestep].sqrt() for timestep in steps.timesteps[1:]]
    noise = [
        (latents[0, :SHARED] - signal * before) / (1 - signal**2).sqrt()
        for latents, signal in zip(seen[:-1], signals, strict=True)
    ]
    for a, b in itertools.pairwise(noise):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=0)
    assert noise[0].std() > 0.5
    assert torch.equal(made.state.tensors["motion"][-2:], seen[-1][0, -2:])


def test_what_is_predicted_of_new_frames_is_bent_to_the_known_ones():
    fixed = torch.full((1, 60, 2), torch.nan)
    fixed[0, :10] = torch.tensor([3.0, -1.0])
    said = torch.arange(60.0)[None, :, None].expand(1, 60, 2)

    def predict(noisy, timestep):
        return said

    made = continued(predict, fixed, 10)(torch.zeros(1, 60, 2), torch.tensor(5))
    assert torch.equal(made[:, :10], said[:, :10])
    torch.testing.assert_close(
        made[0, 10], torch.tensor([3.5, -0.5])
    )  # half way between a change of 0 before and of 1 after
    assert torch.equal(made[0, 10 + FADE :], said[0, 10 + FADE :])
    assert (made[0, 10 : 10 + FADE] < said[0, 10 : 10 + FADE]).all()
    assert continued(predict, fixed, 0) is predict


def test_windows_join_whatever_a_model_says(networks, audio):
    """A model that says another level in every sequence: what is new starts where what is known ends."""
    one = sampler(networks)
    state = one.window(audio[:5]).state
    apart = type(state)(
        state.next_clip, {**state.tensors, "motion": state.tensors["motion"] + 30}, state.generator_state
    )
    made = SPACE.normalize(one.window(audio[5:10], apart).values)
    assert (made[0] - apart.tensors["motion"][-1]).abs().mean() < 10


def test_frames_before_are_heard_and_seen(networks, audio):
    state = sampler(networks).window(audio[:5]).state
    plain = sampler(networks).window(audio[5:10], state).values
    for name in ("motion", "audio", "pose"):
        changed = {**state.tensors, name: state.tensors[name] + 1}
        other = type(state)(state.next_clip, changed, state.generator_state)
        assert not torch.allclose(sampler(networks).window(audio[5:10], other).values, plain)


def test_poses_are_predicted_or_given(networks, audio):
    predictor = networks[2]
    with torch.no_grad():
        predicted = predictor(audio[None, :5])[0]
    state = sampler(networks).window(audio[:5]).state
    torch.testing.assert_close(state.tensors["pose"], predicted[-SHARED:])
    degrees = torch.linspace(-20, 20, 3 * T).view(T, 3)
    made = windows(networks, audio, turn=lambda start, stop: degrees[start:stop])
    torch.testing.assert_close(made[2].state.tensors["pose"], predictor.space.normalize(degrees[12:15]))
    assert not torch.allclose(torch.cat([window.values for window in made]), whole(networks, audio))


def test_reference_guidance_and_randomness_matter(networks, audio):
    plain = whole(networks, audio)
    assert torch.equal(whole(networks, audio, audio_guidance_scale=1.0, eta=0.0), plain)
    for changed in ({"reference": torch.ones(len(SPACE))}, {"audio_guidance_scale": 2.0}, {"eta": 1.0}):
        assert not torch.allclose(whole(networks, audio, **changed), plain)


def test_no_reference_is_another_than_any(networks, audio):
    networks[0].no_reference.data.fill_(0.5)
    assert not torch.allclose(whole(networks, audio, reference=None), whole(networks, audio))


def test_no_frames_and_too_many_are_refused(networks, audio):
    for count in (0, 6):
        with pytest.raises(MotionError, match="give 1 to 5"):
            sampler(networks).window(audio[:count])
