"""What GAIA's autoencoder does on frames that it has not learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from emo.media import contact_sheet
from emo.training.reconstruction import FaceLossConfig, detail, psnr
from emo.training.reference_decoder.figures import as_picture
from emo.training.reference_decoder.losses import picture_weight

TITLES = ("appearance", "landmarks", "truth", "drawn", "another's motion")


@dataclass(frozen=True)
class DrawnPairs:
    """B pairs, and what was drawn of them.

    Attributes:
        appearance: frames i, (B, 3, S, S) in -1 ... 1.
        landmark_maps: of frames j, the same.
        frames: frames j, the same.
        points: of them, `FACE_POINTS` in pixels, (B, 7, 2).
        drawn: of i's appearance and j's motion, (B, 3, S, S).
        another: of i's appearance and the motion of the next pair's j.
    """

    appearance: Tensor
    landmark_maps: Tensor
    frames: Tensor
    points: Tensor
    drawn: Tensor
    another: Tensor


def pair_sheet(pairs: DrawnPairs) -> Image.Image:
    """One row for each pair."""
    side = pairs.frames.shape[-1]
    columns = (pairs.appearance, pairs.landmark_maps, pairs.frames, pairs.drawn, pairs.another)
    cells = [as_picture(part, side, side) for row in zip(*columns, strict=True) for part in row]
    return contact_sheet(cells, columns=len(TITLES), labels=[*TITLES] * len(pairs.frames))


def pair_figures(shown: Sequence[DrawnPairs], config: FaceLossConfig) -> dict[str, float]:
    """Means over pairs, for `config`'s weights of mouths and eyes.

    `psnr`, `features_psnr` (around mouths and eyes) and `still_psnr`, of frame i as it is, in dB; `sharpness`, what is
    left of the Laplacian's power; `moved`, how much another's motion changes the picture over how far frames of a clip
    are apart.
    """
    rows: dict[str, list[Tensor]] = {}
    for pairs in shown:
        frames, side = pairs.frames, pairs.frames.shape[-1]
        weight = picture_weight(pairs.points, side, side, config) - 1 + 1e-6
        apart = (frames - pairs.appearance).abs().mean((1, 2, 3)).clamp(min=1e-3)
        values = {
            "psnr": psnr(pairs.drawn, frames),
            "features_psnr": psnr(pairs.drawn, frames, weight),
            "still_psnr": psnr(pairs.appearance, frames),
            "sharpness": detail(pairs.drawn).square().mean((1, 2, 3)) / detail(frames).square().mean((1, 2, 3)),
            "moved": (pairs.another - pairs.drawn).abs().mean((1, 2, 3)) / apart,
        }
        for name, value in values.items():
            rows.setdefault(name, []).append(value.mean())
    return {name: float(sum(values) / len(values)) for name, values in rows.items()}
