"""GoHD's motion learns from tracks in three stages; samples, losses, figures and files are what they say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fitting import losses
from test_vasa_motion import FRAMES, write_track
from tiny import tiny_config
from transformers import Wav2Vec2FeatureExtractor

from emo.data.format import write_metadata
from emo.data.synthetic.articulation import articulate_recording
from emo.errors import ConfigError, DatasetError
from emo.face.mesh import MOUTH_CORNERS
from emo.hub import build_audio_encoder
from emo.motion import CONTROLS, MeshAnimator, MotionTrack
from emo.motion.gohd import EXPRESSION, GAZE, POSE, LipMapper, NavigationAnimator, PoseDenoiser
from emo.motion.gohd.landmark_basis import mean_basis
from emo.motion.gohd.lip_reader import LipReader
from emo.pipelines import GoHDPipeline
from emo.training.clips import clip_audio, clip_controls
from emo.training.gohd import (
    GoHDEyeConfig,
    GoHDEyeStage,
    GoHDLipConfig,
    GoHDLipStage,
    GoHDPoseConfig,
    GoHDPoseStage,
    GoHDReaderConfig,
    GoHDReaderStage,
)
from emo.training.gohd.base import columns
from emo.training.gohd.config import GoHDLipLossConfig
from emo.training.gohd.figures import MadeMotion, expression_figures, pose_figures, rhythm
from emo.training.gohd.lip_losses import LipLosses
from emo.training.gohd.losses import energy_score, ssim_loss, told_apart, told_true
from emo.training.gohd.samples import PieceBatch, PieceSampler
from emo.training.gohd.targets import TARGETS, tracked
from emo.training.loop import make_accelerator, train
from emo.training.motion_loss import masked_mean
from emo.training.script import load_settings

MODEL = """\
denoiser: {max_length: 16, overlap: 4, dim: 16, layers: 2, heads: 2}
gaze_denoiser: {max_length: 16, overlap: 4, dim: 8, layers: 1, heads: 2}
lip_mapper: {embedding_dim: 8, dim: 16, layers: 1}
eye_generator: {noise_dim: 4, dim: 8, layers: 1}
audio_encoder: {conv_dim: [32, 32, 32, 32, 32, 32, 32]}
"""
STAGES = {
    "pose": (GoHDPoseConfig, GoHDPoseStage),
    "reader": (GoHDReaderConfig, GoHDReaderStage),
    "lips": (GoHDLipConfig, GoHDLipStage),
    "eyes": (GoHDEyeConfig, GoHDEyeStage),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """An audio encoder, a model's sizes, tracks, and what the first two stages made of them."""
    root = tmp_path_factory.mktemp("gohd")
    torch.manual_seed(0)
    build_audio_encoder(tiny_config().audio_encoder).save_pretrained(root / "encoder")
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(root / "encoder")
    (root / "gohd.yaml").write_text(MODEL)
    for number in range(3):
        write_track(root / "tracks", f"{number:06d}", "train", number)
        write_track(root / "tracks", f"{number + 3:06d}", "test", number + 3)
    write_metadata(root / "tracks")
    for name in ("pose", "reader", "lips"):
        stage = make_stage(root, name)
        stage.save(root / name, stage.networks.state_dict())
    return root


def options(folder: Path, name: str, *more: str) -> list[str]:
    given = [
        *(f"data.root={folder / 'tracks'}", f"model.config={folder / 'gohd.yaml'}"),
        *(f"model.audio_encoder={folder / 'encoder'}", "data.batch_size=4"),
        *("train.output=unused", "train.steps=2", "train.tensorboard=false", "train.optimizer.learning_rate=1e-3"),
    ]
    own = {
        "pose": ["data.min_frames=8", "validation.num_inference_steps=2"],
        "reader": ["data.frames=16", "model.dim=8", "model.embedding_dim=8", "model.layers=1"],
        "lips": ["data.frames=8", f"model.reader={folder / 'reader'}"],
        "eyes": ["data.frames=24", f"model.lips={folder / 'lips'}", f"model.poses={folder / 'pose'}"],
    }
    return [*given, *own[name], *more]


def make_stage(folder: Path, name: str, *more: str):
    schema, kind = STAGES[name]
    config, _ = load_settings(schema, options(folder, name, *more))
    return kind(config, make_accelerator(config.train))


def batch(stage, start: int = 0) -> PieceBatch:
    return next(iter(stage.loader(start, 1, 0)))


@pytest.mark.parametrize(
    ("name", "file", "figures"),
    [
        ("pose", "denoiser", {"rhythm r", "delta p", "deviation pose", "deviation gaze", "ssim p", "border"}),
        ("reader", "lip_reader", {"found"}),
        ("lips", "lip_mapper", {"jaw r", "jaw r, another's", "mld", "deviation mouth"}),
        ("eyes", "eye_generator", {"jaw r", "ssim e", "deviation lids", "lids r, another z"}),
    ],
)
def test_training_twice_gives_the_same_network_and_its_figures(folder, tmp_path, name, file, figures):
    weights = []
    for run in ("first", "second"):
        given = options(
            folder, name, f"train.output={tmp_path / run}", "train.validate_every=2", "train.ema_decay=0.9"
        )
        schema, kind = STAGES[name]
        config, resume = load_settings(schema, given)
        accelerator = make_accelerator(config.train)
        assert train(kind(config, accelerator), config.train, accelerator, resume) == 0
        weights.append((tmp_path / run / "model" / file / "diffusion_pytorch_model.safetensors").read_bytes())
    assert weights[0] == weights[1]
    (shown,) = (tmp_path / "first/validation").iterdir()
    assert figures <= set(json.loads((shown / "scores.json").read_text()))
    if name in ("pose", "eyes"):
        assert len(MotionTrack.load(shown / "000003.safetensors")) == FRAMES


@pytest.mark.parametrize("name", STAGES)
def test_loss_falls(folder, name):
    own = ["loss.lips=0"] if name == "eyes" else []  # lips of a stage 1 that has learned nothing would be most of it
    stage = make_stage(folder, name, *own)
    found = losses(stage, batch(stage), 40, 5e-3)
    assert found[-1] < 0.8 * found[0]


def test_the_last_stage_makes_a_whole_model_of_those_before(folder, tmp_path):
    stage = make_stage(folder, "eyes")
    stage.save(tmp_path / "model", stage.networks.state_dict())
    pipe = GoHDPipeline.from_pretrained(tmp_path / "model")
    mapper, denoiser = (
        kind.from_pretrained(folder / part)
        for kind, part in ((LipMapper, "lips/lip_mapper"), (PoseDenoiser, "pose/denoiser"))
    )
    for made, own in ((pipe.lip_mapper, mapper), (pipe.denoiser, denoiser)):
        assert all((a == b).all() for a, b in zip(made.parameters(), own.parameters(), strict=True))
    assert pipe.lip_mapper.space == mapper.space
    learned = stage.networks.eye_generator.state_dict()
    assert all(torch.equal(value, learned[key]) for key, value in pipe.eye_generator.state_dict().items())


def test_a_whole_model_draws_by_a_trained_animator_or_by_a_mesh(folder, tmp_path):
    animator = NavigationAnimator(32, 8, 4, 1, 8, 8, (8, 8, 8), (8,), 4)
    animator.save_pretrained(tmp_path / "face" / "animator")
    stage = make_stage(folder, "eyes", f"model.animator={tmp_path / 'face'}")
    for name, made in (("navigation", stage), ("mesh", make_stage(folder, "eyes"))):
        made.save(tmp_path / name, made.networks.state_dict())
    drawn = GoHDPipeline.from_pretrained(tmp_path / "navigation").animator
    assert all(torch.equal(a, b) for a, b in zip(drawn.parameters(), animator.parameters(), strict=True))
    assert isinstance(GoHDPipeline.from_pretrained(tmp_path / "mesh").animator, MeshAnimator)


def test_stage_1_stays_as_it_is_and_all_else_learns(folder):
    stage = make_stage(folder, "eyes")
    trained = {name.split(".")[0] for name, value in stage.networks.named_parameters() if value.requires_grad}
    assert trained == {"eye_generator", "discriminators"}
    assert set(stage.optimizers(stage.config.train.optimizer)) == {"eye_generator", "discriminators"}
    assert not any(stage.averages(name) for name in ("discriminators.heard", "lip_mapper.mapper"))


def test_stage_1_can_make_eyes_of_the_sound_alone_and_then_there_is_no_stage_2(folder, tmp_path):
    stage = make_stage(folder, "lips", "model.eyes=false")
    stage.save(tmp_path / "lips", stage.networks.state_dict())
    seen = batch(stage)
    other = seen.motion.clone()
    other[:, 1:, CONTROLS.index("lids", "brows")] = 0.9
    true = stage.networks.lip_mapper.space.normalize(columns(other, *EXPRESSION))
    own = stage.networks.lip_mapper.space.normalize(columns(seen.motion, *EXPRESSION))
    with torch.no_grad():
        assert torch.equal(stage.networks(seen.audio, true), stage.networks(seen.audio, own))
    with pytest.raises(ConfigError, match=r"train it with model\.eyes=true"):
        make_stage(folder, "eyes", f"model.lips={tmp_path / 'lips'}")


def test_eyes_learn_by_a_transformer_too(folder, tmp_path):
    (tmp_path / "gohd.yaml").write_text(
        MODEL.replace("eye_generator: {", "eye_generator: {network: transformer, heads: 2, ")
    )
    stage = make_stage(folder, "eyes", f"model.config={tmp_path / 'gohd.yaml'}")
    found = losses(stage, batch(stage), 20, 5e-3)
    assert found[-1] < found[0]
    stage.save(tmp_path / "model", stage.networks.state_dict())
    pipe = GoHDPipeline.from_pretrained(tmp_path / "model")
    assert pipe.eye_generator.config["network"] == "transformer"
    sound = torch.sin(torch.arange(16000) / 20).numpy()
    whole = pipe.generate_motion((sound, 16000))
    assert len(whole) == 25


def test_networks_have_the_units_of_the_clips(folder):
    stage = make_stage(folder, "pose")
    motions = [columns(clip_controls(stage.reader, number), *POSE) for number in range(3)]
    denoiser = stage.networks.denoiser
    normal = denoiser.space.normalize(torch.cat(motions))
    torch.testing.assert_close(normal.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    moved = torch.cat([denoiser.moved(each, each[0]) for each in motions])
    torch.testing.assert_close(moved.square().mean(0), torch.ones(6), atol=1e-4, rtol=0)


def test_pieces_are_pieces_of_their_clips(folder):
    reader = make_stage(folder, "pose").reader
    lengths, starts = set(), set()
    for number in range(3):
        motion, audio = clip_controls(reader, number), clip_audio(reader, number)
        for draw in range(40):
            sample = PieceSampler(8, 16).sample(reader, number, 5, np.random.default_rng((number, draw)))
            start, length = int(sample.names[0].split()[-1]), int(sample.frame_mask.sum())
            starts.add(start)
            lengths.add(length)
            assert sample.motion.shape[1] == sample.audio.shape[1] == 16
            assert (sample.motion[0, :length] == motion[start : start + length]).all()
            assert (sample.audio[0, :length] == audio[start : start + length]).all()
            assert (sample.audio[0, length:] == 0).all()
    assert (min(lengths), max(lengths)) == (8, 16)
    assert (min(starts), max(starts)) == (0, FRAMES - 8) or max(starts) > FRAMES - 12


def test_the_first_pose_is_dropped_as_asked(folder):
    def loss(share: str, shift: float) -> float:
        stage = make_stage(folder, "pose", f"drop.first={share}")
        for parameter in stage.networks.parameters():
            if not parameter.any():
                torch.nn.init.constant_(parameter, 0.05)
        seen = batch(stage)
        moved = seen.motion + shift * seen.frame_mask[..., None]  # poses elsewhere, which move as these do
        with torch.no_grad():
            return float(stage.loss(stage.networks, replace(seen, motion=moved))[0])

    assert loss("1", 0) == pytest.approx(loss("1", 9), rel=1e-5)
    assert loss("0", 0) != pytest.approx(loss("0", 9), rel=1e-4)


def test_networks_may_predict_what_is_below_the_noise(folder, tmp_path):
    (tmp_path / "sample.yaml").write_text(MODEL.replace("overlap: 4", "overlap: 4, prediction_type: sample"))
    stage = make_stage(folder, "pose", f"model.config={tmp_path / 'sample.yaml'}")
    seen = batch(stage)
    with torch.no_grad():
        found = stage.loss(stage.networks, seen)[1]  # of networks that predict 0, as new ones do
    for name, part in (("denoiser", POSE), ("gaze_denoiser", GAZE)):
        values = columns(seen.motion, *part)
        moved = getattr(stage.networks, name).moved(values, values[:, 0])
        true = masked_mean(moved.square(), seen.frame_mask)
        torch.testing.assert_close(found[f"{part[0]}_error"], true)
    stage.save(tmp_path / "pose", stage.networks.state_dict())
    later = make_stage(folder, "eyes", f"model.poses={tmp_path / 'pose'}")
    later.save(tmp_path / "model", later.networks.state_dict())
    assert GoHDPipeline.from_pretrained(tmp_path / "model").scheduler.config["prediction_type"] == "sample"


def test_frames_that_are_not_there_are_not_learned(folder):
    stage = make_stage(folder, "pose")
    seen = batch(stage)
    assert not seen.frame_mask.all()
    other = torch.where(seen.frame_mask[..., None], seen.motion, 9.0)
    with torch.no_grad():
        assert stage.loss(stage.networks, seen)[0] == stage.loss(stage.networks, replace(seen, motion=other))[0]


def test_targets_are_the_clips_lips_a_trackers_or_an_experts(folder):
    reader = make_stage(folder, "lips").reader
    own = clip_controls(reader, 1)
    jaw = CONTROLS.index("jaw")[0]
    mouth = CONTROLS.index("mouth")
    rest = [number for number in range(14) if number not in mouth]
    assert torch.equal(TARGETS["own"]()(reader, 1), own)
    seen, expert = tracked(reader, 1), TARGETS["expert"]()
    assert torch.equal(seen, tracked(reader, 1))
    assert torch.equal(seen[:, rest], own[:, rest])
    late = [np.corrcoef(seen[lag : FRAMES + lag - 4, jaw], own[: FRAMES - 4, jaw])[0, 1] for lag in range(5)]
    assert np.argmax(late) in (1, 2, 3)
    assert (seen[:, mouth] - own[:, mouth]).abs().mean() > 0.05
    made = expert(reader, 1)
    heard = articulate_recording(reader.waveform(1).numpy(), 25.0)
    assert torch.equal(made[:, rest], own[:, rest])
    assert torch.equal(made[:, jaw], heard.jaw[:FRAMES])
    assert torch.equal(expert(reader, 1), made)
    stage = make_stage(folder, "lips", "data.targets=expert", "data.batch_size=8")
    learned = batch(stage)
    assert not torch.equal(learned.motion, batch(make_stage(folder, "lips", "data.batch_size=8")).motion)


def test_losses_of_lips_count_what_they_say():
    space = CONTROLS.only(*EXPRESSION)
    mapper = LipMapper(space=space.to_dict(), eyes=["lids", "brows"], audio_dim=3, embedding_dim=4, dim=4)
    true, mask = torch.zeros(1, 6, 6), torch.ones(1, 6, dtype=torch.bool)
    mask[:, 4:] = False
    torch.manual_seed(0)
    counted = LipLosses(mapper, GoHDLipLossConfig(), LipReader(dim=8, embedding_dim=8, layers=1))

    def found(name: str, frame: int, by: float = 1.0) -> dict[str, float]:
        made = true.clone()
        made[0, frame, space.index(name)] = by
        return {key: float(value) for key, value in counted(made, true, mask).items()}

    assert set(found("jaw", 5)) == {"expression", "eyes", "landmarks", "shut", "read"}
    assert found("jaw", 5) == pytest.approx(dict.fromkeys(found("jaw", 5), 0.0) | {"read": found("jaw", 5)["read"]})
    lids, jaw = found("blink", 0), found("jaw", 3)
    assert (lids["expression"], jaw["expression"]) == pytest.approx((2 / 24, 2 / 24))
    assert lids["eyes"] == pytest.approx(
        2 * 0.97 * 0.25 / 4, rel=1e-3
    )  # a blink of 1 closes 0.97, a deviation is 0.25
    assert found("brow", 0)["eyes"] > 0.05
    assert [jaw["eyes"], lids["landmarks"], lids["shut"], lids["read"]] == pytest.approx([0, 0, 0, 0], abs=1e-5)
    # The gap over the mouth's middle: 0.34 of the mouth's width at a jaw of 1, and a deviation is 0.3.
    corners = mean_basis().mean[MOUTH_CORNERS]
    middle = 100 * 0.3 * 0.34 * float((corners[1] - corners[0]).norm())
    assert middle**2 / 12 / 4 < jaw["shut"] < 3 * middle**2 / 12 / 4
    assert found("jaw", 3, 2.0)["shut"] == pytest.approx(4 * jaw["shut"], rel=1e-4)
    assert found("jaw", 3, 2.0)["landmarks"] == pytest.approx(4 * jaw["landmarks"], rel=1e-4)
    assert jaw["landmarks"] > 0.1
    assert found("rounding", 3)["landmarks"] > 0.1
    assert jaw["read"] > 0
    without = LipLosses(mapper, GoHDLipLossConfig(landmarks=0, shut=0))(true + 1, true, mask)
    assert "read" not in without
    assert without["landmarks"] == without["shut"] == 0


def test_structural_similarity_is_the_papers():
    drawn = torch.Generator().manual_seed(0)
    one, other = torch.randn(3, 50, 2, generator=drawn), torch.randn(3, 50, 2, generator=drawn)
    assert ssim_loss(one, one) == pytest.approx(0, abs=1e-6)
    assert ssim_loss(other, one) > 0.5
    assert ssim_loss(0.2 * one, one) > 0.2
    assert ssim_loss(one - 2 * one.mean(1, keepdim=True), one) > 1
    assert ssim_loss(2 * one.mean(1, keepdim=True) - one, one) > 1.5


def test_a_score_without_the_spread_of_draws_is_least_where_chance_is_drawn_as_chance():
    blinks = (torch.rand(3, 400, 20, 2, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    often, rare, true = blinks[:2], torch.zeros_like(blinks[:2]), blinks[2]
    for never, said in ((energy_score(rare, true, 0), True), (energy_score(rare, true, 1), False)):
        assert (never < energy_score(often, true, float(not said))) == said
    assert energy_score(often, true, 1) < energy_score(often[:1].expand_as(often), true, 1)
    assert energy_score(rare[:1], true, 0) == pytest.approx(float(true.mean()))


def test_eyes_are_drawn_twice_where_their_spread_counts(folder):
    stages = [make_stage(folder, "eyes", f"loss.spread={spread}") for spread in (1, 0)]
    seen = batch(stages[0])
    one, two = (stages[0].noise(seen.index.tolist(), seen.frame_mask.shape[1], draw) for draw in range(2))
    assert not torch.equal(one, two)
    (loss, spread), (_, paper) = (stage.loss(stage.networks, seen) for stage in stages)
    assert spread["eyes"] < paper["eyes"]
    loss.backward()
    assert all(p.grad is not None for p in stages[0].networks.eye_generator.parameters())


def test_discriminators_learn_by_least_squares():
    assert told_true(torch.ones(3)) == told_apart(torch.ones(3), torch.zeros(3)) == 0
    assert told_true(torch.zeros(3)) == 1
    assert told_apart(torch.zeros(3), torch.full((3,), 2.0)) == 5


def track(**values) -> MotionTrack:
    return MotionTrack.rest(100, 25).set(**{name: torch.as_tensor(value).float() for name, value in values.items()})


def test_figures_tell_what_they_say():
    wave = [np.sin(np.arange(100) / 3 + shift) for shift in (0, 1.5)]
    true = [track(pitch=w, yaw=3 * w, jaw=w, blink=w, gaze_x=w, brow=w, width=w) for w in wave]
    perfect = [MadeMotion(str(n), motion, motion) for n, motion in enumerate(true)]
    found = pose_figures(perfect, 20)
    assert found["rhythm r"] == pytest.approx(1)
    assert abs(found["rhythm r, another's"]) < 0.3
    assert found["delta p"] == found["delta p, true"] > 0
    assert (found["ssim p"], found["deviation pose"], found["deviation gaze"]) == pytest.approx((1, 1, 1))
    slow = [replace(m, made=m.true.offset(pitch=torch.linspace(-30, 30, 100))) for m in perfect]
    assert pose_figures(slow, 20)["rhythm r"] > 0.9  # where a head turns meanwhile is no nod
    found = expression_figures(perfect)
    assert (found["jaw r"], found["mld"], found["ssim e"]) == pytest.approx((1, 0, 1))
    worse = expression_figures([replace(m, made=m.true.scale("lids", 0.5).scale("mouth", 0.5)) for m in perfect])
    assert (worse["deviation lids"], worse["deviation mouth"]) == pytest.approx((0.5, 0.5))
    assert worse["mld"] > 0.3
    assert worse["ssim e"] < 0.99
    assert rhythm(track(), true[0]) == 0


def test_what_does_not_fit_is_refused(folder, tmp_path):
    with pytest.raises(DatasetError):
        make_stage(folder, "eyes", f"data.frames={FRAMES + 1}")
    mapper = LipMapper.from_pretrained(folder / "lips/lip_mapper")
    LipMapper.from_config(mapper.config, audio_dim=7).save_pretrained(tmp_path / "lips/lip_mapper")
    with pytest.raises(ConfigError, match=r"model\.lips: .* another audio encoder"):
        make_stage(folder, "eyes", f"model.lips={tmp_path / 'lips'}")
    denoiser = PoseDenoiser.from_pretrained(folder / "pose/denoiser")
    for part in ("denoiser", "gaze_denoiser"):
        PoseDenoiser.from_config(denoiser.config, fps="30").save_pretrained(tmp_path / "pose" / part)
    with pytest.raises(ConfigError, match="of 30 frames per second, the clips of 25"):
        make_stage(folder, "eyes", f"model.poses={tmp_path / 'pose'}")
