"""The training of GoHD's face animator, on pairs made by hand whose flow is known."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_pairs import made_pairs, pairs_folder
from omegaconf import OmegaConf
from run_log import losses

from emo.data.synthetic.reference_pairs import REACH, read_pairs
from emo.errors import ConfigError, DatasetError, WeightsError
from emo.motion import CONTROLS, MeshAnimator
from emo.motion.gohd import FaceReader, NavigationAnimator
from emo.motion.vasa import VolumeAnimator
from emo.training.config import LoopConfig, OptimizerConfig
from emo.training.gohd_face import GoHDFaceConfig, GoHDFaceStage
from emo.training.gohd_face.config import AnimatorStartConfig, MovingPairConfig, NavigationLossConfig
from emo.training.loop import make_accelerator, train
from emo.training.reference_decoder.samples import PairBatch, PairSamples

CPU = SimpleNamespace(device=torch.device("cpu"))
NAVIGATION = dict(
    sample_size=32, latent_dim=24, directions=5, reach=2, motion_dim=16, navigator_dim=16,
    block_out_channels=[8, 16, 16], code_channels=[8, 16], norm_num_groups=4,
)  # fmt: skip
SOUND = dict(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
    conv_dim=[8] * 7, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return pairs_folder(tmp_path_factory.mktemp("pairs"))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("model") / "tiny.yaml"
    OmegaConf.save({"image_size": 48, "animator": NAVIGATION, "audio_encoder": SOUND}, path)
    return str(path)


def make(
    folder, model, output: Path = Path("unused"), steps: int = 2, init=None, poses=None, cut: float = 0.0, **loss
):
    config = GoHDFaceConfig(
        data=MovingPairConfig(pairs=str(folder), batch_size=2, workers=0, mirror=0.0, color=0.0, cut=cut),
        model=AnimatorStartConfig(model, init, poses),
        loss=NavigationLossConfig(**loss),
        train=LoopConfig(
            output=str(output), steps=steps, log_every=1, tensorboard=False,
            optimizer=OptimizerConfig(learning_rate=3e-3),
        ),
        validated=2,
    )  # fmt: skip
    return GoHDFaceStage(config, CPU), config.train


def run(stage: GoHDFaceStage, config: LoopConfig) -> None:
    assert train(stage, config, make_accelerator(config), None) == 0


def batch_of(stage: GoHDFaceStage) -> PairBatch:
    return PairBatch.collate([stage.samples("train")[number] for number in (0, 1)])


def test_it_learns_and_goes_on_from_its_folder(folder, model, tmp_path):
    stage, config = make(folder, model, tmp_path, steps=30, mouth=4.0)
    config.validate_every = 30
    run(stage, config)
    assert np.mean(losses(tmp_path)[-5:]) < 0.8 * np.mean(losses(tmp_path)[:5])
    shown = tmp_path / "validation" / "step-00000030"
    scores = json.loads((shown / "scores.json").read_text())
    assert {"psnr", "features_psnr", "still_psnr", "moved_psnr", "flow_error", "r jaw", "r jaw, true"} < scores.keys()
    assert (shown / "faces.png").is_file()
    for name, kind in (("animator", NavigationAnimator), ("face_reader", FaceReader)):
        found = kind.from_pretrained(tmp_path / "model" / name).parameters()
        assert all(torch.equal(a, b) for a, b in zip(found, getattr(stage.networks, name).parameters(), strict=True))
    again, _ = make(folder, model, init=str(tmp_path / "model"))
    own = zip(again.networks.parameters(), stage.networks.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in own)
    assert again.networks.animator.default_size == 48


def test_a_latents_encoder_may_start_as_one_of_poses(folder, model, tmp_path):
    small = dict(sample_size=32, volume_channels=8, volume_depth=2, block_out_channels=[8, 16], warp_channels=[8])
    reader = VolumeAnimator(**small, code_channels=[8, 16], norm_num_groups=4)
    reader.save_pretrained(tmp_path / "animator")
    stage, _ = make(folder, model, poses=str(tmp_path))
    own, theirs = (each.state_dict() for each in (stage.networks.animator.latent_encoder, reader.pose_encoder))
    assert all(torch.equal(own[name], theirs[name]) for name in own if not name.startswith("out."))
    assert torch.equal(own["out.weight"][:6], theirs["out.weight"])
    assert torch.equal(own["out.bias"][:6], theirs["out.bias"])
    plain, _ = make(folder, model)
    assert not torch.equal(
        plain.networks.animator.latent_encoder.picture_in.weight, reader.pose_encoder.picture_in.weight
    )
    VolumeAnimator(**small, code_channels=[8], norm_num_groups=4).save_pretrained(tmp_path / "animator")
    with pytest.raises(ConfigError, match="other widths"):
        make(folder, model, poses=str(tmp_path))
    MeshAnimator().save_pretrained(tmp_path / "animator")
    with pytest.raises(WeightsError, match="no face model of VASA-1 could be loaded"):
        make(folder, model, poses=str(tmp_path))
    with pytest.raises(ConfigError, match=r"model\.poses are for a new animator"):
        make(folder, model, poses=str(tmp_path), init=str(tmp_path))


def test_with_an_adversary_both_learn_in_turns(folder, model, tmp_path):
    stage, config = make(folder, model, tmp_path, adversarial=0.1)
    before = {name: value.clone() for name, value in stage.networks.named_parameters()}
    run(stage, config)
    moved = {name.split(".")[0] for name, value in stage.networks.named_parameters() if (value != before[name]).any()}
    assert moved == {"animator", "face_reader", "discriminator"}
    assert (tmp_path / "model" / "discriminator").is_dir()
    row = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert {"adversarial", "discriminator/told_true", "discriminator/told_drawn"} <= row.keys()


def test_the_reader_learns_of_true_frames_alone(folder, model):
    stage, _ = make(folder, model)
    parts = stage.loss(stage.networks, batch_of(stage))[1]
    sum(value for name, value in parts.items() if name != "reader").backward(retain_graph=True)
    assert not any(p.grad is not None and p.grad.any() for p in stage.networks.face_reader.parameters())
    stage.networks.animator.zero_grad()
    parts["reader"].backward()
    assert all(p.grad is not None for p in stage.networks.face_reader.parameters())
    assert stage.networks.face_reader.pyramid.picture_in.weight.grad.any()
    assert not any(p.grad is not None and p.grad.any() for p in stage.networks.animator.parameters())


@pytest.mark.parametrize("name", ["perceptual", "expression", "gaze", "parts"])
def test_what_the_reader_says_reaches_the_animator(folder, model, name):
    stage, _ = make(folder, model, **{name: 1.0})
    stage.loss(stage.networks, batch_of(stage))[1][name].backward()
    assert stage.networks.animator.decoder.paint_out.weight.grad.any()


def test_frames_at_rest_are_drawn_of_the_latent_alone(folder, model):
    stage, _ = make(folder, model)
    first, truth, windows = stage.prepared(batch_of(stage))
    windows = windows.clone()
    windows[0] = CONTROLS.rest
    windows[1, 0, CONTROLS.names.index("jaw")] = 1.0
    appearance = stage.networks.animator.encode(first)
    plain = stage.networks.animator(appearance, windows, torch.tensor([0.0, 1.0]))
    drawn = stage.networks(first, truth.frames, windows)
    assert torch.equal(drawn.drawing.flow, plain.flow)
    assert torch.equal(drawn.drawing.paint, plain.paint)


def test_an_animator_may_be_told_where_references_heads_are(folder, model, tmp_path):
    told = tmp_path / "told.yaml"
    navigation = NAVIGATION | {"source_pose": True}
    OmegaConf.save({"image_size": 48, "animator": navigation, "audio_encoder": SOUND}, told)
    stage, config = make(folder, str(told), tmp_path)
    batch, given = batch_of(stage), []
    encode = stage.networks.animator.encode
    stage.networks.animator.encode = lambda picture, source: given.append(source) or encode(picture, source)
    stage.loss(stage.networks, batch)[0].backward()
    files = {path.stem: read_pairs(path) for path in stage.samples("train").paths}
    np.testing.assert_array_equal(given[0], np.stack([files[name].source for name in batch.clips]))
    assert stage.networks.animator.source_in.weight.grad.any()
    assert make(folder, model)[0].source(batch) is None
    config.validate_every = config.steps
    stage.networks.animator.encode = encode
    run(stage, config)
    kept = NavigationAnimator.from_pretrained(tmp_path / "model" / "animator")
    assert kept.source_in.weight.abs().sum() > 0
    (tmp_path / "train").mkdir()
    replace(made_pairs(0), source=None).write(tmp_path / "train" / "0.safetensors")
    with pytest.raises(DatasetError, match="tells no motion"):
        make(tmp_path, str(told))
    make(tmp_path, model)


def test_cut_windows_repeat_the_last_frame_that_they_have(folder, model):
    stage, _ = make(folder, model, cut=1.0)
    windows = torch.arange(5.0)[None, :, None].expand(40, 5, 1)
    cut = stage.cut(windows, list(range(40)))[..., 0]
    assert (cut[:, 2] == 2).all()  # the frame itself is always there
    seen = {tuple(row) for row in cut.tolist()}
    assert {(2, 2, 2, 3, 4), (0, 1, 2, 2, 2), (1, 1, 2, 3, 4), (0, 1, 2, 3, 3)} <= seen
    whole, _ = make(folder, model)
    assert torch.equal(whole.cut(windows, list(range(40))), windows)


def test_mirrored_pairs_have_mirrored_motion_and_parts(folder):
    plain, mirrored = (
        PairSamples(MovingPairConfig(pairs=str(folder), mirror=share, color=0.0), "train", 0, (0, 0, 0))
        for share in (0.0, 1.0)
    )
    moving = next(number for number in range(9) if (plain[number].motion != CONTROLS.rest).any())
    plain, mirrored = plain[moving], mirrored[moving]
    turned = [CONTROLS.names.index(name) for name in ("yaw", "roll", "tx", "gaze_x")]
    kept = [number for number in range(14) if number not in turned]
    assert torch.equal(mirrored.motion[..., turned], -plain.motion[..., turned])
    assert torch.equal(mirrored.motion[..., kept], plain.motion[..., kept])
    assert torch.equal(mirrored.source[..., turned], -plain.source[..., turned])
    assert torch.equal(mirrored.source[..., kept], plain.source[..., kept])
    assert torch.equal(mirrored.parts, plain.parts.flip(-1))
    assert plain.motion.shape == (1, 2, 2 * REACH + 1, 14)


def test_pairs_without_motion_and_folders_without_what_is_wanted_are_refused(tmp_path, folder, model):
    (tmp_path / "train").mkdir()
    pairs = made_pairs(0)
    object.__setattr__(pairs, "motion", None)
    object.__setattr__(pairs, "parts", None)
    pairs.write(tmp_path / "train" / "0.safetensors")
    with pytest.raises(DatasetError, match="tells no motion"):
        make(tmp_path, model)
    with pytest.raises(WeightsError):
        make(folder, model, init=str(tmp_path / "nowhere"))
    mesh = tmp_path / "mesh.yaml"
    OmegaConf.save({"image_size": 48, "audio_encoder": SOUND}, mesh)
    with pytest.raises(ConfigError, match="moved by a mesh"):
        make(folder, str(mesh))
