"""A complete pipeline from another system's published weights, and what it says of where they come from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from emo.errors import OptionError, WeightsError
from emo.files import require_folder
from emo.hub.audio_encoder import fetch_audio_encoder, fit_audio_encoder
from emo.hub.build import build_encoders, build_scheduler, build_unets
from emo.hub.fetch import fetch
from emo.hub.model_config import ModelConfig
from emo.hub.peers.mapping import Account, account_for, copy_tensors
from emo.hub.peers.rules import PEERS, Peer
from emo.hub.tensor_files import find_tensors, read_tensors
from emo.pipelines import EMOPipeline

OPENRAIL = "creativeml-openrail-m"
"""Of Stable Diffusion 1.5, which holds for what is made of it."""


class Start(NamedTuple):
    """What was made.

    Attributes:
        pipeline: complete.
        report: what was taken, what is new, what was left and under which terms, a line each.
        license: of the weights, as the Hub names it.
        statement: for the model card, what they were trained on.
    """

    pipeline: EMOPipeline
    report: list[str]
    license: str
    statement: str


def start_from(
    name: str,
    config: ModelConfig,
    *,
    folder: Path,
    audio_encoder: str | None = None,
    vae: str | None = None,
    seed: int = 0,
) -> Start:
    """Make the pipeline from which training goes on; what the source does not have is drawn from a seed.

    Args:
        name: of the source, a key of `PEERS`.
        config: what the source does not decide.
        folder: of its published weights.
        audio_encoder, vae: folders or Hub names; by default what the source's folder holds.

    Raises:
        WeightsError: files are missing, damaged, hold more than tensors, or are of another architecture.
        OptionError: the folder is none, or holds no audio encoder or autoencoder and none is given.
    """
    peer = PEERS[name]
    require_folder(folder, OptionError, f"give the folder of {peer.title}'s weights")
    source = read_networks(peer, folder)
    encoder = fetch_audio_encoder(
        audio_encoder or _inside(folder, peer.audio_encoder, "audio_encoder", peer.hub_encoder)
    )
    autoencoder = fetch(AutoencoderKL, vae or _inside(folder, peer.vae, "vae", peer.hub_vae))
    for key, value in peer.settings.items():
        section, _, setting = key.partition(".")
        setattr(getattr(config, section), setting, value)
    fit_audio_encoder(config, encoder.network.config)
    config.vae.block_out_channels = list(autoencoder.config.block_out_channels)
    config.vae.latent_channels = autoencoder.config.latent_channels
    config.vae.norm_num_groups = autoencoder.config.norm_num_groups
    if misfit := config.misfit():
        raise WeightsError(f"{folder}: {misfit}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet, reference_unet = build_unets(config)
        networks = {"unet": unet, "reference_unet": reference_unet, **build_encoders(config)}
    own = tensors_of(networks)
    account = account_for(source, own, peer.rules, peer.new)
    copy_tensors(account, source, own)
    pipeline = EMOPipeline(
        vae=autoencoder,
        audio_encoder=encoder.network,
        feature_extractor=encoder.feature_extractor,
        scheduler=build_scheduler(config),
        **networks,
    )
    statement = f"Not trained by this package yet: made of what fits of {peer.title}'s published weights. {peer.terms}"
    return Start(pipeline, report_lines(peer, account, source, own), OPENRAIL, statement)


def read_networks(peer: Peer, folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of all its networks, each name beginning with its network's.

    Raises:
        WeightsError: a file is damaged or holds more than tensors, or a network is missing.
    """
    found: dict[str, torch.Tensor] = {}
    for stem, network in peer.files.items():
        file = find_tensors((folder, folder / peer.subfolder), stem)
        if file is None:
            continue
        tensors = read_tensors(file)
        named = bool(tensors) and all(name.split(".")[0] in peer.files for name in tensors)
        if not named and not network:
            raise WeightsError(f"{file}: its tensors are not of {peer.title}'s networks, {', '.join(peer.needed)}")
        found |= tensors if named else {f"{network}.{name}": tensor for name, tensor in tensors.items()}
    have = {name.split(".")[0] for name in found}
    if missing := [network for network in peer.needed if network not in have]:
        files = ", ".join(f"{stem}.pth" for stem in peer.files)
        raise WeightsError(
            f"{folder}: {peer.title}'s {missing[0]} is not there; its weights are files such as {files}"
        )
    return found


def tensors_of(networks: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """All tensors of networks, each name beginning with its network's."""
    return {
        f"{part}.{name}": tensor for part, network in networks.items() for name, tensor in network.state_dict().items()
    }


def report_lines(
    peer: Peer, account: Account, source: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]
) -> list[str]:
    """What became of all tensors, for people."""
    filled = {copy.target for copy in account.taken}
    lines = []
    for part in dict.fromkeys(name.split(".")[0] for name in own):
        names = [name for name in own if name.split(".")[0] == part]
        taken = [name for name in names if name in filled]
        if taken:
            lines.append(
                f"taken  {part}: {len(taken)} of {len(names)} tensors, {_millions(taken, own)} of "
                f"{_millions(names, own)} million parameters"
            )
    lines += [
        f"new    {what}: {len(names)} tensors, {_millions(names, own)} million parameters"
        for what, names in account.new.items()
    ]
    lines += [
        f"left   {why}: {len(names)} tensors, {_millions(names, source)} million parameters"
        for why, names in account.left.items()
    ]
    return [*lines, f"terms  {peer.terms}"]


def _millions(names: list[str], tensors: Mapping[str, torch.Tensor]) -> str:
    """Parameters in millions."""
    return f"{sum(tensors[name].numel() for name in names) / 1e6:.1f}"


def _inside(folder: Path, part: str | None, option: str, hub_name: str) -> str:
    """A part of the source's folder.

    Raises:
        OptionError: it does not have it.
    """
    if part is not None and (folder / part).is_dir():
        return str(folder / part)
    flag = "--" + option.replace("_", "-")
    where = f"holds no {part}" if part else "holds none that can be read here"
    raise OptionError(f"{folder} {where}; give {flag}, as {flag} {hub_name}", option=option)
