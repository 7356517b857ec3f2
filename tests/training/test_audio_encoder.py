"""The audio encoder's training: targets at the times of the pipeline's audio features, what is learned of what, and
that the result stands where a wav2vec 2.0 may stand."""

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from run_log import losses
from safetensors.torch import load_file

from emo.data.synthetic.articulation import articulate_speech
from emo.data.synthetic.speech import synthesize
from emo.errors import WeightsError
from emo.generation.audio_features import AudioFeatures
from emo.generation.hearing import receptive_field
from emo.hub import build_pipeline, load_model_config
from emo.media import AudioTrack
from emo.training.audio_encoder import AudioEncoderStage, AudioEncoderTrainingConfig
from emo.training.audio_encoder.config import AudioEncoderStartConfig, SpeechDataConfig
from emo.training.audio_encoder.samples import (
    HELD_OUT,
    MOUTH,
    SpeechBatch,
    SpeechSamples,
    StateTimes,
    add_noise,
    log_mel,
)
from emo.training.audio_encoder.stage import AudioEncoderNetworks
from emo.training.config import LoopConfig, OptimizerConfig
from emo.training.emo.config import EMOStartConfig
from emo.training.emo.start import starting_pipeline
from emo.training.loop import make_accelerator, train

RATE, TIMES = 16000, StateTimes(hop=320, field=400)
MODEL = Path(__file__).parents[2] / "configs" / "train" / "smoke" / "model.yaml"


def make(output: Path = Path("unused"), steps: int = 4, init=None, learning_rate: float = 2e-3, **data):
    options = {"seconds": 0.6, "utterances": 4, "batch_size": 2, "workers": 0} | data
    config = AudioEncoderTrainingConfig(
        data=SpeechDataConfig(**options),
        model=AudioEncoderStartConfig(str(MODEL), init),
        train=LoopConfig(
            output=str(output),
            steps=steps,
            log_every=1,
            tensorboard=False,
            optimizer=OptimizerConfig(learning_rate=learning_rate),
        ),
        validated=2,
    )
    return AudioEncoderStage(config, SimpleNamespace(device=torch.device("cpu"))), config.train


def run(stage: AudioEncoderStage, config: LoopConfig, resume=None) -> None:
    assert train(stage, config, make_accelerator(config), resume) == 0


def samples(**options) -> SpeechSamples:
    return SpeechSamples(TIMES, 0, 0.6, 4, 8, **options)


def as_features(states: torch.Tensor, waveform: np.ndarray, frames: int) -> torch.Tensor:
    """What the pipeline makes of these states, (S, K), of a sound: one row per frame at 25 fps."""

    def encoder(batch: torch.Tensor, output_hidden_states: bool) -> SimpleNamespace:
        return SimpleNamespace(hidden_states=(states[None], states[None]))

    encoder.config = SimpleNamespace(
        model_type="wav2vec2", conv_kernel=(10, 3, 3, 3, 3, 2, 2), conv_stride=(5, 2, 2, 2, 2, 2, 2)
    )
    encoder.device, encoder.dtype = torch.device("cpu"), torch.float32
    extractor = SimpleNamespace(do_normalize=True, sampling_rate=RATE)
    with AudioTrack.open((waveform, RATE)) as track:
        features = AudioFeatures(track, encoder, extractor, Fraction(25), frames)
        assert receptive_field(encoder.config) == (TIMES.hop, TIMES.field)
        return features.windows(0, frames, 0)[0, :, 0, 0]


@pytest.mark.parametrize("frame", [0, 3, 11])
def test_a_click_in_a_frames_middle_is_heard_at_that_frame(frame):
    waveform = np.zeros(RATE, np.float32)
    waveform[round((frame + 0.5) / 25 * RATE)] = 1
    mel = log_mel(torch.from_numpy(waveform)[None], TIMES, 8)[0]
    assert len(mel) == len(TIMES.centers(RATE)) == 49
    assert as_features(mel, waveform, 25).sum(dim=1).argmax() == frame


def test_the_mouth_at_the_states_is_the_mouth_at_the_frames():
    speech = synthesize(5, 2.0)
    motion = articulate_speech(speech, 25.0)
    expected = torch.stack([getattr(motion, name) for name in MOUTH], dim=1)
    fine = articulate_speech(speech, 100.0)
    known = (np.arange(200) + 0.5) / 100
    centers = TIMES.centers(len(speech.waveform))
    error = lambda shift: (
        (as_features(at_times(fine, known, centers + shift), speech.waveform, 50) - expected).abs().mean()
    )
    assert error(0) < 0.01
    assert min(error(0.02), error(-0.02)) > 3 * error(0)


def at_times(motion, known: np.ndarray, times: np.ndarray) -> torch.Tensor:
    tracks = [np.interp(times, known, getattr(motion, name).numpy()) for name in MOUTH]
    return torch.from_numpy(np.stack(tracks, 1)).float()


def test_samples_hold_that_mouth():
    sample = samples()[1]
    own = int(np.random.SeedSequence((0x7A1, 0, 1)).generate_state(1, np.uint64)[0])
    fine = articulate_speech(synthesize(own, 0.6), 100.0)
    expected = at_times(fine, (np.arange(60) + 0.5) / 100, TIMES.centers(9600))
    torch.testing.assert_close(sample.mouth[0], expected)


def test_a_sample_is_the_same_whoever_asks_and_others_differ():
    first, again = samples(noise_share=1.0), samples(noise_share=1.0)
    again[3], again[0]
    assert torch.equal(first[3].waveform, again[3].waveform)
    assert not torch.equal(first[3].waveform, first[7].waveform)  # the same utterance with other noise
    assert torch.equal(first[3].mel, first[7].mel)
    assert torch.equal(first[3].mouth, first[7].mouth)
    assert not torch.equal(first[3].mouth, samples(pool=HELD_OUT)[3].mouth)


def test_noise_is_as_loud_as_asked_and_only_on_what_is_heard():
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.3, 16000)
    noise = add_noise(sound, 20, rng) - sound
    assert 20 * np.log10(sound.std() / noise.std()) == pytest.approx(20, abs=0.01)
    quiet, noisy = samples()[2], samples(noise_share=1.0)[2]
    assert torch.equal(quiet.mel, noisy.mel)
    assert not torch.equal(quiet.waveform, noisy.waveform)
    for heard in (quiet, noisy):
        assert heard.waveform.mean().abs() < 1e-4
        assert heard.waveform.var() == pytest.approx(1, abs=1e-3)


def test_of_recordings_only_the_spectrum_is_learned(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 8000), RATE)  # half a second
    stage, _ = make(speech=str(tmp_path), speech_share=0.5)
    mixed = samples(recordings=stage.recordings, recorded_share=0.5)
    numbers = {float(mixed[g].articulated): g for g in range(12)}
    assert set(numbers) == {0.0, 1.0}
    batch = SpeechBatch.collate([mixed[numbers[1.0]], mixed[numbers[0.0]]])
    assert "a.wav from 0.00 s" in stage.describe(batch)
    stage.networks = AudioEncoderNetworks(stage.networks.encoder, {"mel": 8, "mouth": 3})
    with torch.no_grad():
        before = stage.loss(stage.networks, batch)[0]
        for row, changes in ((0, True), (1, False)):
            mouth = batch.mouth.clone()
            mouth[row] += 1
            after = stage.loss(stage.networks, SpeechBatch(**{**batch.__dict__, "mouth": mouth}))[0]
            assert (abs(after - before) > 1e-3) == changes
            mel = batch.mel.clone()
            mel[row] += 1
            assert abs(stage.loss(stage.networks, SpeechBatch(**{**batch.__dict__, "mel": mel}))[0] - before) > 1e-3


def test_it_learns_and_is_saved_without_its_heads(tmp_path):
    stage, config = make(tmp_path, steps=16)
    config.validate_every = 16
    run(stage, config)
    assert sum(losses(tmp_path)[-3:]) < 0.6 * sum(losses(tmp_path)[:3])
    scores = json.loads((tmp_path / "validation" / "step-00000016" / "scores.json").read_text())
    assert scores.keys() == {"clean", "noisy", "layers"}
    assert len(scores["layers"]) == 2
    saved = load_file(tmp_path / "model" / "model.safetensors")
    encoder = stage.networks.encoder.state_dict()
    assert saved.keys() == encoder.keys()
    assert [name for name in saved if not torch.equal(saved[name], encoder[name])] == []

    start = EMOStartConfig(config=str(MODEL), audio_encoder=str(tmp_path / "model"), vae=str(tmp_path / "vae"))
    build_pipeline(load_model_config(str(MODEL))).vae.save_pretrained(tmp_path / "vae")
    pipe = starting_pipeline(start, seed=0)
    assert pipe.feature_extractor.do_normalize
    assert pipe.feature_extractor.sampling_rate == RATE
    found = pipe.audio_encoder.state_dict()
    assert all(torch.equal(found[name], saved[name]) for name in saved)
    again, _ = make(init=str(tmp_path / "model"))
    assert all(torch.equal(tensor, saved[name]) for name, tensor in again.networks.encoder.state_dict().items())
    with pytest.raises(WeightsError, match="layers and width"):
        starting_pipeline(
            EMOStartConfig(config="emo-tiny", audio_encoder=start.audio_encoder, random_encoders=True), 0
        )


def test_resumed_equals_straight(tmp_path):
    run(*make(tmp_path / "straight"))
    for _ in range(4):
        stage, config = make(tmp_path / "halves")
        config.stop_after_seconds = 1e-9
        run(stage, config, "latest")
    assert losses(tmp_path / "halves") == losses(tmp_path / "straight")
    expected, found = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("straight", "halves"))
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []


def test_every_layer_and_head_learns_and_nothing_is_left_to_chance():
    stage, _ = make()
    stage.networks.train()
    batch = SpeechBatch.collate([SpeechSamples(TIMES, 0, 0.6, 4, 32)[g] for g in (0, 1)])
    loss = stage.loss(stage.networks, batch)[0]
    assert stage.loss(stage.networks, batch)[0] == loss
    loss.backward()
    named = [(name, p) for name, p in stage.networks.named_parameters() if p.requires_grad]
    assert [name for name, p in named if p.grad is None] == []
    assert {name.split(".")[1] for name, p in named if name.startswith("heads") and p.grad.any()} == {"0", "1"}
    assert all(param.requires_grad for param in stage.parameter_groups(1e-3)[0]["params"])
