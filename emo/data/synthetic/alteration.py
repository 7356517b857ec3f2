"""What is changed about the portraits of which clips, alike in all frames: planned by number, as all of a clip is."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

VARIANTS = 4  # of a person's proportions, and others they are mixed with: each new person is in several clips
MIXTURES = (0.4, 0.65)  # of two people: from there on they are neither


@dataclass(frozen=True)
class AlterationShares:
    """Of the clips of portraits, those that are altered in each way.

    Attributes:
        mirror: left and right are swapped.
        color: exposure, contrast, saturation and white balance.
        light: light from a side.
        background: the person is cut out and set before another background.
        proportions: another person, whose features have other sizes and places.
        morph: another person, between this one and somebody else on the same side of the split.
    """

    mirror: float = 0.0
    color: float = 0.0
    light: float = 0.0
    background: float = 0.0
    proportions: float = 0.0
    morph: float = 0.0


@dataclass(frozen=True)
class Alteration:
    """What is changed about the portrait of one clip.

    Attributes:
        seed: of colors, light and background.
        mirror, color, light, background: whether it is.
        proportions: seed of other proportions, or None.
        partner: number of the person whose features are mixed in, or None.
        mixture: how much of them.
        variants: which of the person's, of proportions and of partners, in words that make up the new person's name.
    """

    seed: int
    mirror: bool = False
    color: bool = False
    light: bool = False
    background: bool = False
    proportions: int | None = None
    partner: int | None = None
    mixture: float = 0.0
    variants: str = ""

    def describe(self, partner: str) -> str:
        """In words, after the picture's name; `partner` names who is mixed in."""
        words = ["mirrored"] if self.mirror else []
        words += [f"mixed with {self.mixture:.2f} of {partner}"] if self.partner is not None else []
        words += ["other proportions"] if self.proportions is not None else []
        words += [f"other {name}" for name in ("background", "light", "color") if getattr(self, name)]
        return "".join(f", {word}" for word in words)


def draw_alteration(shares: AlterationShares, seed: int, index: int, person: int, others: Sequence[int]) -> Alteration:
    """What is changed in clip `index` of a configuration's seed.

    A person's variants are the same in all clips.

    Args:
        shares: of the clips.
        seed: the configuration's.
        index: the clip's number.
        person: whose portrait it is, by number.
        others: people who may be mixed in: those on the same side of the split.
    """
    rng = np.random.default_rng((0xA17E, seed, index))
    drawn = dict(zip((field.name for field in fields(shares)), rng.random(len(fields(shares))), strict=True))
    chosen = {name: bool(value < getattr(shares, name)) for name, value in drawn.items()}
    own, variant, slot = int(rng.integers(2**62)), int(rng.integers(VARIANTS)), int(rng.integers(VARIANTS))
    pair = np.random.default_rng((0x3086, seed, person, slot))
    mixed = chosen.pop("morph") and bool(others)
    shaped = chosen.pop("proportions")
    return Alteration(
        seed=own if chosen["color"] or chosen["light"] or chosen["background"] else 0,
        **chosen,
        proportions=int(np.random.default_rng((0x5A9E, seed, person, variant)).integers(2**62)) if shaped else None,
        partner=others[int(pair.integers(len(others)))] if mixed else None,
        mixture=float(pair.uniform(*MIXTURES)) if mixed else 0.0,
        variants=(f"-mix{slot}" if mixed else "") + (f"-shape{variant}" if shaped else ""),
    )
