"""A start from hallo's and EchoMimic's weights: every tensor accounted for, and the numbers prove where they go."""

import json
import pickle
import re

import made_peers
import pytest
import torch
from diffusers import AutoencoderKL
from diffusers.models.attention_processor import Attention as TheirAttention
from tiny import fill_zero_init, noise
from torch.nn import functional
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emo.cli.main import main
from emo.errors import OptionError, WeightsError
from emo.hub import load_model_config
from emo.hub.build import build_encoders, build_unets
from emo.hub.peers import PEERS, account_for, copy_tensors, start_from
from emo.hub.peers.start import tensors_of
from emo.hub.sd15 import load_reference, load_temporal
from emo.hub.tensor_files import read_tensors
from emo.pipelines import EMOPipeline

WIDTHS, GROUPS = (32, 64, 96, 96), 8
SMALL = dict(layers=3, layer_dim=24, token_dim=48)


def config_for(name):
    """SD 1.5's layout at a tenth of its width."""
    config = load_model_config("emo-sd15")
    config.unet.block_out_channels = list(WIDTHS)
    config.unet.norm_num_groups = GROUPS
    config.speed_encoder.speed_dim = 16
    config.audio_encoder.hidden_size, config.audio_encoder.num_hidden_layers = 24, 3
    if name == "hallo":
        config.audio_projection.token_dim = 48
    return config


def sources(name):
    """Networks as the source began with, small."""
    torch.manual_seed(0)
    cross = 384 if name == "echomimic" else 48
    networks = [made_peers.unet(WIDTHS, GROUPS, cross) for _ in range(2)]
    return [*networks, fill_zero_init(made_peers.adapter(WIDTHS, GROUPS))]


def published(name, *networks):
    """Tensors with their networks' names before theirs."""
    if name == "hallo":
        return made_peers.hallo(*networks, **SMALL)
    files = made_peers.echomimic(*networks)
    return {f"{PEERS[name].files[file]}.{key}": value for file, part in files.items() for key, value in part.items()}


def own_networks(name):
    config = config_for(name)
    for key, value in PEERS[name].settings.items():
        section, setting = key.split(".")
        setattr(getattr(config, section), setting, value)
    unet, reference_unet = build_unets(config)
    return {"unet": unet, "reference_unet": reference_unet, **build_encoders(config)}


@pytest.fixture(scope="module", params=["hallo", "echomimic"])
def imported(request):
    """Name, its networks, its tensors, ours with what fits of them."""
    name = request.param
    networks = sources(name)
    tensors = published(name, *networks)
    ours = own_networks(name)
    own = tensors_of(ours)
    account = account_for(tensors, own, PEERS[name].rules, PEERS[name].new)
    copy_tensors(account, tensors, own)
    return name, networks, tensors, ours, account


@pytest.fixture(scope="module")
def full_size():
    """By name, tensors of the published size and ours, on the meta device."""
    made = {}
    with torch.device("meta"):
        for name, cross in (("hallo", 768), ("echomimic", 384)):
            config = load_model_config("emo-sd15")
            for key, value in PEERS[name].settings.items():
                section, setting = key.split(".")
                setattr(getattr(config, section), setting, value)
            networks = [made_peers.unet(cross=width) for width in (cross, 768)] + [made_peers.adapter()]
            tensors = made_peers.hallo(*networks) if name == "hallo" else published(name, *networks)
            unet, reference_unet = build_unets(config)
            made[name] = (
                tensors,
                tensors_of({"unet": unet, "reference_unet": reference_unet, **build_encoders(config)}),
            )
    return made


@pytest.mark.parametrize("name", list(PEERS))
def test_names_and_shapes_are_the_published_ones(full_size, name, data):
    """The test's own tensors against lists that were read off the systems' classes."""
    file = data.parent / "peers" / f"{name}_keys.json"
    if not file.is_file():
        pytest.skip(f"no list of published names: {file}")
    listed = {
        f"{part}.{key}": value for part, keys in json.loads(file.read_text()).items() for key, value in keys.items()
    }
    assert {key: list(value.shape) for key, value in full_size[name][0].items()} == listed


@pytest.mark.parametrize(
    ("name", "taken", "left"),
    [
        ("hallo", {"unet", "reference_unet", "audio_projection", "face_locator"}, 4),
        ("echomimic", {"unet", "reference_unet", "face_locator"}, 1),
    ],
)
def test_every_tensor_at_full_width_is_accounted_for(full_size, name, taken, left):
    source, own = full_size[name]
    account = account_for(source, own, PEERS[name].rules, PEERS[name].new)
    used = {copy.source for copy in account.taken}
    dropped = [key for keys in account.left.values() for key in keys]
    assert used.isdisjoint(dropped)
    assert len(dropped) == len(set(dropped))
    assert used | set(dropped) == set(source)
    filled = [copy.target for copy in account.taken]
    new = [key for keys in account.new.values() for key in keys]
    assert len(filled) == len(set(filled))
    assert set(filled) | set(new) == set(own)
    assert set(filled).isdisjoint(new)
    assert {target.split(".")[0] for target in filled} == taken
    assert len(account.left) == left
    share = sum(own[target].numel() for target in filled) / sum(tensor.numel() for tensor in own.values())
    assert share > 0.85


def test_motion_modules_are_animatediffs(imported):
    """By the names of its authors, as by those of diffusers, whose modules ours equal (tests/unets)."""
    name, (_, _, adapter), _, ours, _ = imported
    unet, _ = build_unets(config_for(name)) if name == "hallo" else (own_networks(name)["unet"], None)
    load_temporal(unet, adapter.state_dict())
    there = unet.state_dict()
    compared = 0
    for key, value in ours["unet"].state_dict().items():
        if ".motion_modules." in key and ".speed_" not in key:
            assert torch.equal(value, there[key]), key
            compared += 1
    assert compared == len(adapter.state_dict())


def test_the_reference_net_is_theirs_but_for_how_features_leave(imported):
    name, (_, reference, _), _, ours, _ = imported
    _, plain = build_unets(config_for(name)) if name == "hallo" else (None, own_networks(name)["reference_unet"])
    load_reference(plain, reference.state_dict())
    there, here = plain.state_dict(), ours["reference_unet"].state_dict()
    for key in here:
        there_key = re.sub(r"(transformer_blocks\.0)\.norm2\.", r"\1.norm1.", key)
        assert torch.equal(here[key], there[there_key]), key


@torch.no_grad()
def test_one_attention_over_picture_and_portrait_becomes_two(imported):
    """Where both see the same, their sum is what the one gave."""
    _, (source, _, _), _, ours, _ = imported
    theirs = source.down_blocks[0].attentions[0].transformer_blocks[0]
    block = ours["unet"].down_blocks[0].attentions[0].transformer_blocks[0]
    tokens = torch.randn(2, 24, WIDTHS[0])
    seen = theirs.norm1(tokens)
    assert isinstance(theirs.attn1, TheirAttention)
    expected = theirs.attn1(seen, encoder_hidden_states=torch.cat([seen, seen], dim=1))
    asked, answered = block.norm1(tokens), block.norm2(tokens)
    both = block.attn1(asked) + block.attn2(answered, block.attn2.project(answered))
    torch.testing.assert_close(both, expected, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_one_step_equals_echomimics_without_a_portrait():
    """Its network is diffusers' then, with sound for text; ours has no reference, and self-attention whole."""
    networks = sources("echomimic")
    ours = own_networks("echomimic")
    own = tensors_of(ours)
    tensors = published("echomimic", *networks)
    copy_tensors(account_for(tensors, own, PEERS["echomimic"].rules, PEERS["echomimic"].new), tensors, own)
    unet = ours["unet"]
    for key, tensor in unet.state_dict().items():
        if re.search(r"\.attentions\..+\.attn1\.to_out\.", key):
            tensor.mul_(2)
        if re.search(r"\.attentions\..+\.attn2\.to_out\.", key):
            tensor.zero_()
    latents, timestep, tokens = torch.randn(2, 1, 4, 16, 8), torch.tensor([3, 771]), torch.randn(2, 1, 50, 384)
    reference = unet.project_reference(ours["reference_unet"](torch.randn(2, 4, 16, 8)).reference)
    expected = networks[0](latents[:, 0], timestep, tokens[:, 0]).sample
    torch.testing.assert_close(unet(latents, timestep, reference, audio=tokens)[:, 0], expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_hallos_sound_and_face_region_mean_the_same_here():
    networks = sources("hallo")
    tensors = published("hallo", *networks)
    ours = own_networks("hallo")
    own = tensors_of(ours)
    copy_tensors(account_for(tensors, own, PEERS["hallo"].rules, PEERS["hallo"].new), tensors, own)

    windows = torch.randn(1, 2, 5, 3, 24)
    x = windows.flatten(2)
    for number in (1, 2):
        x = torch.relu(
            functional.linear(x, tensors[f"audioproj.proj{number}.weight"], tensors[f"audioproj.proj{number}.bias"])
        )
    x = functional.linear(x, tensors["audioproj.proj3.weight"], tensors["audioproj.proj3.bias"]).unflatten(
        -1, (32, 48)
    )
    expected = functional.layer_norm(x, (48,), tensors["audioproj.norm.weight"], tensors["audioproj.norm.bias"])
    torch.testing.assert_close(ours["audio_projection"](windows), expected)

    mask = torch.rand(1, 1, 16, 16)
    y = functional.conv2d(
        mask.expand(-1, 3, -1, -1),
        tensors["face_locator.conv_in.weight"],
        tensors["face_locator.conv_in.bias"],
        padding=1,
    )
    for number in range(6):
        y = functional.conv2d(
            functional.silu(y),
            tensors[f"face_locator.blocks.{number}.weight"],
            tensors[f"face_locator.blocks.{number}.bias"],
            stride=1 + number % 2,
            padding=1,
        )
    y = functional.conv2d(
        functional.silu(y), tensors["face_locator.conv_out.weight"], tensors["face_locator.conv_out.bias"], padding=1
    )
    torch.testing.assert_close(ours["face_locator"](mask), y, rtol=1e-4, atol=1e-5)

    begin = "mid_block.{}.0.transformer_blocks.0.{}.to_k.weight"
    heard = ours["unet"].state_dict()[begin.format("attentions", "audio_attn")]
    assert torch.equal(heard, tensors["denoising_unet." + begin.format("audio_modules", "attn2_2")])
    assert not ours["unet"].mid_block.attentions[0].transformer_blocks[0].audio_attn.to_out[0].weight.any()


def test_unknown_missing_and_misshapen_tensors_are_named(imported):
    name, _, tensors, ours, _ = imported
    own = tensors_of(ours)
    peer = PEERS[name]
    key = "denoising_unet.conv_in.weight"
    with pytest.raises(WeightsError, match=r"denoising_unet\.extra"):
        account_for(tensors | {"denoising_unet.extra": torch.zeros(1)}, own, peer.rules, peer.new)
    with pytest.raises(WeightsError, match=r"nothing for unet\.conv_in\.weight"):
        account_for({k: v for k, v in tensors.items() if k != key}, own, peer.rules, peer.new)
    with pytest.raises(WeightsError, match=r"conv_in\.weight has shape \(3, 3\)"):
        account_for(tensors | {key: torch.zeros(3, 3)}, own, peer.rules, peer.new)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders as published: hallo's `pretrained_models`, EchoMimic's `pretrained_weights`, and an audio encoder."""
    root = tmp_path_factory.mktemp("published")
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        latent_channels=4,
    )
    encoder = Wav2Vec2Model(
        Wav2Vec2Config(
            hidden_size=24,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=32,
            conv_dim=(16,) * 7,
            num_conv_pos_embedding_groups=4,
        )
    )
    for folder in (root / "hallo" / "wav2vec" / "wav2vec2-base-960h", root / "encoder"):
        encoder.save_pretrained(folder)
        Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    (root / "hallo" / "hallo").mkdir()
    torch.save(published("hallo", *sources("hallo")), root / "hallo" / "hallo" / "net.pth")
    (root / "echomimic").mkdir()
    for file, tensors in made_peers.echomimic(*sources("echomimic")).items():
        torch.save(tensors, root / "echomimic" / f"{file}.pth")
    for name in PEERS:
        vae.save_pretrained(root / name / "sd-vae-ft-mse")
    return root


@pytest.fixture
def config_files(tmp_path):
    """By name, a configuration file of a small model."""
    from omegaconf import OmegaConf

    files = {}
    for name in PEERS:
        config = OmegaConf.structured(config_for(name))
        files[name] = tmp_path / f"emo-{name}.yaml"
        OmegaConf.save(config, files[name])
    return files


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PEERS))
def test_the_command_makes_a_pipeline_that_generates(folders, config_files, tmp_path, portrait, capfd, name):
    encoder = [] if name == "hallo" else ["--audio-encoder", str(folders / "encoder")]
    out = tmp_path / "model"
    arguments = [f"--from-{name}", str(folders / name), *encoder, "--config", str(config_files[name])]
    assert main(["init", *arguments, "--out", str(out)]) == 0
    shown = capfd.readouterr().out
    for word in ("taken  unet:", "new    speed layers", "left   ", "terms  ", "OpenRAIL-M"):
        assert word in shown
    stated = json.loads((out / "card.json").read_text())
    assert stated["license"] == "creativeml-openrail-m"
    assert PEERS[name].title in stated["training_data"]
    pipe = EMOPipeline.from_pretrained(out)
    assert pipe.scheduler.config.prediction_type == "v_prediction"
    assert (pipe.scheduler.config.beta_schedule, pipe.scheduler.config.rescale_betas_zero_snr) == ("linear", True)
    pipe.set_progress_bar_config(disable=True)
    frames = pipe(portrait, noise(0.2), height=64, width=64, num_inference_steps=1, output_type="np").frames
    assert frames.shape == (5, 64, 64, 3)


def test_one_file_and_a_file_a_network_are_the_same(folders, tmp_path):
    from safetensors.torch import save_file

    tensors = read_tensors(folders / "hallo" / "hallo" / "net.pth")
    for part in ("denoising_unet", "reference_unet", "audioproj", "face_locator"):
        cut = {k.removeprefix(f"{part}."): v.clone() for k, v in tensors.items() if k.startswith(f"{part}.")}
        save_file(cut, tmp_path / f"{part}.safetensors")
    (tmp_path / "sd-vae-ft-mse").symlink_to(folders / "hallo" / "sd-vae-ft-mse")
    options = dict(audio_encoder=str(folders / "encoder"), seed=1)
    one = start_from("hallo", config_for("hallo"), folder=folders / "hallo", **options).pipeline
    several = start_from("hallo", config_for("hallo"), folder=tmp_path, **options).pipeline
    for part in ("unet", "reference_unet", "audio_projection", "face_locator", "speed_encoder"):
        first, second = (getattr(pipe, part).state_dict() for pipe in (one, several))
        assert all(torch.equal(first[key], second[key]) for key in first)


def test_what_is_missing_is_named(folders, tmp_path):
    with pytest.raises(OptionError, match="does not exist"):
        start_from("hallo", config_for("hallo"), folder=tmp_path / "none")
    with pytest.raises(WeightsError, match="denoising_unet is not there"):
        start_from("echomimic", config_for("echomimic"), folder=tmp_path)
    with pytest.raises(OptionError, match="openai/whisper-tiny"):
        start_from("echomimic", config_for("echomimic"), folder=folders / "echomimic")


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of the file was run')",)


@pytest.mark.parametrize("suffix", ["pth", "pt", "bin", "ckpt"])
def test_pickles_are_never_unpickled(tmp_path, suffix):
    torch.save({"conv_in.weight": Evil()}, tmp_path / f"net.{suffix}")
    with pytest.raises(WeightsError, match="no tensors could be read"):
        read_tensors(tmp_path / f"net.{suffix}")
    (tmp_path / f"plain.{suffix}").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(WeightsError, match="no tensors could be read"):
        read_tensors(tmp_path / f"plain.{suffix}")


def test_files_of_tensors(tmp_path):
    torch.save({"state_dict": {"a": torch.ones(2)}}, tmp_path / "nested.pth")
    assert torch.equal(read_tensors(tmp_path / "nested.pth")["a"], torch.ones(2))
    torch.save({"a": torch.ones(2)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert torch.equal(read_tensors(tmp_path / "old.pth")["a"], torch.ones(2))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="no table of tensors"):
        read_tensors(tmp_path / "list.pth")
    for suffix in ("pth", "safetensors"):
        (tmp_path / f"torn.{suffix}").write_bytes(b"PK\x03\x04 half a file")
        with pytest.raises(WeightsError, match="torn"):
            read_tensors(tmp_path / f"torn.{suffix}")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--from-hallo", "a", "--from-echomimic", "b"], "three different starts"),
        (["--from-hallo", "a", "--sd15", "b"], "three different starts"),
        (["--from-hallo", "/none"], "/none"),
        (["--from-hallo", "/none", "--config", "vasa-mesh"], "others' weights"),
    ],
)
def test_init_names_what_is_wrong(tmp_path, capfd, options, word):
    assert main(["init", "--out", str(tmp_path / "model"), *options]) == 2
    assert word in capfd.readouterr().err
    assert not (tmp_path / "model").exists()
