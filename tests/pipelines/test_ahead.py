"""Clips that are denoised while the ones before are decoded and used."""

import threading
from threading import Event

import pytest
import torch
from threads import one_thread  # noqa: F401 (a fixture)
from tiny import noise

from emo.errors import GenerationError
from emo.generation.ahead import NotWanted, made_ahead

SEVERAL = {"audio_guidance_scale": 1, "num_inference_steps": 2, "output_type": "uint8"}  # clips of 4 frames


@pytest.fixture
def stream(pipe, portrait):
    """`stream(seconds)`: of one seed, by one thread of PyTorch each."""
    pipe.denoise_ahead = True

    def make(seconds: float = 0.6, **options):
        return pipe.stream(portrait, noise(seconds), generator=torch.Generator().manual_seed(3), **SEVERAL, **options)

    return make


@pytest.fixture
def steps(pipe, monkeypatch) -> list[str]:
    """Where the backbone is at work, step for step."""
    names, forward = [], pipe.unet.forward
    monkeypatch.setattr(
        pipe.unet, "forward", lambda *a, **k: names.append(threading.current_thread().name) or forward(*a, **k)
    )
    return names


def alive() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_frames_states_and_order_are_those_of_the_plain_way(pipe, stream, steps):
    ahead = list(stream())
    assert len(ahead) == 4
    assert set(steps) == {"ahead_0"}
    steps.clear()
    pipe.denoise_ahead = False
    plain = list(stream())
    assert set(steps) == {threading.current_thread().name}
    for one, other in zip(ahead, plain, strict=True):
        assert one.index == other.index
        assert one.frames.tobytes() == other.frames.tobytes()
        assert torch.equal(one.state.generator_state, other.state.generator_state)
        assert all(torch.equal(tensor, other.state.tensors[name]) for name, tensor in one.state.tensors.items())
    assert alive() == []


def test_it_goes_on_from_any_clip(stream):
    whole = list(stream())
    rest = list(stream(resume_from=whole[1].state))
    assert [clip.frames.tobytes() for clip in rest] == [clip.frames.tobytes() for clip in whole[2:]]


def test_a_callback_is_called_by_who_asked_for_the_frames(stream):
    names = []
    watch = lambda pipe, step, timestep, tensors: names.append(threading.current_thread().name) or tensors
    clips = iter(stream(callback_on_step_end=watch))
    next(clips)
    assert names == [threading.current_thread().name] * 2


def test_by_default_it_takes_several_threads(pipe, stream, steps, monkeypatch):
    pipe.denoise_ahead = None
    assert torch.get_num_threads() == 1
    list(stream(0.1))
    assert "ahead_0" not in steps
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    list(stream(0.1))
    assert "ahead_0" in steps


def test_closing_stops_at_the_next_step(pipe, stream, steps, monkeypatch):
    held, go_on, counted = Event(), Event(), pipe.unet.forward

    def forward(*args, **given):
        if len(steps) == 2:  # of the second clip, while the first is in use
            held.set()
            assert go_on.wait(20)
        return counted(*args, **given)

    monkeypatch.setattr(pipe.unet, "forward", forward)
    clips = iter(stream())
    assert next(clips).index == 0
    assert held.wait(20)
    threading.Timer(0.1, go_on.set).start()
    clips.close()
    assert len(steps) == 3
    assert alive() == []


def test_what_goes_wrong_is_raised_in_its_clip_s_place(pipe, stream, steps, monkeypatch):
    """Of denoising, in the other thread, and of decoding, in this one."""
    counted, decode, nan = pipe.unet.forward, pipe.decode, float("nan")
    monkeypatch.setattr(pipe.unet, "forward", lambda *a, **k: counted(*a, **k) * (nan if len(steps) == 4 else 1))
    clips = iter(stream())
    assert next(clips).index == 0
    with pytest.raises(GenerationError, match=r"clip 2 .* at step 2"):
        next(clips)
    assert alive() == []
    monkeypatch.setattr(pipe.unet, "forward", counted)
    decoded = []
    fail = lambda *a, **k: decode(*a, **k) * (nan if decoded.append(1) or len(decoded) == 2 else 1)
    monkeypatch.setattr(pipe, "decode", fail)
    clips = iter(stream())
    assert next(clips).index == 0
    with pytest.raises(GenerationError, match=r"clip 2 .* in the frames"):
        next(clips)
    assert alive() == []


def test_one_item_is_made_ahead_and_no_more():
    made, asked = [], [Event() for _ in range(5)]

    def items():
        for number in range(4):
            made.append(number)
            asked[number].set()
            yield number

    ahead = made_ahead(items(), Event())
    for number in range(4):
        assert next(ahead) == number
        assert number == 3 or asked[number + 1].wait(20)
        assert not asked[min(number + 2, 4)].wait(0.05)
    assert list(ahead) == []
    assert made == [0, 1, 2, 3]


def test_an_interruption_ends_the_thread():
    unwanted = Event()

    def items():
        yield 0
        assert unwanted.wait(20)
        raise NotWanted

    ahead = made_ahead(items(), unwanted)
    assert next(ahead) == 0
    with pytest.raises(KeyboardInterrupt):
        ahead.throw(KeyboardInterrupt)
    assert alive() == []


def test_as_many_threads_work_on_it_as_where_it_is_asked_for():
    torch.set_num_threads(2)
    try:
        assert list(made_ahead((torch.get_num_threads() for _ in range(1)), Event())) == [2]
    finally:
        torch.set_num_threads(1)
