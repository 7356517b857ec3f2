"""GoHD's pipeline at tiny size: sound to poses, gaze and expressions, streamed, resumed, mixed with a video's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DiffusionPipeline
from pipeline_fixtures import SECONDS
from tiny import fill_zero_init, noise, tiny_gohd

from emo.errors import ConfigError, MotionError, OptionError
from emo.motion import CONTROLS, MotionTrack
from emo.motion.gohd import EXPRESSION, EYES, NavigationAnimator, PoseDenoiser
from emo.pipelines import GoHDPipeline
from emo.pipelines.gohd_motion import ExpressionSampler
from emo.pipelines.gohd_poses import PoseSampler
from emo.pipelines.imputed_sampling import last_frames


@pytest.fixture(scope="module")
def pipe() -> GoHDPipeline:
    return tiny_gohd()


@pytest.fixture
def motion(pipe):
    def make(**options) -> MotionTrack:
        options = {"generator": torch.Generator().manual_seed(0), "num_inference_steps": 2} | options
        return pipe.generate_motion(options.pop("audio", noise(SECONDS)), **options)

    return make


def sampler(pipe: GoHDPipeline, **options) -> PoseSampler:
    return PoseSampler(pipe.denoiser, pipe.scheduler, torch.device("cpu"), num_steps=3, **options)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("gaze", [(0.0, 0.0), "free"])
def test_resumed_equals_uninterrupted(pipe, given, gaze):
    stream = pipe.stream(**given(gaze=gaze, output_type="latent"))
    clips = list(stream)
    assert (len(clips), stream.num_clips) == (3, 3)
    whole = np.concatenate([clip.frames for clip in clips])
    assert len(whole) == 20
    for stopped in range(2):
        rest = pipe(**given(gaze=gaze, output_type="latent", resume_from=clips[stopped].state)).frames
        np.testing.assert_array_equal(rest, whole[len(whole) - len(rest) :])


def test_pictures_know_what_goes_on_around_them_in_all_windows(pipe, given, motion):
    animator = NavigationAnimator(
        sample_size=32,
        latent_dim=8,
        directions=3,
        reach=3,
        motion_dim=8,
        navigator_dim=8,
        block_out_channels=(8, 8, 8),
        code_channels=(8, 8),
        picture_size=128,
    )
    fill_zero_init(animator)
    pipe = GoHDPipeline(**dict(pipe.components) | {"animator": animator.eval()})
    pipe.set_progress_bar_config(disable=True)
    stream = pipe.stream(**given())
    clips = list(stream)
    drawn = np.concatenate([clip.frames for clip in clips])
    expected = pipe.animator.render(pipe.animator.appearance(stream.portrait.image), motion().values)
    apart = np.abs(drawn.astype(int) - expected)  # frames are drawn a few at a time, and rounded
    assert (apart.max() <= 1, (apart > 0).mean() < 1e-4) == (True, True)
    assert (expected[8] != expected[9]).any()
    lengths = [len(clip) for clip in clips]
    assert lengths == [5, 8, 7]  # the last frames of a window wait for the next one
    for stopped in range(2):
        rest = pipe(**given(resume_from=clips[stopped].state)).frames
        np.testing.assert_array_equal(rest, drawn[sum(lengths[: stopped + 1]) :])
    blind = list(pipe.stream(**given(output_type="latent")))
    with pytest.raises(OptionError, match="frames_around"):
        pipe.stream(**given(resume_from=blind[0].state))
    sound, rate = noise(SECONDS)
    options = {name: value for name, value in given().items() if name not in ("image", "audio")}
    live = list(pipe.live(given()["image"], np.array_split(sound, 5), sampling_rate=rate, **options))
    assert [len(clip) for clip in live] == [8, 8, 4]  # nothing waits


def test_a_call_is_the_whole_stream_and_what_is_drawn_of_the_motion(pipe, given, motion, portrait):
    output = pipe(**given())
    np.testing.assert_array_equal(output.frames, np.concatenate([clip.frames for clip in pipe.stream(**given())]))
    assert (output.frames.shape, output.fps) == ((20, 128, 128, 3), 25)
    drawn = pipe.render(portrait, motion(), noise(SECONDS), output_type="uint8").frames
    np.testing.assert_array_equal(drawn, output.frames)


def test_seeds_differ_in_poses_and_eyes(motion):
    one, other = motion(), motion(generator=seeded(1))
    for part in ("pose", "lids", "brows"):
        assert not torch.equal(one[part], other[part]), part
    assert torch.equal(one.values, motion().values)


def test_known_poses_stay_and_new_ones_begin_at_them(pipe):
    audio, known = torch.randn(10, 64, generator=seeded()), torch.randn(4, 6, generator=seeded(1))
    made = sampler(pipe).sequence(audio, known, seeded())
    assert made.shape == (6, 6)
    moved = sampler(pipe).sequence(audio, known + torch.tensor([100.0, 0, 0, 0, 0, 0]), seeded())
    assert (moved[:, 0] - made[:, 0] > 50).all()
    bare = sampler(pipe).sequence(audio, known[:0], seeded())
    assert bare.shape == (10, 6)
    assert ((bare - pipe.denoiser.space.rest).abs() < 100).all()
    later = sampler(pipe).sequence(audio, torch.cat([known[:1], known[1:] + 3]), seeded())
    assert not torch.allclose(later, made)
    other = sampler(pipe).sequence(audio, known.roll(1, 0), seeded())
    assert not torch.allclose(other[:, 1], made[:, 1])


def test_new_poses_are_bent_to_those_before(pipe, motion):
    audio, known = torch.randn(10, 64, generator=seeded()), torch.randn(1, 6, generator=seeded(1)).repeat(4, 1)
    plain, bent = (sampler(pipe, border_frames=n).sequence(audio, known, seeded()) for n in (0, 4))
    jumps = [float((made[0] - known[-1]).abs().sum()) for made in (plain, bent)]
    assert jumps[1] < 0.7 * jumps[0]
    torch.testing.assert_close(bent[4:], plain[4:])
    whole, unbent = motion(gaze="free"), motion(gaze="free", border_frames=0)
    assert torch.equal(whole["pose"][:8], unbent["pose"][:8])
    assert not torch.equal(whole["pose"][8:], unbent["pose"][8:])
    assert torch.equal(whole["gaze"], unbent["gaze"])  # eyes jump as it is


def test_guidance_weighs_what_knows_of_the_first_pose(pipe):
    audio, first = torch.randn(6, 64, generator=seeded()), torch.randn(6, generator=seeded(1))
    noisy, step = torch.randn(1, 6, 6, generator=seeded(2)), torch.tensor(70)
    with torch.no_grad():
        knows, alone, both = (sampler(pipe, guidance=g)._predictor(audio, first)(noisy, step) for g in (1.0, 0.0, 0.4))
        network = pipe.denoiser
        begun = network.space.normalize(first)[None]
        told = network(noisy, step[None], audio[None], begun, torch.tensor([True]))
        torch.testing.assert_close(knows, told)
    torch.testing.assert_close(both, 0.4 * knows + 0.6 * alone)
    assert not torch.allclose(knows, alone)


def test_eyes_alone_do_not_move_lips_and_sound_alone_not_eyes(pipe):
    """What stage 1 is told of eyes is what stage 2 makes."""
    mapper, eyes = pipe.lip_mapper, pipe.eye_generator
    made, _ = ExpressionSampler(mapper, eyes, torch.device("cpu")).expressions(
        torch.randn(6, 64, generator=seeded()), generator=seeded(1)
    )
    with torch.no_grad():
        audio, drawn = torch.randn(6, 64, generator=seeded()), torch.randn(1, 6, 4, generator=seeded(1))
        first = mapper.space.normalize(CONTROLS.only(*EXPRESSION).rest)[None]
        does, _ = eyes(mapper.embed(audio[None]), first, first[:, mapper.space.index(*EYES)], drawn)
        expected = mapper(mapper.embed(audio[None]), first, does)
    torch.testing.assert_close(made, mapper.space.denormalize(expected[0]))


def test_gaze_is_as_given_or_wanders(motion):
    given, free = motion(gaze=(0.5, -0.25)), motion(gaze="free")
    assert torch.equal(given["gaze"], torch.tensor([[0.5, -0.25]]).expand(20, 2))
    assert torch.equal(motion()["gaze"], torch.zeros(20, 2))
    assert free["gaze"].std(0).min() > 0
    assert torch.equal(given["pose"][:8], free["pose"][:8])
    assert not torch.equal(given["pose"][8:], free["pose"][8:])  # nothing is drawn for eyes that are given


def test_strength_moves_all_that_is_generated_from_rest(motion):
    whole, half, none = motion(), motion(motion_strength=0.5), motion(motion_strength=0, gaze=(0.3, 0))
    rest = CONTROLS.rest
    torch.testing.assert_close(half.values - rest, (whole.values - rest) / 2, atol=1e-5, rtol=1e-5)
    assert torch.equal(none.values, MotionTrack.rest(20, 25).set(gaze_x=0.3).values)


def test_pose_guidance_matters(motion):
    assert not torch.equal(motion(pose_guidance=1.0)["pose"], motion(pose_guidance=0.1)["pose"])


def test_mixed_driving(pipe, given, motion):
    nod = MotionTrack.rest(10, 50).set(pitch=torch.linspace(0, 10, 10), jaw=0.5)
    options = {name: value for name, value in given().items() if name not in ("image", "audio")}
    driven = pipe.driven_by(nod, noise(SECONDS), ("pose", "gaze"), **options)
    expected = motion().with_parts(replace(nod.resample(25).fit(20), space=pipe.space), "pose", "gaze")
    assert driven["motion"] == expected
    posed = motion(pose=(10, -5, 2))
    assert torch.equal(posed["yaw"], torch.full((20,), 10.0))
    assert torch.equal(posed["mouth"], motion()["mouth"])


def test_live_is_a_window_after_the_other(pipe, given):
    sound, rate = noise(SECONDS)
    options = {name: value for name, value in given().items() if name not in ("image", "audio")}
    live = pipe.live(given()["image"], np.array_split(sound, 5), sampling_rate=rate, **options)
    assert sum(len(clip) for clip in live) == 20


def test_saved_and_loaded(pipe, given, tmp_path):
    pipe.save_pretrained(tmp_path / "tiny")
    frames = pipe(**given()).frames
    loaded = GoHDPipeline.from_pretrained(tmp_path / "tiny")
    generic = DiffusionPipeline.from_pretrained(tmp_path / "tiny", trust_remote_code=True)
    for other in (loaded, generic):
        other.set_progress_bar_config(disable=True)
        np.testing.assert_array_equal(other(**given()).frames, frames)


def test_under_cpu_offload_nothing_changes(given):
    pipe = tiny_gohd()
    frames = pipe(**given(gaze="free")).frames
    pipe.enable_model_cpu_offload(device="cpu")
    np.testing.assert_array_equal(pipe(**given(gaze="free")).frames, frames)


def test_what_does_not_fit_is_refused(pipe, given):
    parts = dict(pipe.components)
    with pytest.raises(ConfigError, match="predicts the epsilon"):
        GoHDPipeline(**parts | {"scheduler": DDIMScheduler(prediction_type="sample")})
    other = PoseDenoiser.from_config(pipe.gaze_denoiser.config, overlap=3)
    with pytest.raises(ConfigError, match="gaze_denoiser"):
        GoHDPipeline(**parts | {"gaze_denoiser": other})
    other = PoseDenoiser.from_config(pipe.gaze_denoiser.config, prediction_type="sample")
    with pytest.raises(ConfigError, match="what it predicts"):
        GoHDPipeline(**parts | {"gaze_denoiser": other})
    for wrong in ({"pose_guidance": 1.5}, {"motion_strength": -1}, {"gaze": (2, 0)}, {"num_inference_steps": 151}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            pipe.stream(**given(**wrong))
    make = pipe.window_maker(pipe.completed(GoHDPipeline.options_class()), None, None)
    with pytest.raises(MotionError, match="9 frames do not make a window; give 1 to 8"):
        make(torch.zeros(9, 64), pipe.stream(**given()).start, {}, None)


def test_last_frames_are_at_most_those_there_are():
    values = torch.arange(6.0).view(3, 2)
    assert torch.equal(last_frames(values, 2), values[1:])
    assert torch.equal(last_frames(values, 9), values)
    assert len(last_frames(values, 0)) == 0
