"""What a user chooses of GAIA's pipeline."""

from dataclasses import dataclass

from emo.options import INT, option
from emo.pipelines.motion_options import SoundMotionOptions


@dataclass(frozen=True, kw_only=True)
class GAIAOptions(SoundMotionOptions):
    """What a user chooses of a generation, besides portrait and recording; see `GAIAPipeline`."""

    num_inference_steps: int | None = option(
        None, "denoising steps per sequence", kind=INT, low=1, flag="steps", default_words="20 on a CPU, else 50"
    )
    audio_guidance_scale: float = option(
        1.0, "how strongly the sound drives; 1, without guidance, is the paper's", flag="audio-guidance"
    )
    eta: float = option(0.0, "randomness of steps: 0 solves the model's ODE, 1 its SDE", low=0, high=1)
