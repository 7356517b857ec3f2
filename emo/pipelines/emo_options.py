"""The options of EMO's generation, each with its default, bounds and meaning."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from emo.options import FLOAT, FPS, INT, Options, option
from emo.pipelines.option_kinds import FACE_REGION, SPEED

if TYPE_CHECKING:
    import numpy as np
    import torch

    from emo.face import Region

MOTION = "face and motion"


@dataclass(frozen=True, kw_only=True)
class EMOOptions(Options):
    """What a user chooses of a generation, besides portrait and recording; see `EMOPipeline.stream`."""

    height: int | None = option(None, "pixels", kind=INT, default_words="the model's", by_value=False)
    width: int | None = option(None, "pixels", kind=INT, default_words="the model's", by_value=False)
    fps: float | str | Fraction = option(
        25, "frames per second, as 25 or 30000/1001", kind=FPS, label="Frames per second", by_value=False
    )
    num_inference_steps: int | None = option(
        None, "denoising steps per clip", kind=INT, low=1, flag="steps", default_words="the model's"
    )
    audio_guidance_scale: float | None = option(
        None, "how strongly the sound drives", kind=FLOAT, flag="audio-guidance", default_words="the model's"
    )
    reference_guidance_scale: float | None = option(
        None, "same for the portrait", kind=FLOAT, flag="reference-guidance", default_words="the model's"
    )
    guidance_every: int = option(
        1, "steps from one computing of the guidance to the next", low=1, default_words="1: every step", before=1
    )
    cache_interval: int = option(
        1,
        "steps from one computing of the layers to the next, forecast between by TaylorSeer",
        low=1,
        default_words="1: every step",
        before=1,
    )
    noise_correlation: float | None = option(
        None, "of the noise of neighboring frames, 0 to 1", kind=FLOAT, low=0, high=1, default_words="the model's"
    )
    strength: float | None = option(
        None,
        "of the noise over the portrait that clips start from, above 0 to 1: less moves less",
        kind=FLOAT,
        low=0.01,
        high=1,
        default_words="the model's",
        before=1.0,
    )
    noise_mirroring: float = option(0.9, "noise each clip takes over from the one before, 0 to 1", low=0, high=1)
    eta: float = option(0.0, "randomness of steps, 0 to 1, for models with DDIM", low=0, high=1)
    face_region: "Region | None" = option(
        None,
        "where the face may move: full, a box x0,y0,x1,y1 in the picture's pixels, a mask picture, or auto: the "
        "face's own box, somewhat larger",
        page_help="auto: around the face; full: anywhere; or a box as x0,y0,x1,y1 in pixels",
        default_words="auto",
        kind=FACE_REGION,
        metavar="REGION",
        group=MOTION,
        more=False,
        by_value=False,
    )
    face: int | None = option(
        None, "which of several faces, counted from the left", kind=INT, metavar="N", group=MOTION, by_value=False
    )
    speed: "float | Sequence[float] | np.ndarray | torch.Tensor | None" = option(
        None,
        "head rotation per frame, about 0.1 to 1.3; one number, a text file of one per frame, or free",
        page_help="free: as it comes; or degrees per frame, about 0.1 to 1.3, at most 5",
        default_words="free",
        label="Head speed",
        kind=SPEED,
        metavar="DEGREES",
        group=MOTION,
        more=False,
        by_value=False,
    )
    paste_back: bool = option(False, "put the animated face back into the full picture", group=MOTION)
