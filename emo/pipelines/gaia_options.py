"""What a user chooses of GAIA's pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emo.options import INT, option
from emo.pipelines.motion_kinds import LANDMARKS, NAMES, TEXT
from emo.pipelines.motion_options import FACE, SoundMotionOptions

if TYPE_CHECKING:
    from emo.motion import MotionTrack

WANTED = ("eyes", "brows", "nose", "outline")
"""Parts of a face that follow landmarks where none are named: all but the mouth with the jaw."""


@dataclass(frozen=True, kw_only=True)
class GAIAOptions(SoundMotionOptions):
    """What a user chooses of a generation, besides portrait and recording; see `GAIAPipeline`."""

    live_values: ClassVar[Mapping[str, Any]] = {
        **SoundMotionOptions.live_values,
        "instruction": None,
        "landmarks": None,
        "landmark_parts": WANTED,
    }

    num_inference_steps: int | None = option(
        None, "denoising steps per sequence", kind=INT, low=1, flag="steps", default_words="20 on a CPU, else 50"
    )
    audio_guidance_scale: float = option(
        1.0, "how strongly the sound drives; 1, without guidance, is the paper's", flag="audio-guidance"
    )
    instruction: str | None = option(
        None,
        "what the portrait does in place of speaking, of models that understand sentences: 'please smile'",
        kind=TEXT,
        default_words="none",
        metavar="SENTENCE",
        group=FACE,
        more=False,
    )
    landmarks: "MotionTrack | None" = option(
        None,
        "points of a face that are followed, of models that generate points: a saved track of them, or a video",
        kind=LANDMARKS,
        default_words="none",
        metavar="FILE",
        group=FACE,
        by_value=False,
    )
    landmark_parts: tuple[str, ...] = option(
        WANTED,
        "of these points, those that are followed; the others go with the sound",
        kind=NAMES,
        default_words=",".join(WANTED),
        metavar="PART,...",
        group=FACE,
        by_value=False,
    )
    eta: float = option(0.0, "randomness of steps: 0 solves the model's ODE, 1 its SDE", low=0, high=1)
