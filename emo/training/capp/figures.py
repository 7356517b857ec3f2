"""How well CAPP tells a head's motion from others': held-out windows, matched, shuffled, shifted, enlarged (4)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from emo.metrics.capp import CAPP

SHIFTS = (-4, -3, -2, -1, 1, 2, 3, 4)
SCALES = (0.2, 0.5, 1.5, 3.0)


@torch.no_grad()
def figures(network: CAPP, angles: Sequence[Tensor], sounds: Sequence[Tensor], frames: int) -> dict[str, float]:
    """Means over clips, of which there are two or more, one window each.

    `real`, the cosine of what belongs together; `shuffled`, of all that does not; `found`, how often the sound is
    nearest to its own motion among all; `shift N`, where the motion comes N frames too late; `scale S`, where it is S
    times as large.

    Args:
        network: in evaluation mode.
        angles: of each clip yaw, pitch and roll in degrees, (T, 3).
        sounds: their features, (T, A).
        frames: N of a window.
    """
    margin = max(SHIFTS)
    starts = [1 + margin + (len(each) - frames - 2 * margin - 1) // 2 for each in angles]

    def pose(shift: int = 0, scale: float = 1.0) -> Tensor:
        pieces = [
            scale * each.diff(dim=0)[start - 1 - shift : start - 1 - shift + frames]
            for each, start in zip(angles, starts, strict=True)
        ]
        return network.pose(torch.stack(pieces).to(network.device)).float().cpu()

    heard = torch.stack([each[start : start + frames] for each, start in zip(sounds, starts, strict=True)])
    sound = network.sound(heard.to(network.device)).float().cpu()
    cosines = pose() @ sound.T
    count = len(cosines)
    own = cosines.diagonal()
    found = {
        "real": float(own.mean()),
        "shuffled": float((cosines.sum() - own.sum()) / (count * (count - 1))),
        "found": float((cosines.argmax(0) == torch.arange(count)).float().mean()),
    }
    found |= {f"shift {shift:+d}": float((pose(shift) * sound).sum(1).mean()) for shift in SHIFTS}
    return found | {f"scale {scale:g}": float((pose(scale=scale) * sound).sum(1).mean()) for scale in SCALES}
