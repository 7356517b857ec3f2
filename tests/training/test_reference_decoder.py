"""The reference decoder's training, on pairs made by hand whose flow is known, and on drawn ones."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from made_pairs import COARSE, SIDE, made_pairs, pairs_folder
from run_log import losses
from safetensors.torch import load_file
from tiny import patch_pipeline

from emo.data.synthetic.config import SyntheticConfig
from emo.data.synthetic.reference_pairs import REACH, draw_pairs, read_pairs
from emo.data.synthetic.renderer import Renderer
from emo.errors import ConfigError, DatasetError, OptionError
from emo.hub import load_vae
from emo.motion import CONTROLS, FaceControls, MotionTrack
from emo.training.config import LoopConfig, OptimizerConfig
from emo.training.loop import make_accelerator, train
from emo.training.reference_decoder import ReferenceDecoderStage, ReferenceDecoderTrainingConfig
from emo.training.reference_decoder.config import DrawingLossConfig, PairDataConfig, ReferenceDecoderStartConfig
from emo.training.reference_decoder.losses import drawing_loss, flow_loss, picture_weight
from emo.training.reference_decoder.predictions import ClipWindow, LatentPredictor, draw_predicted
from emo.training.reference_decoder.samples import PairBatch, PairSamples
from emo.unets import Drawing, PatchAutoencoder, ReferenceAutoencoder
from emo.unets.warp import warp

LATENTS = (8, 8, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return pairs_folder(tmp_path_factory.mktemp("pairs"))


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    vae = PatchAutoencoder(
        latent_channels=8,
        block_out_channels=(8, 8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        scaling_factor=0.7,
        sample_size=SIDE // 2,
    )
    pictures = (
        torch.stack([torch.from_numpy(made_pairs(n).reference) for n in range(4)]).permute(0, 3, 1, 2) / 127.5 - 1
    )
    vae.start_from(torch.nn.functional.avg_pool2d(pictures, 2))
    path = tmp_path_factory.mktemp("start") / "vae"
    vae.save_pretrained(path)
    return path


def make(folder: Path, start: Path, output: Path = Path("unused"), steps: int = 4, data=None, **loss):
    config = ReferenceDecoderTrainingConfig(
        data=PairDataConfig(pairs=str(folder), batch_size=2, workers=0, **data or {}),
        model=ReferenceDecoderStartConfig(str(start), [8, 16, 16], 1),
        loss=DrawingLossConfig(**loss),
        train=LoopConfig(
            output=str(output),
            steps=steps,
            log_every=1,
            tensorboard=False,
            optimizer=OptimizerConfig(learning_rate=3e-3),
        ),
        validated=2,
    )
    return ReferenceDecoderStage(config, SimpleNamespace(device=torch.device("cpu"))), config.train


def run(stage: ReferenceDecoderStage, config: LoopConfig, resume=None) -> None:
    assert train(stage, config, make_accelerator(config), resume) == 0


def test_it_learns_and_only_the_reference_decoder_changes(folder, start, tmp_path):
    stage, config = make(folder, start, tmp_path, steps=30, latent_noise=0.0)
    config.validate_every = 30
    run(stage, config)
    assert np.mean(losses(tmp_path)[-5:]) < 0.8 * np.mean(losses(tmp_path)[:5])
    scores = json.loads((tmp_path / "validation" / "step-00000030" / "scores.json").read_text())
    figures = {"psnr", "features_psnr", "moved_psnr", "sharpness", "flow_error", "change"}
    assert scores.keys() == {f"{kind}/{name}" for kind in ("true", "disturbed") for name in figures}
    assert (tmp_path / "validation" / "step-00000030" / "drawings.png").is_file()

    vae = load_vae(str(tmp_path / "model"))
    assert isinstance(vae, ReferenceAutoencoder)
    assert vae.config["scaling_factor"] == 0.7
    before = load_file(start / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(vae.state_dict()[name], value) for name, value in before.items())
    again, _ = make(folder, tmp_path / "model")
    assert all(torch.equal(a, b) for a, b in zip(again.networks.parameters(), vae.parameters(), strict=True))


def test_resumed_training_is_that_of_one_run(folder, start, tmp_path):
    whole, config = make(folder, start, tmp_path / "whole", steps=4)
    run(whole, config)
    half, config = make(folder, start, tmp_path / "half", steps=2)
    run(half, config)
    half, config = make(folder, start, tmp_path / "half", steps=4)
    run(half, config, "latest")
    a, b = (load_file(tmp_path / name / "model" / "diffusion_pytorch_model.safetensors") for name in ("whole", "half"))
    assert all(torch.equal(a[name], b[name]) for name in a)


def true_drawing(batch: PairBatch) -> tuple[Drawing, torch.Tensor, torch.Tensor]:
    """What a decoder draws that finds the flow, with the references and the frames."""
    picture = (batch.reference / 127.5 - 1).repeat_interleave(2, 0)
    frames = batch.frames.flatten(0, 1) / 127.5 - 1
    visibility = torch.ones(len(frames), 1, COARSE, COARSE)
    return Drawing(batch.flow.flatten(0, 1), visibility, torch.zeros_like(frames)), picture, frames


@pytest.mark.parametrize("mirror", [0.0, 1.0])
@pytest.mark.parametrize("color", [0.0, 1.0])
def test_samples_keep_frames_flow_and_points_together(folder, mirror, color):
    samples = PairSamples(PairDataConfig(pairs=str(folder), mirror=mirror, color=color), "train", 3, LATENTS)
    batch = PairBatch.collate([samples[number] for number in range(6)])
    assert sorted(batch.clips) == [f"{n:06d}" for n in range(6)]
    drawing, picture, frames = true_drawing(batch)
    inside = (..., slice(8, -8), slice(8, -8))
    assert (drawing.moved(picture) - frames)[inside].abs().mean() < 0.02
    left_eye, right_eye, _, left, right = batch.points[0, 0, :5].tolist()
    assert (left_eye, right_eye, left, right) == ([20, 20], [44, 20], [24, 44], [40, 44])
    same = PairSamples(PairDataConfig(pairs=str(folder), mirror=0.0, color=0.0), "train", 3, LATENTS)
    changed = not torch.equal(batch.frames, PairBatch.collate([same[number] for number in range(6)]).frames)
    assert changed == bool(mirror or color)


def test_samples_are_drawn_by_number_and_those_held_out_stay_as_they_are(folder):
    config = PairDataConfig(pairs=str(folder), mirror=1.0, color=1.0)
    one, two = (PairSamples(config, "train", 5, LATENTS) for _ in range(2))
    assert torch.equal(one[11].frames, two[11].frames)
    held_out = PairSamples(config, "test", 5, LATENTS)
    assert torch.equal(held_out[0].reference[0].movedim(0, -1), torch.from_numpy(made_pairs(10).reference))


def test_each_part_of_the_loss_sees_its_own_mistake(folder):
    samples = PairSamples(PairDataConfig(pairs=str(folder), mirror=0.0, color=0.0), "train", 0, LATENTS)
    batch = PairBatch.collate([samples[0], samples[1]])
    truth, picture, frames = true_drawing(batch)
    config = DrawingLossConfig(moved=1.0, flow=1.0, visible=1.0, steady=1.0, sharpness=1.0)
    rest = (batch.points.flatten(0, 1), batch.flow.flatten(0, 1), batch.visible.flatten(0, 1), config)
    right = drawing_loss(truth, picture, frames, *rest)
    assert right["flow"] == 0

    def wrong(**changes) -> set[str]:
        parts = drawing_loss(Drawing(**{**vars(truth), **changes}), picture, frames, *rest)
        return {name for name in parts if parts[name] > right[name] + 0.01}

    assert {"flow", "moved", "absolute"} <= wrong(flow=truth.flow + 0.2)
    assert "visible" in wrong(visibility=torch.full_like(truth.visibility, 0.2))
    flicker = torch.zeros_like(truth.paint)
    flicker[::2] = 0.2
    assert "steady" in wrong(paint=flicker)
    assert "steady" not in wrong(paint=torch.full_like(truth.paint, 0.2))
    unknown = drawing_loss(
        Drawing(truth.flow + 0.2, truth.visibility, truth.paint),
        picture,
        frames,
        rest[0],
        rest[1],
        torch.zeros_like(rest[2]),
        config,
    )
    assert unknown["flow"] == unknown["moved"] == 0


def test_mouth_and_eyes_weigh_more():
    points = torch.tensor([[[20.0, 20], [44, 20], [32, 32], [24, 44], [40, 44], [32, 42], [32, 46]]])
    weight = picture_weight(points, 64, 64, DrawingLossConfig(mouth=4.0, mouth_sigma=0.3, eyes=2.0, eyes_sigma=0.2))[
        0, 0
    ]
    assert weight[44, 32] == pytest.approx(5, abs=0.1)
    assert weight[20, 20] == pytest.approx(3, abs=0.1)
    assert weight[20, 44] == pytest.approx(3, abs=0.1)
    assert weight[2, 2] == pytest.approx(1, abs=0.01)
    assert (picture_weight(points, 64, 64, DrawingLossConfig()) == 1).all()


def test_a_wrong_flow_costs_more_where_more_weight_lies():
    zeros, weight = torch.zeros(1, 2, 16, 16), torch.ones(1, 1, 64, 64)
    weight[..., 32:, :] = 9
    frames = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    config = DrawingLossConfig(moved=1.0, flow=1.0)

    def cost(rows: slice, weight: torch.Tensor) -> dict[str, torch.Tensor]:
        flow = torch.zeros(1, 2, 64, 64)
        flow[:, :, rows] = 0.1
        drawing = Drawing(flow, torch.ones(1, 1, 64, 64), frames)
        return flow_loss(drawing, drawing.moved(frames), frames, zeros, torch.ones(1, 1, 16, 16), weight, config)

    upper, lower = slice(0, 32), slice(32, 64)
    for part in ("flow", "moved"):
        assert cost(lower, weight)[part] > 5 * cost(upper, weight)[part]
    even = torch.ones_like(weight)
    assert cost(lower, even)["flow"] == pytest.approx(float(cost(upper, even)["flow"]), rel=0.01)


def test_drawn_pairs_show_one_person_whose_flow_is_that_of_the_frames(tmp_path):
    renderer = Renderer(SyntheticConfig(seed=0, identities=2, size=64, seconds=2.0))
    pairs = draw_pairs(renderer, replace(renderer.config.clip_spec(1), speed=1.9), 4)
    assert (pairs.reference.shape, pairs.frames.shape) == ((64, 64, 3), (4, 64, 64, 3))
    assert (pairs.flow.shape, pairs.visible.shape) == ((4, 2, 16, 16), (4, 1, 16, 16))
    pairs.write(tmp_path / "a.safetensors")
    kept = read_pairs(tmp_path / "a.safetensors")
    assert all(np.array_equal(getattr(kept, name), value) for name, value in vars(pairs).items())
    assert kept.error is None

    picture = torch.from_numpy(pairs.reference).permute(2, 0, 1)[None].float()
    frames = torch.from_numpy(pairs.frames).permute(0, 3, 1, 2).float()
    shown = torch.nn.functional.interpolate((torch.from_numpy(pairs.visible) > 0.99).float(), (64, 64))
    error = lambda frame: (shown * (frame - frames).abs()).sum() / shown.sum()
    assert error(warp(picture, torch.from_numpy(pairs.flow).float())) < 0.5 * error(picture)
    assert not pairs.flow[np.broadcast_to(pairs.visible == 0, pairs.flow.shape)].any()


def test_the_first_ones_are_at_rest_and_motion_goes_with_its_frames():
    renderer = Renderer(SyntheticConfig(seed=0, identities=2, size=64, seconds=2.0))
    clip = renderer.config.clip_spec(1)
    pairs, plain = (draw_pairs(renderer, clip, 4, at_rest) for at_rest in (2, 0))
    assert pairs.motion.shape == (4, 2 * REACH + 1, 14)
    rest = CONTROLS.rest.numpy()
    assert (pairs.motion[:2] == rest).all()
    assert (pairs.motion[2:, REACH] != rest).any(-1).all()
    assert np.array_equal(pairs.frames[0], pairs.frames[1])
    for one in (pairs, plain):  # neighbors' windows are the same motion, a frame apart
        assert np.array_equal(one.motion[2, 1:], one.motion[3, :-1])
        shown = FaceControls.from_track(MotionTrack(torch.from_numpy(one.motion[:, REACH]), 25, CONTROLS))
        assert np.array_equal(renderer.draw(clip, shown), one.frames)
        assert np.array_equal(renderer.parts(clip, shown).numpy(), one.parts)


def test_acted_ones_do_with_eyes_what_chance_says_and_are_drawn_so():
    renderer = Renderer(SyntheticConfig(seed=0, identities=2, size=64, seconds=2.0))
    clip = renderer.config.clip_spec(1)
    pairs, plain = (draw_pairs(renderer, clip, 6, 2, acting) for acting in (1.0, 0.0))
    again = draw_pairs(renderer, clip, 6, 2)
    assert all(np.array_equal(getattr(again, name), value) for name, value in vars(plain).items())
    column = CONTROLS.names.index
    eyes = [column(name) for name in ("gaze_x", "gaze_y", "brow", "smile", "blink")]
    others = [n for n in range(len(CONTROLS.names)) if n not in eyes]
    assert np.array_equal(pairs.motion[..., others], plain.motion[..., others])
    assert np.array_equal(pairs.frames[:2], plain.frames[:2])  # at rest
    assert np.array_equal(pairs.reference, plain.reference)
    for first in (2, 4):
        assert np.array_equal(pairs.motion[first, 1:], pairs.motion[first + 1, :-1])
        held = pairs.motion[first, :, eyes[:4]]
        assert (np.ptp(held, axis=1) == 0).all()
        assert not np.allclose(held, pairs.motion[6 - first, :, eyes[:4]])
        lids = pairs.motion[first, :, column("blink")]
        assert lids[[0, -1]].max() == 0 < lids.max() <= 1
    shown = FaceControls.from_track(MotionTrack(torch.from_numpy(pairs.motion[:, REACH]), 25, CONTROLS))
    assert np.array_equal(renderer.draw(clip, shown), pairs.frames)
    assert not np.array_equal(pairs.frames[2:], plain.frames[2:])


def test_a_models_errors_take_the_noises_place(folder, start, tmp_path):
    pairs = made_pairs(0)
    error = np.random.default_rng(0).normal(0, 0.3, (4, *LATENTS)).astype(np.float16)
    (tmp_path / "train").mkdir()
    replace(pairs, error=error).write(tmp_path / "train" / "a.safetensors")
    data = dict(mirror=1.0, color=1.0)
    stage, _ = make(tmp_path, start, data=data, latent_noise=0.5)
    batch = PairBatch.collate([stage.samples("train")[0]])
    first = next(i for i in (0, 2) if torch.equal(batch.error[0, 0], torch.from_numpy(error[i]).float()))
    assert torch.equal(batch.frames[0, 0].movedim(0, -1), torch.from_numpy(pairs.frames[first]))  # neither is changed
    seen = []
    stage.drawn = lambda networks, batch, error: seen.append(error) or type(stage).drawn(stage, networks, batch, error)
    stage.loss(stage.networks, batch)
    torch.testing.assert_close(seen[0], torch.from_numpy(error[first : first + 2]).float())

    plain, _ = make(folder, start, data=data, latent_noise=0.5)
    plain.drawn = lambda networks, batch, error: seen.append(error) or type(plain).drawn(plain, networks, batch, error)
    plain.loss(plain.networks, PairBatch.collate([plain.samples("train")[0]]))
    assert seen[1].any()


def test_a_models_errors_shrink_toward_the_end_of_its_steps():
    pipe = patch_pipeline()
    renderer = Renderer(SyntheticConfig(seed=0, identities=2, size=128, seconds=0.6))
    predictor = LatentPredictor(pipe)
    clip = renderer.config.clip_spec(0)
    pairs = draw_predicted(renderer, clip, 2, predictor)
    assert pairs.error is not None
    assert pairs.error.shape == (2, 4, 16, 16)
    again = draw_predicted(renderer, clip, 2, predictor)
    assert np.array_equal(pairs.error, again.error)

    acted = renderer.act(clip)
    small = renderer.draw(clip, acted.controls[:6])[:, ::2, ::2]
    boxes = np.tile(np.float32([16, 16, 48, 48]), (6, 1))
    window = ClipWindow(small[0], small, boxes, acted.waveform, 25.0, len(acted.controls), 2)
    sizes = [predictor.error(window, start, torch.Generator().manual_seed(0)).square().mean() for start in (0, 5, 9)]
    assert sizes[0] > sizes[1] > sizes[2] > 0
    silent = replace(window, waveform=np.zeros_like(window.waveform))
    of_silence = predictor.error(silent, 0, torch.Generator().manual_seed(0)).square().mean()
    assert of_silence != sizes[0]


def test_mistakes_are_named(folder, start, tmp_path):
    with pytest.raises(OptionError, match=r"data\.pairs"):
        PairSamples(PairDataConfig(pairs=str(tmp_path / "nothing")), "train", 0, LATENTS)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.safetensors").write_bytes(b"no tensors")
    with pytest.raises(DatasetError, match=r"a\.safetensors was not written by train/reference_decoder_data\.py"):
        PairSamples(PairDataConfig(pairs=str(tmp_path)), "train", 0, LATENTS)[0]
    AutoencoderKL(block_out_channels=(8,), norm_num_groups=4).save_pretrained(tmp_path / "kl")
    with pytest.raises(ConfigError, match="is no patch autoencoder"):
        make(folder, tmp_path / "kl")
