"""What networks that draw, and discriminators of their pictures, learn of each other."""

from torch import Tensor
from torch.nn.functional import softplus


def taken_for_drawn(score: Tensor) -> Tensor:
    """The loss of what draws, by scores of what it drew: -log f, f being their sigmoid (non-saturating)."""
    return softplus(-score.float()).mean()


def discriminator_loss(score: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """-log f(x) - log(1 - f(x^)), f being the scores' sigmoid.

    Args:
        score: of B true pictures, then of B drawn ones, (2B, 1, h, w).

    Returns:
        The loss; and by how many patches each kind is told.
    """
    true, drawn = score.float().chunk(2)
    right = {"told_true": (true > 0).float().mean(), "told_drawn": (drawn < 0).float().mean()}
    return softplus(-true).mean() + softplus(drawn).mean(), right
