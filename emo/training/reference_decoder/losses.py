"""What the reference decoder learns by, beside the pictures' own differences."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, binary_cross_entropy, pad

from emo.data.format import EYES, MOUTH_CORNERS
from emo.training.bump import bump
from emo.training.reconstruction import FaceLossConfig, reconstruction_loss
from emo.training.reference_decoder.config import DrawingLossConfig, FlowLossConfig
from emo.unets import Drawing
from emo.unets.warp import resize


def drawing_loss(
    drawing: Drawing,
    picture: Tensor,
    frames: Tensor,
    points: Tensor,
    flow: Tensor,
    visible: Tensor,
    config: DrawingLossConfig,
) -> dict[str, Tensor]:
    """The parts of the loss, weighted already; their sum is the loss.

    Args:
        drawing: of B frames, of which those at even places are followed by the clip's next one.
        picture: the references (B, 3, H, W) in -1 ... 1.
        frames: the true ones, (B, 3, H, W) in -1 ... 1.
        points: (B, 7, 2), `FACE_POINTS` in pixels.
        flow: the true one (B, 2, s, s), in half sides.
        visible: (B, 1, s, s), how far it is known.
        config: weights.
    """
    moved = drawing.moved(picture)
    drawn = drawing.over(moved)
    weight = picture_weight(points, frames.shape[-2], frames.shape[-1], config)
    change, true_change = (values[1::2] - values[::2] for values in (drawn, frames))
    return (
        reconstruction_loss(drawn, frames, weight, config)
        | flow_loss(drawing, moved, frames, flow, visible, weight, config)
        | {"steady": config.steady * (weight[::2] * (change - true_change).abs()).mean()}
    )


def flow_loss(
    drawing: Drawing,
    moved: Tensor,
    frames: Tensor,
    flow: Tensor,
    visible: Tensor,
    weight: Tensor,
    config: FlowLossConfig,
) -> dict[str, Tensor]:
    """The parts that know where a frame's content stands in the portrait; see `drawing_loss`.

    Args:
        drawing: of B frames.
        moved: the portraits, moved by it, (B, 3, H, W) in -1 ... 1.
        frames, flow, visible, config: as of `drawing_loss`.
        weight: of every pixel, (B, 1, H, W).
    """
    size = flow.shape[-2:]
    counted = visible * resize(weight, *size)
    wrong = (moved - frames).abs().mean(dim=1, keepdim=True)
    share = resize(drawing.visibility, *size).float().clamp(1e-4, 1 - 1e-4)
    return {
        "moved": config.moved * (resize(visible, *frames.shape[-2:]) * weight * wrong).mean(),
        "flow": config.flow * (counted * (resize(drawing.flow, *size) - flow).abs()).sum() / (counted.sum() + 1),
        "visible": config.visible * binary_cross_entropy(share, visible),
    }


def picture_weight(points: Tensor, height: int, width: int, config: FaceLossConfig) -> Tensor:
    """Of every pixel, (B, 1, height, width): 1, and more at the mouth and the eyes; `points` (B, 7, 2) in pixels."""
    left, right = points[:, MOUTH_CORNERS].unbind(1)
    size = (right - left).norm(dim=-1, keepdim=True)
    weight = 1 + config.mouth * bump(torch.cat([(left + right) / 2, size], dim=-1), height, width, config.mouth_sigma)
    for eye in EYES:
        place = torch.cat([points[:, eye], size], dim=-1)
        weight = weight + config.eyes * bump(place, height, width, config.eyes_sigma)
    return weight


def smooth_in_space(noise: Tensor) -> Tensor:
    """Noise (B, L, h, w), neighboring numbers of which become alike, its variance kept."""
    return 3 * avg_pool2d(pad(noise, (1, 1, 1, 1), mode="replicate"), kernel_size=3, stride=1)
