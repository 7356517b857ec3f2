"""The training of GAIA's speech-to-motion model, on clips made by hand."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fitting import losses
from made_clips import made_clip
from tiny import noise, tiny_config
from transformers import CLIPTextModelWithProjection, Wav2Vec2FeatureExtractor

from emo.data.format import load_labels, read_metadata, save_labels, write_metadata
from emo.data.motion_labels import MotionLabels
from emo.errors import ConfigError, DatasetError
from emo.face.landmark_map import landmark_map
from emo.face.mesh import NUM_LANDMARKS
from emo.hub import build_audio_encoder
from emo.hub.build_gaia import build_text_encoder
from emo.hub.gaia_config import TextEncoderConfig
from emo.motion import MotionTrack
from emo.motion.gaia import MotionAppearanceVAE, MotionConformer, latent_space
from emo.motion.gaia.landmark_space import landmark_values
from emo.motion.gaia.speech import POSE, pose_space
from emo.motion.gaia.words import sentence_ids, small_tokenizer
from emo.pipelines import GAIAPipeline
from emo.pipelines.gaia_motion import SequenceSampler
from emo.training.clips import clip_angles, clip_audio
from emo.training.gaia import GAIAMotionConfig, GAIAMotionStage, motion_stage
from emo.training.gaia.figures import GeneratedLatents, JawReading, motion_figures
from emo.training.gaia.instructed import clip_sentence
from emo.training.gaia.samples import SequenceBatch, SequenceDrawer, clip_motion
from emo.training.loop import make_accelerator, train
from emo.training.script import load_settings

SIDE, FILE_SIDE, FRAMES = 32, 64, 20
D = 3 * 2 * 2
MODEL = f"""
image_size: {SIDE}
vae:
  block_out_channels: [8, 8, 8, 8]
  layers_per_block: 1
  norm_num_groups: 4
denoiser:
  max_length: 12
  overlap: 4
  dim: 16
  layers: 1
  heads: 2
  kernel: 3
speech_encoder:
  dim: 8
  layers: 1
pose_predictor:
  channels: [8]
audio_encoder:
  conv_dim: [8, 8, 8, 8, 8, 8, 8]
"""


def labels(seed: int, scale: float = 1.0) -> dict[str, np.ndarray]:
    """A face of random points that swings, and says so by its angles."""
    rng = np.random.default_rng(seed)
    swing = scale * np.sin(np.arange(FRAMES) / 3 + seed)
    points = rng.uniform(16, 48, (1, NUM_LANDMARKS, 3)) + 8 * swing[:, None, None]
    angles = {name: (10 * swing + rng.normal(0, 1, FRAMES)).astype(np.float32) for name in POSE}
    return {"landmarks": points.astype(np.float32), "jaw": swing.astype(np.float32), **angles}


def write_clips(root: Path) -> None:
    for number, split in enumerate(("train", "train", "train", "test", "test")):
        made_clip(root, number, FRAMES, split=split, more=labels(number))
    write_metadata(root)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model's configuration, an autoencoder, an audio encoder, and clips."""
    root = tmp_path_factory.mktemp("gaia")
    (root / "gaia-toy.yaml").write_text(MODEL)
    torch.manual_seed(0)
    build_audio_encoder(tiny_config().audio_encoder).save_pretrained(root / "encoder")
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(root / "encoder")
    sizes = {"sample_size": SIDE, "block_out_channels": (8, 8, 8, 8), "layers_per_block": 1, "norm_num_groups": 4}
    MotionAppearanceVAE(**sizes).save_pretrained(root / "vae")
    write_clips(root / "clips")
    return root


def options(folder: Path, *more: str) -> list[str]:
    return [
        *(f"data.root={folder / 'clips'}", f"model.config={folder / 'gaia-toy.yaml'}"),
        *(f"model.vae={folder / 'vae'}", f"model.audio_encoder={folder / 'encoder'}"),
        *("data.batch_size=4", "data.min_frames=6", "data.max_frames=12", "validation.num_inference_steps=2"),
        *("train.output=unused", "train.steps=2", "train.tensorboard=false", "train.optimizer.learning_rate=1e-3"),
        *more,
    ]


def make_stage(folder: Path, *more: str) -> GAIAMotionStage:
    config, _ = load_settings(GAIAMotionConfig, options(folder, *more))
    return motion_stage(config, make_accelerator(config.train))


@pytest.fixture(scope="module")
def stage(folder) -> GAIAMotionStage:
    return make_stage(folder)


def batch_of(stage: GAIAMotionStage) -> SequenceBatch:
    return next(iter(stage.loader(0, 1, 0)))


def run(folder: Path, output: Path, *more: str) -> GAIAMotionStage:
    config, resume = load_settings(GAIAMotionConfig, options(folder, f"train.output={output}", *more))
    accelerator = make_accelerator(config.train)
    stage = motion_stage(config, accelerator)
    assert train(stage, config.train, accelerator, resume) == 0
    return stage


def test_trained_it_is_a_whole_model_with_its_figures(folder, tmp_path):
    stage = run(folder, tmp_path, "train.validate_every=2", "train.ema_decay=0.9")
    parts = {"vae", "denoiser", "speech_encoder", "pose_predictor", "audio_encoder", "feature_extractor", "scheduler"}
    assert {path.name for path in (tmp_path / "model").iterdir()} >= parts
    (shown,) = (tmp_path / "validation").iterdir()
    scores = json.loads((shown / "scores.json").read_text())
    known = {"latent r", "latent r, another's sound", "border", "border, true", "deviation"}
    known |= {"jaw r", "jaw r, another's sound", "jaw r, true latents"}
    assert scores["jaw r, true latents"] > 0.5
    assert set(scores) == known | {f"{name} r" for name in POSE}
    made = MotionTrack.load(shown / "000003.safetensors")
    assert (len(made), made.space) == (FRAMES, stage.networks.denoiser.space)
    pipe = GAIAPipeline.from_pretrained(tmp_path / "model")
    pipe.set_progress_bar_config(disable=True)
    assert pipe.space == stage.networks.denoiser.space
    assert len(pipe.generate_motion(noise(0.4), num_inference_steps=1)) == 10

    again = make_stage(folder, f"model.init={tmp_path / 'model'}", "data.max_frames=8").networks
    assert again.denoiser.space == stage.networks.denoiser.space
    assert again.pose_predictor.space == stage.networks.pose_predictor.space
    other = MotionConformer.from_config(again.denoiser.config, fps="30")
    shutil.copytree(tmp_path / "model", tmp_path / "other")
    other.save_pretrained(tmp_path / "other" / "denoiser")
    with pytest.raises(ConfigError, match="of 30 frames per second, the clips of 25"):
        make_stage(folder, f"model.init={tmp_path / 'other'}")


def test_a_resumed_training_is_that_of_one_run_and_keeps_its_units(folder, tmp_path):
    whole = run(folder, tmp_path / "whole")
    clips = shutil.copytree(folder / "clips", tmp_path / "clips")
    run(folder, tmp_path / "half", "train.steps=1")
    resumed = run(folder, tmp_path / "half", "--resume", "latest")
    pairs = zip(whole.networks.parameters(), resumed.networks.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    made_clip(clips, 9, FRAMES, more=labels(9, scale=2.0))
    write_metadata(clips)
    fresh = make_stage(folder, f"data.root={clips}").networks
    later = run(folder, tmp_path / "half", f"data.root={clips}", "train.steps=3", "--resume", "latest").networks
    for name in ("denoiser", "pose_predictor"):
        spaces = [getattr(networks, name).space for networks in (later, whole.networks, fresh)]
        assert spaces[0] == spaces[1] != spaces[2]


def test_latents_are_those_of_landmarks_in_the_units_of_the_clips(folder, stage):
    points = labels(1)["landmarks"][7] * SIDE / FILE_SIDE
    drawn = torch.from_numpy(landmark_map(points, SIDE, SIDE)).movedim(-1, 0)[None] / 127.5 - 1
    with torch.no_grad():
        expected = stage.vae.encode_motion(drawn).mode().flatten()
    torch.testing.assert_close(clip_motion(stage.reader, 1)[7], expected, atol=1e-5, rtol=1e-5)
    values = torch.cat([clip_motion(stage.reader, number) for number in range(3)])
    space = stage.networks.denoiser.space
    assert space.names == latent_space((3, 2, 2)).names
    normal = space.normalize(values)
    torch.testing.assert_close(normal.mean(0), torch.zeros(D), atol=1e-3, rtol=0)
    assert normal.square().mean().item() == pytest.approx(1, abs=0.01)
    poses = torch.cat([clip_angles(stage.reader, number) for number in range(3)])
    torch.testing.assert_close(
        stage.networks.pose_predictor.space.normalize(poses).std(0), torch.ones(3), atol=1e-4, rtol=0
    )


def test_gaps_between_landmarks_are_filled(folder, tmp_path):
    seen = labels(0)
    seen["landmarks"][5:8] = np.nan
    seen["landmarks"][8] = seen["landmarks"][4]
    made_clip(tmp_path / "clips", 0, FRAMES, more=seen)
    write_metadata(tmp_path / "clips")
    stage = make_stage(folder, f"data.root={tmp_path / 'clips'}")
    latents = clip_motion(stage.reader, 0)
    torch.testing.assert_close(latents[5:8], latents[4].expand(3, -1))


def test_loss_falls(folder):
    stage = make_stage(folder, "drop.speech=0", "drop.reference=0")
    found = losses(stage, batch_of(stage), 40, 1e-2)
    assert found[-1] < 0.6 * found[0]


def test_sequences_begin_anywhere_and_have_any_length(stage):
    networks = stage.networks
    drawer = SequenceDrawer(networks.denoiser.space, networks.pose_predictor.space, 6, 12)
    motion = networks.denoiser.space.normalize(clip_motion(stage.reader, 2))
    starts, lengths, references = set(), set(), set()
    for index in range(60):
        sample = drawer.sample(stage.reader, 2, index, np.random.default_rng(index))
        start, length = int(sample.names[0].split()[-1]), sample.motion.shape[1]
        piece = slice(start, start + length)
        assert torch.equal(sample.motion[0], motion[piece])
        assert torch.equal(sample.audio[0], clip_audio(stage.reader, 2)[piece])
        pose = networks.pose_predictor.space.normalize(clip_angles(stage.reader, 2))
        assert torch.equal(sample.pose[0], pose[piece])
        references |= {n for n in range(FRAMES) if torch.equal(sample.reference[0], motion[n])}
        starts.add(start)
        lengths.add(length)
    assert lengths == set(range(6, 13))
    assert min(starts) == 0
    assert max(starts) > FRAMES - 12
    assert len(starts) > 8
    assert len(references) > 15


def test_samples_of_other_lengths_change_nothing(stage):
    networks = stage.networks
    drawer = SequenceDrawer(networks.denoiser.space, networks.pose_predictor.space, 6, 12)
    samples = [drawer.sample(stage.reader, n, n, np.random.default_rng(n)) for n in range(3)]
    assert len({sample.motion.shape[1] for sample in samples}) > 1
    batch = SequenceBatch.collate(samples)
    assert batch.frame_mask.sum(1).tolist() == [sample.motion.shape[1] for sample in samples]
    with torch.no_grad():
        together = stage.loss(networks, batch)[0]
        alone = torch.stack([stage.loss(networks, sample)[0] for sample in samples]).mean()
    torch.testing.assert_close(together, alone)


def test_the_loss_is_of_latents_and_predicted_poses(folder):
    stage = make_stage(folder, "pose_weight=2.0")
    batch = batch_of(stage)
    given = {}

    def perfect(sample, timestep, **conditions):
        given.update(conditions)
        return batch.motion + 0.5, batch.pose + 0.1

    loss, parts = stage.loss(perfect, batch)
    assert parts["latent"].item() == pytest.approx(0.25, rel=1e-4)
    assert parts["pose"].item() == pytest.approx(0.01, rel=1e-4)
    assert loss.item() == pytest.approx(0.27, rel=1e-4)
    assert torch.equal(given["pose"], batch.pose)
    assert torch.equal(given["reference"], batch.reference)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_conditions_are_dropped_as_asked(folder, share):
    stage, given = make_stage(folder, f"drop.speech={share}", f"drop.reference={1 - share}"), {}
    batch = batch_of(stage)

    def watched(sample, timestep, **conditions):
        given.update(conditions)
        return batch.motion, batch.pose

    stage.loss(watched, batch)
    assert given["has_speech"].all() == (share == 0)
    assert given["has_reference"].all() == (share == 1)


def test_every_parameter_learns(stage):
    stage.networks.zero_grad()
    torch.nn.init.normal_(stage.networks.denoiser.blocks[0].cross_attention.to_out[0].weight)
    stage.loss(stage.networks, batch_of(stage))[0].backward()
    assert [name for name, p in stage.networks.named_parameters() if p.grad is None] == []
    stage.networks.zero_grad()


def test_figures_tell_what_they_say():
    def track(wave, space):
        values = torch.from_numpy(wave).float()[:, None]
        return MotionTrack(values.expand(-1, len(space)).clone(), 25, space)

    latents, poses = latent_space((1, 2, 2)), pose_space()
    waves = [np.sin(np.arange(40) / 3 + shift) for shift in (0, 1.5)]
    true, other = ([track(wave, latents) for wave in order] for order in (waves, waves[::-1]))
    motions = [
        GeneratedLatents("x", a, b, a, track(-wave, poses), track(wave, poses))
        for a, b, wave in zip(true, other, waves, strict=True)
    ]
    found = motion_figures(motions, 10, "latent")
    assert found["latent r"] == pytest.approx(1)
    assert found["latent r, another's sound"] < 0.3
    assert found["deviation"] == pytest.approx(1)
    assert found["border"] == found["border, true"]
    assert found["yaw r"] == pytest.approx(-1)


def test_the_jaw_is_read_from_latents_of_which_it_is_little():
    rng = np.random.default_rng(0)
    jaws = [torch.from_numpy(np.sin(np.arange(40) / 3 + shift)).float() for shift in (0, 1.5, 3)]
    looks = [torch.from_numpy(rng.normal(0, 5, (40, 4))).float() for _ in jaws]
    about = torch.tensor([0.3, -0.2, 0.1, 0.0])
    clips = [
        (level + look - (look @ about)[:, None] * about / about.square().sum() + jaw[:, None] * about, jaw)
        for look, jaw, level in zip(looks, jaws, (0, 20, -9), strict=True)  # people are of different levels
    ]
    reading = JawReading.fitted(clips[:2])
    latents, jaw = clips[2]
    space, poses = latent_space((1, 2, 2)), pose_space()
    made, still = (MotionTrack(values, 25, space) for values in (latents + 7, torch.zeros(40, 4)))
    turned = MotionTrack(torch.zeros(40, 3), 25, poses)
    motion = GeneratedLatents("x", made, still, made, turned, turned, jaw)
    found = motion_figures([motion], 10, "latent", reading)
    assert found["jaw r"] == found["jaw r, true latents"] == pytest.approx(1, abs=0.02)
    assert found["jaw r, another's sound"] == 0
    assert "jaw r" not in motion_figures([motion], 10, "latent")
    nothing = JawReading.fitted([(torch.ones(40, 4), jaw)])  # of latents that stand still
    assert nothing.r(made, jaw) == 0


def test_mistakes_are_named(folder, tmp_path):
    with pytest.raises(ConfigError, match=r"data\.max_frames is 13, more than the model's 12"):
        make_stage(folder, "data.max_frames=13")
    with pytest.raises(ConfigError, match=r"data\.min_frames is 13, more than max_frames, 12"):
        make_stage(folder, "data.min_frames=13")
    made_clip(tmp_path / "clips", 0, FRAMES)
    write_metadata(tmp_path / "clips")
    with pytest.raises(DatasetError, match="labeled with yaw, pitch, roll"):
        make_stage(folder, f"data.root={tmp_path / 'clips'}")


@pytest.mark.parametrize("name", ["gaia-tiny", "gaia-paper"])
def test_its_configurations_are_right(name):
    path = Path(__file__).parents[2] / "configs" / "train" / name / "motion.yaml"
    config, _ = load_settings(GAIAMotionConfig, ["--config", str(path), "data.root=x"])
    assert (config.data.min_frames, config.data.max_frames) == (125, 250)


def test_generated_motion_is_of_the_clips_own_poses(folder, stage, monkeypatch):
    given = []
    window = SequenceSampler.window

    def watched(self, audio, state, pose=None, on_step=None, wanted=None):
        given.append((len(audio), pose))
        assert wanted.isnan().all()
        return window(self, audio, state, pose, on_step, wanted)

    monkeypatch.setattr(SequenceSampler, "window", watched)
    stage._generated(stage.networks, stage.reader, 0, 1)
    assert [count for count, _ in given] == [8, 8, 4] * 2
    torch.testing.assert_close(torch.cat([pose for _, pose in given[:3]]), clip_angles(stage.reader, 0))


@pytest.fixture(scope="module")
def base(folder, tmp_path_factory) -> Path:
    """A trained model of latents."""
    output = tmp_path_factory.mktemp("base")
    run(folder, output)
    return output / "model"


def of_landmarks(base: Path) -> tuple[str, str]:
    return "state=landmarks", f"model.base={base}"


def test_landmarks_are_added_to_a_model_of_latents(folder, base, tmp_path):
    stage = run(folder, tmp_path, *of_landmarks(base), "train.validate_every=2")
    before, pipe = (GAIAPipeline.from_pretrained(path) for path in (base, tmp_path / "model"))
    for name in ("denoiser", "speech_encoder", "pose_predictor"):
        pairs = zip(getattr(before, name).parameters(), getattr(pipe, name).parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    assert pipe.landmark_denoiser.space == stage.networks.denoiser.space
    weights = pipe.landmark_denoiser.sample_in.weight
    torch.testing.assert_close(weights, stage.networks.denoiser.sample_in.weight)
    (shown,) = (tmp_path / "validation").iterdir()
    scores = json.loads((shown / "scores.json").read_text())
    assert {"mouth r", "mouth r, another's sound", "deviation", "yaw r"} <= scores.keys()
    made, true = MotionTrack.load(shown / "000003.safetensors"), labels(3)["landmarks"][..., :2] / FILE_SIDE
    known = made.space.index("eyes", "outline")
    torch.testing.assert_close(made.values[:, known], landmark_values(true)[:, known], atol=1e-4, rtol=0)
    again = make_stage(folder, *of_landmarks(base), f"model.init={tmp_path / 'model'}").networks
    torch.testing.assert_close(again.denoiser.sample_in.weight, weights)


def test_coordinates_are_learned_in_the_units_of_the_clips(folder, base):
    stage = make_stage(folder, *of_landmarks(base), "drop.speech=0", "drop.reference=0")
    values = torch.cat([stage._motion(stage.reader, number) for number in range(3)])
    expected = landmark_values(labels(0)["landmarks"][..., :2] / FILE_SIDE)
    torch.testing.assert_close(values[:FRAMES], expected, atol=1e-5, rtol=0)
    assert stage.networks.denoiser.space.normalize(values).square().mean().item() == pytest.approx(1, abs=0.01)
    assert stage.networks.pose_predictor is None
    found = losses(stage, batch_of(stage), 40, 1e-2)
    assert found[-1] < 0.6 * found[0]


def test_what_is_no_base_is_refused(folder, base, tmp_path):
    for alone in ("state=landmarks", f"model.base={base}"):
        with pytest.raises(ConfigError, match=r"state and model.base go together"):
            make_stage(folder, alone)
    (tmp_path / "other.yaml").write_text(MODEL.replace("overlap: 4", "overlap: 3"))
    with pytest.raises(ConfigError, match="sequences of another length"):
        make_stage(folder, *of_landmarks(base), f"model.config={tmp_path / 'other.yaml'}")


SAID = {0: "smile", 1: "please turn your head to the left", 2: "", 3: "please smile", 4: "smile to the left"}


@pytest.fixture(scope="module")
def told(folder, tmp_path_factory) -> Path:
    """The clips, whose people were told what to do, but for one."""
    root = tmp_path_factory.mktemp("told") / "clips"
    shutil.copytree(folder / "clips", root, ignore=shutil.ignore_patterns(".cache"))
    for path in sorted(root.glob("*/*.safetensors")):
        number = int(path.stem)
        info = next(i for i in read_metadata(root, path.parent.name) if i.labels == path.name)
        motion = MotionLabels(*[None] * 9, instruction="it", text=SAID[number])
        save_labels(path, load_labels(path, FRAMES), replace(info, motion=motion))
    write_metadata(root)
    return root


def of_sentences(base: Path, told: Path) -> tuple[str, ...]:
    return "state=instructed", f"model.base={base}", f"data.root={told}"


def test_sentences_are_added_to_a_model_and_take_nothing_away(folder, base, told, tmp_path):
    run(folder, tmp_path / "landmarks", *of_landmarks(base))
    both = tmp_path / "landmarks" / "model"
    stage = run(folder, tmp_path / "told", *of_sentences(both, told), "train.validate_every=2")
    before, pipe = (GAIAPipeline.from_pretrained(path) for path in (both, tmp_path / "told" / "model"))
    for name in ("denoiser", "pose_predictor", "landmark_denoiser"):
        pairs = zip(getattr(before, name).parameters(), getattr(pipe, name).parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    weight = stage.networks.text_encoder.text_projection.weight
    torch.testing.assert_close(pipe.text_encoder.text_projection.weight, weight)
    assert pipe.tokenizer.tokenize("smile") == ["smile</w>"]
    pipe.set_progress_bar_config(disable=True)
    assert len(pipe.generate_motion(noise(0.4), instruction="smile", num_inference_steps=1)) == 10
    (shown,) = (tmp_path / "told" / "validation").iterdir()
    assert {"latent r", "latent r, another's sound"} <= json.loads((shown / "scores.json").read_text()).keys()
    again = make_stage(folder, *of_sentences(both, told), f"model.init={tmp_path / 'told' / 'model'}")
    torch.testing.assert_close(again.networks.text_encoder.text_projection.weight, weight)


def test_told_people_alone_are_learned_from_and_from_the_beginning(folder, base, told):
    stage = make_stage(folder, *of_sentences(base, told), "drop.speech=0", "drop.reference=0")
    assert [clip_sentence(stage.reader, number) for number in range(2)] == [SAID[0], SAID[1]]
    assert len(stage.reader) == 2
    batch = batch_of(stage)
    assert set(batch.sentences) == {SAID[0], SAID[1]}
    assert all(name.endswith("from frame 0") for name in batch.names)
    found = losses(stage, batch, 40, 1e-2)
    assert found[-1] < 0.6 * found[0]
    assert all(p.grad is not None for p in stage.networks.text_encoder.parameters())
    with pytest.raises(DatasetError, match="nobody is told anything; make some with `emo synthesize --instruc"):
        make_stage(folder, "state=instructed", f"model.base={base}")


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_sentences_are_dropped_as_asked(folder, base, told, share):
    stage, given = make_stage(folder, *of_sentences(base, told), f"drop.speech={share}"), {}
    batch = batch_of(stage)

    def watched(sample, timestep, **conditions):
        given.update(conditions)
        return batch.motion, None

    stage.loss(watched, batch)
    said = batch.sentences if share == 0 else [""] * len(batch)
    assert torch.equal(given["input_ids"], sentence_ids(stage.tokenizer, said))


def test_a_given_text_encoder_stays_as_it_is(folder, base, told, tmp_path):
    tokenizer = small_tokenizer(["grin"])
    tokenizer.save_pretrained(tmp_path / "clip")
    build_text_encoder(TextEncoderConfig(16, 1, 2, 16, 8), tokenizer).save_pretrained(tmp_path / "clip")
    stage = run(folder, tmp_path / "out", *of_sentences(base, told), f"model.text_encoder={tmp_path / 'clip'}")
    pipe = GAIAPipeline.from_pretrained(tmp_path / "out" / "model")
    kept = CLIPTextModelWithProjection.from_pretrained(tmp_path / "clip")
    pairs = zip(kept.parameters(), pipe.text_encoder.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert stage.networks.denoiser.config["speech_dim"] == 8
    with pytest.raises(ConfigError, match=r"model.text_encoder does nothing with state=latents"):
        make_stage(folder, f"model.text_encoder={tmp_path / 'clip'}")
