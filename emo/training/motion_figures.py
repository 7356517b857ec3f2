"""How generated motion compares with a clip's own, whatever its space."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from emo.errors import EmoError
from emo.metrics import continuity
from emo.motion import MotionTrack


def correlation(one: MotionTrack, other: MotionTrack, name: str) -> float:
    """Pearson's r of a column over the frames that both have, or of all of a part's columns together, each normalized
    and about its own mean; 0 where one of them stands still."""
    frames = min(len(one), len(other))
    columns = one.space.index(name)
    pair = [one.space.normalize(track.values[:frames])[:, columns] for track in (one, other)]
    return pearson(*((values - values.mean(0)).flatten() for values in pair))


def pearson(one: Tensor, other: Tensor) -> float:
    """Pearson's r of two rows (T,); 0 where one of them stands still."""
    return float(torch.nan_to_num(torch.corrcoef(torch.stack([one, other]))[0, 1]))


def border_ratios(track: MotionTrack, window_length: int) -> list[float]:
    """Change where windows meet over change inside, or nothing where no windows meet."""
    change = track.space.normalize(track.values).diff(dim=0).abs().mean(1).numpy()
    try:
        return [continuity.clip_border_ratio(change, window_length)]
    except EmoError:
        return []


def deviation_share(made: Sequence[MotionTrack], true: Sequence[MotionTrack], part: str) -> float:
    """Deviation over time of a part's normalized columns, of motions that were made over the clips' own."""
    space = made[0].space
    columns = space.index(part)

    def deviation(tracks: Sequence[MotionTrack]) -> torch.Tensor:
        return torch.stack([space.normalize(track.values)[:, columns].std(0) for track in tracks]).mean()

    return float(deviation(made) / deviation(true).clamp(min=1e-6))


def named_means(found: dict[str, list[float]]) -> dict[str, float]:
    """Means by name; what nothing tells is left out."""
    return {name: float(np.mean(values)) for name, values in found.items() if values}
