"""The training of GAIA's autoencoder, on clips made by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from made_clips import made_dataset
from made_pairs import made_pairs, pairs_folder
from run_log import losses
from safetensors.torch import load_file
from torch.nn.functional import softplus

from emo.config import load_config
from emo.data import ClipReader
from emo.data.samples.landmarks import LANDMARKS
from emo.data.synthetic.reference_pairs import read_pairs
from emo.errors import ConfigError, DatasetError, WeightsError
from emo.face import Box, Face
from emo.face.landmark_map import landmark_map
from emo.face.mesh import NUM_LANDMARKS
from emo.motion.discriminators import PatchDiscriminator
from emo.motion.gaia import MotionAppearanceVAE
from emo.training.adversarial import discriminator_loss
from emo.training.config import LoopConfig, OptimizerConfig
from emo.training.gaia_vae import GAIAVAEConfig, GAIAVAEStage
from emo.training.gaia_vae.config import FramePairConfig, VAELossConfig, VAEStartConfig
from emo.training.gaia_vae.losses import vae_losses
from emo.training.gaia_vae.samples import FramePairs, FramePairSampler, PairFileSamples
from emo.training.loop import make_accelerator, train
from emo.unets.patch_autoencoder import PatchAutoencoder

SIDE, FILE_SIDE = 32, 64
MODEL = """
image_size: 32
vae:
  block_out_channels: [8, 8, 8, 16]
  layers_per_block: 1
  norm_num_groups: 4
audio_encoder:
  conv_dim: [8, 8, 8, 8, 8, 8, 8]
"""
UNSEEN = 3  # a frame of every clip in which no face is found


def landmarks(seed: int, frames: int = 12) -> np.ndarray:
    points = np.random.default_rng(seed).uniform(0, FILE_SIDE, (frames, NUM_LANDMARKS, 3)).astype(np.float32)
    points[UNSEEN] = np.nan
    return points


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model's configuration, and clips of FILE_SIDE px with landmarks."""
    root = tmp_path_factory.mktemp("gaia")
    (root / "gaia-toy.yaml").write_text(MODEL)
    splits = ("train", "train", "test", "test")
    made_dataset(root / "clips", *[{"split": split, "landmarks": landmarks(n)} for n, split in enumerate(splits)])
    return root


def make(folder: Path, output: Path = Path("unused"), steps: int = 4, model=None, data=None, **loss):
    config = GAIAVAEConfig(
        data=FramePairConfig(**{"root": str(folder / "clips"), "batch_size": 2, "workers": 0} | (data or {})),
        model=VAEStartConfig(
            config=str(folder / "gaia-toy.yaml"),
            discriminator_channels=[8, 8],
            discriminator_norm_num_groups=4,
            **(model or {}),
        ),
        loss=VAELossConfig(**loss),
        train=LoopConfig(
            output=str(output),
            steps=steps,
            log_every=1,
            tensorboard=False,
            optimizer=OptimizerConfig(learning_rate=3e-3),
        ),
        discriminator=OptimizerConfig(learning_rate=1e-3),
        validated=3,
    )
    accelerator = make_accelerator(config.train)
    return GAIAVAEStage(config, accelerator), config.train, accelerator


def run(made, resume=None) -> GAIAVAEStage:
    stage, config, accelerator = made
    assert train(stage, config, accelerator, resume) == 0
    return stage


def batch_of(stage: GAIAVAEStage) -> FramePairs:
    return next(iter(stage.loader(0, 1, 0)))


def test_it_learns(folder, tmp_path):
    made = make(folder, tmp_path, steps=30, mouth=1.0)
    made[1].validate_every = 30
    stage = run(made)
    assert np.mean(losses(tmp_path)[-5:]) < 0.9 * np.mean(losses(tmp_path)[:5])
    shown = tmp_path / "validation" / "step-00000030"
    assert json.loads((shown / "scores.json").read_text()).keys() == {
        *("psnr", "features_psnr", "still_psnr", "sharpness", "moved")
    }
    assert (shown / "frames.png").is_file()
    assert not (tmp_path / "model" / "discriminator").exists()
    vae = MotionAppearanceVAE.from_pretrained(tmp_path / "model" / "vae")
    assert all(torch.equal(a, b) for a, b in zip(vae.parameters(), stage.networks.vae.parameters(), strict=True))


def test_both_learn_in_turns_and_go_on(folder, tmp_path):
    made = make(folder, tmp_path, steps=2, adversarial=0.1)
    before = {name: p.clone() for name, p in made[0].networks.named_parameters()}
    stage = run(made)
    assert [n for n, p in stage.networks.named_parameters() if torch.equal(p, before[n]) and p.ndim > 1] == []
    judge = PatchDiscriminator.from_pretrained(tmp_path / "model" / "discriminator")
    own = stage.networks.discriminator
    assert all(torch.equal(a, b) for a, b in zip(judge.parameters(), own.parameters(), strict=True))
    again = make(folder, model={"init": str(tmp_path / "model")}, adversarial=0.1)[0].networks
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), stage.networks.parameters(), strict=True))
    assert make(folder, model={"init": str(tmp_path / "model")})[0].networks.discriminator is None
    with pytest.raises(WeightsError, match="no autoencoder of GAIA"):
        make(folder, model={"init": str(folder)})


def test_resumed_training_is_that_of_one_run(folder, tmp_path):
    run(make(folder, tmp_path / "whole", steps=4, adversarial=0.1))
    run(make(folder, tmp_path / "half", steps=2, adversarial=0.1))
    run(make(folder, tmp_path / "half", steps=4, adversarial=0.1), "latest")
    for name in ("vae", "discriminator"):
        file = Path("model") / name / "diffusion_pytorch_model.safetensors"
        a, b = (load_file(tmp_path / run_name / file) for run_name in ("whole", "half"))
        assert all(torch.equal(a[key], b[key]) for key in a)


def test_averages_are_of_the_autoencoder_alone(folder):
    stage = make(folder, adversarial=0.1)[0]
    assert {name.split(".")[0] for name, _ in stage.networks.named_parameters() if stage.averages(name)} == {"vae"}


def test_pairs_are_two_frames_of_a_clip_with_the_second_ones_landmarks(folder):
    stage = make(folder)[0]
    reader = ClipReader(folder / "clips", "train", size=SIDE, cache=stage.cache)
    pictures = reader.frames(1, range(12))
    places = set()
    for index in range(30):
        pair = FramePairSampler(None).sample(reader, 1, index, np.random.default_rng(index))
        (i,) = [n for n in range(12) if torch.equal(pair.appearance[0], pictures[n])]
        (j,) = [n for n in range(12) if torch.equal(pair.frames[0], pictures[n])]
        drawn = landmark_map(landmarks(1)[j] * SIDE / FILE_SIDE, SIDE, SIDE)
        assert torch.equal(pair.landmark_maps[0], torch.from_numpy(drawn).movedim(-1, 0))
        np.testing.assert_allclose(pair.points[0], reader.label(1, "points")[j] * SIDE / FILE_SIDE, rtol=1e-5)
        assert pair.clips == (f"train/000001.mp4 frames {i} and {j}",)
        places.add((i, j))
    assert UNSEEN in {i for i, _ in places}
    assert {j for _, j in places} == set(range(12)) - {UNSEEN}


def test_mirrored_pairs_are_mirrored_as_a_whole(folder):
    stage = make(folder)[0]
    reader = ClipReader(folder / "clips", "train", size=SIDE, cache=stage.cache)
    plain, mirrored = (
        FramePairSampler(FramePairConfig(mirror=share)).sample(reader, 0, 5, np.random.default_rng(5))
        for share in (0.0, 1.0)
    )
    for name in ("appearance", "frames", "landmark_maps"):
        assert torch.equal(getattr(mirrored, name), getattr(plain, name).flip(-1))
    swapped = plain.points[0, [1, 0, 2, 4, 3, 5, 6]]
    torch.testing.assert_close(mirrored.points[0], torch.stack([SIDE - swapped[:, 0], swapped[:, 1]], 1))


def test_landmarks_that_no_label_has_are_looked_for(folder, tmp_path):
    made_dataset(tmp_path / "clips", {}, {"split": "test"})
    (tmp_path / "gaia-toy.yaml").write_text(MODEL)
    stage = make(tmp_path)[0]
    reader = ClipReader(tmp_path / "clips", "train", size=SIDE, cache=stage.cache)
    assert reader.cached(0, [LANDMARKS])[LANDMARKS].isnan().all()  # patches show nobody
    with pytest.raises(DatasetError, match="no frame shows a face"):
        batch_of(stage)


def test_a_motion_that_a_model_has_learned_stays_as_it_is(folder, tmp_path):
    run(make(folder, tmp_path / "first", steps=2))
    before = MotionAppearanceVAE.from_pretrained(tmp_path / "first/model/vae")
    given = {"init": str(tmp_path / "first/model"), "keep_motion": True}
    run(make(folder, tmp_path / "second", steps=2, model=given, adversarial=0.1))
    after = MotionAppearanceVAE.from_pretrained(tmp_path / "second/model/vae")
    same = {name: torch.equal(value, before.state_dict()[name]) for name, value in after.state_dict().items()}
    kept = {name: held for name, held in same.items() if name.startswith("motion_encoder.")}
    assert kept
    assert all(kept.values())
    assert not same["decoder.conv_out.weight"]


def test_each_part_of_the_loss_sees_its_own_mistake(folder):
    stage = make(folder, mouth=2.0, adversarial=0.5)[0]
    batch = batch_of(stage)
    frames = batch.frames / 127.5 - 1
    drawn, _ = stage.networks(batch.appearance / 127.5 - 1, batch.landmark_maps / 127.5 - 1)
    config = VAELossConfig(kl=0.1, motion_kl=0.3, adversarial=0.5)

    high, low = torch.full((2, 1, 8, 8), 3.0), torch.full((2, 1, 8, 8), -3.0)

    def parts(sample=frames, score=high, points=batch.points, config=config, **changes):
        output = replace(drawn, sample=sample, **changes)
        return {name: value.item() for name, value in vae_losses(output, score, frames, points, config).items()}

    right = parts()
    assert right["absolute"] == 0
    assert right["adversarial"] == pytest.approx(0.5 * float(softplus(torch.tensor(-3.0))))
    looks, does = (p.kl().detach().mean() / p.mean[0].numel() for p in (drawn.appearance, drawn.motion))
    assert right["kl"] == pytest.approx(0.1 * float(looks))
    assert right["motion_kl"] == pytest.approx(0.3 * float(does))
    assert parts(sample=frames + 0.1)["absolute"] == pytest.approx(0.1, rel=1e-3)
    assert parts(score=low)["adversarial"] > 1
    assert "adversarial" not in parts(score=None)
    weighed = VAELossConfig(mouth=5.0)
    assert parts(sample=frames + 0.1, config=weighed)["absolute"] > 0.1


def test_the_discriminator_learns_to_tell_true_from_drawn():
    true, drawn = torch.full((1, 1, 2, 2), 2.0), torch.full((1, 1, 2, 2), -1.0)
    loss, told = discriminator_loss(torch.cat([true, drawn]))
    assert float(loss) == pytest.approx(float(softplus(torch.tensor(-2.0)) + softplus(torch.tensor(-1.0))))
    assert (told["told_true"], told["told_drawn"]) == (1, 1)
    assert discriminator_loss(torch.cat([drawn, true]))[0] > loss + 1


def test_the_autoencoder_learns_to_be_taken_for_true(folder):
    stage = make(folder, adversarial=0.5)[0]
    parts = stage.loss(stage.networks, batch_of(stage))[1]
    parts["adversarial"].backward()
    assert all(p.grad.any() for n, p in stage.networks.vae.named_parameters() if n.startswith("decoder.conv_out"))


def test_noise_is_drawn_by_number(folder):
    stage = make(folder)[0]
    appearance, motion = stage.noise([3, 4])
    assert (appearance.shape, motion.shape) == ((2, 3, 4, 4), (2, 3, 2, 2))
    again = stage.noise([4])
    assert torch.equal(again[0][0], appearance[1])
    assert torch.equal(again[1][0], motion[1])
    assert not torch.equal(appearance[0], appearance[1])


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    """A folder of pairs with landmarks, one frame of each without a face."""
    root = pairs_folder(tmp_path_factory.mktemp("pairs"))
    for number, path in enumerate(sorted(root.glob("*/*.safetensors"))):
        found = read_pairs(path)
        points = np.random.default_rng(number).uniform(0, FILE_SIDE, (5, NUM_LANDMARKS, 2)).astype(np.float32)
        points[UNSEEN] = np.nan
        replace(found, landmarks=points).write(path)
    return root


def test_a_reference_and_its_frames_are_pairs_too(pairs):
    samples = PairFileSamples(str(pairs), "test", FILE_SIDE, None, 0)
    files = [read_pairs(path) for path in samples.paths]
    places = set()
    for index in range(40):
        pair, file = samples[index], files[index % 2]
        pictures = torch.from_numpy(np.stack([file.reference, *file.frames])).movedim(-1, 1)
        (i,) = [n for n in range(5) if torch.equal(pair.appearance[0], pictures[n])]
        (j,) = [n for n in range(5) if torch.equal(pair.frames[0], pictures[n])]
        drawn = landmark_map(file.landmarks[j], FILE_SIDE, FILE_SIDE)
        assert torch.equal(pair.landmark_maps[0], torch.from_numpy(drawn).movedim(-1, 0))
        np.testing.assert_array_equal(pair.points[0], file.points[j - 1])
        assert pair.clips == (f"{samples.paths[index % 2].stem} frames {i} and {j}",)
        places.add((i, j))
    assert {i for i, _ in places} == set(range(5))
    assert {j for _, j in places} == {1, 2, 4}  # the reference has no points, and one frame no face


def test_changed_pairs_are_drawn_anew_in_every_round(pairs):
    config = FramePairConfig(mirror=0.5, color=1.0)
    samples = PairFileSamples(str(pairs), "train", FILE_SIDE, config, 0)
    rounds = [[samples[6 * n + index].clips[0][:6] for index in range(6)] for n in range(2)]
    assert sorted(rounds[0]) == sorted(rounds[1]) == [f"{n:06d}" for n in range(6)]
    assert rounds[0] != rounds[1]
    again = PairFileSamples(str(pairs), "train", FILE_SIDE, config, 0)
    assert torch.equal(samples[3].frames, again[3].frames)
    file = read_pairs(samples.paths[int(samples[3].clips[0][:6])])
    shown = torch.from_numpy(file.frames).movedim(-1, 1)
    assert not any(torch.equal(samples[3].frames[0], each) for each in (*shown, *shown.flip(-1)))


def test_it_learns_from_pairs_of_its_size(folder, pairs, tmp_path):
    (tmp_path / "gaia-toy.yaml").write_text(MODEL.replace("image_size: 32", f"image_size: {FILE_SIDE}"))
    data = {"root": None, "pairs": str(pairs)}
    made = make(tmp_path, tmp_path / "run", steps=1, data=data)
    made[1].validate_every = 1
    run(made)
    assert (tmp_path / "run" / "validation" / "step-00000001" / "frames.png").is_file()
    with pytest.raises(DatasetError, match="has frames of 64 pixels; this model's have 32"):
        make(folder, data=data)
    for path in (pairs / "test").iterdir():
        replace(read_pairs(path), landmarks=None).write(path)
    with pytest.raises(DatasetError, match="tells no landmarks; train/reference_decoder_data"):
        PairFileSamples(str(pairs), "test", FILE_SIDE, None, 0)


def test_landmarks_are_added_to_pairs():
    class Detector:
        def detect(self, image: np.ndarray) -> list[Face]:
            if image.mean() < 60:  # of an empty frame
                return []
            return [Face(Box(0, 0, 9, 9), 1.0, np.full((NUM_LANDMARKS, 3), image.mean(), np.float32))]

        def landmarks_near(self, image: np.ndarray, box: Box) -> None:
            return None

    pairs = made_pairs(0)
    pairs.frames[1] = 0
    found = pairs.with_landmarks(Detector()).landmarks  # pyright: ignore[reportArgumentType]
    assert found.shape == (5, NUM_LANDMARKS, 2)
    np.testing.assert_allclose(found[0], pairs.reference.mean(), rtol=1e-5)
    assert list(np.isnan(found).any((1, 2))) == [False, False, True, False, False]


def test_encoder_and_decoder_start_as_a_trained_autoencoders(folder, tmp_path):
    sizes = {"block_out_channels": [8, 8, 8, 16], "layers_per_block": 2, "norm_num_groups": 4}
    trained = PatchAutoencoder(latent_channels=3, **sizes)
    trained.save_pretrained(tmp_path / "trained")
    patches = "  patches: true\n  mixer_channels: 8\n  mixer_layers: 1\n"
    model = MODEL.replace("layers_per_block: 1\n", f"layers_per_block: 2\n{patches}")
    (tmp_path / "gaia-toy.yaml").write_text(model)
    start = {"autoencoder": str(tmp_path / "trained")}
    vae = make(tmp_path, model=start, data={"root": str(folder / "clips")})[0].networks.vae
    pictures = torch.rand(2, 3, SIDE, SIDE) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(vae(pictures, -pictures).sample, trained(pictures).sample)
    with pytest.raises(ConfigError, match="without patches cannot start"):
        make(folder, model=start)
    AutoencoderKL(block_out_channels=(32,)).save_pretrained(tmp_path / "other")
    with pytest.raises(ConfigError, match="is no patch autoencoder"):
        make(tmp_path, model={"autoencoder": str(tmp_path / "other")}, data={"root": str(folder / "clips")})
    with pytest.raises(WeightsError, match="no autoencoder could be loaded"):
        make(tmp_path, model={"autoencoder": str(tmp_path)}, data={"root": str(folder / "clips")})


def test_mistakes_are_named():
    for data in ([], ["data.root=x", "data.pairs=y"]):
        with pytest.raises(ConfigError, match=r"data\.root and data\.pairs are two places"):
            load_config(GAIAVAEConfig, None, [*data, "model.config=gaia-tiny", "train.output=y", "train.steps=1"])
    needed = ["data.root=x", "model.config=gaia-tiny", "train.output=y", "train.steps=1"]
    with pytest.raises(ConfigError, match=r"init and model\.autoencoder are two beginnings"):
        load_config(GAIAVAEConfig, None, [*needed, "model.init=a", "model.autoencoder=b"])
    with pytest.raises(ConfigError, match=r"keep_motion keeps E_M of model\.init, and there is none"):
        load_config(GAIAVAEConfig, None, [*needed, "model.keep_motion=true"])
    needed = ["data.root=x", "model.config=gaia-tiny", "train.output=y", "train.steps=1"]
    for channels, message in (
        ("[16, 24]", "_norm_num_groups is 32, which does not divide a"),
        ("[]", "_channels is empty"),
    ):
        with pytest.raises(ConfigError, match=f"model.discriminator{message}"):
            load_config(GAIAVAEConfig, None, [*needed, f"model.discriminator_channels={channels}"])


@pytest.mark.parametrize("name", ["gaia-tiny", "gaia-paper"])
def test_its_configurations_are_right(name):
    path = Path(__file__).parents[2] / "configs" / "train" / name / "vae.yaml"
    config = load_config(GAIAVAEConfig, path, ["data.root=x"])
    with torch.device("meta"):
        judge = PatchDiscriminator(
            block_out_channels=config.model.discriminator_channels,
            norm_num_groups=config.model.discriminator_norm_num_groups,
        )
        assert judge(torch.zeros(1, 3, 128, 128)).shape == (1, 1, 16, 16)


def test_a_frame_is_drawn_of_the_other_frame(folder):
    stage, given = make(folder)[0], []
    batch = batch_of(stage)
    stage.networks.vae.register_forward_pre_hook(lambda module, args: given.extend(args))
    stage.loss(stage.networks, batch)
    for found, true in zip(given, (batch.appearance, batch.landmark_maps), strict=False):
        torch.testing.assert_close(found, true / 127.5 - 1)
    assert not torch.equal(batch.appearance, batch.frames)
