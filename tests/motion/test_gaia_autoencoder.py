"""GAIA's autoencoder, and what looks at its pictures."""

import pytest
import torch

from emo.errors import ConfigError
from emo.motion.discriminators import PatchDiscriminator
from emo.motion.gaia import MotionAppearanceVAE, latent_space, measured_latents
from emo.motion.gaia.patches import LOG_VARIANCE
from emo.unets.patch_autoencoder import PatchAutoencoder

SIDE = 32
PATCHES = {"patches": True, "mixer_channels": 8, "mixer_layers": 1}
SIZES = {"sample_size": SIDE, "block_out_channels": (8, 8, 8, 16), "layers_per_block": 1, "norm_num_groups": 4}


@pytest.fixture(scope="module")
def vae() -> MotionAppearanceVAE:
    torch.manual_seed(0)
    return MotionAppearanceVAE(**SIZES, appearance_channels=4).eval()


def pictures(count: int, seed: int = 0, side: int = SIDE) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@torch.no_grad()
def test_latents_are_an_eighth_and_a_sixteenth_of_the_picture(vae):
    assert vae.appearance_factor == 8
    assert vae.encode_appearance(pictures(2)).mode().shape == (2, 4, 4, 4)
    assert vae.encode_motion(pictures(2)).mode().shape == (2, *vae.motion_shape) == (2, 3, 2, 2)
    assert vae(pictures(2, side=48), pictures(2, 1, 48)).sample.shape == (2, 3, 48, 48)


@torch.no_grad()
def test_a_frame_is_one_frames_appearance_with_anothers_motion(vae):
    looks, does = pictures(2), pictures(2, 1)
    whole = vae(looks, does)
    motion = vae.encode_motion(does).mode()
    assert torch.equal(whole.motion.mode(), motion)
    torch.testing.assert_close(vae.decode(vae.encode_appearance(looks).mode(), motion), whole.sample)
    for changed in (vae(looks.flip(0), does), vae(looks, does.flip(0))):
        assert (changed.sample - whole.sample).abs().max() > 1e-3


@torch.no_grad()
def test_one_portrait_is_drawn_in_many_motions(vae):
    looks, motion = vae.encode_appearance(pictures(1)).mode(), vae.encode_motion(pictures(3, 1)).mode()
    torch.testing.assert_close(vae.decode(looks, motion), vae.decode(looks.repeat(3, 1, 1, 1), motion))


@torch.no_grad()
def test_noise_draws_latents_of_their_posteriors(vae):
    looks, does = pictures(1), pictures(1, 1)
    plain = vae(looks, does)
    noise = torch.ones(1, 4, 4, 4), 2 * torch.ones(1, *vae.motion_shape)
    drawn = vae(looks, does, *noise).sample
    appearance = plain.appearance.mean + plain.appearance.std
    torch.testing.assert_close(drawn, vae.decode(appearance, plain.motion.mean + 2 * plain.motion.std))
    assert not torch.allclose(drawn, plain.sample)


@pytest.fixture
def of_patches() -> MotionAppearanceVAE:
    torch.manual_seed(0)
    return MotionAppearanceVAE(**SIZES | PATCHES | {"layers_per_block": 2}, appearance_channels=4).eval()


@torch.no_grad()
def test_encoders_may_see_patches(of_patches, tmp_path):
    assert of_patches.appearance_factor == 8
    looks, does = pictures(2), pictures(2, 1)
    assert of_patches.encode_appearance(looks).mode().shape == (2, 4, 4, 4)
    assert of_patches.encode_motion(does).mode().shape == (2, *of_patches.motion_shape) == (2, 3, 2, 2)
    drawn = of_patches(looks, does)
    assert drawn.sample.shape == (2, 3, SIDE, SIDE)
    torch.testing.assert_close(drawn.motion.std, torch.full_like(drawn.motion.std, LOG_VARIANCE).div(2).exp())
    # what nobody has trained draws its own picture; what the mixer has learned depends on both
    torch.testing.assert_close(of_patches(looks, -does).sample, drawn.sample)
    torch.nn.init.normal_(of_patches.projection.blocks[-1].weight)
    torch.nn.init.normal_(of_patches.motion_encoder.blocks[-1].weight)
    trained = of_patches(looks, does).sample
    for changed in (of_patches(looks.flip(0), does), of_patches(looks, does.flip(0))):
        assert (changed.sample - trained).abs().max() > 1e-3
    of_patches.save_pretrained(tmp_path)
    again = MotionAppearanceVAE.from_pretrained(tmp_path)
    torch.testing.assert_close(again(looks, does).sample, trained)


@torch.no_grad()
def test_patches_may_start_as_a_trained_autoencoder(of_patches, vae):
    sizes = {"block_out_channels": (8, 8, 8, 16), "layers_per_block": 2, "norm_num_groups": 4}
    trained = PatchAutoencoder(latent_channels=4, **sizes).eval()
    for last in (trained.encoder[-1], trained.decoder[-1]):
        torch.nn.init.normal_(last.weight)
    of_patches.start_from(trained)
    torch.testing.assert_close(of_patches.encode_appearance(pictures(2)).mean, trained.encode(pictures(2))[0].mode())
    torch.testing.assert_close(of_patches(pictures(2), pictures(2, 1)).sample, trained(pictures(2)).sample)
    with pytest.raises(ConfigError, match="other channels: 5, not 4"):
        of_patches.start_from(PatchAutoencoder(latent_channels=5, **sizes))
    with pytest.raises(ConfigError, match="without patches"):
        vae.start_from(trained)


def test_a_mixer_and_patches_go_together():
    for wrong in ({"patches": True}, {"mixer_channels": 8}, {"mixer_layers": 1}):
        with pytest.raises(ConfigError, match="patches need mixer_channels"):
            MotionAppearanceVAE(**SIZES, **wrong)


def test_it_is_saved_and_loaded(vae, tmp_path):
    vae.save_pretrained(tmp_path)
    again = MotionAppearanceVAE.from_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(again(pictures(1), pictures(1, 1)).sample, vae(pictures(1), pictures(1, 1)).sample)


def test_every_parameter_learns(vae):
    drawn = vae(pictures(2), pictures(2, 1))
    (drawn.sample.square().sum() + drawn.appearance.kl().sum() + drawn.motion.kl().sum()).backward()
    assert [name for name, p in vae.named_parameters() if p.grad is None or not p.grad.any()] == []
    vae.zero_grad()


def test_latents_keep_their_proportions_when_they_are_normalized():
    space = latent_space((3, 2, 2))
    assert (len(space), space.names[:3], space.names[4]) == (12, ("z0_0_0", "z0_0_1", "z0_1_0"), "z1_0_0")
    values = torch.randn(500, 12, generator=torch.Generator().manual_seed(0)) * torch.linspace(0.01, 2, 12) + 3
    normalized = measured_latents(space, values).normalize(values)
    torch.testing.assert_close(normalized.mean(0), torch.zeros(12), atol=1e-4, rtol=0)
    assert normalized.square().mean().item() == pytest.approx(1, abs=1e-3)
    assert normalized[:, 0].std() < 0.02 < 1.3 < normalized[:, -1].std()


def test_the_discriminator_judges_patches():
    torch.manual_seed(0)
    judge = PatchDiscriminator(block_out_channels=(8, 8, 16), norm_num_groups=4)
    x = pictures(1, side=64)
    score = judge(x)
    assert score.shape == (1, 1, 8, 8)
    score[..., 0, 0].sum().backward()
    assert all(p.grad is not None for p in judge.parameters())
