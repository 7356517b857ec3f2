"""The articulation learns from talkers and voices; what it learns from is what it says it is."""

# ruff: noqa: RUF001 (letters of the phonetic alphabet)

import json

import numpy as np
import pytest
import torch

from emo.articulation import MEASURES, SOUNDS, Mouth, load_articulation
from emo.articulation.phones import TRAITS, Phone, pieces, sound_of, timeline
from emo.training.articulation import ArticulationStage, ArticulationTrainingConfig
from emo.training.articulation.disturb import Disturber
from emo.training.articulation.figures import bilabials_shut, follow, pitched
from emo.training.articulation.phone_mouth import learn_phone_mouth, lips_shut
from emo.training.articulation.samples import ArticulationSamples, Source
from emo.training.articulation.talks import UNKNOWN, Talk, read_talks
from emo.training.loop import make_accelerator, train
from emo.training.script import load_settings

RATE = 16000
PHONES = [Phone("", 0, 0.3), Phone("b", 0.3, 0.4), Phone("aɪ", 0.4, 0.7), Phone("m", 0.7, 0.8), Phone("", 0.8, 1.2)]


def talk(name: str, seed: int, *, mouth: bool = True, phones: list[Phone] | None = PHONES) -> Talk:
    """A second of noise, loud where the mouth is open."""
    rng = np.random.default_rng(seed)
    level = np.abs(np.sin(np.arange(30) / 4 + seed))
    sound = rng.normal(0, 3000, 30 * 640) * np.repeat(level, 640)
    rows = np.outer(level, np.linspace(1, 2, len(MEASURES))) + rng.normal(0, 0.01, (30, len(MEASURES)))
    return Talk(name, "test", sound.astype(np.int16), rows if mouth else None, 25.0, phones)


@pytest.fixture
def folders(tmp_path):
    """Options that name tiny folders of talks."""
    for folder, mouth in (("talkers", True), ("voices", False)):
        (tmp_path / folder).mkdir()
        for i in range(4):
            talk(f"{folder}{i}", i, mouth=mouth).write(tmp_path / folder)
    return [
        *(f"data.{name}={tmp_path / name}" for name in ("talkers", "voices")),
        f"data.measured={tmp_path / 'talkers'}",
        f"data.aligned={tmp_path / 'talkers'}",
        *("data.seconds=1.0", "data.batch_size=2", "data.held_out=2"),
        *("model.mels=8", "model.channels=8", "model.dilations=[1,2]", "loss.phone_steps=2"),
        *("train.steps=2", "train.tensorboard=false", "train.optimizer.learning_rate=1e-2"),
    ]


def run(arguments: list[str]) -> int:
    config, resume = load_settings(ArticulationTrainingConfig, arguments)
    accelerator = make_accelerator(config.train)
    return train(ArticulationStage(config, accelerator), config.train, accelerator, resume)


def test_training_twice_gives_the_same_network_and_a_report(folders, tmp_path):
    weights = []
    for name in ("first", "second"):
        assert run([*folders, f"train.output={tmp_path / name}", "train.validate_every=2"]) == 0
        network = load_articulation(tmp_path / name / "model")
        weights.append(network.state_dict())
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])
    report = json.loads((tmp_path / "first/model/report.json").read_text())
    assert set(report["kept_aside"]["r"]) == set(MEASURES)
    assert {"noise, 20 dB", "room", "8 kHz", "+4 semitones", "bilabials shut"} <= set(report["measured"])
    # The gain makes up for timid guesses, whatever the network.
    assert report["kept_aside"]["deviation"]["width"] == pytest.approx(1.05, abs=0.25)


def test_training_goes_on_from_trained_weights_over_another_standard(folders, tmp_path):
    assert run([*folders, f"train.output={tmp_path / 'first'}"]) == 0
    trained = load_articulation(tmp_path / "first/model")
    config, _ = load_settings(
        ArticulationTrainingConfig,
        [*folders, "data.held_out=3", f"train.output={tmp_path / 'x'}", f"model.init={tmp_path / 'first/model'}"],
    )
    stage = ArticulationStage(config, make_accelerator(config.train))
    features = np.random.default_rng(0).normal(size=(1, 8, 60))
    stage.networks.eval()
    features = torch.tensor(features, dtype=torch.float32)
    old = trained(features)[0][0].T.numpy() * trained.config.deviation + trained.config.mean
    new = stage.networks(features)[0][0].T.detach().numpy() * stage.deviation + stage.mean
    np.testing.assert_allclose(new, old, atol=1e-4)


def test_samples_are_drawn_from_their_numbers(folders, tmp_path):
    source = Source([talk("a", 0), talk("b", 1, mouth=False, phones=None)], 1.0, 0.5)
    samples = ArticulationSamples([source], seed=3, seconds=0.8, mels=8)
    one, again, other = samples[5], samples[5], samples[6]
    assert (one.features == again.features).all()
    assert one.features.shape == (1, 8, 2 * (samples.steps - 1) + 1)
    assert not (one.features == other.features).all()
    drawn = [samples[i] for i in range(12)]
    assert {float(s.weight) for s in drawn} == {0.0, 0.5}
    assert all((s.sounds == UNKNOWN).all() for s in drawn if s.names == ("b",))
    assert all((s.sounds != UNKNOWN).all() for s in drawn if s.names == ("a",))


def test_sounds_and_mouths_stay_together_at_any_speed():
    # A click in a talk of silence, where the mouth is open for that one moment alone.
    sound = np.zeros(2 * RATE, np.int16)
    sound[RATE : RATE + 400] = 20000
    mouth = np.zeros((50, len(MEASURES)))
    mouth[25] = 1.0
    samples = ArticulationSamples([Source([Talk("click", "x", sound, mouth, 25.0, None)], 1.0, 1.0)], 0, 1.6, 8)
    samples.disturb = lambda waveform, rng: waveform
    for number in range(8):
        sample = samples[number]
        heard = float(sample.features[0].mean(0).argmax()) / 2
        assert abs(heard - float(sample.mouth[0, 0].argmax())) <= 2


def test_phones_have_the_sounds_and_traits_they_should():
    assert [piece.letter for piece in pieces([Phone("aɪ", 0, 1), Phone("tʃ", 1, 2), Phone("", 2, 3)])] == [
        *"aɪtʃ",
        None,
    ]
    assert {SOUNDS[sound_of(letter)] for letter in "pbm"} == {"p b m"}
    assert {SOUNDS[sound_of(letter)] for letter in "fv"} == {"f v"}
    traits, classes = timeline([Phone("h", 0, 0.1), Phone("u", 0.1, 0.2)], 20, 100.0)
    assert (traits[:, TRAITS.index("rounding")] == 1).all()  # h is said with the lips of what follows
    assert [SOUNDS[c] for c in (classes[0], classes[15])] == ["h", "u"]


def test_lips_meet_in_bilabials_and_nowhere_else():
    mouth = np.full((120, len(MEASURES)), 0.1)
    closed = lips_shut(mouth, PHONES, 100.0)
    opening, height = closed[:, MEASURES.index("opening")], closed[:, MEASURES.index("height")]
    assert opening[32:38].max() < 1e-9
    assert opening[50:60] == pytest.approx(0.1)
    assert height[35] == pytest.approx(0.0)


def test_the_mouth_of_phones_is_learned():
    rng = np.random.default_rng(0)
    talks = []
    for i in range(4):
        times = np.sort(rng.uniform(0, 3, 8))
        phones = [Phone("a" if j % 2 else "m", times[j], times[j + 1]) for j in range(7)]
        vowel = timeline(phones, 75, 25.0)[0][:, TRAITS.index("openness")]
        mouth = np.tile(vowel[:, None], (1, len(MEASURES)))
        talks.append(Talk(str(i), "x", np.zeros(3 * RATE, np.int16), mouth, 25.0, phones))
    network = learn_phone_mouth(talks, np.zeros(len(MEASURES)), np.ones(len(MEASURES)), 40, 0)
    said = network.speak([Phone("m", 0, 0.5), Phone("ɑ", 0.5, 1.0), Phone("p", 1.0, 1.5)], 150)
    assert said[75, 0] > 0.5 + max(said[25, 0], said[125, 0])  # of letters that were never seen


class Puppet:
    """An articulator that opens the mouth as it is told."""

    def __init__(self, opening: np.ndarray):
        self.opening = opening

    def __call__(self, waveform: np.ndarray, fps: float) -> Mouth:
        opening = np.interp((np.arange(len(waveform) * fps // RATE) + 0.5) / fps, np.arange(120) / 100, self.opening)
        return Mouth(*[opening] * 8, *[np.zeros(len(opening))] * 3)


def test_bilabials_count_as_shut_where_the_mouth_is():
    one = [Talk("x", "x", np.zeros(round(1.2 * RATE), np.int16), None, 25.0, PHONES)]
    shut = np.full(120, 0.1)
    shut[30:41] = shut[70:81] = 0.01
    assert bilabials_shut(Puppet(shut), one) == 1.0
    shut[70:81] = 0.1
    assert bilabials_shut(Puppet(shut), one) == 0.5


def test_figures_tell_whether_a_mouth_follows():
    wave = np.abs(np.sin(np.arange(120) / 9))
    mouth = np.interp((np.arange(30) + 0.5) / 25, np.arange(120) / 100, wave)
    real = Talk("x", "x", np.zeros(round(1.2 * RATE), np.int16), np.tile(mouth[:, None] * 2, (1, 8)), 25.0, None)
    found = follow(Puppet(wave), [real])
    assert found["r"][0]["opening"] == pytest.approx(1, abs=1e-6)
    assert found["deviation"][0]["opening"] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("semitones", [4, -4])
def test_pitch_moves_and_pace_stays(semitones):
    tone = np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE) * np.repeat([0.0, 1.0, 0.0, 1.0], RATE // 2)
    moved = pitched(tone, semitones)
    assert len(moved) == len(tone)
    loud = np.sqrt((moved[RATE // 2 + 2000 : RATE - 2000] ** 2).mean())
    still = np.sqrt((moved[RATE + 3000 : 3 * RATE // 2 - 2000] ** 2).mean())
    assert loud > 10 * still
    peak = np.abs(np.fft.rfft(moved[RATE // 2 : RATE])).argmax() * 2
    assert peak == pytest.approx(200 * 2 ** (semitones / 12), abs=4)


def test_what_disturbs_a_voice_comes_from_its_draw():
    disturb = Disturber(0, noises=4)
    voice = np.sin(np.arange(RATE) / 5)
    heard = [disturb(voice, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert (heard[0] == heard[1]).all()
    assert not (heard[0] == heard[2]).all()
    assert all(len(h) == len(voice) for h in heard)


def test_talks_are_read_as_written(tmp_path):
    written = talk("name", 1)
    written.write(tmp_path)
    (read,) = read_talks(str(tmp_path), "data.talkers")
    assert (read.name, read.kind, read.fps, read.phones) == ("name", "test", 25.0, PHONES)
    np.testing.assert_array_equal(read.sound, written.sound)
    np.testing.assert_allclose(read.mouth, written.mouth, atol=1e-6)
