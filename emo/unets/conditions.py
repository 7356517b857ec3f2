"""What the ReferenceNet hands to the backbone: one value per site, as frozen dataclasses.

A *site* is one layer of the UNet, `resnets[j] -> attentions[j] -> motion_modules[j]`; both networks have the same
sites in the same order, so that each value is paired with its layer by position and a mismatch is an error.

What the portrait becomes has three names on its way:

- `reference_latents`, from which the ReferenceNet makes
- `ReferenceMaps`, its self-attention layers' outputs, which the backbone's `project_reference` makes into
- `ReferenceKeyValues`, the backbone's argument `reference`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from emo.unets.attention import KeyValue

ValueT = TypeVar("ValueT", covariant=True)
SitesT = TypeVar("SitesT", bound="PerSite[Any]")


@dataclass(frozen=True)
class PerSite(Generic[ValueT]):
    """One value per site; `None` where a site has no such layer.

    Attributes:
        down: `down[level][layer]`, on the way down.
        mid: that of the middle.
        up: `up[level][layer]`, on the way up.
    """

    down: tuple[tuple[ValueT | None, ...], ...]
    mid: ValueT
    up: tuple[tuple[ValueT | None, ...], ...]

    @classmethod
    def from_sites(cls: type[SitesT], function: Callable[..., Any], *sites: "PerSite[Any]") -> SitesT:
        """What `function` makes of the values at every site; where there are none, there is none.

        Args:
            function: takes one value of each of `sites`.
            sites: whose values are taken site by site.

        Raises:
            ValueError: the sites do not correspond.
        """

        def apply(values: tuple[Any, ...]) -> Any:
            if all(value is None for value in values):
                return None
            if any(value is None for value in values):
                raise ValueError("the networks do not have the same layers at every site")
            return function(*values)

        def apply_to_levels(*parts: tuple[tuple[Any, ...], ...]) -> tuple[tuple[Any, ...], ...]:
            levels = zip(*parts, strict=True)
            return tuple(tuple(apply(values) for values in zip(*level, strict=True)) for level in levels)

        return cls(
            down=apply_to_levels(*(each.down for each in sites)),
            mid=apply(tuple(each.mid for each in sites)),
            up=apply_to_levels(*(each.up for each in sites)),
        )

    def map(self: SitesT, function: Callable[..., Any], *others: "PerSite[Any]") -> SitesT:
        """What `function` makes of this object's and the `others`' values at every site, as an object of this class.

        Raises:
            ValueError: the sites do not correspond.
        """
        return type(self).from_sites(function, self, *others)

    def values(self) -> list[ValueT]:
        """The values that are there, in forward order."""
        down = [value for level in self.down for value in level]
        up = [value for level in self.up for value in level]
        return [value for value in (*down, self.mid, *up) if value is not None]


@dataclass(frozen=True, eq=False)
class ReferenceMaps(PerSite[torch.Tensor]):
    """Outputs of the ReferenceNet's self-attention layers for the reference image (3.2.3): (B, h*w, C) per site."""


@dataclass(frozen=True, eq=False)
class ReferenceKeyValues(PerSite[KeyValue]):
    """Keys and values of the reference-attention layers, projected once per video: a `KeyValue` per site."""

    def dropped(self) -> "ReferenceKeyValues":
        """The keys and values of zero reference maps, which are zero since the projections have no bias."""
        return self.map(lambda kv: KeyValue(torch.zeros_like(kv.key), torch.zeros_like(kv.value)))


@dataclass(frozen=True, eq=False)
class MotionMaps(PerSite[torch.Tensor]):
    """Feature maps of the motion frames where the backbone's temporal modules stand (3.2.4): (B, n, C, h, w).

    Before the first clip, and where training drops the motion frames, they are zero maps: `zeros`.
    """

    def zeros(self) -> "MotionMaps":
        """Zero maps of the same shapes."""
        return self.map(torch.zeros_like)


@dataclass(frozen=True)
class ReferenceNetOutput:
    """What one call of the ReferenceNet yields.

    Attributes:
        reference: of the portrait, or `None` where it was not given.
        motion: of the motion frames, or `None` where they were not given.
    """

    reference: ReferenceMaps | None
    motion: MotionMaps | None
