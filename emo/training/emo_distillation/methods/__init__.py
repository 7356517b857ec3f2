"""Ways in which a student is taught few steps, by the names that a configuration calls them."""

from emo.training.emo_distillation.case import Method
from emo.training.emo_distillation.methods.consistency import consistency_errors
from emo.training.emo_distillation.methods.progressive import progressive_errors
from emo.training.emo_distillation.methods.trajectory import trajectory_errors

METHODS: dict[str, Method] = {
    "trajectory": trajectory_errors,
    "progressive": progressive_errors,
    "consistency": consistency_errors,
}

__all__ = ["METHODS"]
