"""What GAIA's motion model generates: latents, or coordinates of landmarks, for control by them (4.2, 3.4)."""

from collections.abc import Callable
from dataclasses import dataclass

from emo.data import CachedFeature
from emo.data.samples.landmark_values import LANDMARK_VALUES, landmark_value_feature
from emo.data.samples.motion_latents import LATENTS, motion_latent_feature
from emo.motion import MotionSpace
from emo.motion.gaia import MotionAppearanceVAE, latent_space
from emo.motion.gaia.landmark_space import CHANNELS, landmark_space
from emo.pipelines.gaia_options import WANTED


@dataclass(frozen=True)
class MotionState:
    """What a model's frames are.

    Attributes:
        feature: name of what is kept of every clip.
        made_by: from the autoencoder how that is made.
        space: of its columns, by the autoencoder.
        channels: from the autoencoder how many numbers a place of a reference has.
        scalar: what its part of the loss is called.
        part: of the space, by which what is generated is measured.
        wanted: parts that are true ones in validation.
    """

    feature: str
    made_by: Callable[[MotionAppearanceVAE], CachedFeature]
    space: Callable[[MotionAppearanceVAE], MotionSpace]
    channels: Callable[[MotionAppearanceVAE], int]
    scalar: str
    part: str
    wanted: tuple[str, ...] = ()


OF_LATENTS = MotionState(
    feature=LATENTS,
    made_by=motion_latent_feature,
    space=lambda vae: latent_space(vae.motion_shape),
    channels=lambda vae: vae.config["motion_channels"],
    scalar="latent",
    part="latent",
)

STATES = {
    "latents": OF_LATENTS,
    "instructed": OF_LATENTS,
    "landmarks": MotionState(
        feature=LANDMARK_VALUES,
        made_by=lambda vae: landmark_value_feature(),
        space=lambda vae: landmark_space(),
        channels=lambda vae: CHANNELS,
        scalar="landmark",
        part="mouth",
        wanted=WANTED,
    ),
}
"""By their names in configurations."""
