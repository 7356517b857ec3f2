"""The figures of an articulation on what was never learned from, as they are kept beside its weights."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emo.articulation import Articulator
from emo.training.articulation.figures import (
    bilabials_shut,
    disturbances,
    follow,
    means,
    real_bilabials_shut,
    sounds_told,
)
from emo.training.articulation.talks import Talk, as_sound


def report(
    articulator: Articulator, groups: Mapping[str, Sequence[Talk]], aligned: Sequence[Talk], *, thorough: bool
) -> dict[str, Any]:
    """Figures, ready for JSON.

    Args:
        articulator: what is judged.
        groups: by name talks with mouths; empty ones are left out.
        aligned: talks with phones.
        thorough: clip by clip, and with voices disturbed, too.
    """
    figures: dict[str, Any] = {name: _group(articulator, talks, thorough) for name, talks in groups.items() if talks}
    if aligned:
        figures["aligned"] = {
            "bilabials shut": round(bilabials_shut(articulator, aligned), 3),
            "sounds told": round(sounds_told(articulator, aligned), 3),
        }
    return figures


def _group(articulator: Articulator, talks: Sequence[Talk], thorough: bool) -> dict[str, Any]:
    found = follow(articulator, talks)
    figures: dict[str, Any] = {name: means(rows) for name, rows in found.items()}
    labeled = [talk for talk in talks if talk.phones is not None]
    if labeled:
        figures["sounds told"] = round(sounds_told(articulator, labeled), 3)
        figures["bilabials shut"] = round(bilabials_shut(articulator, labeled), 3)
        figures["bilabials shut, real mouths"] = round(real_bilabials_shut(labeled), 3)
    if thorough:
        rows = zip(talks, found["r"], strict=True)
        figures["clips"] = {talk.name: {k: round(v, 2) for k, v in r.items()} for talk, r in rows}
        for name, disturb in disturbances().items():
            heard = [_with_sound(talk, disturb(talk.waveform)) for talk in talks]
            figures[name] = means(follow(articulator, heard)["r"])
    return figures


def _with_sound(talk: Talk, waveform: np.ndarray) -> Talk:
    loud = waveform / max(1.0, float(np.abs(waveform).max()))
    return replace(talk, sound=as_sound(loud))
