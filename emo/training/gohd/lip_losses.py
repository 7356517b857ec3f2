"""What GoHD's lips are learned by (supplement B): expressions, and the landmarks that they move."""

from torch import Tensor
from torch.nn.functional import cosine_similarity

from emo.face.mesh import JAW_68, LIPS_68
from emo.motion.gohd import LipMapper
from emo.motion.gohd.landmark_basis import mean_basis
from emo.motion.gohd.lip_reader import LipReader
from emo.training.gohd.config import GoHDLipLossConfig
from emo.training.motion_loss import masked_mean

LIPS_AND_JAW = [*JAW_68[3:14], *LIPS_68]  # 31 points, the paper's number; it names one more, which has no pair
UPPER, LOWER = LIPS_68[12:16], LIPS_68[16:20]  # of the inner lips, each and the one across, from corners to corners
THOUSANDTHS = 1000.0  # of the eyes' distance, in which L_lms has about the size of L_1 by the paper's weights
HUNDREDTHS = 100.0  # in which L_shut has


class LipLosses:
    """The parts of L_stage1 (eq. 19), weighted already; their sum is the loss.

    Args:
        mapper: says what the expressions are, and which of their columns are eyes.
        config: the weights.
        reader: reads lips, and stays as it is; without it there is no L_read.
    """

    def __init__(self, mapper: LipMapper, config: GoHDLipLossConfig, reader: LipReader | None = None):
        self.space, self.config, self.reader = mapper.space, config, reader
        self.basis = mean_basis()

    def __call__(self, made: Tensor, true: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """The parts by name.

        Args:
            made: normalized expressions, (B, T, E).
            true: what is to be learned.
            mask: (B, T) bool, frames that there are.
        """
        config, basis = self.config, self.basis
        one, other = self.space.denormalize(made), self.space.denormalize(true)
        apart = one - other  # landmarks are linear in expressions
        points = THOUSANDTHS * basis.displacements(apart, LIPS_AND_JAW)
        lips = HUNDREDTHS * (basis.displacements(apart, UPPER) - basis.displacements(apart, LOWER))
        features = basis.eye_features(one) - basis.eye_features(other)
        parts = {
            "expression": config.expression * masked_mean((made - true).abs(), mask),
            "eyes": config.eyes * masked_mean(features.abs().sum(-1, keepdim=True), mask),
            "landmarks": config.landmarks * masked_mean(points.square().sum(-1), mask),
            "shut": config.shut * masked_mean(lips.square().flatten(-2), mask),
        }
        if self.reader is not None:
            unlike = 1 - cosine_similarity(self.reader.read(one), self.reader.read(other), dim=-1)
            parts["read"] = config.read * masked_mean(unlike[..., None], mask)
        return parts
