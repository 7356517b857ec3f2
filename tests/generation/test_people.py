"""Several people in one picture: each with a sound of its own, by any system."""

import numpy as np
import pytest
import torch
from tiny import noise, tiny_pipeline, tiny_vasa

from emo.errors import AudioError, FaceError, OptionError
from emo.generation import ResumePoint, fingerprint, generate_people, stream_people

SOUNDS = {1: noise(0.6), 2: noise(0.3, seed=1)}
QUICK = {"num_inference_steps": 1, "output_type": "uint8"}


@pytest.fixture(scope="module")
def two(portrait) -> np.ndarray:
    """Two faces, (320, 640, 3)."""
    one = portrait[:320, 60:380]
    return np.concatenate([one, one[:, ::-1]], 1)


@pytest.fixture(scope="module")
def vasa():
    return tiny_vasa()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def made(vasa, two):
    return generate_people(vasa, two, SOUNDS, generator=seeded(), **QUICK)


def test_every_face_is_drawn_as_it_would_be_alone_and_nothing_else_changes(vasa, two, made):
    assert made.frames.shape == (15, *two.shape)
    stream = stream_people(vasa, two, SOUNDS, generator=seeded(), **QUICK)
    alone = vasa(two, SOUNDS[1], face=1, paste_back=True, idle=True, generator=seeded(), **QUICK)
    left, top, right, bottom = map(round, stream.parts[0].portrait.face.box)
    apart = np.abs(made.frames.astype(int) - alone.frames)[:, top:bottom, left:right]
    assert apart.max() <= 1
    for x in (2, 319, 320, 637):
        np.testing.assert_array_equal(made.frames[:, :, x], np.repeat(two[None, :, x], 15, 0))
    right = made.frames[:, :, 320:].astype(int) - two[:, 320:]
    assert np.abs(right).max() > 20


def test_all_are_heard(made):
    heard = np.concatenate(list(made.audio.blocks()))[:, 0]
    expected = SOUNDS[1][0].copy()
    expected[: len(SOUNDS[2][0])] += SOUNDS[2][0]
    np.testing.assert_allclose(heard, expected, atol=1e-6)


def test_whoever_has_no_sound_listens(vasa, two, made):
    listening = generate_people(vasa, two, {1: SOUNDS[1], 2: None}, generator=seeded(), **QUICK)
    np.testing.assert_array_equal(listening.frames[:, :, :320], made.frames[:, :, :320])
    assert (listening.frames[:, :, 320:] != made.frames[:, :, 320:]).any()
    assert (np.diff(listening.frames[:, :, 320:].astype(int), axis=0) != 0).any()


def test_a_seed_repeats_it_and_faces_have_noise_of_their_own(vasa, two, made):
    again = generate_people(vasa, two, SOUNDS, generator=seeded(), **QUICK)
    np.testing.assert_array_equal(again.frames, made.frames)
    assert (again.origin["seed"], again.origin["faces"]) == (0, [1, 2])
    states = [part.run.generator.get_state() for part in stream_people(vasa, two, SOUNDS, generator=seeded()).parts]
    assert not torch.equal(*states)


def test_resumed_equals_uninterrupted(vasa, two, made, tmp_path):
    stream = stream_people(vasa, two, SOUNDS, generator=seeded(), **QUICK)
    clip = next(iter(stream))
    point = ResumePoint(clip.state, 0, fingerprint(stream, 0))
    point.save(tmp_path / "r")
    loaded = ResumePoint.load(tmp_path / "r")
    rest = stream_people(vasa, two, SOUNDS, generator=seeded(9), resume_from=loaded.state, **QUICK)
    frames = np.concatenate([clip.frames for clip in rest])
    np.testing.assert_array_equal(frames, made.frames[len(clip) :])
    with pytest.raises(OptionError, match="other faces"):
        stream_people(vasa, two, {1: SOUNDS[1]}, generator=seeded(), resume_from=loaded.state, **QUICK)


def test_the_fingerprint_tells_who_says_what(vasa, two):
    marks = fingerprint(stream_people(vasa, two, SOUNDS, **QUICK), 0)
    swapped = fingerprint(stream_people(vasa, two, {1: SOUNDS[2], 2: SOUNDS[1]}, **QUICK), 0)
    assert {name for name in marks if marks[name] != swapped[name]} == {"audio"}


def test_other_systems_do_it_too(two):
    out = generate_people(tiny_pipeline(), two, SOUNDS, generator=seeded(), audio_guidance_scale=1, **QUICK)
    assert out.frames.shape == (15, *two.shape)
    np.testing.assert_array_equal(out.frames[:, :, 319], np.repeat(two[None, :, 319], 15, 0))
    assert all((out.frames[:, :, half] != two[:, half]).any() for half in (slice(320), slice(320, None)))


def test_what_cannot_be_done_is_said(vasa, two, portrait):
    for sounds, options, error, words in (
        ({1: SOUNDS[1], 3: SOUNDS[2]}, {}, FaceError, "no face 3, 2 faces are found"),
        ({1: None, 2: None}, {}, AudioError, "nobody has a sound"),
        ({}, {}, AudioError, "nobody has a sound"),
        (SOUNDS, {"face": 1}, OptionError, "face: faces are named with their sounds"),
        (SOUNDS, {"output_type": "latent"}, OptionError, "latent"),
        (SOUNDS, {"cache_interval": 2}, OptionError, "forecasts are of one face"),
    ):
        with pytest.raises(error, match=words):
            stream_people(vasa, two, sounds, **{**QUICK, **options})
