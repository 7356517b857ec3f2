"""The videos on which EMO's mechanisms are measured."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emo.data.synthetic.held_out import PORTRAIT, HeldOut
from emo.evaluation.face import face_in
from emo.evaluation.mechanisms.plan import EvalClip, EvaluationSize

SPEEDS = (0.1, 0.7, 1.3, 1.9)  # degrees per frame
SHIFT = 0.09  # of the picture's side, by which regions lie aside
WIDER = 0.16  # of the picture's side, by which a wide region reaches further to either side than a tight one


@dataclass(frozen=True)
class EMOClip(EvalClip):
    """One video of EMO's.

    Attributes:
        speed: head rotation in degrees per frame, or None for "No Speed".
        region: where the face may be, x0, y0, x1, y1 in pixels of the portrait, or None for the pipeline's own.
        chained: whether clips see what came before them.
    """

    speed: float | None = None
    region: tuple[float, float, float, float] | None = None
    chained: bool = True


def plan_clips(
    extent: EvaluationSize, held_out: HeldOut, pictures: Mapping[str, str], no_speed: bool
) -> list[EvalClip]:
    """All videos, the longest first.

    Args:
        extent: how much is measured.
        held_out: the people.
        pictures: paths of real portraits by name.
        no_speed: whether there is a model without speed layers to compare with.
    """
    few = range(extent.few)
    clips: list[EvalClip] = [
        EMOClip("long", extent.long),
        EMOClip("long-truth", extent.long, truth=True),
        *(EMOClip(f"talk-{p:02d}", extent.seconds, p) for p in range(extent.talks)),
        *(EMOClip(f"talk-{p:02d}-truth", extent.seconds, p, truth=True) for p in range(extent.talks)),
    ]
    for p in few:
        clips.append(EMOClip(f"unchained-{p}", extent.seconds, p, chained=False))
        clips.append(EMOClip(f"speed-none-{p}", extent.brief, p, model="no_speed" if no_speed else "model"))
        for speed in SPEEDS:
            clips.append(EMOClip(f"speed-{speed:g}-{p}", extent.brief, p, speed=speed))
            clips.append(EMOClip(f"speed-{speed:g}-{p}-truth", extent.brief, p, speed=speed, truth=True))
        box = np.array(face_box(held_out.portrait(p), f"person {p}"))
        moved = {"left": (-SHIFT, -SHIFT), "right": (SHIFT, SHIFT), "tight": (0, 0), "wide": (-WIDER, WIDER)}
        for name, (x0, x1) in moved.items():
            region = (box + np.array([x0, 0, x1, 0]) * PORTRAIT).clip(0, PORTRAIT)
            clips.append(EMOClip(f"region-{name}-{p}", extent.brief, p, region=tuple(region.tolist())))
    clips += [EMOClip(f"real-{name}", extent.brief, picture=path, voice=0) for name, path in pictures.items()]
    return clips


def face_box(picture: np.ndarray, name: str) -> tuple[float, float, float, float]:
    """Box of a picture's largest face, x0, y0, x1, y1 in pixels.

    Raises:
        FaceError: there is none.
    """
    return face_in(picture, name).box
