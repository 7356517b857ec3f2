"""The autoencoder's training, on small clips made by hand: what is weighed, what is saved, and what starts from it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from made_clips import made_dataset
from omegaconf import OmegaConf
from run_log import losses
from safetensors.torch import load_file

from emo.data import Batch
from emo.errors import ConfigError, DatasetError
from emo.hub import load_vae
from emo.training.autoencoder import AutoencoderStage, AutoencoderTrainingConfig
from emo.training.autoencoder.config import AutoencoderLossConfig, AutoencoderStartConfig, FrameDataConfig
from emo.training.config import LoopConfig, OptimizerConfig
from emo.training.loop import make_accelerator, train
from emo.training.reconstruction import ReconstructionConfig, detail, psnr, reconstruction_loss, ssim
from emo.unets import PatchAutoencoder, ReferenceAutoencoder

SIZE = 64
MODEL = Path(__file__).parents[2] / "configs" / "train" / "smoke" / "model.yaml"
KL = {"kind": "kl", "block_out_channels": [8, 8, 8, 16], "layers_per_block": 1, "latent_channels": 4}


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("people")
    made_dataset(root, *[{"sound": False}] * 5, {"sound": False, "split": "test"})
    return root


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, str]:
    """Model configurations by kind of autoencoder."""
    path = tmp_path_factory.mktemp("models") / "kl.yaml"
    config = OmegaConf.load(MODEL)
    config.vae = KL | {"norm_num_groups": 4, "scaling_factor": 3.0}
    OmegaConf.save(config, path)
    return {"patch": str(MODEL), "kl": str(path)}


def make(people: Path, model: str, output: Path = Path("unused"), steps: int = 4, init=None, **loss):
    config = AutoencoderTrainingConfig(
        data=FrameDataConfig(root=str(people), batch_size=2, workers=0, measured=16),
        model=AutoencoderStartConfig(model, init),
        loss=AutoencoderLossConfig(**loss),
        train=LoopConfig(
            output=str(output),
            steps=steps,
            log_every=1,
            tensorboard=False,
            optimizer=OptimizerConfig(learning_rate=1e-3),
        ),
        validated=6,
    )
    return AutoencoderStage(config, SimpleNamespace(device=torch.device("cpu"))), config.train


def run(stage: AutoencoderStage, config: LoopConfig, resume=None) -> None:
    assert train(stage, config, make_accelerator(config), resume) == 0


@pytest.mark.parametrize("kind", ["patch", "kl"])
def test_it_learns_and_the_latents_get_variance_1(kind, people, models, tmp_path):
    torch.manual_seed(0)
    stage, config = make(people, models[kind], tmp_path, steps=12)
    config.validate_every = 12
    run(stage, config)
    assert sum(losses(tmp_path)[-3:]) < 0.9 * sum(losses(tmp_path)[:3])
    scores = json.loads((tmp_path / "validation" / "step-00000012" / "scores.json").read_text())
    assert scores.keys() == {"psnr", "mouth_psnr", "sharpness"}
    assert (tmp_path / "validation" / "step-00000012" / "pictures.png").is_file()

    vae = load_vae(str(tmp_path / "model"))
    pictures, _ = stage.samples("train", 16)
    with torch.no_grad():
        latents = vae.encode(pictures).latent_dist.mode() * vae.config.scaling_factor
        expected = stage.networks.vae(pictures).sample
        torch.testing.assert_close(vae(pictures).sample, expected, rtol=0, atol=1e-5)
    assert latents.std() == pytest.approx(1, abs=1e-3)


def test_a_patch_autoencoder_starts_near_the_pictures(people):
    stage, _ = make(people, str(MODEL))
    pictures, _ = stage.samples("test", 6)
    random = PatchAutoencoder.from_config(stage.networks.vae.config)
    with torch.no_grad():
        start, nothing = (psnr(vae(pictures).sample, pictures).mean() for vae in (stage.networks.vae, random))
    assert start > nothing + 8


def test_resumed_equals_straight(people, tmp_path):
    run(*make(people, str(MODEL), tmp_path / "straight", steps=4))
    for _ in range(4):
        stage, config = make(people, str(MODEL), tmp_path / "halves", steps=4)
        config.stop_after_seconds = 1e-9
        run(stage, config, "latest")
    assert losses(tmp_path / "halves") == losses(tmp_path / "straight")
    expected, found = (
        load_file(tmp_path / name / "model" / "diffusion_pytorch_model.safetensors") for name in ("straight", "halves")
    )
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []


def test_it_goes_on_from_a_folder(people, tmp_path):
    run(*make(people, str(MODEL), tmp_path, steps=2))
    stage, _ = make(people, str(MODEL), init=str(tmp_path / "model"))
    trained = load_vae(str(tmp_path / "model")).state_dict()
    assert all(torch.equal(tensor, trained[name]) for name, tensor in stage.networks.vae.state_dict().items())


@pytest.mark.parametrize("kind", ["patch", "kl"])
def test_the_decoder_alone_goes_on(kind, people, models, tmp_path):
    """Latents stay what they were, scaled as they were, also on other pictures than those of the first run."""
    run(*make(people, models[kind], tmp_path / "first", steps=3))
    first = load_vae(str(tmp_path / "first" / "model"))
    first.register_to_config(scaling_factor=3.0)
    first.save_pretrained(tmp_path / "scaled")
    stage, config = make(people, models[kind], tmp_path, init=str(tmp_path / "scaled"))
    stage.config.model.decoder_only = True
    stage = AutoencoderStage(stage.config, SimpleNamespace(device=torch.device("cpu")))
    run(stage, config)
    second = load_vae(str(tmp_path / "model"))
    assert second.config.scaling_factor == 3.0
    pictures, _ = stage.samples("train", 4)
    with torch.no_grad():
        latents = [vae.encode(pictures).latent_dist.mode() for vae in (first, second)]
        decoded = [vae.decode(latents[0]).sample for vae in (first, second)]
    assert torch.equal(*latents)
    assert not torch.equal(*decoded)


def test_a_reference_decoder_is_left_to_its_own_training(people, tmp_path):
    vae = ReferenceAutoencoder(
        block_out_channels=(8, 8, 8, 16), layers_per_block=1, reference_out_channels=(8, 8, 8, 16), reference_layers=1
    )
    vae.save_pretrained(tmp_path / "first")
    stage, config = make(people, str(MODEL), tmp_path, init=str(tmp_path / "first"))
    run(stage, config)
    state = load_vae(str(tmp_path / "model")).state_dict()
    kept = [name for name, value in vae.state_dict().items() if torch.equal(state[name], value)]
    assert {name for name in state if name.startswith("reference_decoder.")} <= set(kept)
    assert len(kept) < len(state)


def test_the_decoder_alone_needs_a_trained_encoder(people):
    config = make(people, str(MODEL))[0].config
    config.model.decoder_only = True
    with pytest.raises(ConfigError, match=r"model\.init"):
        AutoencoderStage(config, SimpleNamespace(device=torch.device("cpu")))


def test_blur_costs_sharpness():
    """Blurred as well as sharpened; the other parts say nothing of noise that a soft picture lacks."""
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    soft = torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1)
    cost = lambda found: reconstruction_loss(found, x, torch.ones(2, 1, 32, 32), ReconstructionConfig(sharpness=2.0))[
        "sharpness"
    ].item()
    assert cost(x) == 0
    assert cost(soft) > cost((x + soft) / 2) > 0.5
    assert cost(1.5 * x) > 0.5
    assert detail(x).shape == (2, 1, 6, 6)
    flat = torch.full_like(x, 0.3)
    assert detail(flat).max() < 0.02
    edge = torch.where(torch.arange(32) < 16, -1.0, 1.0).expand(2, 3, 32, 32)
    assert detail(edge)[..., 2:4].min() == pytest.approx((2 * 4 / 8) ** 0.5, rel=1e-3)  # 2 of 8 columns are ±2


def spotted(place: tuple[float, float]) -> Batch:
    """Two black pairs with a white spot at a place (x, y); the mouth of all is at (20, 40), 10 pixels wide."""
    x, y = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="xy")
    spot = ((x - place[0]).abs() < 2) & ((y - place[1]).abs() < 2)
    picture = (spot * 255).to(torch.uint8).expand(2, 3, -1, -1)
    empty = dict.fromkeys(("reference_latents", "latents", "speed", "audio", "sound"))
    return Batch(
        index=torch.tensor([0, 1]),
        reference=torch.zeros_like(picture),
        frames=picture[:, None],
        face_mask=torch.ones(2, 1, SIZE, SIZE),
        mouth=torch.tensor([20.0, 40.0, 10.0]).expand(2, 1, 3),
        eyes=torch.tensor([[14.0, 20.0, 12.0], [26.0, 20.0, 12.0]]).expand(2, 1, 2, 3),
        clips=("a", "b"),
        **empty,
    )


def test_errors_at_the_mouth_weigh_more_in_mirrored_pictures_too(people):
    black = lambda pictures, noise, level: (torch.full_like(pictures, -1), torch.zeros(()))
    plain, _ = make(people, str(MODEL))
    heavy, _ = make(people, str(MODEL), mouth=3.0)
    mirrored = heavy.draw(list(range(8)))[2][8:].flatten()  # of the targets
    numbers = torch.tensor([int(mirrored.nonzero()[0]), int((~mirrored).nonzero()[0])])
    for place, factor in (((20.0, 40.0), 4.0), ((44.0, 40.0), 1.0), ((20.0, 10.0), 1.0)):
        batch = Batch(**{**spotted(place).__dict__, "index": numbers})
        parts, expected = heavy.loss(black, batch)[1], plain.loss(black, batch)[1]
        assert parts["absolute"] / expected["absolute"] == pytest.approx(factor, rel=0.1), place
        assert parts["gradient"] / expected["gradient"] == pytest.approx(factor, rel=0.15), place


def test_draws_are_the_samples_own(people):
    stage, _ = make(people, str(MODEL))
    together, alone = stage.draw([3, 5]), stage.draw([5])
    for a, b in zip(together, alone, strict=True):
        assert torch.equal(a[[1, 3]], b)
    assert len(set(stage.draw(list(range(20)))[2].flatten().tolist())) == 2


def test_latent_noise_and_posterior_reach_the_decoder(people, models):
    for kind in ("patch", "kl"):
        stage, _ = make(people, models[kind])
        pictures, _ = stage.samples("train", 2)
        noise, level = torch.randn(2, stage.networks.vae.config.latent_channels, 8, 8), torch.ones(2, 1, 1, 1)
        stage.networks.eval()
        with torch.no_grad():
            still, divergence = stage.networks(pictures, noise, 0 * level)
            noisy, _ = stage.networks(pictures, noise, 0.5 * level)
            plain = stage.networks.vae(pictures).sample
        assert (noisy - still).abs().max() > 1e-3
        assert torch.equal(still, plain) == (kind == "patch")
        assert (divergence > 0) == (kind == "kl")


def test_measures():
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    assert ssim(x, x) == pytest.approx(1)
    assert ssim(x, torch.rand(2, 3, 32, 32) * 2 - 1) < 0.2
    off = x * 0.9
    half = torch.zeros(2, 1, 32, 32)
    half[..., :16] = 1
    assert psnr(torch.full_like(x, 0.2), torch.zeros_like(x))[0] == pytest.approx(20, abs=1e-4)  # 0.1 of full scale
    assert torch.equal(psnr(torch.where(half > 0, x, off), x, half), torch.full((2,), 100.0))


def test_a_dataset_without_held_out_people_is_an_error(tmp_path):
    made_dataset(tmp_path, {"sound": False})
    stage, _ = make(tmp_path, str(MODEL))
    with pytest.raises(DatasetError, match="test"):
        stage.samples(stage.config.data.held_out, 1)
