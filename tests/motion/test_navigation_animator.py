"""GoHD's face animator: a latent, directions and what is drawn, on new networks whose layers are filled."""

import numpy as np
import pytest
import torch
from zero_init import fill_zero_init

from emo.errors import ConfigError, FaceError, OptionError
from emo.face import head_pose
from emo.motion import CONTROLS
from emo.motion.gohd import NavigationAnimator
from emo.motion.gohd.animator import frames_around
from emo.motion.gohd.navigation import MotionEncoder
from emo.motion.gohd.navigation_decoder import StyledConvolution
from emo.motion.pictures import portrait_face

SIDE, REACH = 32, 2
SIZES = {"sample_size": SIDE, "latent_dim": 24, "directions": 5, "reach": REACH, "motion_dim": 16}
SIZES |= {"navigator_dim": 16, "block_out_channels": (8, 16, 16), "code_channels": (8, 16), "norm_num_groups": 4}


@pytest.fixture(scope="module")
def animator() -> NavigationAnimator:
    torch.manual_seed(0)
    animator = NavigationAnimator(**SIZES).eval()
    fill_zero_init(animator)
    return animator


def pictures(count: int = 2, side: int = SIDE) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def windows(count: int = 2, **columns: float) -> torch.Tensor:
    """At rest but for the given columns."""
    values = CONTROLS.rest.repeat(count, 2 * REACH + 1, 1)
    for name, value in columns.items():
        values[..., CONTROLS.names.index(name)] = value
    return values


@torch.no_grad()
def drawn(animator: NavigationAnimator, windows: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
    appearance = animator.encode(pictures(len(windows))).moved_by(strength)
    drawing = animator(appearance, windows)
    return drawing.over(drawing.moved(appearance.picture))


def test_directions_are_at_right_angles(animator):
    directions = animator.directions()
    assert directions.shape == (5, 24)
    torch.testing.assert_close(directions @ directions.T, torch.eye(5), atol=1e-5, rtol=0)


def test_steps_lead_along_the_directions_alone(animator):
    rho, latent = torch.randn(3, 16), torch.randn(3, 24)
    eta = animator.navigator(rho, latent)
    within = eta @ animator.directions().T @ animator.directions()
    torch.testing.assert_close(within, eta, atol=1e-5, rtol=1e-4)
    assert eta.abs().max() > 0.01


def test_the_latent_alone_knows_no_motion_and_lambda_leads_there_and_beyond(animator):
    one, other = windows(jaw=1.0), windows(yaw=20.0)
    torch.testing.assert_close(drawn(animator, one, 0.0), drawn(animator, other, 0.0))
    assert (drawn(animator, one) - drawn(animator, other)).abs().max() > 1e-3
    assert (drawn(animator, one, 0.5) - drawn(animator, one)).abs().max() > 1e-4
    appearance = animator.encode(pictures())
    strengths = torch.tensor([0.0, 1.0])
    drawing = animator(appearance, one, strengths)
    both = drawing.over(drawing.moved(appearance.picture))
    torch.testing.assert_close(both[0], drawn(animator, one, 0.0)[0])
    torch.testing.assert_close(both[1], drawn(animator, one)[1])


@pytest.mark.parametrize("name", CONTROLS.names)
def test_every_control_changes_the_picture(animator, name):
    changed = windows(**{name: CONTROLS.rest[CONTROLS.names.index(name)].item() + 1})
    assert (drawn(animator, changed) - drawn(animator, windows())).abs().max() > 1e-5


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("reach", [0, 1, 2, 4, 13])
def test_windows_are_seen_to_their_ends_and_nothing_of_gaze_but_the_middle(reach, pooling):
    torch.manual_seed(0)
    encoder = MotionEncoder(3, 2, reach, 8, pooling)
    window = torch.randn(1, 2 * reach + 1, 3, requires_grad=True)
    encoder(window, torch.zeros(1, 2)).square().sum().backward()
    assert (window.grad.abs().sum(-1) > 0).sum() >= (1 if pooling == "max" else 2 * reach + 1)


def test_pooling_is_of_the_kind_that_is_asked_for():
    torch.manual_seed(0)
    highest = MotionEncoder(3, 2, 4, 8, "max")
    mean = MotionEncoder(3, 2, 4, 8, "average")
    mean.load_state_dict(highest.state_dict())
    still, moving = torch.randn(1, 1, 3).expand(-1, 9, -1), torch.randn(1, 9, 3)
    gaze = torch.zeros(1, 2)
    torch.testing.assert_close(highest(still, gaze), mean(still, gaze))
    assert (highest(moving, gaze) - mean(moving, gaze)).abs().max() > 1e-3


def test_a_styled_convolution_is_one_of_scaled_and_normalized_weights():
    torch.manual_seed(0)
    layer = StyledConvolution(6, 4)
    x, latent = torch.randn(2, 6, 5, 5), torch.randn(2, 4)
    for row in range(2):
        weight = layer.weight * layer.style(latent)[row][None, :, None, None]
        weight = weight * torch.rsqrt(weight.square().sum((1, 2, 3), keepdim=True) + 1e-6)
        own = torch.nn.functional.silu(torch.nn.functional.conv2d(x[row : row + 1], weight, layer.bias, padding=1))
        torch.testing.assert_close(layer(x, latent)[row : row + 1], own, atol=1e-5, rtol=1e-4)


def test_frames_around_repeat_both_ends():
    around = frames_around(torch.arange(4.0)[:, None], 2)[..., 0]
    assert around.tolist() == [[0, 0, 0, 1, 2], [0, 0, 1, 2, 3], [0, 1, 2, 3, 3], [1, 2, 3, 3, 3]]


def test_it_draws_a_portrait_at_its_own_size_frame_by_frame_as_at_once(animator, face):
    picture = face[:64, :64] if face.shape[0] != face.shape[1] else face
    appearance = animator.encode(torch.from_numpy(picture.copy()).movedim(-1, 0)[None] / 127.5 - 1)
    motion = CONTROLS.rest + torch.randn(20, 14, generator=torch.Generator().manual_seed(0))
    frames = animator.render(appearance, motion)
    assert frames.shape == (20, *picture.shape)
    assert frames.dtype == np.uint8
    some = animator.render(appearance, motion[3:8])[2].astype(int)  # which reaches no farther
    assert np.abs(frames[5] - some).max() <= 1
    assert np.abs(frames[4] - some).max() > 1
    assert animator.render(appearance, motion[:0]).shape == (0, *picture.shape)


def test_only_what_is_shown_is_drawn(animator):
    appearance = animator.encode(pictures(1))
    motion = CONTROLS.rest + torch.randn(20, 14, generator=torch.Generator().manual_seed(0))
    some = animator.render(appearance, motion, slice(3, 9))
    assert np.array_equal(some, animator.render(appearance, motion)[3:9])
    assert animator.render(appearance, motion, slice(3, 3)).shape == (0, SIDE, SIDE, 3)


def test_a_latent_may_be_told_where_the_portraits_head_is(face):
    animator = NavigationAnimator(**SIZES, source_pose=True).eval()
    source = CONTROLS.rest.repeat(2, 1)
    source[1, CONTROLS.names.index("yaw")] = 20.0
    blind = animator.encode(pictures()).latent
    torch.testing.assert_close(animator.encode(pictures(), source).latent, blind)  # new ones add nothing
    fill_zero_init(animator)
    told = animator.encode(pictures(), source).latent
    added = animator.source_in(animator.space.normalize(source)[:, animator.space.index("pose")])
    torch.testing.assert_close(told, animator.encode(pictures()).latent + added)
    assert not torch.allclose(*added)
    source[1] = CONTROLS.rest
    source[:, CONTROLS.names.index("jaw")] = 1.0
    torch.testing.assert_close(animator.encode(pictures(), source).latent[0], told[0])  # of the pose alone


def test_the_head_of_a_portrait_is_read(face, monkeypatch):
    animator = NavigationAnimator(**SIZES, source_pose=True).eval()
    given = []
    encode = animator.encode
    monkeypatch.setattr(animator, "encode", lambda picture, source: given.append(source) or encode(picture, source))
    animator.appearance(face)
    pose = head_pose(portrait_face(face).landmarks)
    source = dict(zip(CONTROLS.names, given[0][0].tolist(), strict=True))
    rest = dict(zip(CONTROLS.names, CONTROLS.rest.tolist(), strict=True))
    read = {"yaw": pose.yaw, "pitch": pose.pitch / 2, "roll": pose.roll}
    assert source == pytest.approx(rest | read, rel=1e-5)
    assert any(abs(angle) > 0.1 for angle in read.values())


def test_what_shows_no_face_or_is_not_square_is_refused(animator, face):
    with pytest.raises(FaceError, match="no face"):
        animator.appearance(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(OptionError, match="GoHD's animator draws square ones"):
        animator.appearance(np.concatenate([face, face[:8]]))


def test_saved_and_loaded_it_draws_the_same(animator, tmp_path):
    animator.save_pretrained(tmp_path)
    again = NavigationAnimator.from_pretrained(tmp_path)
    assert torch.equal(drawn(again, windows(jaw=0.5)), drawn(animator, windows(jaw=0.5)))


def test_it_draws_in_half_precision(animator):
    half = NavigationAnimator.from_config(animator.config).to(torch.bfloat16).eval()
    appearance = half.encode(pictures(1).to(torch.bfloat16))
    assert half.render(appearance, CONTROLS.rest.repeat(3, 1)).shape == (3, SIDE, SIDE, 3)


def test_every_parameter_learns(animator):
    learner = NavigationAnimator(**SIZES)
    fill_zero_init(learner)
    appearance = learner.encode(pictures())
    drawing = learner(appearance, windows(jaw=1.0) + torch.randn(2, 2 * REACH + 1, 14))
    drawing.over(drawing.moved(appearance.picture)).square().mean().backward()
    assert [n for n, p in learner.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="sample_size is 48"):
        NavigationAnimator(**SIZES | {"sample_size": 48})
    with pytest.raises(ConfigError, match="give max or average"):
        NavigationAnimator(**SIZES, pooling="sum")


def test_the_papers_size_builds():
    with torch.device("meta"):
        animator = NavigationAnimator()
    assert len(animator.navigator.codebook.T) == 20
    assert 30e6 < sum(p.numel() for p in animator.parameters()) < 80e6
