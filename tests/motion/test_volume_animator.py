"""VASA-1's face model: what moves what, on networks without training whose layers are filled."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from zero_init import fill_zero_init

from emo.errors import FaceError, OptionError
from emo.motion import CONTROLS
from emo.motion.identity import IdentityEncoder
from emo.motion.pictures import drawn_frames
from emo.motion.vasa import VolumeAnimator
from emo.motion.vasa.rest import against_rest, from_rest
from emo.motion.vasa.volume import POSE, look_up, to_head, to_picture, voxel_centers
from emo.motion.vasa.warp_field import WarpField, moved

SIDE, DYNAMICS = 32, 6
SIZES = {"sample_size": SIDE, "volume_channels": 8, "volume_depth": 4, "block_out_channels": (8, 8, 16)}
SIZES |= {"layers_per_block": 1, "code_channels": (8, 16), "identity_dim": 5, "dynamics_dim": DYNAMICS}
SIZES |= {"warp_channels": (8, 8), "norm_num_groups": 4}


def made(pixel_skip: bool) -> VolumeAnimator:
    torch.manual_seed(0)
    animator = VolumeAnimator(**SIZES, pixel_skip=pixel_skip).eval()
    fill_zero_init(animator)
    with torch.no_grad():
        for field in (animator.rest_warp, animator.motion_warp):
            field.out.weight.mul_(50)  # so that it moves by pixels
    return animator


@pytest.fixture(scope="module", params=[False, True], ids=["paper", "pixel_skip"])
def animator(request) -> VolumeAnimator:
    return made(request.param)


@pytest.fixture(scope="module")
def skipping() -> VolumeAnimator:
    return made(pixel_skip=True)


def pictures(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2 - 1


def poses(**columns) -> torch.Tensor:
    """At rest but for the given columns."""
    count = max((len(values) for values in columns.values()), default=1)
    pose = CONTROLS.rest[: len(POSE)].repeat(count, 1)
    for name, values in columns.items():
        pose[:, POSE.index(name)] = torch.tensor(values)
    return pose


def motion(animator: VolumeAnimator, **columns) -> torch.Tensor:
    pose = poses(**columns)
    return torch.cat([pose, torch.zeros(len(pose), len(animator.space) - len(POSE))], dim=1)


def drawn(animator: VolumeAnimator, appearance, of: torch.Tensor) -> torch.Tensor:
    drawing = animator(appearance, of)
    return drawing.over(drawing.moved(appearance.picture))


def test_a_pose_at_rest_moves_nothing():
    places = voxel_centers((4, 8, 8), torch.device("cpu"))
    assert (to_picture(places, poses()) == places).all()
    volume = torch.rand(1, 2, 4, 8, 8)
    torch.testing.assert_close(look_up(volume, to_head(places, poses())), volume)


def test_poses_mean_what_controls_do():
    nose, ear = torch.tensor([[[0.0, 0, 0.5], [0.5, 0, 0]]]).repeat(6, 1, 1).unbind(1)
    pose = poses(
        yaw=[30.0, 0, 0, 0, 0, 0], pitch=[0, 30.0, 0, 0, 0, 0], roll=[0, 0, 30.0, 0, 0, 0],
        tx=[0, 0, 0, 0.2, 0, 0], ty=[0, 0, 0, 0, 0.2, 0], scale=[1, 1, 1, 1, 1, 1.5],
    )  # fmt: skip
    x, y, _ = to_picture(nose, pose).unbind(-1)
    torch.testing.assert_close(x, torch.tensor([0.25, 0, 0, 0.2, 0, 0]))  # yaw, and the shift: to the right
    torch.testing.assert_close(y, torch.tensor([0, -0.25, 0, 0, -0.2, 0]))  # pitch, and the shift: up
    x, y, z = to_picture(ear, pose).unbind(-1)
    assert y[2] == pytest.approx(0.25)  # clockwise: what is right goes down
    assert z[0] < 0  # where a face turns to is farther from the camera
    assert x[5] == pytest.approx(0.75)


def test_a_head_is_brought_back_from_where_it_was_turned_to():
    places = torch.rand(3, 4, 5, 6, 3) - 0.5
    pose = poses(yaw=[20.0, -50, 0], pitch=[5.0, 10, -9], roll=[0, 30.0, 9], tx=[0.1, 0, 0], scale=[0.7, 1, 1.4])
    torch.testing.assert_close(to_head(to_picture(places, pose), pose), places)


def test_a_shifted_volume_is_the_volume_shifted():
    volume = torch.rand(1, 2, 4, 8, 8)
    places = to_head(voxel_centers((4, 8, 8), torch.device("cpu")), poses(tx=[0.25], ty=[-0.5]))
    shifted = look_up(volume, places)
    torch.testing.assert_close(shifted[..., 2:, 1:], volume[..., :-2, :-1])  # halves of 8 voxels: 1 right, 2 down


def test_a_warp_starts_as_none_and_moves_places_by_what_it_says():
    field = WarpField(3, depth=4, channels=(8, 8), norm_num_groups=4)
    offsets = field(torch.randn(2, 3))
    assert offsets.shape == (2, 3, 4, 8, 8)
    assert not offsets.any()
    places = voxel_centers((4, 8, 8), torch.device("cpu"))
    everywhere = torch.tensor([0.1, 0.2, -0.3]).view(1, 3, 1, 1, 1).expand(1, 3, 4, 8, 8)
    torch.testing.assert_close(moved(places, everywhere), places + torch.tensor([0.1, 0.2, -0.3]))


def test_new_networks_move_no_pixel_whatever_the_dynamics():
    torch.manual_seed(0)
    animator = VolumeAnimator(**SIZES, pixel_skip=True).eval()
    with torch.no_grad():
        appearance = animator.encode(pictures(1), motion(animator))
        still = motion(animator)
        still[:, len(POSE) :] = 3.0
        assert animator(appearance, still).flow.abs().max() < 1e-6
        turned = animator(appearance, motion(animator, tx=[0.2])).flow
    assert (turned[0, 0, :, 5:] < -0.1).all()  # what is drawn stood further to the left
    assert turned[0, 1].abs().max() < 1e-6


def test_own_motion_draws_from_where_it_was():
    """What the encoder did is undone, whatever the pose."""
    torch.manual_seed(0)
    animator = VolumeAnimator(**SIZES, pixel_skip=True).eval()
    with torch.no_grad():
        turned = motion(animator, yaw=[15.0], roll=[-10.0], tx=[0.1], scale=[0.8])
        appearance = animator.encode(pictures(1), turned)
        own, other = (animator(appearance, of).flow[..., 6:-6, 6:-6] for of in (turned, motion(animator)))
    assert own.abs().mean() < 0.2 * other.abs().mean()


@pytest.mark.parametrize("name", POSE)
def test_every_column_of_a_pose_changes_the_picture_and_no_code(animator, name):
    with torch.no_grad():
        appearance = animator.encode(pictures(1))
        changed = motion(animator, **{name: [1.3 if name == "scale" else 0.3 if name in ("tx", "ty") else 20.0]})
        fields = []
        hook = animator.motion_warp.register_forward_hook(lambda *args: fields.append(args[-1]))
        still, other = (drawn(animator, appearance, of) for of in (motion(animator), changed))
        hook.remove()
    assert not torch.allclose(still, other, atol=1e-3)
    assert torch.equal(*fields)


def test_dynamics_and_identity_reach_the_warps_and_the_picture(animator):
    with torch.no_grad():
        appearance = animator.encode(pictures(2))
        own, still = appearance[[0]], motion(animator)
        smiling = still.clone()
        smiling[:, len(POSE)] = 2.0
        swapped = replace(own, identity=appearance.identity[1:])
        before, *after = (drawn(animator, *which) for which in ((own, still), (own, smiling), (swapped, still)))
    assert all((before - other).abs().max() > 1e-4 for other in after)


def test_encoders_are_independent(animator):
    """No gradient of a code reaches another's encoder."""
    animator.zero_grad()
    animator.read(pictures())[:, len(POSE) :].sum().backward()
    learned = {name.split(".")[0] for name, p in animator.named_parameters() if p.grad is not None and p.grad.any()}
    assert learned == {"dynamics_encoder"}


def test_the_portraits_pixels_are_used_only_with_pixel_skip(animator):
    with torch.no_grad():
        appearance = animator.encode(pictures(1))
        other = replace(appearance, picture=-appearance.picture)
        same = torch.equal(
            *(drawn(animator, which, motion(animator, yaw=[5.0])) for which in (appearance, other)),
        )
    assert same != animator.config["pixel_skip"]


def test_a_batch_is_its_rows_and_the_same_again(animator):
    with torch.no_grad():
        appearance = animator.encode(pictures(3))
        of = animator.read(pictures(3)).flip(0)
        together = drawn(animator, appearance, of)
        assert torch.equal(together, drawn(animator, appearance, of))
        for row in range(3):
            alone = animator.encode(pictures(3)[row : row + 1])
            torch.testing.assert_close(drawn(animator, alone, of[row : row + 1])[0], together[row], atol=1e-4, rtol=0)


def test_saved_and_loaded_it_draws_the_same(animator, tmp_path):
    animator.save_pretrained(tmp_path)
    loaded = VolumeAnimator.from_pretrained(tmp_path).eval()
    assert loaded.space == animator.space
    with torch.no_grad():
        a, b = (which(which.encode(pictures(1)), motion(which, yaw=[9.0])).paint for which in (animator, loaded))
    torch.testing.assert_close(a, b)


def test_its_space_has_pose_by_name_and_learned_dynamics(animator):
    space = animator.space
    assert space.names[: len(POSE)] == POSE == ("yaw", "pitch", "roll", "tx", "ty", "scale")
    assert space.index("dynamics") == list(range(len(POSE), len(POSE) + DYNAMICS))
    assert space.columns[: len(POSE)] == CONTROLS.columns[: len(POSE)]


def test_new_networks_read_a_pose_at_rest():
    """Angles come in degrees around rest: the encoder's outputs count deviations of the usual columns."""
    animator = made(pixel_skip=False)
    with torch.no_grad():
        animator.pose_encoder.out.weight.zero_()
        animator.pose_encoder.out.bias.copy_(torch.tensor([1.0, 0, 0, 0, 0, -1]))
        pose = animator.read(pictures(1))[0, : len(POSE)]
    torch.testing.assert_close(pose, torch.tensor([7.0, 0, 0, 0, 0, 0.9]))


def test_it_draws_a_portrait_at_its_own_size(skipping, face):
    appearance = skipping.appearance(face)
    read = skipping.motion([face, face])
    assert read.shape == (2, len(skipping.space))
    frames = skipping.render(appearance, read.repeat(5, 1))
    assert (frames.shape, frames.dtype) == ((10, *face.shape), np.uint8)
    assert np.abs(frames.astype(int) - frames[0]).max() <= 1


def test_a_motion_at_rest_is_the_portrait_as_it_is(skipping, face):
    """Whatever pose is read of it: the same motion moves any portrait from there."""
    appearance = skipping.appearance(face)
    own = skipping.codes([face])
    rest = skipping.motion([face])
    torch.testing.assert_close(rest[:, : len(POSE)], poses())
    assert (own - rest).abs().max() > 0.1
    turned = rest + 0
    turned[:, POSE.index("yaw")], turned[:, POSE.index("scale")] = 9.0, 1.2
    there = own + 0
    there[:, POSE.index("yaw")] += 9
    there[:, POSE.index("scale")] *= 1.2
    with torch.no_grad():
        expected = drawn_frames(skipping(appearance, torch.cat([own, there])).frames(appearance.picture))
    assert np.abs(skipping.render(appearance, torch.cat([rest, turned])).astype(int) - expected).max() <= 1


def test_what_is_read_of_a_face_counts_from_its_median_pose(skipping):
    read = torch.rand(5, len(skipping.space), generator=torch.Generator().manual_seed(2)) + 0.5
    told = against_rest(read)
    torch.testing.assert_close(told[:, : len(POSE)].median(0).values, poses()[0])
    assert torch.equal(told[:, len(POSE) :], read[:, len(POSE) :])
    torch.testing.assert_close(from_rest(told, read[:, : len(POSE)].median(0).values), read)


def test_what_shows_no_face_or_is_not_square_is_refused(skipping, face):
    with pytest.raises(FaceError, match="no face"):
        skipping.appearance(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(FaceError):
        skipping.motion([np.zeros((64, 64, 3), np.uint8)])
    with pytest.raises(OptionError, match="200 x 256"):
        skipping.appearance(np.ascontiguousarray(face[:, 20:220]))


def test_it_works_in_half_precision(animator):
    half = VolumeAnimator.from_config(animator.config).to(torch.bfloat16)
    with torch.no_grad():
        appearance = half.encode(pictures(1).bfloat16())
        assert drawn(half, appearance, motion(half).bfloat16()).dtype == torch.bfloat16


def test_every_parameter_learns(animator):
    animator.zero_grad()
    of = animator.read(pictures())
    drawn(animator, animator.encode(pictures(), of.flip(0)), of).square().mean().backward()
    assert [name for name, p in animator.named_parameters() if p.grad is None] == []


def test_the_papers_size_builds_and_has_its_volume():
    with torch.device("meta"):
        paper = VolumeAnimator(
            sample_size=512, volume_channels=96, volume_depth=16, block_out_channels=(64, 128, 512),
            layers_per_block=6, volume_layers=4, code_channels=(64, 128, 256, 512), identity_dim=512,
            dynamics_dim=128, warp_channels=(512, 256, 128, 64, 32), norm_num_groups=32,
        ).eval()  # fmt: skip
        appearance = paper.encode(torch.zeros(1, 3, 512, 512))
        assert appearance.volume.shape == (1, 96, 16, 64, 64)
        assert paper(appearance, torch.zeros(1, len(paper.space))).paint.shape == (1, 3, 512, 512)


def test_identities_are_unit_vectors_of_the_pictures_middle():
    torch.manual_seed(0)
    encoder = IdentityEncoder(dim=7, channels=(8, 16), sample_size=16, norm_num_groups=4).eval()
    shown = pictures(2)
    framed = shown.clone()
    framed[..., :4] = framed[..., -4:] = 1
    with torch.no_grad():
        found = encoder(shown)
        assert torch.equal(encoder(framed), found)
    assert found.shape == (2, 7)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))
