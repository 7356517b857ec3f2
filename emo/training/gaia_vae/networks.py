"""GAIA's autoencoder in training, and the discriminator that looks at what it draws (4.1)."""

from pathlib import Path

import torch
from torch import Tensor, nn

from emo.errors import ConfigError
from emo.hub.autoencoder import load_vae
from emo.hub.build_gaia import build_gaia_vae
from emo.hub.gaia_config import load_gaia_config
from emo.motion.discriminators import PatchDiscriminator
from emo.motion.gaia import MotionAppearanceOutput, MotionAppearanceVAE
from emo.training.gaia_vae.config import VAEStartConfig
from emo.training.loading import load_part, save_parts
from emo.unets import PatchAutoencoder

VAE, DISCRIMINATOR = "vae", "discriminator"  # names of the parts, and of their folders


class GAIAVAENetworks(nn.Module):
    """Both networks, called by what they are to do: one module, as accelerate prepares one.

    Args:
        vae: the autoencoder.
        discriminator: None where nobody looks.
    """

    def __init__(self, vae: MotionAppearanceVAE, discriminator: PatchDiscriminator | None):
        super().__init__()
        self.vae = vae
        self.discriminator = discriminator

    def forward(
        self,
        appearance: Tensor | None = None,
        landmark_maps: Tensor | None = None,
        noise: tuple[Tensor, Tensor] | None = None,
        judged: Tensor | None = None,
    ) -> tuple[MotionAppearanceOutput | None, Tensor | None]:
        """Draw frames and have them judged; or have pictures judged.

        Args:
            appearance: frames i, (B, 3, S, S) in -1 ... 1.
            landmark_maps: of frames j, the same.
            noise: of both latents.
            judged: pictures, where none are to be drawn.

        Returns:
            What was drawn, and scores of that or of the pictures.
        """
        drawn = None
        if judged is None:
            assert appearance is not None
            assert landmark_maps is not None
            drawn = self.vae(appearance, landmark_maps, *(noise or ()))
            judged = drawn.sample
        return drawn, None if self.discriminator is None else self.discriminator(judged)


def load_vae_networks(config: VAEStartConfig, adversarial: bool, seed: int) -> GAIAVAENetworks:
    """Those of `init`; without it of random weights, as is a discriminator where `init` has none.

    Raises:
        ConfigError, WeightsError: there is no such configuration, or there are no such weights, or of other sizes.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if config.init is None:
            vae = build_gaia_vae(load_gaia_config(config.config))
            if config.autoencoder is not None:
                trained = load_vae(config.autoencoder)
                if not isinstance(trained, PatchAutoencoder):
                    raise ConfigError(f"model.autoencoder: {config.autoencoder} is no patch autoencoder")
                vae.start_from(trained)
        else:
            vae = load_part(MotionAppearanceVAE, config.init, "autoencoder of GAIA", subfolder=VAE)
            vae.motion_encoder.requires_grad_(not config.keep_motion)
        discriminator = None
        if adversarial and config.init is not None and (Path(config.init) / DISCRIMINATOR).is_dir():
            discriminator = load_part(PatchDiscriminator, config.init, subfolder=DISCRIMINATOR)
        elif adversarial:
            discriminator = PatchDiscriminator(
                block_out_channels=config.discriminator_channels,
                norm_num_groups=config.discriminator_norm_num_groups,
            )
    return GAIAVAENetworks(vae, discriminator)


def save_vae_networks(networks: GAIAVAENetworks, folder: Path, weights: dict[str, Tensor]) -> None:
    """`vae`, and `discriminator` where there is one, each as diffusers loads it.

    Args:
        networks: of the same sizes as the weights.
        folder: to write them to.
        weights: of both, by their names in `networks`.
    """
    save_parts(networks, (VAE,) if networks.discriminator is None else (VAE, DISCRIMINATOR), folder, weights)
