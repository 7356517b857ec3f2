"""What the audio encoder learns of talks: sounds and mouths at the states' times, each where it is known, and what is
said of talks never learned from."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from run_log import log

from emo.articulation import MEASURES, SOUNDS
from emo.articulation.phones import Phone
from emo.errors import ConfigError
from emo.training.articulation.talks import UNKNOWN, Talk
from emo.training.audio_encoder import AudioEncoderStage, AudioEncoderTrainingConfig
from emo.training.audio_encoder.config import AudioEncoderStartConfig, SpeechDataConfig, SpeechLossConfig
from emo.training.audio_encoder.figures import SHOWN, lips_followed, report, sounds_told
from emo.training.audio_encoder.samples import SpeechBatch, SpeechSamples, StateTimes
from emo.training.audio_encoder.talks import TalkPieces
from emo.training.config import LoopConfig
from emo.training.loop import make_accelerator, train

RATE, TIMES = 16000, StateTimes(hop=320, field=400)
MODEL = Path(__file__).parents[2] / "configs" / "train" / "smoke" / "model.yaml"
LOUD = ((0.5, 0.8), (1.1, 1.2), (1.5, 1.9))  # seconds


def loud(times: np.ndarray) -> np.ndarray:
    """Whether the voice is heard, at times in seconds, (T,)."""
    return np.any([(times >= start) & (times < end) for start, end in LOUD], axis=0)


def middles(seconds: float, rate: float) -> np.ndarray:
    return (np.arange(int(seconds * rate)) + 0.5) / rate


def talk(name: str, *, seconds: float = 2.0, mouth: bool = True, phones: bool = True) -> Talk:
    """Noise that is heard while an "m" is said by an open mouth."""
    fps, rng = 100.0, np.random.default_rng(0)
    sound = rng.normal(0, 3000, int(seconds * RATE)) * loud(middles(seconds, RATE))
    said = [Phone("m", start, end) for start, end in LOUD if end < seconds] if phones else None
    lips = np.outer(loud(middles(seconds, fps)), np.arange(1, 9))
    lips = lips + rng.normal(0, 0.01, lips.shape)
    return Talk(name, "test", sound.astype(np.int16), lips if mouth else None, fps, said)


def pieces(talkers=(), voices=(), share=1.0, voice_share=0.5) -> TalkPieces:
    return TalkPieces(talkers, voices, share, voice_share, lambda waveform, rng: waveform)  # type: ignore[arg-type]


def drawn(source: TalkPieces, count: int = 12, seconds: float = 1.0):
    samples = round(seconds * RATE)
    rng = np.random.default_rng(3)
    return [source.draw(samples, TIMES.centers(samples), rng) for _ in range(count)]


def test_at_every_speed_the_sounds_and_the_mouth_are_those_that_are_heard():
    for piece in drawn(pieces([talk("a")])):
        windows = np.lib.stride_tricks.sliding_window_view(piece.clean, TIMES.field)[:: TIMES.hop]
        heard = windows.std(1) > 0.03
        assert heard.any()
        assert ((piece.sounds == SOUNDS.index("p b m")) == heard).mean() > 0.9
        assert np.corrcoef(piece.lips[:, 0], heard)[0, 1] > 0.85
        assert piece.seen.all()


def test_beyond_a_talks_end_no_mouth_was_seen_and_nothing_is_said():
    for piece in drawn(pieces([talk("a", seconds=0.9)]), 4, seconds=1.5):
        quiet = np.flatnonzero(piece.seen)[-1] + 2
        assert 36 < quiet < 58
        assert not piece.clean[quiet * TIMES.hop :].any()
        assert piece.sounds[quiet:].max() == 0


def test_what_no_one_knows_is_marked():
    unlabeled, unread = (
        drawn(pieces([talk("a", phones=False)]), 1)[0],
        drawn(pieces([], [talk("b", mouth=False)]), 1)[0],
    )
    assert set(unlabeled.sounds) == {UNKNOWN}
    assert unlabeled.seen.all()
    assert UNKNOWN not in unread.sounds
    assert not unread.seen.any()


def test_talks_have_their_shares():
    names = [piece.name for piece in drawn(pieces([talk("a")], [talk("b", mouth=False)], voice_share=0.8), 60)]
    assert 0.05 < names.count("a") / 60 < 0.35
    samples = SpeechSamples(TIMES, 0, 0.6, 2, 8, talks=pieces([talk("a")], share=0.3))
    mixed = [samples[g] for g in range(60)]
    assert 0.15 < np.mean([sample.names == ("a",) for sample in mixed]) < 0.45
    alone = SpeechSamples(TIMES, 0, 0.6, 2, 8)
    synthetic = next(g for g, sample in enumerate(mixed) if sample.names != ("a",))
    assert torch.equal(mixed[synthetic].mouth, alone[synthetic].mouth)
    assert not mixed[synthetic].seen.any()


@pytest.fixture
def folders(tmp_path) -> dict[str, str]:
    """Tiny folders of talks by their option."""
    for name, mouth in (("talkers", True), ("voices", False), ("measured", True), ("aligned", False)):
        (tmp_path / name).mkdir()
        for i in range(4):
            talk(f"{name}{i}", mouth=mouth).write(tmp_path / name)
    return {name: str(tmp_path / name) for name in ("talkers", "voices", "measured", "aligned")}


def make(output: Path, loss: SpeechLossConfig | None = None, **data) -> AudioEncoderStage:
    config = AudioEncoderTrainingConfig(
        data=SpeechDataConfig(
            **{"seconds": 0.6, "utterances": 2, "batch_size": 4, "workers": 0, "held_out": 2} | data
        ),
        model=AudioEncoderStartConfig(str(MODEL)),
        loss=loss or SpeechLossConfig(),
        train=LoopConfig(output=str(output), steps=2, log_every=1, tensorboard=False, validate_every=2),
        validated=2,
    )
    return AudioEncoderStage(config, SimpleNamespace(device=torch.device("cpu")))


def test_it_learns_from_talks_and_tells_how_well_on_others(folders, tmp_path):
    stage = make(tmp_path / "run", **folders, talk_share=1.0)
    assert stage.talks is not None
    assert [t.name for t in stage.talks.talkers] == ["talkers1", "talkers3"]
    assert [t.name for t in stage.measured["kept_aside"]] == ["talkers0", "talkers2"]
    rows = np.concatenate([t.measures for t in stage.talks.talkers])
    np.testing.assert_allclose((rows.mean(0), rows.std(0)), (np.zeros(8), np.ones(8)), atol=1e-6)
    assert train(stage, stage.config.train, make_accelerator(stage.config.train), None) == 0
    scores = json.loads((tmp_path / "run/validation/step-00000002/scores.json").read_text())
    assert scores["aligned"].keys() == {"sounds"}
    for group in ("kept_aside", "measured"):
        assert scores[group].keys() == {"sounds", *SHOWN}
    assert {len(layers) for layers in scores["measured"].values()} == {2}
    assert "aligned/sounds" in json.dumps(log(tmp_path / "run"))
    steps = [row for row in log(tmp_path / "run") if "sounds" in row]
    assert len(steps) == 2
    assert sum(row["lips"] for row in steps) > 0


def test_each_head_learns_where_something_is_known(folders, tmp_path):
    stage = make(tmp_path, **folders, talk_share=0.8)
    samples = SpeechSamples(TIMES, 0, 0.6, 2, 32, talks=stage.talks)
    found = [samples[g] for g in range(12)]
    kinds = {
        name: next(s for s in found if s.names[0].startswith(name)) for name in ("talkers", "voices", "utterance")
    }
    batch = SpeechBatch.collate(list(kinds.values()))
    known = {"talkers": (True, True), "voices": (True, False), "utterance": (False, False)}
    with torch.no_grad():
        before = stage.loss(stage.networks, batch)[1]
        for row, (sounds, lips) in enumerate(known.values()):
            other = batch.lips.clone()
            other[row] += 1
            after = stage.loss(stage.networks, SpeechBatch(**{**vars(batch), "lips": other}))[1]
            assert (after["lips"] != before["lips"]) == lips
            assert bool((batch.sounds[row] != UNKNOWN).all()) == sounds
        unknown = torch.full_like(batch.sounds, UNKNOWN)
        assert stage.loss(stage.networks, SpeechBatch(**{**vars(batch), "sounds": unknown}))[1]["sounds"] == 0


def test_heads_are_those_that_something_teaches(folders, tmp_path):
    only = lambda *names: {name: folders[name] for name in names}
    none = SpeechLossConfig(sounds=0, lips=0)
    assert list(make(tmp_path).networks.outputs) == ["mel", "mouth"]
    assert list(make(tmp_path, **only("voices")).networks.outputs) == ["mel", "mouth", "sounds"]
    assert list(make(tmp_path, **only("talkers")).networks.outputs) == ["mel", "mouth", "sounds", "lips"]
    assert list(make(tmp_path, none, **only("talkers", "voices")).networks.outputs) == ["mel", "mouth"]
    with pytest.raises(ConfigError, match=r"data\.talkers.* needs two clips with mouths at least, not 0"):
        make(tmp_path, talkers=folders["aligned"])


def test_figures_of_perfect_heads_and_of_late_ones():
    whole = talk("a")
    centers = TIMES.centers(len(whole.sound))
    assert whole.mouth is not None
    frames = (np.arange(len(whole.mouth)) + 0.5) / whole.fps
    lips = np.stack([np.interp(centers, frames, column) for column in whole.mouth.T], 1)
    sounds = np.where(np.arange(len(SOUNDS)) == SOUNDS.index("p b m"), loud(centers)[:, None], 0.5)
    late = lambda rows: np.roll(rows, 3, axis=0)
    assert sounds_told(np.stack([sounds, late(sounds)]), whole, TIMES) == pytest.approx([0.97, 0.78], abs=0.07)
    r = lips_followed(np.stack([lips, late(lips)]), whole, TIMES)
    assert r.shape == (2, len(MEASURES))
    assert r[0].min() > 0.97
    assert r[1].max() < 0.8
    found = report(lambda _: {"lips": lips[None], "sounds": sounds[None]}, [whole, whole], TIMES)
    assert found["opening"] == [pytest.approx(r[0, 0], abs=1e-4)]
