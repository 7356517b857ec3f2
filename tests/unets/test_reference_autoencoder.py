"""The autoencoder that is given the portrait: what moves, what is painted, and that latents stay what they were."""

import pytest
import torch
from torch.nn.functional import interpolate
from zero_init import fill_zero_init

from emo.unets import Drawing, ReferenceAutoencoder
from emo.unets.warp import resize, warp

CHANNELS, PATCH = 6, 4
SIZES = dict(block_out_channels=(8, 8, 16), layers_per_block=1, norm_num_groups=4)


def tiny(filled: bool = True) -> ReferenceAutoencoder:
    torch.manual_seed(0)
    vae = ReferenceAutoencoder(
        latent_channels=CHANNELS, **SIZES, reference_out_channels=(8, 8, 16), reference_layers=1
    )
    if filled:
        fill_zero_init(vae)
    return vae.eval().requires_grad_(False)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_flow_moves_pictures_by_pixels_and_repeats_their_borders():
    picture = random(1, 3, 8, 16)
    flow = torch.zeros(2, 2, 8, 16)
    flow[0, 0], flow[1, 1] = 2 * 2 / 16, -3 * 2 / 8  # from two pixels further right; from three further up
    moved = warp(picture, flow)
    torch.testing.assert_close(moved[0, :, :, :-2], picture[0, :, :, 2:])
    torch.testing.assert_close(moved[0, :, :, -2:], picture[0, :, :, -1:].expand(-1, -1, 2))
    torch.testing.assert_close(moved[1, :, 3:], picture[0, :, :-3])


def test_a_flow_means_the_same_at_every_size():
    picture = interpolate(random(1, 3, 4, 4), (32, 32), mode="bicubic")
    flow = interpolate(0.2 * random(1, 2, 3, 3, seed=1), (8, 8), mode="bicubic")
    large = warp(interpolate(picture, (64, 64), mode="bilinear"), flow)
    torch.testing.assert_close(interpolate(large, (32, 32), mode="area"), warp(picture, flow), rtol=0, atol=0.05)


def test_resizing_keeps_what_fits_and_averages_what_shrinks():
    picture = random(1, 3, 12, 12)
    assert resize(picture, 12, 12) is picture
    half = resize(picture.bfloat16(), 3, 3)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), resize(picture, 3, 3), rtol=0, atol=0.02)
    assert resize(torch.eye(12)[None, None], 3, 3).sum().item() == pytest.approx(12 / 16, rel=0.2)


def test_it_starts_as_the_portrait_that_shines_through_the_plain_decoder():
    vae = tiny(filled=False)
    picture, latents = random(1, 3, 64, 64), random(2, CHANNELS, 8, 8)
    drawing = vae.draw(latents, vae.encode_reference(picture, latents[:1]))
    assert not drawing.flow.any()
    share = torch.sigmoid(torch.tensor(2.0))
    plain = interpolate(vae.decode(latents).sample, (64, 64), mode="bilinear")
    torch.testing.assert_close(drawing.over(picture), share * picture + (1 - share) * plain)


def test_a_frame_is_what_is_visible_of_the_moved_portrait_and_the_paint():
    picture = random(1, 3, 8, 8)
    flow, visibility, paint = torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 4, 4), random(1, 3, 8, 8, seed=1)
    flow[:, 0] = 2 / 8
    visibility[..., :2] = 1
    frame = Drawing(flow, visibility, paint).over(warp(picture, flow))
    torch.testing.assert_close(frame[..., 0], picture[..., 1] + paint[..., 0])
    torch.testing.assert_close(frame[..., -1], paint[..., -1])


def test_frames_are_as_sharp_as_the_portrait_between_its_pixels():
    """Half a pixel aside, where halves of two neighbors are a blur."""
    picture = torch.nn.functional.avg_pool2d(random(1, 3, 64, 64), 2)
    flow, nothing = torch.zeros(1, 2, 32, 32), torch.zeros(1, 3, 32, 32)
    flow[:, 0] = 1 / 32
    drawing = Drawing(flow, torch.ones(1, 1, 32, 32), nothing)
    still = Drawing(torch.zeros(1, 2, 32, 32), torch.ones(1, 1, 32, 32), nothing)
    torch.testing.assert_close(still.frames(picture), picture, atol=1e-5, rtol=0)
    blurred, shown = drawing.over(drawing.moved(picture)), drawing.frames(picture)
    assert shown.var() > 1.15 * blurred.var()
    assert (shown - blurred).mean().abs() < 0.02  # the same place


def test_large_maps_of_few_channels_are_convolved_with_their_channels_last():
    """Maps beside each other have that layout, of whatever layout they were."""
    vae, seen = tiny(), []
    decoder = vae.reference_decoder
    convolutions = [decoder.levels[-1].compare, decoder.levels[0].compare, decoder.paint_in]
    for convolution in convolutions:
        convolution.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    latents = random(2, CHANNELS, 8, 8)
    vae.draw(latents, vae.encode_reference(random(1, 3, 64, 64), latents[:1]))
    assert len(seen) == len(convolutions)
    assert all(maps.is_contiguous(memory_format=torch.channels_last) for maps in seen)


def test_latents_and_the_plain_decoder_stay_what_they_were():
    vae = tiny()
    plain = ReferenceAutoencoder.__mro__[1](CHANNELS, **SIZES).eval()
    plain.load_state_dict({name: value for name, value in vae.state_dict().items() if "reference" not in name})
    picture = random(2, 3, 32, 32)
    latents = plain.encode(picture).latent_dist.mode()
    assert torch.equal(vae.encode(picture).latent_dist.mode(), latents)
    assert torch.equal(vae.decode(latents).sample, plain.decode(latents).sample)


def test_pictures_are_as_large_as_the_portrait():
    vae = tiny()
    latents = random(2, CHANNELS, 8, 8)
    portrait = interpolate(random(1, 3, 8, 8), (96, 96), mode="bicubic")
    at = {side: vae.encode_reference(resize(portrait, side, side), latents[:1]) for side in (48, 64, 96)}
    frames = {side: vae.decode(latents, reference=reference).sample for side, reference in at.items()}
    assert {side: frame.shape[-2:] for side, frame in frames.items()} == {side: (side, side) for side in at}
    torch.testing.assert_close(resize(frames[96], 64, 64), frames[64], rtol=0, atol=0.1)


def test_one_portrait_serves_all_frames():
    vae = tiny()
    latents, portrait = random(3, CHANNELS, 8, 8), random(1, 3, 64, 64)
    reference = vae.encode_reference(portrait, latents[:1])
    together = vae.decode(latents, return_dict=False, reference=reference)[0]
    alone = torch.cat([vae.decode(frame[None], reference=reference).sample for frame in latents])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)
    torch.testing.assert_close(vae.decode(latents, reference=reference.repeated(3)).sample, together)
    vae.enable_slicing()
    torch.testing.assert_close(vae.decode(latents, reference=reference).sample, together, rtol=0, atol=1e-4)


@pytest.mark.parametrize("changed", ["portrait", "its latents", "latents"])
def test_everything_it_is_given_matters(changed):
    vae = tiny()
    portrait, theirs, latents = (
        random(1, 3, 64, 64),
        random(1, CHANNELS, 8, 8, seed=1),
        random(1, CHANNELS, 8, 8, seed=2),
    )
    before = vae.draw(latents, vae.encode_reference(portrait, theirs))
    portrait = portrait.flip(-1) if changed == "portrait" else portrait
    theirs = -theirs if changed == "its latents" else theirs
    latents = -latents if changed == "latents" else latents
    after = vae.draw(latents, vae.encode_reference(portrait, theirs))
    for name in ("flow", "visibility", "paint"):
        assert not torch.allclose(getattr(before, name), getattr(after, name), atol=1e-6), name


def test_all_of_the_reference_decoder_learns():
    vae = tiny().requires_grad_(True)
    latents = random(2, CHANNELS, 8, 8)
    vae.decode(
        latents, reference=vae.encode_reference(random(1, 3, 64, 64), latents[:1])
    ).sample.square().mean().backward()
    idle = [name for name, parameter in vae.reference_decoder.named_parameters() if parameter.grad is None]
    assert idle == []


def test_saved_and_loaded_it_draws_the_same(tmp_path):
    vae = tiny()
    vae.save_pretrained(tmp_path)
    loaded = ReferenceAutoencoder.from_pretrained(tmp_path)
    latents, portrait = random(1, CHANNELS, 8, 8), random(1, 3, 64, 64)
    first, second = (
        each.decode(latents, reference=each.encode_reference(portrait, latents)).sample for each in (vae, loaded)
    )
    assert torch.equal(first, second)
    assert list(loaded.config["reference_out_channels"]) == [8, 8, 16]


def test_wide_pictures():
    vae = tiny()
    latents = random(1, CHANNELS, 8, 16)
    reference = vae.encode_reference(random(1, 3, 64, 128), latents)
    assert vae.decode(latents, reference=reference).sample.shape == (1, 3, 64, 128)


def test_a_decoder_of_another_depth_is_refused():
    with pytest.raises(ValueError, match="as many entries as block_out_channels"):
        ReferenceAutoencoder(CHANNELS, **SIZES, reference_out_channels=(8, 16))
