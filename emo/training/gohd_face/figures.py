"""What GoHD's face animator does on frames that it has not learned from."""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from emo.media import contact_sheet
from emo.motion import CONTROLS
from emo.training.gohd_face.losses import FrameTruth
from emo.training.gohd_face.networks import Drawn
from emo.training.reconstruction import FaceLossConfig, psnr
from emo.training.reference_decoder.figures import as_picture
from emo.training.reference_decoder.losses import picture_weight

TITLES = ("portrait", "motion", "drawn", "moved by flow", "visibility", "z_R alone", "as another")


def navigation_sheet(shown: Sequence[Sequence[Tensor]]) -> Image.Image:
    """A row for each of the pictures by `TITLES`, (3, S, S) in -1 ... 1."""
    side = shown[0][0].shape[-1]
    cells = [as_picture(each.clamp(-1, 1), side, side) for row in shown for each in row]
    return contact_sheet(cells, columns=len(TITLES), labels=[*TITLES] * len(shown))


def navigation_figures(
    first: Tensor, drawn: Sequence[Drawn], truths: Sequence[FrameTruth], config: FaceLossConfig
) -> dict[str, float]:
    """Means over held-out frames, for `config`'s weights of mouths and eyes.

    `psnr`, `features_psnr` (around mouths and eyes) and `still_psnr`, of the portrait as it is; `moved_psnr`, of the
    portrait moved alone; `flow_error` in pixels; and the face reader's correlation with what frames were commanded,
    of true ones (`r NAME, true`) and of drawn ones (`r NAME`).
    """
    frames, made, moved = (
        torch.cat([t.frames for t in truths]),
        torch.cat([d.frames.float() for d in drawn]),
        torch.cat([d.moved.float() for d in drawn]),
    )
    points = torch.cat([t.points for t in truths])
    weight = picture_weight(points, frames.shape[-2], frames.shape[-1], config) - 1 + 1e-6
    flow, visible = torch.cat([t.flow for t in truths]), torch.cat([t.visible for t in truths])
    found = torch.cat([d.drawing.flow.float() for d in drawn])
    error = (visible * (interpolate(found, flow.shape[-2:], mode="area") - flow)).norm(dim=1)
    values = {
        "psnr": psnr(made, frames).mean(),
        "features_psnr": psnr(made, frames, weight).mean(),
        "still_psnr": psnr(first, frames).mean(),
        "moved_psnr": psnr(moved, frames).mean(),
        "flow_error": error.sum() / visible.sum().clamp(min=1) * frames.shape[-1] / 2,
    }
    controls = torch.cat([t.controls for t in truths])
    for name, readings in (
        ("", torch.cat([d.made.controls.float() for d in drawn])),
        (", true", torch.cat([d.true.controls.float() for d in drawn])),
    ):
        for column in ("yaw", "jaw", "blink", "gaze_x"):
            number = CONTROLS.names.index(column)
            values[f"r {column}{name}"] = torch.corrcoef(torch.stack([readings[:, number], controls[:, number]]))[0, 1]
    return {name: float(value) for name, value in values.items()}
