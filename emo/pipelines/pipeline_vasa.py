"""The VASA-1 pipeline: a recording becomes motion, and motion a video of a portrait, in real time."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers
from transformers import SequenceFeatureExtractor, Wav2Vec2Model

from emo.errors import OptionError
from emo.generation.running_features import hop_frames
from emo.generation.schedulers import check_scheduler
from emo.motion import MeshAnimator, MotionSpace
from emo.motion.vasa import HolisticMotionTransformer, VolumeAnimator
from emo.pipelines.motion_generation import MakeWindow
from emo.pipelines.motion_kinds import FREE
from emo.pipelines.motion_options import VASAOptions
from emo.pipelines.motion_pipeline import MotionPipeline
from emo.pipelines.vasa_conditions import MotionControls, emotion_vector
from emo.pipelines.vasa_description import describe_folder
from emo.pipelines.vasa_motion import STATE, MotionSampler, short_border
from emo.store import register_components

register_components(HolisticMotionTransformer, MeshAnimator, VolumeAnimator)

CPU_STEPS, STEPS = 10, 50  # the paper has both


class VASAPipeline(MotionPipeline[VASAOptions], DiffusionPipeline):
    """Audio-driven portrait animation through motion (VASA-1).

    Args:
        animator: draws motion on a portrait; in named controls (`MeshAnimator`), or in learned codes (3.1).
        denoiser: the motion model H (3.2).
        audio_encoder, feature_extractor: wav2vec 2.0.
        scheduler: of diffusers, for a model that predicts the sample.

    Raises:
        ConfigError: the scheduler is for another prediction.
    """

    model_cpu_offload_seq = "audio_encoder->denoiser"
    _exclude_from_cpu_offload: ClassVar = ["animator"]  # draws by parts of itself, between which nothing is moved
    describe = staticmethod(describe_folder)
    options_class = VASAOptions
    state_names = STATE
    default_steps = CPU_STEPS, STEPS

    def __init__(
        self,
        animator: MeshAnimator | VolumeAnimator,
        denoiser: HolisticMotionTransformer,
        audio_encoder: Wav2Vec2Model,
        feature_extractor: SequenceFeatureExtractor,
        scheduler: KarrasDiffusionSchedulers,
    ):
        super().__init__()
        check_scheduler(scheduler, "sample")
        self.register_modules(
            animator=animator,
            denoiser=denoiser,
            audio_encoder=audio_encoder,
            feature_extractor=feature_extractor,
            scheduler=scheduler,
        )

    @property
    def motion_fps(self) -> Fraction:
        return self.denoiser.fps

    @property
    def window_length(self) -> int:
        return self.denoiser.config.window_length

    @property
    def space(self) -> MotionSpace:
        return self.denoiser.space

    def completed(self, options: VASAOptions) -> VASAOptions:
        """See `MotionPipeline`."""
        emotion_vector(options.emotion or {}, self.denoiser.config.emotions)
        options = super().completed(options)
        return replace(options, distance=self.denoiser.config.distance_mean) if options.distance is None else options

    def check_live(self, given: Mapping[str, Any]) -> None:
        """See `LiveMotion`; of a live window few frames are bent."""
        most = short_border(hop_frames(self.motion_fps))
        if (asked := given.get("border_frames", 0)) > most:
            problem = f"border_frames is {asked}, but of a window of live sound {most} are bent at most"
            raise OptionError(f"{problem}; give 0 to {most}", option="border_frames")

    def window_maker(self, options: VASAOptions, generator: Any, picture: np.ndarray | None) -> MakeWindow:
        """See `GeneratedMotion`; Figure 2 of the paper."""
        sampler = self.sampler(options, generator)
        return lambda audio, state, given, on_step: sampler.window(audio, state, on_step)

    def sampler(self, options: VASAOptions, generator: Any = None) -> MotionSampler:
        """What makes windows as options say, completed ones."""
        assert options.num_inference_steps is not None
        gaze = None if isinstance(options.gaze, str) and options.gaze == FREE else options.gaze
        scales: Mapping[str, float] = {"audio": options.audio_guidance_scale, "gaze": options.gaze_guidance_scale}
        return MotionSampler(
            self.denoiser,
            self.scheduler,
            self._execution_device,
            MotionControls(gaze, options.distance, options.emotion),  # pyright: ignore[reportArgumentType]
            scales,
            options.num_inference_steps,
            options.border_frames,
            generator,
        )
