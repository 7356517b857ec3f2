"""What a user chooses of GoHD's pipeline."""

from dataclasses import dataclass

from emo.options import INT, option
from emo.pipelines.motion_kinds import GAZE
from emo.pipelines.motion_options import FACE, GeneratedMotionOptions

GAMMA = 0.4  # of the paper
BORDER = 25  # frames, over which heads are bent where windows meet


@dataclass(frozen=True, kw_only=True)
class GoHDOptions(GeneratedMotionOptions):
    """What a user chooses of a generation, besides portrait and recording; see `GoHDPipeline`."""

    num_inference_steps: int | None = option(
        None, "denoising steps per window", kind=INT, low=1, flag="steps", default_words="15 on a CPU, else 150"
    )
    pose_guidance: float = option(
        GAMMA, "gamma: how much of a head's turning knows of the pose it began with", low=0, high=1
    )
    border_frames: int = option(
        BORDER, "over which a window's poses are bent to the end of the one before, 0: not at all", low=0, high=50
    )
    motion_strength: float = option(
        1.0, "lambda: how far all that is generated goes from rest, 0: not at all", low=0, high=2, group=FACE
    )
    gaze: "tuple[float, float] | str" = option(
        (0.0, 0.0),
        "where the eyes look: X,Y from -1 to 1, to the right and up of where the portrait's do, or free",
        kind=GAZE,
        default_words="0,0: as in the portrait",
        metavar="X,Y",
        group=FACE,
        more=False,
    )
