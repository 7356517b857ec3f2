"""What GoHD's face animator learns by (eqs. 11 to 17), and beside it the network that reads faces."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate, l1_loss

from emo.motion import CONTROLS
from emo.motion.gohd import EXPRESSION, GAZE, POSE
from emo.motion.gohd.face_reader import FaceReading
from emo.training.adversarial import taken_for_drawn
from emo.training.gohd_face.config import NavigationLossConfig
from emo.training.gohd_face.networks import Drawn
from emo.training.reconstruction import reconstruction_loss
from emo.training.reference_decoder.losses import flow_loss, picture_weight
from emo.unets.warp import resize

BEHIND = 0.1  # weight of a background's flow, most of which stands still, beside the person's


@dataclass(frozen=True)
class FrameTruth:
    """What B frames are.

    Attributes:
        frames: (B, 3, S, S) in -1 ... 1.
        points: `FACE_POINTS` in pixels, (B, 7, 2).
        controls: normalized, (B, 14).
        parts: (B, S, S), their classes.
        flow: in half sides, (B, 2, s, s).
        visible: how far it is known, (B, 1, s, s).
    """

    frames: Tensor
    points: Tensor
    controls: Tensor
    parts: Tensor
    flow: Tensor
    visible: Tensor


def navigation_losses(drawn: Drawn, truth: FrameTruth, config: NavigationLossConfig) -> dict[str, Tensor]:
    """The parts of the loss, weighted already; their sum is the loss."""
    frames = drawn.frames.float()
    weight = picture_weight(truth.points, frames.shape[-2], frames.shape[-1], config)
    parts = reconstruction_loss(frames, truth.frames, weight, config)
    person = (truth.parts[:, None] > 0).float()
    counted = weight * (BEHIND + (1 - BEHIND) * resize(person, *weight.shape[-2:]))
    parts |= flow_loss(
        drawn.drawing.float(), drawn.moved.float(), truth.frames, truth.flow, truth.visible, counted, config
    )
    does, looks = CONTROLS.index(*POSE, *EXPRESSION), CONTROLS.index(*GAZE)
    made, true = drawn.made.controls.float(), drawn.true.controls.detach().float()
    parts |= {
        "perceptual": config.perceptual * _likeness(drawn.made, drawn.true),
        "expression": config.expression * l1_loss(made[:, does], true[:, does]),
        "gaze": config.gaze * l1_loss(made[:, looks], true[:, looks]),
        "parts": config.parts * _parts_loss(drawn.made, truth.parts),
        "reader": reader_loss(drawn.true, truth),
    }
    if drawn.score is not None:
        parts["adversarial"] = config.adversarial * taken_for_drawn(drawn.score)
    return parts


def reader_loss(reading: FaceReading, truth: FrameTruth) -> Tensor:
    """What the reader learns by, of true frames: how far it is from their controls, and from their parts."""
    return l1_loss(reading.controls.float(), truth.controls) + _parts_loss(reading, truth.parts)


def _likeness(made: FaceReading, true: FaceReading) -> Tensor:
    """Mean absolute difference of features, of each size relative to the true ones' deviation."""
    differences = [
        l1_loss(one.float(), other.detach().float()) / other.detach().float().std()
        for one, other in zip(made.features, true.features, strict=True)
    ]
    return torch.stack(differences).mean()


def _parts_loss(reading: FaceReading, parts: Tensor) -> Tensor:
    size = reading.parts.shape[-2:]
    classes = interpolate(parts[:, None].float(), size, mode="nearest")[:, 0].long()
    return cross_entropy(reading.parts.float(), classes)
