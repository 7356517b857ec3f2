"""The patch autoencoder: what it starts as, and that it stands where an AutoencoderKL may stand."""

import pytest
import torch
from torch.nn.functional import pixel_shuffle
from zero_init import fill_zero_init

from emo.unets import PatchAutoencoder

CHANNELS, PATCH = 6, 4


def tiny(filled: bool = True) -> PatchAutoencoder:
    torch.manual_seed(0)
    vae = PatchAutoencoder(CHANNELS, block_out_channels=(8, 8, 16), layers_per_block=2, norm_num_groups=4)
    if filled:
        fill_zero_init(vae)
    return vae.eval().requires_grad_(False)


def pictures(rank: int, count: int = 12) -> torch.Tensor:
    """Pictures (count, 3, 32, 32) whose patches lie in a space of so many dimensions, of falling variance."""
    generator = torch.Generator().manual_seed(rank)
    basis = torch.linalg.qr(torch.randn(3 * PATCH**2, rank, generator=generator))[0]
    share = torch.randn(count, rank, 8, 8, generator=generator) * 0.7 ** torch.arange(rank).view(-1, 1, 1)
    return pixel_shuffle(torch.einsum("kr,nrhw->nkhw", basis, share), PATCH) + 0.3


def test_it_starts_as_the_principal_components():
    vae, x = tiny(filled=False), pictures(CHANNELS)
    vae.start_from(x)
    torch.testing.assert_close(vae(x).sample, x, rtol=0, atol=0.02)  # a color's mean differs little within a patch
    rich = pictures(3 * PATCH**2)
    vae.start_from(rich)
    error = (vae(rich).sample - rich).square().mean()
    rows = torch.nn.functional.pixel_unshuffle(rich, PATCH).movedim(1, -1).flatten(0, -2)
    lost = torch.linalg.eigvalsh(torch.cov(rows.T, correction=0))[:-CHANNELS].sum() / rows.shape[1]
    assert lost * 0.999 < error < lost * 1.1


@pytest.mark.parametrize("whitening", [0.0, 0.5, 1.0])
def test_its_first_latents_have_variance_1_together_and_are_uncorrelated(whitening):
    vae, x = tiny(filled=False), pictures(3 * PATCH**2)
    vae.start_from(x, whitening)
    latents = vae.encode(x).latent_dist.mode().movedim(1, -1).flatten(0, -2)
    covariance = torch.cov(latents.T)
    assert covariance.diagonal().mean() == pytest.approx(1, abs=0.01)
    assert (covariance - covariance.diagonal().diag()).abs().max() < 1e-3
    spread = covariance.diagonal().max() / covariance.diagonal().min()
    assert spread == pytest.approx(1, abs=0.01) if whitening == 1 else spread > 2


def test_too_few_pictures_to_start_from():
    with pytest.raises(ValueError, match="4 patches are too few"):
        tiny().start_from(torch.zeros(1, 3, 8, 8))


def test_the_residual_networks_add_to_the_linear_path():
    x, plain, filled = pictures(5), tiny(filled=False), tiny()
    linear = plain.patch_out(plain.patch_in(x))
    torch.testing.assert_close(plain(x).sample, linear)
    assert (filled(x).sample - linear).abs().max() > 0.01


def test_interface_of_autoencoder_kl():
    vae, x = tiny(), pictures(5, count=3)
    latents = vae.encode(x).latent_dist.mode()
    assert latents.shape == (3, CHANNELS, 8, 8)
    assert torch.equal(vae.encode(x, return_dict=False)[0].sample(), latents)
    decoded = vae.decode(latents, return_dict=False)[0]
    assert torch.equal(decoded, vae.decode(latents).sample)
    assert torch.equal(decoded, vae(x).sample)
    assert decoded.shape == x.shape
    vae.enable_slicing()
    torch.testing.assert_close(vae.decode(vae.encode(x).latent_dist.mode()).sample, decoded, rtol=0, atol=1e-5)


def test_wide_pictures():
    vae = tiny()
    assert vae(torch.zeros(1, 3, 16, 40)).sample.shape == (1, 3, 16, 40)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_close(dtype):
    x = pictures(5, count=2)
    expected = tiny()(x).sample
    found = tiny().to(dtype)(x.to(dtype)).sample.float()
    assert (found - expected).abs().mean() < 0.02 * expected.std()


def test_saved_and_loaded(tmp_path):
    vae, x = tiny(), pictures(5, count=2)
    vae.register_to_config(scaling_factor=0.7)
    vae.save_pretrained(tmp_path)
    loaded = PatchAutoencoder.from_pretrained(tmp_path)
    assert loaded.config.scaling_factor == 0.7
    assert torch.equal(loaded(x).sample, vae(x).sample)


def test_every_parameter_learns():
    vae = tiny().requires_grad_(True)
    vae(pictures(5, count=2)).sample.square().mean().backward()
    assert [name for name, p in vae.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_offloading_wakes_it_for_encoding_and_decoding():
    """CPU offload moves the weights in the hook's `pre_forward`, which `encode` and `decode` must call themselves."""
    woken = []
    vae = tiny()
    vae._hf_hook = type("Hook", (), {"pre_forward": lambda self, module: woken.append(module)})()
    latents = vae.encode(torch.zeros(1, 3, 16, 16)).latent_dist.mode()
    assert woken == [vae]
    vae.decode(latents)
    assert woken == [vae, vae]
