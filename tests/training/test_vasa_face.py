"""The training of VASA-1's face model, on pairs made by hand whose flow is known."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_pairs import pairs_folder
from run_log import losses
from safetensors.torch import load_file

from emo.config import load_config
from emo.data.format import FACE_POINTS
from emo.errors import ConfigError, WeightsError
from emo.motion.identity import IdentityEncoder
from emo.motion.vasa import VolumeAnimator
from emo.motion.vasa.volume import POSE, to_picture
from emo.training.config import LoopConfig, OptimizerConfig
from emo.training.loop import make_accelerator, train
from emo.training.reference_decoder.config import PairDataConfig
from emo.training.reference_decoder.samples import PairBatch
from emo.training.vasa_face import VASAFaceConfig, VASAFaceStage
from emo.training.vasa_face.config import FaceNetworkConfig, SwapLossConfig
from emo.training.vasa_face.framing import SHIFT, ZOOM, Framing
from emo.training.vasa_face.losses import SwapTruth, contrast, swap_losses
from emo.training.vasa_face.networks import DRAWN, Swaps
from emo.training.vasa_face.points_pose import RIGID, pose_of_points
from emo.unets import Drawing
from emo.unets.warp import pixel_centers, warp

SMALL = dict(
    sample_size=32, volume_channels=8, volume_depth=2, block_out_channels=[8, 16], layers_per_block=1,
    volume_layers=0, code_channels=[8, 16], identity_dim=4, dynamics_dim=4, warp_channels=[8, 8], norm_num_groups=4,
)  # fmt: skip
CPU = SimpleNamespace(device=torch.device("cpu"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return pairs_folder(tmp_path_factory.mktemp("pairs"))


def make(
    folder: Path, output: Path = Path("unused"), steps: int = 4, model=None, keep_codes=False, framing=0.0, **loss
):
    config = VASAFaceConfig(
        data=PairDataConfig(pairs=str(folder), batch_size=2, workers=0, mirror=0.0, color=0.0),
        model=FaceNetworkConfig(**SMALL | {"pixel_skip": True} | (model or {})),
        loss=SwapLossConfig(**loss),
        train=LoopConfig(
            output=str(output),
            steps=steps,
            log_every=1,
            tensorboard=False,
            optimizer=OptimizerConfig(learning_rate=3e-3),
        ),
        validated=2,
        keep_codes=keep_codes,
        framing=framing,
    )
    return VASAFaceStage(config, CPU), config.train


def run(stage: VASAFaceStage, config: LoopConfig, resume=None) -> None:
    assert train(stage, config, make_accelerator(config), resume) == 0


def batch_of(stage: VASAFaceStage) -> PairBatch:
    return PairBatch.collate([stage.samples("train")[number] for number in (0, 1)])


@pytest.mark.parametrize("pixel_skip", [False, True])
def test_it_learns(folder, tmp_path, pixel_skip):
    stage, config = make(folder, tmp_path, steps=40, model={"pixel_skip": pixel_skip})
    config.validate_every = 40
    run(stage, config)
    assert np.mean(losses(tmp_path)[-5:]) < 0.8 * np.mean(losses(tmp_path)[:5])
    shown = tmp_path / "validation" / "step-00000040"
    scores = json.loads((shown / "scores.json").read_text())
    figures = {"psnr", "features_psnr", "still_psnr", "transfer_psnr", "angle_error"}
    assert scores.keys() == figures | ({"moved_psnr", "flow_error"} if pixel_skip else set())
    assert (shown / "faces.png").is_file()

    animator = VolumeAnimator.from_pretrained(tmp_path / "model" / "animator")
    assert all(
        torch.equal(a, b) for a, b in zip(animator.parameters(), stage.networks.animator.parameters(), strict=True)
    )
    again, _ = make(folder, model={"init": str(tmp_path / "model")})
    own = zip(again.networks.parameters(), stage.networks.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in own)
    larger, _ = make(folder, model={"init": str(tmp_path / "model"), "sample_size": 64, "picture_size": 96})
    assert larger.networks.animator.config["sample_size"] == 64
    assert (larger.networks.animator.default_size, again.networks.animator.default_size) == (96, 32)


def test_codes_that_are_kept_stay_as_they_are_and_all_else_learns(folder, tmp_path):
    stage, config = make(folder, tmp_path / "first", steps=1)
    run(stage, config)
    init = {"init": str(tmp_path / "first" / "model")}
    stage, config = make(folder, tmp_path / "second", steps=2, model=init, keep_codes=True)
    before = {name: value.clone() for name, value in stage.networks.animator.named_parameters()}
    run(stage, config)
    after = dict(stage.networks.animator.named_parameters())
    same = {name.split(".")[0] for name, value in before.items() if torch.equal(value, after[name])}
    assert same == {"pose_encoder", "dynamics_encoder"}


def test_codes_that_are_kept_are_read_alike_of_frames_that_are_framed_anew(folder, tmp_path):
    stage, config = make(folder, tmp_path / "first", steps=1)
    run(stage, config)
    shutil.rmtree(tmp_path / "first" / "model" / "identity_encoder")  # as of a whole model
    init = {"init": str(tmp_path / "first" / "model")}
    stage, _ = make(folder, model=init, keep_codes=True, framing=1.0)
    batch = batch_of(stage)
    framing = Framing.draw(batch.index.tolist(), stage.seed, 1.0)
    _, true = stage.drawn(stage.networks, batch, framing)
    _, plain = make(folder, model=init)[0].drawn(stage.networks, batch)
    read = [framing.motion(stage.networks.animator.read(frames)) for frames in (plain.first, plain.second)]
    torch.testing.assert_close(true.codes, torch.cat(read))
    parts = stage.loss(stage.networks, batch)[1]
    assert "pose" not in parts
    assert parts["codes"] > 0
    parts["codes"].backward(retain_graph=True)
    reading = ("pose_encoder", "dynamics_encoder")
    learn = {
        name.split(".")[1] for name, p in stage.networks.named_parameters() if p.grad is not None and p.grad.any()
    }
    assert learn == set(reading)
    stage.networks.zero_grad()
    sum(value for name, value in parts.items() if name != "codes").backward()
    learn = {
        name.split(".")[1] for name, p in stage.networks.named_parameters() if p.grad is not None and p.grad.any()
    }
    assert learn.isdisjoint(reading)
    assert "decoder" in learn

    stage.networks.zero_grad()
    stage.config.codes_alone = True
    loss, alone = stage.loss(stage.networks, batch)
    assert alone.keys() == {"codes"}
    torch.testing.assert_close(alone["codes"], parts["codes"])
    loss.backward()
    learn = {
        name.split(".")[1] for name, p in stage.networks.named_parameters() if p.grad is not None and p.grad.any()
    }
    assert learn == set(reading)


def test_framing_moves_pictures_points_flow_and_poses_alike():
    framing = Framing(torch.tensor([1.3, 0.8]), torch.tensor([[0.1, -0.15], [-0.2, 0.05]]))
    pose = torch.tensor([[10.0, 5, -8, 0.1, -0.05, 1.2, 7], [-25, -10, 20, 0, 0, 0.8, 9]])
    rigid = torch.tensor(list(RIGID.values())).expand(2, -1, -1)
    side = 64
    points = torch.zeros(2, len(FACE_POINTS), 2)
    points[:, [FACE_POINTS.index(name) for name in RIGID]] = (to_picture(rigid, pose[:, :6])[..., :2] + 1) / 2 * side
    moved = framing.motion(pose)
    torch.testing.assert_close(pose_of_points(framing.points(points, side), side), moved[:, :6], atol=1e-4, rtol=0)
    assert torch.equal(moved[:, 6:], pose[:, 6:])

    ramp = pixel_centers(side, side, torch.zeros(1)).movedim(-1, 1).expand(2, -1, -1, -1)  # each pixel says its place
    seen = framing.pictures(ramp)
    wanted = (ramp - framing.shift[..., None, None]) / framing.zoom[:, None, None, None]
    torch.testing.assert_close(seen, wanted.clamp(-1 + 1 / side, 1 - 1 / side), atol=1e-5, rtol=0)
    inside = framing.pictures(torch.ones(2, 1, side, side), "zeros").amin(dim=(1, 2, 3))
    assert inside.tolist() == pytest.approx([1, 0])

    flow = torch.tensor([0.05, -0.03])[None, :, None, None].expand(2, -1, side, side)
    inside = (..., slice(20, -20), slice(20, -20))
    again = warp(framing.pictures(ramp), framing.flow(flow))
    assert (again - framing.pictures(warp(ramp, flow)))[inside].abs().max() < 1e-4


def test_framings_are_drawn_by_number_for_their_share():
    both = Framing.draw([3, 4], 1, 1.0)
    again = Framing.draw([4], 1, 1.0)
    assert torch.equal(again.zoom, both.zoom[1:])
    assert torch.equal(again.shift, both.shift[1:])
    many = Framing.draw(list(range(400)), 0, 0.5)
    changed = many.zoom != 1
    assert 0.4 < changed.float().mean() < 0.6
    assert torch.equal(changed, many.shift.any(1))
    assert 1.2 < many.zoom.max() <= ZOOM
    assert 1.2 < 1 / many.zoom.min() <= ZOOM + 1e-6
    assert 0.9 * SHIFT < many.shift.abs().max() <= SHIFT


def test_resumed_training_is_that_of_one_run(folder, tmp_path):
    whole, config = make(folder, tmp_path / "whole", steps=4)
    run(whole, config)
    half, config = make(folder, tmp_path / "half", steps=2)
    run(half, config)
    half, config = make(folder, tmp_path / "half", steps=4)
    run(half, config, "latest")
    for name in ("animator", "identity_encoder"):
        file = Path("model") / name / "diffusion_pytorch_model.safetensors"
        a, b = (load_file(tmp_path / run_name / file) for run_name in ("whole", "half"))
        assert all(torch.equal(a[key], b[key]) for key in a)


def test_everybody_is_drawn_by_the_codes_that_are_named(folder, monkeypatch):
    """Each of `DRAWN`, with what the animator is given in place of what it draws."""
    stage, _ = make(folder)
    seen = {}

    def forward(self, appearance, motion):
        seen["small"], seen["motion"] = appearance.small, motion
        zeros = torch.zeros(len(motion), 2, 4, 4)
        return Drawing(zeros, zeros[:, :1], appearance.small)

    monkeypatch.setattr(VolumeAnimator, "forward", forward)
    batch = batch_of(stage)
    swaps, true = stage.drawn(stage.networks, batch)
    motion = dict(zip(("first", "second"), swaps.motion.chunk(2), strict=True))
    motion["another"] = motion["second"].flip(0)
    small = {"first": true.first, "second": true.second}
    told = {
        "second": ("first", "second", "second"),
        "first": ("second", "first", "first"),
        "pose": ("second", "first", "second"),
        "dynamics": ("first", "first", "second"),
        "another": ("first", "another", "another"),
    }
    assert told.keys() == DRAWN.keys() == swaps.drawings.keys()
    for number, (source, pose, dynamics) in enumerate(told.values()):
        rows = slice(2 * number, 2 * number + 2)
        assert torch.equal(seen["small"][rows], small[source])
        assert torch.equal(seen["motion"][rows, : len(POSE)], motion[pose][:, : len(POSE)])
        assert torch.equal(seen["motion"][rows, len(POSE) :], motion[dynamics][:, len(POSE) :])


def test_the_other_identity_encoder_learns_by_telling_people_apart_alone(folder):
    stage, _ = make(folder)
    learned = {}
    for part in ("identity", "contrast"):
        stage.networks.zero_grad()
        stage.loss(stage.networks, batch_of(stage))[1][part].backward()
        learned[part] = {
            name.split(".")[0] for name, p in stage.networks.named_parameters() if p.grad is not None and p.grad.any()
        }
    assert learned == {"identity": {"animator"}, "contrast": {"identity_encoder"}}


def perfect(folder) -> tuple[Swaps, SwapTruth]:
    """What a perfect model draws of a batch, and what it is compared with."""
    stage, _ = make(folder)
    _, true = stage.drawn(stage.networks, batch_of(stage))
    flow = true.flow
    assert flow is not None
    nothing = torch.zeros_like(true.first)

    def painted(picture):
        return Drawing(torch.zeros_like(flow[0]), torch.zeros_like(flow[1]), picture)

    drawings = {name: painted(nothing) for name in DRAWN}
    drawings["second"] = Drawing(flow[0], torch.ones_like(flow[1]), nothing)
    drawings["first"] = painted(true.first)
    same = torch.nn.functional.normalize(torch.eye(2, 4), dim=1)
    motion = torch.cat([true.pose, true.pose])
    swaps = Swaps(drawings, motion, torch.stack([same, same]), torch.stack([same, same]))
    return swaps, true


def test_each_part_of_the_loss_sees_its_own_mistake(folder):
    swaps, true = perfect(folder)
    config = SwapLossConfig(transfer=1.0, identity=1.0, contrast=1.0, pose=1.0)
    right = swap_losses(swaps, true, config)
    assert right["flow"] == right["transfer"] == right["identity"] == right["pose"] == 0

    def wrong(**changes) -> set[str]:
        parts = swap_losses(Swaps(**{**vars(swaps), **changes}), true, config)
        return {name for name in parts if parts[name] > right[name] + 0.005}

    def redrawn(name: str, **changes) -> dict[str, Drawing]:
        return swaps.drawings | {name: Drawing(**{**vars(swaps.drawings[name]), **changes})}

    paint = torch.full_like(true.first, 0.2)
    assert wrong(drawings=redrawn("pose", paint=paint)) == {"transfer"}
    assert wrong(drawings=redrawn("dynamics", paint=paint)) == {"transfer"}
    assert {"absolute"} <= wrong(drawings=redrawn("first", paint=paint)) <= {"absolute", "gradient", "structure"}
    assert {"absolute", "flow", "moved"} <= wrong(drawings=redrawn("second", flow=swaps.drawings["second"].flow + 0.2))
    assert wrong(identity=torch.stack([swaps.identity[0], swaps.identity[0].flip(0)])) == {"identity"}
    assert wrong(told=torch.stack([swaps.told[0], swaps.told[0].flip(0)])) == {"contrast"}
    turned = swaps.motion.clone()
    turned[2:, 0] += 7
    assert wrong(motion=turned) == {"pose"}
    without = swap_losses(swaps, replace(true, flow=None), config)
    assert without.keys() == right.keys() - {"flow", "moved", "visible"}


def test_contrast_is_least_where_everybody_is_nearest_to_themselves():
    people = torch.eye(3)
    assert contrast(people, people) < 0.01
    assert contrast(people, people.roll(1, 0)) > 5
    assert contrast(people[:1].expand(3, -1), people[:1].expand(3, -1)) == pytest.approx(np.log(3))


def test_codes_are_swapped_in_some_batches(folder):
    stage, _ = make(folder)
    batch = batch_of(stage)
    every = stage.loss(stage.networks, batch)[1]
    stage.config.swapped = 0.0
    none = stage.loss(stage.networks, batch)[1]
    assert every.keys() - none.keys() == {"transfer", "identity", "contrast"}
    for name in none:
        torch.testing.assert_close(none[name], every[name])
    stage.config.swapped = 0.5
    batches = (replace(batch, index=batch.index + number) for number in range(12))
    swapped = ["transfer" in stage.loss(stage.networks, some)[1] for some in batches]
    assert 2 <= sum(swapped) <= 10


def test_points_tell_the_pose_that_put_them_there():
    pose = torch.tensor([[10.0, 5, -8, 0.1, -0.05, 1.2], [-25, -10, 20, 0, 0, 0.8], [0, 0, 0, 0, 0, 1]])
    places = to_picture(torch.tensor(list(RIGID.values())).expand(3, -1, -1), pose)
    points = torch.zeros(3, len(FACE_POINTS), 2)
    points[:, [FACE_POINTS.index(name) for name in RIGID]] = (places[..., :2] + 1) / 2 * 64
    torch.testing.assert_close(pose_of_points(points, 64), pose, atol=1e-4, rtol=0)


def test_pictures_points_and_flow_have_the_networks_size(folder):
    stage, _ = make(folder)
    batch = batch_of(stage)
    _, true = stage.drawn(stage.networks, batch)
    first, second, flow = true.first, true.second, true.flow
    assert first.shape == second.shape == (2, 3, 32, 32)
    torch.testing.assert_close(true.points, batch.points[:, 0] / 2)
    drawing = Drawing(flow[0], torch.ones_like(flow[1]), torch.zeros_like(first))
    inside = (..., slice(6, -6), slice(6, -6))
    assert (drawing.moved(first) - second)[inside].abs().mean() < 0.3 * (first - second)[inside].abs().mean()


def test_colors_are_drawn_by_number(folder):
    stage, _ = make(folder)
    both = stage.draw([3, 4])
    assert both.shape == (4, 3, 1, 1)
    assert torch.equal(stage.draw([4]), both[[1, 3]])
    assert len(both.unique()) == 12


def test_mistakes_are_named(folder, tmp_path):
    with pytest.raises(WeightsError, match="no face model could be loaded"):
        make(folder, model={"init": str(tmp_path)})
    needed = ["data.pairs=x", "train.output=y", "train.steps=1"]
    for override, message in (
        ("data.batch_size=1", "data.batch_size is 1; people learn from each other: at least 2"),
        ("model.volume_channels=12", "model.norm_num_groups is 8, which does not divide a width of 12"),
        ("keep_codes=true", "keep_codes is for codes that are learned; give model.init"),
        ("codes_alone=true", "codes_alone is for codes that are kept in other framings"),
        ("model.block_out_channels=[16]", "model.block_out_channels needs two widths"),
    ):
        with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
            load_config(VASAFaceConfig, None, [*needed, override])


@pytest.mark.parametrize("name", ["vasa-tiny", "vasa-paper"])
def test_its_configurations_build(name):
    path = Path(__file__).parents[2] / "configs" / "train" / name / "face.yaml"
    config = load_config(VASAFaceConfig, path, ["data.pairs=x"])
    sizes = {key: value for key, value in vars(config.model).items() if key != "init"}
    with torch.device("meta"):
        animator = VolumeAnimator(**sizes)
        appearance = animator.encode(torch.zeros(1, 3, config.model.sample_size, config.model.sample_size))
        paint = animator(appearance, torch.zeros(1, len(animator.space))).paint
        assert IdentityEncoder()(paint).shape == (1, 64)
    assert appearance.volume.shape[-1] == config.model.sample_size // 8
