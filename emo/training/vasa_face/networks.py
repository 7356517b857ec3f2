"""VASA-1's face model in training: what is drawn of two frames of everybody by swapping their codes (3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from emo.motion.identity import IdentityEncoder
from emo.motion.vasa import VolumeAnimator
from emo.motion.vasa.volume import POSE
from emo.unets import Drawing

FIRST, SECOND, ANOTHER = range(3)  # frames of a person, and the next person's second one
DRAWN = {
    "second": (FIRST, SECOND, SECOND),
    "first": (SECOND, FIRST, FIRST),
    "pose": (SECOND, FIRST, SECOND),
    "dynamics": (FIRST, FIRST, SECOND),
    "another": (FIRST, ANOTHER, ANOTHER),
}
"""What is drawn: whose appearance and identity, whose pose, whose dynamics. `pose` and `dynamics` are the same person
doing the same, out of different frames; `another` is who moves as somebody else does."""
TRUE = ("second", "first")
"""Those of `DRAWN` that there are true frames of."""


@dataclass(frozen=True)
class Swaps:
    """All that is drawn of B people.

    Attributes:
        drawings: of each of `DRAWN` or of `TRUE`, B frames; or none.
        motion: as it is read of first, then of second frames, (2B, D).
        identity: of first frames, and of `another` frames, (2, B, d); its encoder learns nothing by them. None where
            nobody moves as somebody else does.
        told: the same of first and second frames in other colors, (2, B, d), by which it does; or None.
    """

    drawings: dict[str, Drawing]
    motion: Tensor
    identity: Tensor | None
    told: Tensor | None


class VASAFaceNetworks(nn.Module):
    """The face model, and the encoder of identities that looks after it."""

    def __init__(self, animator: VolumeAnimator, identity_encoder: IdentityEncoder):
        super().__init__()
        self.animator = animator
        self.identity_encoder = identity_encoder

    def forward(
        self,
        first: Tensor,
        second: Tensor,
        tinted: Tensor,
        motion: Tensor | None = None,
        names: Sequence[str] = tuple(DRAWN),
    ) -> Swaps:
        """Draw both frames of everybody, of the other one.

        Args:
            first: B people, (B, 3, S, S) in -1 ... 1.
            second: the same people in other frames.
            tinted: first, then second frames in colors of their own, (2B, 3, S, S).
            motion: of first, then of second frames, (2B, D), if it is not what is read of them that draws.
            names: what is drawn; all of `DRAWN`, `TRUE`, or nothing.
        """
        people = len(first)
        pictures = torch.cat([first, second])
        read = self.animator.read(pictures)
        if not names:
            return Swaps({}, read, None, None)
        motion = read if motion is None else motion
        appearance = self.animator.encode(pictures, motion)
        rows = torch.arange(2 * people).view(2, people)
        rows = torch.cat([rows, rows[1:].roll(-1, dims=1)])  # by FIRST, SECOND, ANOTHER
        sources, poses, dynamics = (
            torch.cat([rows[n] for n in numbers]) for numbers in zip(*(DRAWN[name] for name in names), strict=True)
        )
        shown = torch.cat([motion[poses, : len(POSE)], motion[dynamics, len(POSE) :]], dim=1)
        drawing = self.animator(appearance[sources.tolist()], shown)
        parts = zip(*(value.split(people) for value in vars(drawing).values()), strict=True)
        drawings = {name: Drawing(*part) for name, part in zip(names, parts, strict=True)}
        if "another" not in drawings:
            return Swaps(drawings, read, None, None)

        another = drawings["another"]
        frozen = {name: value.detach() for name, value in self.identity_encoder.named_parameters()}
        both = torch.cat([first, another.over(another.moved(first))])
        identity = functional_call(self.identity_encoder, frozen, (both,))
        told = self.identity_encoder(tinted)
        return Swaps(drawings, read, identity.unflatten(0, (2, people)), told.unflatten(0, (2, people)))
