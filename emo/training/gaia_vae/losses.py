"""What GAIA's autoencoder learns by (4.1)."""

from torch import Tensor

from emo.motion.gaia import MotionAppearanceOutput
from emo.training.adversarial import taken_for_drawn
from emo.training.gaia_vae.config import VAELossConfig
from emo.training.reconstruction import reconstruction_loss
from emo.training.reference_decoder.losses import picture_weight


def vae_losses(
    drawn: MotionAppearanceOutput, score: Tensor | None, frames: Tensor, points: Tensor, config: VAELossConfig
) -> dict[str, Tensor]:
    """The parts of the autoencoder's loss, weighted already; their sum is the loss.

    Args:
        drawn: of B pairs.
        score: of what was drawn, (B, 1, h, w); None where nobody looks.
        frames: the true ones, (B, 3, S, S) in -1 ... 1.
        points: of them, `FACE_POINTS` in pixels, (B, 7, 2).
        config: weights.
    """
    weight = picture_weight(points, frames.shape[-2], frames.shape[-1], config)
    parts = reconstruction_loss(drawn.sample.float(), frames, weight, config)
    looks, does = (p.kl().mean() / p.mean[0].numel() for p in (drawn.appearance, drawn.motion))
    parts["kl"] = config.kl * looks
    parts["motion_kl"] = config.motion_kl * does
    if score is not None:
        parts["adversarial"] = config.adversarial * taken_for_drawn(score)
    return parts
