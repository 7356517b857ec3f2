"""Sound becomes motion in windows: whole or one by one, resumed or not."""

import itertools
from functools import partial

import pytest
import torch

from emo.errors import MotionError, OptionError
from emo.generation import sample
from emo.motion import CONTROLS, MotionTrack
from emo.motion.vasa import HolisticMotionTransformer
from emo.pipelines.vasa_conditions import MotionControls, window_conditions
from emo.pipelines.vasa_motion import GUIDANCE, START, MotionSampler, generate_motion, motion_scheduler

W, K, A, T = 8, 3, 5, 21
CPU = torch.device("cpu")
SPACE = CONTROLS.measured(torch.randn(50, len(CONTROLS), generator=torch.Generator().manual_seed(0)) * 3 + 2)
CONTROLLED = MotionControls(gaze=(0.4, -0.2), distance=1.1, emotion={"angry": 0.7})


@pytest.fixture(scope="module")
def denoiser() -> HolisticMotionTransformer:
    torch.manual_seed(0)
    sizes = {"window_length": W, "prefix_length": K, "dim": 16, "layers": 2, "heads": 2}
    return HolisticMotionTransformer(
        space=SPACE.to_dict(), audio_dim=A, emotions=["happy", "angry"], distance_mean=1.25, **sizes
    )


@pytest.fixture(scope="module")
def audio() -> torch.Tensor:
    return torch.randn(T, A, generator=torch.Generator().manual_seed(2))


def sampler(denoiser, seed: int = 0, **options) -> MotionSampler:
    options = {"controls": MotionControls.usual(denoiser), "num_steps": 3} | options
    return MotionSampler(denoiser, motion_scheduler(), CPU, generator=torch.Generator().manual_seed(seed), **options)


def windows(denoiser, audio, **options) -> list:
    return list(sampler(denoiser, **options).windows(lambda start, stop: audio[start:stop], len(audio)))


def test_windows_one_by_one_are_the_whole(denoiser, audio):
    whole = generate_motion(sampler(denoiser), audio)
    assert isinstance(whole, MotionTrack)
    assert (len(whole), whole.fps, whole.space) == (T, 25, SPACE)
    parts = windows(denoiser, audio)
    assert [len(part.values) for part in parts] == [8, 8, 5]
    assert (torch.cat([part.values for part in parts]) == whole.values).all()
    live, state = sampler(denoiser), START
    for start in range(0, T, W):
        made = live.window(audio[start : start + W], state)
        assert (made.values == whole.values[start : start + W]).all()
        state = made.state


def test_the_same_seed_moves_alike_and_another_does_not(denoiser, audio):
    first, again, other = (generate_motion(sampler(denoiser, seed), audio) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_resumed_equals_uninterrupted(denoiser, audio):
    parts = windows(denoiser, audio)
    for done in (1, 2):
        resumed = sampler(denoiser, seed=77)  # whose noise would be another
        rest = list(resumed.windows(lambda start, stop: audio[start:stop], T, parts[done - 1].state))
        assert [len(part.values) for part in rest] == [8, 5][done - 1 :]
        for part, expected in zip(rest, parts[done:], strict=True):
            assert (part.values == expected.values).all()


def test_a_window_goes_on_from_motion_and_sound_before_it(denoiser, audio):
    state = windows(denoiser, audio)[0].state
    assert (state.tensors["audio"] == audio[W - K : W]).all()
    first = windows(denoiser, audio)[0].values
    torch.testing.assert_close(SPACE.denormalize(state.tensors["motion"]), first[-K:])
    follows = sampler(denoiser).window(audio[W : 2 * W], state).values
    for name in ("motion", "audio"):
        tensors = {**state.tensors, name: state.tensors[name] + 1}
        other = type(state)(state.next_clip, tensors, state.generator_state)
        assert not torch.allclose(sampler(denoiser).window(audio[W : 2 * W], other).values, follows)


def test_sound_is_asked_for_once_and_only_as_far_as_it_is_needed(denoiser, audio):
    asked = []

    def hear(start: int, stop: int) -> torch.Tensor:
        asked.append((start, stop))
        return audio[start:stop]

    list(itertools.islice(sampler(denoiser).windows(hear, T), 2))
    assert asked == [(0, 8), (8, 16)]


def test_a_short_window_is_the_beginning_of_its_own(denoiser, audio):
    short = sampler(denoiser).window(audio[:4]).values
    longer = torch.cat([audio[:4], torch.full((4, A), 9.0)])
    assert len(short) == 4
    assert not torch.allclose(sampler(denoiser).window(longer).values[:4], short)
    for frames in (0, W + 1):
        with pytest.raises(MotionError, match=f"1 to {W}"):
            sampler(denoiser).window(audio[:1].expand(frames, -1))


def test_a_short_window_is_a_whole_one_with_a_mask(denoiser, audio):
    made = sampler(denoiser, guidance={}).window(audio[:4]).values
    heard = torch.cat([torch.zeros(K, A), audio[:4], torch.zeros(W - 4, A)])
    conditions = window_conditions(denoiser, heard, None, 4, MotionControls.usual(denoiser), {}, CPU)
    noise = torch.randn(1, W, len(CONTROLS), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = sample(motion_scheduler(), partial(conditions.predict, denoiser), noise, 3)[0]
    torch.testing.assert_close(made, SPACE.denormalize(whole[:4]), rtol=1e-4, atol=1e-4)


def test_guidance_is_the_papers_sum(denoiser, audio):
    conditions = window_conditions(denoiser, torch.cat([audio[:K], audio[:W]]), None, W, CONTROLLED, GUIDANCE, CPU)
    torch.testing.assert_close(conditions.weights, torch.tensor([1 + 0.5 + 1.0, -0.5, -1.0]))
    assert conditions.kept["audio"].tolist() == [True, False, True]
    assert conditions.kept["gaze"].tolist() == [True, True, False]
    assert conditions.kept["previous"].tolist() == [False] * 3
    noisy, step = torch.randn(1, W, len(CONTROLS), generator=torch.Generator().manual_seed(4)), torch.tensor(300)

    def alone(**changed) -> torch.Tensor:
        controls = MotionControls(**{**vars(CONTROLLED), **changed})
        heard = window_conditions(denoiser, torch.cat([audio[:K], audio[:W]]), None, W, controls, {}, CPU)
        return heard.predict(denoiser, noisy, step)

    with torch.no_grad():
        whole, blind = alone(), alone(gaze=None)
        only_gaze = window_conditions(
            denoiser, torch.cat([audio[:K], audio[:W]]), None, W, CONTROLLED, {"gaze": 2.0}, CPU
        ).predict(denoiser, noisy, step)
    torch.testing.assert_close(only_gaze, 2 * whole - blind)


def test_what_is_free_costs_no_guidance(denoiser, audio):
    heard = torch.cat([audio[:K], audio[:W]])
    assert len(window_conditions(denoiser, heard, None, W, MotionControls(), GUIDANCE, CPU).weights) == 2
    assert len(window_conditions(denoiser, heard, None, W, MotionControls(), {"audio": 1.0}, CPU).weights) == 1


def test_conditions_lie_where_the_model_works_and_not_where_its_weights_are(denoiser, audio):
    heard = torch.cat([audio[:K], audio[:W]])
    conditions = window_conditions(denoiser, heard, None, W, CONTROLLED, GUIDANCE, torch.device("meta"))
    values = [value for value in vars(conditions).values() if isinstance(value, torch.Tensor)]
    assert {value.device.type for value in [*values, *conditions.kept.values()]} == {"meta"}
    assert denoiser.device == CPU


def test_controls_steer(denoiser, audio):
    assert MotionControls.usual(denoiser) == MotionControls((0.0, 0.0), 1.25, None)
    conditions = window_conditions(denoiser, torch.cat([audio[:K], audio[:W]]), None, W, CONTROLLED, {}, CPU)
    torch.testing.assert_close(conditions.emotion, torch.tensor([[0.0, 0.7]]))
    torch.testing.assert_close(conditions.distance, torch.tensor([[1.1]]))
    free = generate_motion(sampler(denoiser, controls=MotionControls()), audio)
    assert free != generate_motion(sampler(denoiser, controls=CONTROLLED), audio)
    with pytest.raises(OptionError, match=r"no emotion 'sad'; it knows happy, angry"):
        generate_motion(sampler(denoiser, controls=MotionControls(emotion={"sad": 1.0})), audio)


def test_windows_bent_to_the_one_before_go_on_from_it(denoiser, audio):
    def off(**options) -> float:
        values = denoiser.space.normalize(generate_motion(sampler(denoiser, **options), audio).values)
        before, jump, after = values[W - 2 : W + 2].diff(dim=0)
        return float((jump - (before + after) / 2).abs().max())

    assert off(border_frames=10_000) < 1e-4 < off()


def test_a_short_window_is_bent_over_few_of_its_own_frames(denoiser, audio):
    state = windows(denoiser, audio)[0].state

    def made(frames: int, border: int) -> torch.Tensor:
        return sampler(denoiser, border_frames=border).window(audio[W : W + frames], state).values

    for frames, most in ((2, 0), (3, 1), (6, 2), (W, 10)):
        assert torch.equal(made(frames, 10), made(frames, most)), frames
        assert not most or not torch.equal(made(frames, 10), made(frames, most - 1)), frames
