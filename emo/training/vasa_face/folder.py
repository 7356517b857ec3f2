"""The face model in training: new or from a folder, and into one."""

from pathlib import Path

import torch
from torch import Tensor

from emo.motion.identity import IdentityEncoder
from emo.motion.vasa import VolumeAnimator
from emo.training.loading import load_part, save_parts
from emo.training.vasa_face.config import FaceNetworkConfig
from emo.training.vasa_face.networks import VASAFaceNetworks


def load_face_networks(config: FaceNetworkConfig, seed: int) -> VASAFaceNetworks:
    """Those of `init`, at the configured size of pictures; without it of random weights.

    A folder may have no `identity_encoder`, as whole models do not: a new one takes its place.

    Raises:
        WeightsError: there are none in the folder.
    """
    if config.init is not None:
        what = "face model"
        own = {name: getattr(config, name) for name in ("sample_size", "picture_size")}
        animator = load_part(VolumeAnimator, config.init, what, subfolder="animator", **own)
        if (Path(config.init) / "identity_encoder").is_dir():
            return VASAFaceNetworks(
                animator, load_part(IdentityEncoder, config.init, what, subfolder="identity_encoder")
            )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if config.init is None:
            sizes = {name: value for name, value in vars(config).items() if name != "init"}
            animator = VolumeAnimator(**sizes)
        return VASAFaceNetworks(animator, IdentityEncoder())


def save_face_networks(networks: VASAFaceNetworks, folder: Path, weights: dict[str, Tensor]) -> None:
    """`animator` and `identity_encoder`, each as diffusers loads it.

    Args:
        networks: of the same sizes as the weights.
        folder: to write them to.
        weights: of all of them, by their names in `networks`.
    """
    save_parts(networks, ("animator", "identity_encoder"), folder, weights)
