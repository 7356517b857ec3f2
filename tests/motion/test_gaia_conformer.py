"""GAIA's speech-to-motion networks and the SDE that they solve."""

import math

import pytest
import torch

from emo.errors import ConfigError
from emo.motion.gaia import MotionConformer, PosePredictor, SpeechEncoder, latent_space, vp_sde_scheduler
from emo.motion.gaia.vp_sde import BETA_MAX, BETA_MIN

N, A, S = 9, 6, 8
SPACE = latent_space((3, 2, 2))
D = len(SPACE)


@pytest.fixture(scope="module")
def denoiser() -> MotionConformer:
    torch.manual_seed(0)
    sizes = {"max_length": 8, "overlap": 3, "dim": 16, "layers": 2, "heads": 2, "kernel": 3}
    network = MotionConformer(space=SPACE.to_dict(), speech_dim=S, **sizes).eval()
    for block in network.blocks:  # attention to the reference starts at zero
        torch.nn.init.normal_(block.cross_attention.to_out[0].weight)
    torch.nn.init.normal_(network.no_reference)
    return network


def inputs(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"sample": (2, N, D), "speech": (2, N, S), "reference": (2, D)}
    drawn = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return drawn | {"timestep": torch.tensor([3, 900])}


@torch.no_grad()
@pytest.mark.parametrize("name", ["sample", "speech", "reference", "timestep"])
def test_all_that_it_is_given_matters(denoiser, name):
    given = inputs()
    found = denoiser(**given)
    assert found.shape == (2, N, D)
    other = torch.tensor([700, 10]) if name == "timestep" else inputs(1)[name]
    assert (denoiser(**given | {name: other}) - found).abs().mean() > 1e-2


@torch.no_grad()
def test_speech_and_step_are_added_before_every_block(denoiser):
    seen = []
    hooks, made = [], []
    for block in denoiser.blocks:
        hooks.append(block.register_forward_pre_hook(lambda module, args: seen.append(args[0])))
        hooks.append(block.register_forward_hook(lambda module, args, output: made.append(output)))
    given = inputs()
    denoiser(**given)
    for hook in hooks:
        hook.remove()
    added = denoiser.step(given["timestep"])[:, None] + denoiser.speech_in(given["speech"])
    torch.testing.assert_close(seen[0], denoiser.sample_in(given["sample"]) + added)
    torch.testing.assert_close(seen[1], made[0] + added)


def ablated(**changes) -> MotionConformer:
    torch.manual_seed(0)
    sizes = {"max_length": 8, "overlap": 3, "dim": 16, "layers": 2, "heads": 2, "kernel": 3}
    network = MotionConformer(space=SPACE.to_dict(), speech_dim=S, **sizes | changes).eval()
    for block in network.blocks:
        torch.nn.init.normal_(block.cross_attention.to_out[0].weight)
    return network


@torch.no_grad()
def test_without_convolutions_blocks_are_a_transformers(denoiser):
    transformer = ablated(convolution=False)
    assert not [name for name, _ in transformer.named_modules() if "convolution" in name]
    assert sum(p.numel() for p in transformer.parameters()) < sum(p.numel() for p in denoiser.parameters())
    given = inputs()
    for name in ("sample", "speech", "reference"):
        assert (transformer(**given | {name: inputs(1)[name]}) - transformer(**given)).abs().mean() > 1e-3


@torch.no_grad()
def test_speech_may_be_attended_to_and_its_order_matters():
    network, given = ablated(speech="attend"), inputs()
    found = network(**given)
    assert found.shape == (2, N, D)
    late = network(**given | {"speech": given["speech"].flip(1)})
    assert (late - found).abs().mean() > 1e-3  # by the places that frames and moments are told
    context = []
    hook = network.blocks[0].register_forward_pre_hook(lambda module, args: context.append(args[2]))
    network(**given, has_reference=torch.tensor([True, False]))
    hook.remove()
    assert context[0].shape == (2, D // 3 + N, 16)
    torch.testing.assert_close(
        context[0][:, D // 3 :], network.speech_in(given["speech"]) + network.place(torch.arange(N))
    )
    seen = torch.arange(N)[None].expand(2, N) < 6
    whispered = given["speech"].clone()
    whispered[:, 6:] = 5.0
    one, other = (network(**given | {"speech": speech}, frame_mask=seen) for speech in (given["speech"], whispered))
    torch.testing.assert_close(one[:, :6], other[:, :6])  # frames that there are not say nothing
    with pytest.raises(ConfigError, match="give add or attend"):
        ablated(speech="shout")


@torch.no_grad()
def test_the_reference_is_seen_by_its_places(denoiser):
    given, context = inputs(), []
    hook = denoiser.blocks[0].register_forward_pre_hook(lambda module, args: context.append(args[2]))
    denoiser(**given)
    hook.remove()
    (tokens,) = context
    assert tokens.shape == (2, D // 3, 16)
    reference = given["reference"].view(2, 3, 4)  # maps in a row
    torch.testing.assert_close(tokens[:, 1], denoiser.token_in(reference[:, :, 1]) + denoiser.places.weight[1])


@torch.no_grad()
def test_a_dropped_reference_does_not_matter(denoiser):
    given, has = inputs(), torch.tensor([True, False])
    one, other = (denoiser(**given | {"reference": inputs(s)["reference"]}, has_reference=has) for s in (0, 1))
    assert torch.equal(one[1], other[1])
    assert not torch.allclose(one[0], other[0])
    assert not torch.allclose(one[1], denoiser(**given)[1])


@torch.no_grad()
def test_frames_that_are_not_there_reach_no_other(denoiser):
    given, mask = inputs(), torch.arange(N) < 6
    changed = {name: given[name].clone() for name in ("sample", "speech")}
    for value in changed.values():
        value[:, 6:] = 9
    found = denoiser(**given, frame_mask=mask.expand(2, -1))[:, :6]
    torch.testing.assert_close(denoiser(**given | changed, frame_mask=mask.expand(2, -1))[:, :6], found)
    short = {name: given[name][:, :6] for name in ("sample", "speech")}
    torch.testing.assert_close(denoiser(**given | short), found)


@torch.no_grad()
def test_poses_are_added_to_speech_and_stay_without_it():
    torch.manual_seed(0)
    encoder = SpeechEncoder(audio_dim=A, dim=S, kernel=3)
    torch.nn.init.normal_(encoder.no_speech)
    audio, other, pose = torch.randn(2, N, A), torch.randn(2, N, A), torch.randn(2, N, 3)
    still = encoder(audio, torch.zeros(2, N, 3))
    turned = encoder(audio, pose) - still
    torch.testing.assert_close(turned, pose @ encoder.pose_in.weight.T, atol=1e-5, rtol=0)
    has = torch.tensor([True, False])
    dropped = encoder(audio, pose, has)
    assert torch.equal(dropped[1], encoder(other, pose, has)[1])
    torch.testing.assert_close(dropped[0], encoder(audio, pose)[0])
    torch.testing.assert_close(dropped[1] - encoder(audio, torch.zeros(2, N, 3), has)[1], turned[1], atol=1e-5, rtol=0)
    mask = torch.arange(N) < 6
    louder = audio.clone()
    louder[:, 6:] = 9
    one, two = (encoder(each, pose, frame_mask=mask.expand(2, -1))[:, :6] for each in (audio, louder))
    torch.testing.assert_close(one, two)


def test_poses_are_predicted_from_sound():
    torch.manual_seed(0)
    predictor = PosePredictor(audio_dim=A, channels=(8, 8), kernel=3)
    audio = torch.randn(2, N, A)
    poses = predictor(audio)
    assert poses.shape == (2, N, 3)
    assert predictor.space.names == ("yaw", "pitch", "roll")
    mask = torch.arange(N) < 6
    torch.testing.assert_close(predictor(audio, mask.expand(2, -1))[:, :6], predictor(audio[:, :6]))
    poses.square().sum().backward()
    assert all(p.grad.any() for p in predictor.parameters())


def test_networks_are_saved_and_loaded(denoiser, tmp_path):
    denoiser.save_pretrained(tmp_path)
    again = MotionConformer.from_pretrained(tmp_path)
    assert again.space == SPACE
    with torch.no_grad():
        assert torch.equal(again(**inputs()), denoiser(**inputs()))


def test_sizes_that_do_not_fit():
    with pytest.raises(ConfigError, match="8 frames cannot share 8"):
        MotionConformer(space=SPACE.to_dict(), max_length=8, overlap=8)
    with pytest.raises(ConfigError, match="12 columns is no 5 maps"):
        MotionConformer(space=SPACE.to_dict(), token_channels=5)


def beta(time: float) -> float:
    return BETA_MIN + time * (BETA_MAX - BETA_MIN)


def signal(time: float) -> float:
    """Of z_0 in z_t, by eq. 6."""
    return math.exp(-(BETA_MIN * time + (BETA_MAX - BETA_MIN) * time**2 / 2) / 2)


@pytest.fixture(scope="module")
def scheduler():
    """With steps between all of its times."""
    scheduler = vp_sde_scheduler()
    scheduler.set_timesteps(1000)
    return scheduler


def test_noise_is_that_of_the_sde_at_every_time(scheduler):
    alphas = scheduler.alphas_cumprod.double()
    expected = torch.tensor([signal((n + 1) / 1000) ** 2 for n in range(1000)], dtype=torch.float64)
    torch.testing.assert_close(alphas, expected, rtol=1e-4, atol=0)
    assert scheduler.timesteps[0] == 999
    assert alphas[-1] < 1e-4


@pytest.mark.parametrize("time", [0.1, 0.5, 0.9])
def test_a_short_step_is_one_of_the_equations(scheduler, time):
    """Of eq. 9 without new noise, of eq. 8 with; the score of z0 hat is (s z0 - z_t) / (1 - s^2)."""
    step, n = 1e-3, round(time * 1000) - 1
    generator = torch.Generator().manual_seed(0)
    z0, noise = torch.randn(2, 200_000, generator=generator, dtype=torch.float64)
    zt = signal(time) * z0 + math.sqrt(1 - signal(time) ** 2) * noise
    hat = z0 + 0.3
    score = (signal(time) * hat - zt) / (1 - signal(time) ** 2)

    ode = scheduler.step(hat, n, zt, eta=0.0).prev_sample
    torch.testing.assert_close((ode - zt) / step, beta(time) * (zt + score) / 2, rtol=0.05, atol=0.05)

    new = scheduler.step(hat, n, zt, eta=1.0, generator=generator).prev_sample
    drift = (new - zt) - step * beta(time) * (zt / 2 + score)
    assert drift.mean().abs() < 0.02 * math.sqrt(step * beta(time))
    assert drift.std().item() == pytest.approx(math.sqrt(step * beta(time)), rel=0.05)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_solved_to_the_end_it_is_the_distribution_of_the_data(scheduler, eta):
    """Of normal data, whose score is known: mean and deviation come out, by eq. 9 to rounding where they went in."""
    mean, deviation = 0.7, 0.25
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(20_000, generator=generator, dtype=torch.float64)
    start = z.clone()
    for n in scheduler.timesteps:
        s = scheduler.alphas_cumprod[n].double().sqrt()
        variance = s**2 * deviation**2 + 1 - s**2
        hat = mean + s * deviation**2 / variance * (z - s * mean)
        z = scheduler.step(hat, int(n), z, eta=eta, generator=generator).prev_sample
    assert z.mean().item() == pytest.approx(mean, abs=0.02)
    assert z.std().item() == pytest.approx(deviation, rel=0.05)
    assert (torch.corrcoef(torch.stack([start, z]))[0, 1] > 0.999) == (eta == 0)


def test_the_scheduler_is_saved_and_loaded(tmp_path):
    scheduler = vp_sde_scheduler()
    scheduler.save_pretrained(tmp_path)
    again = type(scheduler).from_pretrained(tmp_path)
    assert torch.equal(again.alphas_cumprod, scheduler.alphas_cumprod)
