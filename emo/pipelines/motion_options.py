"""What a user chooses of every pipeline that generates motion, and of VASA-1's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from emo.options import FLOAT, FPS, INT, Options, option
from emo.pipelines.motion_kinds import EMOTION, GAZE, MOTION, POSE

if TYPE_CHECKING:
    from emo.motion import MotionTrack

FACE = "face and motion"

DUB_OPTIONS = (
    "face",
    "num_inference_steps",
    "running_normalization",
    "audio_guidance_scale",
    "border_frames",
    "motion_strength",
)
"""Options of a model, if it has them, that change the mouth of a dubbed video."""


@dataclass(frozen=True, kw_only=True)
class MotionOptions(Options):
    """Of the picture, and of motion that is given and not generated; a system adds those of generated motion."""

    live_values: ClassVar[Mapping[str, Any]] = {"motion": None}
    """What options always are in live video, where nobody gives them."""

    height: int | None = option(None, "pixels", kind=INT, default_words="the model's", by_value=False)
    width: int | None = option(None, "pixels", kind=INT, default_words="the model's", by_value=False)
    fps: float | str | Fraction = option(
        25, "frames per second, as 25 or 30000/1001", kind=FPS, label="Frames per second", by_value=False
    )
    face: int | None = option(
        None, "which of several faces, counted from the left", kind=INT, metavar="N", group=FACE, by_value=False
    )
    pose: "Sequence[float] | MotionTrack | None" = option(
        None,
        "of the head: yaw,pitch,roll in degrees, a saved motion, or a video whose head is followed",
        page_help="free: as the sound has it; or yaw,pitch,roll in degrees",
        kind=POSE,
        default_words="as the sound has it",
        metavar="POSE",
        group=FACE,
        by_value=False,
    )
    motion: "MotionTrack | None" = option(
        None,
        "all of it: a saved motion, or a video that is followed",
        kind=MOTION,
        default_words="generated from the sound",
        metavar="FILE",
        group=FACE,
        by_value=False,
    )
    idle: bool = option(
        False,
        "let the face idle in pauses: it blinks, looks about and hardly moves; of motion in named controls",
        group=FACE,
        before=False,
    )
    paste_back: bool = option(False, "put the animated face back into the full picture", group=FACE)


@dataclass(frozen=True, kw_only=True)
class GeneratedMotionOptions(MotionOptions):
    """Of motion that is generated from sound, whatever the system."""

    live_values: ClassVar[Mapping[str, Any]] = {**MotionOptions.live_values, "running_normalization": True}

    num_inference_steps: int | None = option(
        None, "denoising steps per window", kind=INT, low=1, flag="steps", default_words="10 on a CPU, else 50"
    )
    running_normalization: bool = option(
        False, "hear a recording as live sound is heard: by what came before, and little of what comes after"
    )


@dataclass(frozen=True, kw_only=True)
class SoundMotionOptions(GeneratedMotionOptions):
    """The same, where the sound guides it."""

    audio_guidance_scale: float = option(1.5, "how strongly the sound drives", flag="audio-guidance")


@dataclass(frozen=True, kw_only=True)
class VASAOptions(SoundMotionOptions):
    """What a user chooses of a generation, besides portrait and recording; see `VASAPipeline`."""

    gaze_guidance_scale: float = option(2.0, "same for the gaze", flag="gaze-guidance")
    border_frames: int = option(
        10, "over which windows are bent to the end of the one before, 0: not at all", low=0, high=50
    )
    gaze: "tuple[float, float] | str" = option(
        (0.0, 0.0),
        "where the eyes look for the most part: X,Y from -1 to 1, to the right and up, or free",
        kind=GAZE,
        default_words="0,0: ahead",
        metavar="X,Y",
        group=FACE,
        more=False,
    )
    distance: float | None = option(
        None, "of the camera, 1 as in the portrait", kind=FLOAT, low=0.5, high=2, default_words="the usual", group=FACE
    )
    emotion: Mapping[str, float] | None = option(
        None,
        "offset to what is heard: happy:0.6, or several with commas",
        kind=EMOTION,
        default_words="none",
        group=FACE,
        more=False,
    )
