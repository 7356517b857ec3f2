"""What VASA-1's face model learns by (3.1)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy

from emo.motion.space import CONTROLS
from emo.motion.vasa.volume import POSE
from emo.training.reconstruction import reconstruction_loss
from emo.training.reference_decoder.losses import flow_loss, picture_weight
from emo.training.vasa_face.config import SwapLossConfig
from emo.training.vasa_face.networks import Swaps

TEMPERATURE = 0.1  # of cosines


@dataclass(frozen=True)
class SwapTruth:
    """What `Swaps` of B people are compared with.

    Attributes:
        first: the true frames, (B, 3, S, S) in -1 ... 1.
        second: the same.
        points: of second ones, (B, 7, 2), `FACE_POINTS` in pixels.
        pose: of second ones, as points tell it, (B, 6).
        codes: of first, then of second frames, (2B, D), as they should be read; None where nothing but pictures and
            `pose` says it.
        flow: from second to first ones in half sides (B, 2, s, s), and how far it is known (B, 1, s, s); None where
            nothing is moved by a flow.
    """

    first: Tensor
    second: Tensor
    points: Tensor
    pose: Tensor
    codes: Tensor | None
    flow: tuple[Tensor, Tensor] | None


def swap_losses(swaps: Swaps, truth: SwapTruth, config: SwapLossConfig) -> dict[str, Tensor]:
    """The parts of the loss, weighted already; their sum is the loss."""
    if not swaps.drawings:
        return reading_loss(swaps.motion.float(), truth, config)
    first, second = truth.first, truth.second
    drawings = {name: drawing.float() for name, drawing in swaps.drawings.items()}
    sources = {"second": first, "first": second}
    if swaps.told is not None:
        sources |= {"pose": second, "dynamics": first}
    moved = {name: drawings[name].moved(source) for name, source in sources.items()}
    drawn = {name: drawings[name].over(moved[name]) for name in sources}
    weight = picture_weight(truth.points, second.shape[-2], second.shape[-1], config)
    parts = reconstruction_loss(
        torch.cat([drawn["second"], drawn["first"]]),
        torch.cat([second, first]),
        torch.cat([weight, torch.ones_like(weight)]),
        config,
    )
    if truth.flow is not None:
        parts |= flow_loss(drawings["second"], moved["second"], second, *truth.flow, weight, config)
    parts |= reading_loss(swaps.motion.float(), truth, config)
    if swaps.identity is None or swaps.told is None:
        return parts
    person, posed = swaps.identity.float()
    return parts | {
        "transfer": config.transfer * (drawn["pose"] - drawn["dynamics"]).abs().mean(),
        "identity": config.identity * (1 - cosine_similarity(person, posed)).mean(),
        "contrast": config.contrast * contrast(*swaps.told.float()),
    }


def reading_loss(motion: Tensor, truth: SwapTruth, config: SwapLossConfig) -> dict[str, Tensor]:
    """How far what is read of pictures (2B, D) is from what is known of it, in usual deviations."""
    usual = motion.new_tensor([column.deviation for column in CONTROLS.columns[: len(POSE)]])
    if truth.codes is None:
        found = motion[len(truth.pose) :, : len(POSE)]
        return {"pose": config.pose * ((found - truth.pose) / usual).abs().mean()}
    deviation = torch.cat([usual, usual.new_ones(motion.shape[1] - len(POSE))])
    return {"codes": config.codes * ((motion - truth.codes) / deviation).abs().mean()}


def contrast(one: Tensor, other: Tensor) -> Tensor:
    """Whether everybody is told from the others of the batch: unit vectors (B, d) of two pictures of each."""
    alike = one @ other.T / TEMPERATURE
    people = torch.arange(len(one), device=one.device)
    return (cross_entropy(alike, people) + cross_entropy(alike.T, people)) / 2
