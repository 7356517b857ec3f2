"""Weights from Stable Diffusion 1.5 and AnimateDiff into the backbone and the ReferenceNet (3.3), key by key.

Every key of a source is consumed or named in one of the lists below; every tensor of a target is filled or belongs
to a layer that is new. Anything else is an error.
"""

import re
from collections.abc import Mapping

import torch

from emo.errors import WeightsError
from emo.unets import BackboneUNet, ReferenceNet

# The text cross-attention becomes the reference-attention (3.2.1), whose keys and values come from the C channels of
# the ReferenceNet's self-attention and no longer from 768 text channels: it starts as a copy of `attn1`.
LEFT_OUT_OF_BACKBONE = r"\.attn2\."
LEFT_OUT_OF_REFERENCE = r"\.attn2\.|^conv_norm_out\.|^conv_out\."
NEW_IN_BACKBONE = r"\.audio_norm\.|\.audio_attn\.|\.motion_modules\."
NEW_IN_TEMPORAL = r"\.speed_norm\.|\.speed_attn\.|\.speed_pos_embed\."
NOTHING = r"(?!)"


def load_backbone(unet: BackboneUNet, source: Mapping[str, torch.Tensor]) -> None:
    """Fill the spatial layers of a backbone from the state dict of an SD 1.5 `UNet2DConditionModel`, in place.

    Raises:
        WeightsError: a key is unknown or missing, or a shape differs.
    """
    used = {key: value for key, value in source.items() if not re.search(LEFT_OUT_OF_BACKBONE, key)}
    copies = {key.replace(".attn1.", ".attn2."): value for key, value in used.items() if ".attn1." in key}
    _fill(unet, used | copies, new=NEW_IN_BACKBONE)


def load_reference(reference_unet: ReferenceNet, source: Mapping[str, torch.Tensor]) -> None:
    """Fill a ReferenceNet from the state dict of an SD 1.5 `UNet2DConditionModel`, in place.

    Raises:
        WeightsError: a key is unknown or missing, or a shape differs.
    """
    used = {key: value for key, value in source.items() if not re.search(LEFT_OUT_OF_REFERENCE, key)}
    _fill(reference_unet, used, new=NOTHING)


def load_temporal(unet: BackboneUNet, source: Mapping[str, torch.Tensor]) -> None:
    """Fill the temporal modules of a backbone from the state dict of a `MotionAdapter`, in place.

    Raises:
        WeightsError: a key is unknown or missing, or a shape differs.
    """
    spatial = r"^(?!.*\bmotion_modules\.)"
    _fill(unet, source, new=f"{NEW_IN_TEMPORAL}|{spatial}")


def _fill(model: torch.nn.Module, source: Mapping[str, torch.Tensor], *, new: str) -> None:
    """Load `source`; only tensors whose name matches `new` may stay as they are."""
    own = model.state_dict()
    name = type(model).__name__
    if unknown := sorted(source.keys() - own.keys()):
        raise WeightsError(f"{name}: {len(unknown)} tensors of the source have no place, the first is {unknown[0]!r}")
    if missing := sorted(key for key in own.keys() - source.keys() if not re.search(new, key)):
        raise WeightsError(f"{name}: the source lacks {len(missing)} tensors, the first is {missing[0]!r}")
    for key, value in source.items():
        if own[key].shape != value.shape:
            raise WeightsError(
                f"{name}: {key!r} has shape {tuple(value.shape)}, but {tuple(own[key].shape)} is needed"
            )
    model.load_state_dict(source, strict=False)
