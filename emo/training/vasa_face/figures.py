"""What VASA-1's face model does on frames that it has not learned from."""

from collections.abc import Sequence

from PIL import Image
from torch.nn.functional import interpolate

from emo.media import contact_sheet
from emo.training.reconstruction import FaceLossConfig, psnr
from emo.training.reference_decoder.figures import as_picture
from emo.training.reference_decoder.losses import picture_weight
from emo.training.vasa_face.losses import SwapTruth
from emo.training.vasa_face.networks import Swaps

TITLES = ("portrait", "motion", "drawn", "moved by flow", "visibility", "pose moved", "dynamics moved")
TITLES += ("another", "as another")


def swap_sheet(shown: Sequence[tuple[Swaps, SwapTruth]]) -> Image.Image:
    """One row for the first person of each batch."""
    cells = []
    for swaps, truth in shown:
        first, second = truth.first, truth.second
        side = first.shape[-1]
        sources = {"second": first, "pose": second, "dynamics": first, "another": first}
        drawn = {
            name: swaps.drawings[name].over(swaps.drawings[name].moved(source)) for name, source in sources.items()
        }
        own = swaps.drawings["second"]
        visibility = (2 * own.visibility - 1).expand(-1, 3, -1, -1)
        row = [first, second, drawn["second"], own.moved(first), visibility, drawn["pose"], drawn["dynamics"]]
        row += [second.roll(-1, dims=0), drawn["another"]]
        cells += [as_picture(part[0], side, side) for part in row]
    return contact_sheet(cells, columns=len(TITLES), labels=[*TITLES] * len(shown))


def swap_figures(swaps: Swaps, truth: SwapTruth, config: FaceLossConfig) -> dict[str, float]:
    """Means over people, for `config`'s weights of mouths and eyes.

    `psnr`, `features_psnr` (around mouths and eyes) and `still_psnr`, of the portrait as it is; `transfer_psnr`, of
    two ways to draw the same; `angle_error` in degrees; where there is a flow, `moved_psnr`, and `flow_error` in
    pixels.
    """
    first, second, pose = truth.first, truth.second, truth.pose
    own, pose_moved, dynamics_moved = (swaps.drawings[name] for name in ("second", "pose", "dynamics"))
    drawn = own.over(own.moved(first))
    weight = picture_weight(truth.points, second.shape[-2], second.shape[-1], config) - 1 + 1e-6
    same = psnr(
        pose_moved.over(pose_moved.moved(second)), dynamics_moved.over(dynamics_moved.moved(first)).clamp(-1, 1)
    )
    values = {
        "psnr": psnr(drawn, second).mean(),
        "features_psnr": psnr(drawn, second, weight).mean(),
        "still_psnr": psnr(first, second).mean(),
        "transfer_psnr": same.mean(),
        "angle_error": (swaps.motion[len(pose) :, :3] - pose[:, :3]).abs().mean(),
    }
    if truth.flow is not None:
        true, known = truth.flow
        error = (known * (interpolate(own.flow, true.shape[-2:], mode="area") - true)).norm(dim=1)
        values["moved_psnr"] = psnr(own.moved(first), second).mean()
        values["flow_error"] = error.sum() / known.sum().clamp(min=1) * second.shape[-1] / 2
    return {name: float(value) for name, value in values.items()}
