"""What the ReferenceNet hands to the backbone: one value per site, as frozen dataclasses.

A *site* is one layer of the UNet, `resnets[j] → attentions[j] → motion_modules[j]`; both networks have the same
sites in the same order, so that each value is paired with its layer by position and a mismatch is an error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from emo.unets.attention import KeyValue


@dataclass(frozen=True)
class PerSite:
    """One value per site; `None` where a site has no such layer. `down[level][layer]`, `mid`, `up[level][layer]`."""

    down: tuple[tuple[Any, ...], ...]
    mid: Any
    up: tuple[tuple[Any, ...], ...]

    def map(self, function: Callable[..., Any], *others: "PerSite", into: "type[PerSite] | None" = None) -> "PerSite":
        """Apply `function` at every site that has a value, to it and the `others`' values there.

        Args:
            into: class of the result; this object's own by default.

        Raises:
            ValueError: the sites do not correspond.
        """

        def levels(part: str) -> tuple[tuple[Any, ...], ...]:
            parts = (getattr(sites, part) for sites in (self, *others))
            return tuple(
                tuple(apply(*values) for values in zip(*level, strict=True)) for level in zip(*parts, strict=True)
            )

        def apply(value: Any, *rest: Any) -> Any:
            if any((other is None) != (value is None) for other in rest):
                raise ValueError("the networks do not have the same layers at every site")
            return None if value is None else function(value, *rest)

        mid = apply(self.mid, *(sites.mid for sites in others))
        return (into or type(self))(levels("down"), mid, levels("up"))

    def values(self) -> list[Any]:
        """The values that are there, in forward order."""
        sites = [value for level in self.down for value in level] + [self.mid]
        return [value for value in sites + [value for level in self.up for value in level] if value is not None]


@dataclass(frozen=True, eq=False)
class ReferenceMaps(PerSite):
    """Outputs of the ReferenceNet's self-attention layers for the reference image (3.2.3): (B, h·w, C) per site."""


@dataclass(frozen=True, eq=False)
class MotionMaps(PerSite):
    """Feature maps of the motion frames where the backbone's temporal modules stand (3.2.4): (B, n, C, h, w).

    Before the first clip, and where training drops the motion frames, they are zero maps: `zeros`.
    """

    def zeros(self) -> "MotionMaps":
        """Zero maps of the same shapes."""
        return self.map(torch.zeros_like)


@dataclass(frozen=True, eq=False)
class ReferenceKeyValues(PerSite):
    """Keys and values of the reference-attention layers, projected once per video: a `KeyValue` per site."""

    def dropped(self) -> "ReferenceKeyValues":
        """The keys and values of zero reference features, which are zero since the projections have no bias."""
        return self.map(lambda kv: KeyValue(torch.zeros_like(kv.key), torch.zeros_like(kv.value)))


@dataclass(frozen=True)
class ReferenceFeatures:
    """What one call of the ReferenceNet yields; a part that was not asked for is `None`."""

    reference: ReferenceMaps | None
    motion: MotionMaps | None
