"""The articulation hears 0.2 s ahead at most, and the same in pieces as in one."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from emo.articulation import MEASURES, ArticulationNetwork, Articulator, Mouth
from emo.articulation.features import HOP, log_mel, mel_filters
from emo.articulation.sounds import SHUT
from emo.errors import AudioError

RATE = 16000


@pytest.fixture(scope="module")
def articulator() -> Articulator:
    torch.manual_seed(0)
    return Articulator(ArticulationNetwork(mels=12, channels=8, dilations=(1, 2, 4), look_ahead=7).eval())


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise that comes and goes, as syllables do."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * rng.normal(0, 1, len(time)) * np.sin(2 * np.pi * 1.5 * time) ** 2).astype(np.float32)


def table(mouth: Mouth) -> np.ndarray:
    return np.stack([getattr(mouth, f.name) for f in fields(Mouth)], 1)


@pytest.mark.parametrize("fps", [25.0, 30.0, 24000 / 1001, 60.0])
def test_frames_hear_no_more_than_200_ms_ahead(articulator, fps):
    sound = voice(4)
    other = sound.copy()
    cut = 2.5
    other[round(cut * RATE) :] = voice(4, seed=1)[round(cut * RATE) :]
    same = (table(articulator(sound, fps)) == table(articulator(other, fps))).all(1)
    middles = (np.arange(len(same)) + 0.5) / fps
    assert same[middles <= cut - 0.2].all()
    assert not same[middles > cut].any()
    assert articulator.look_ahead <= 0.2
    assert same[middles <= cut - articulator.look_ahead].all()


def test_frames_do_hear_ahead(articulator):
    sound = voice(4)
    other = sound.copy()
    other[round(2.5 * RATE) :] = 0
    changed = (table(articulator(sound)) != table(articulator(other))).any(1)
    middles = (np.arange(len(changed)) + 0.5) / 25
    assert changed[(middles > 2.5 - 0.14) & (middles < 2.5)].all()


@pytest.mark.parametrize("fps", [25.0, 30.0])
@pytest.mark.parametrize("piece", [160, 401, 8000])
def test_a_stream_equals_the_whole(articulator, piece, fps):
    sound = voice(2.3)
    stream = articulator.stream(fps)
    parts = [stream.push(sound[i : i + piece]) for i in range(0, len(sound), piece)]
    streamed = Mouth.join([*parts, stream.finish()])
    np.testing.assert_allclose(table(streamed), table(articulator(sound, fps)), atol=1e-5)


def test_a_stream_gives_frames_as_soon_as_it_can(articulator):
    stream = articulator.stream(25)
    given = sum(len(stream.push(piece)) for piece in np.split(voice(3), 30))
    assert given >= 75 - np.ceil(articulator.look_ahead * 25)


def test_long_recordings_are_heard_in_pieces(articulator, monkeypatch):
    sound = voice(3)
    whole = table(articulator(sound))
    monkeypatch.setattr("emo.articulation.articulator.PIECE", 7777)
    np.testing.assert_allclose(table(articulator(sound)), whole, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 159, 640, 641, 16001])
def test_every_frame_of_a_short_sound_is_there(articulator, samples):
    mouth = articulator(voice(2)[:samples], 25)
    assert len(mouth) == -(-samples * 25 // RATE)
    assert np.isfinite(table(mouth)).all()


def test_gain_and_silence_matter_not(articulator):
    sound = voice(2)
    assert np.abs(table(articulator(sound)) - table(articulator(sound * 0.5)))[40:].max() < 0.02
    assert np.isfinite(table(articulator(np.zeros(RATE, np.float32)))).all()


@pytest.mark.parametrize(
    "sound", [np.zeros(0), np.full(800, np.nan), np.array([0.0, np.inf]), np.zeros((2, 800))], ids=str
)
def test_what_is_no_recording_is_refused(articulator, sound):
    with pytest.raises(AudioError):
        articulator(sound)


def test_frames_need_a_rate(articulator):
    with pytest.raises(ValueError, match="fps"):
        articulator(voice(1), 0)


def test_the_gain_leaves_rest_where_it_is():
    torch.manual_seed(0)
    options = dict(mels=12, channels=8, dilations=(1, 2), mean=[0.5] * len(MEASURES))
    plain = ArticulationNetwork(**options).eval()
    lively = ArticulationNetwork(**options, gain=[2.0] * len(MEASURES), rest=[0.1] * len(MEASURES)).eval()
    lively.load_state_dict(plain.state_dict())
    small, large = Articulator(plain)(voice(1)), Articulator(lively)(voice(1))
    np.testing.assert_allclose(large.width - 0.6, 2 * (small.width - 0.6), atol=1e-5)


def test_lips_meet_where_p_b_or_m_is_heard():
    torch.manual_seed(0)
    network = ArticulationNetwork(mels=12, channels=8, dilations=(1, 2), mean=[0.5] * len(MEASURES)).eval()
    assert Articulator(network)(voice(1)).opening.min() > 0
    with torch.no_grad():
        network.sounds.bias[SHUT] = 50
    mouth = Articulator(network)(voice(1))
    assert mouth.lips_shut.min() > 0.99
    assert mouth.opening.max() == 0
    assert mouth.width.min() > 0


def test_features_are_leveled_by_what_was_heard_before():
    filters = mel_filters(12)
    sound = voice(2)
    loud, quiet = log_mel(sound, filters), log_mel(sound * 0.25, filters)
    late = 100  # hops, once the loudest was heard
    torch.testing.assert_close(loud[:, late:], quiet[:, late:], atol=0.02, rtol=0)
    assert loud.shape == (12, len(sound) // HOP + 1)
