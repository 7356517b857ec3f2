"""The GoHD pipeline: a recording becomes poses, gaze and expressions, and these a video of a portrait."""

from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers
from transformers import SequenceFeatureExtractor, Wav2Vec2Model

from emo.errors import ConfigError
from emo.generation.schedulers import check_scheduler
from emo.motion import MeshAnimator
from emo.motion.gohd import EyeMotionGenerator, LipMapper, NavigationAnimator, PoseDenoiser
from emo.pipelines.gohd_description import describe_folder
from emo.pipelines.gohd_motion import STATE, ExpressionSampler, MotionMaker
from emo.pipelines.gohd_options import GoHDOptions
from emo.pipelines.gohd_poses import PoseSampler
from emo.pipelines.motion_generation import MakeWindow
from emo.pipelines.motion_kinds import FREE
from emo.pipelines.motion_pipeline import MotionPipeline
from emo.store import register_components

register_components(PoseDenoiser, LipMapper, EyeMotionGenerator, MeshAnimator, NavigationAnimator)

SHARED = ("max_length", "overlap", "fps", "prediction_type")  # of both denoisers' configs
CPU_STEPS, STEPS = 15, 150  # of the paper's code are the latter


class GoHDPipeline(MotionPipeline[GoHDOptions], DiffusionPipeline):
    """Audio-driven portrait animation with rhythmic poses and expressions in two stages (GoHD).

    Args:
        animator: draws motion in named controls on a portrait: the paper's (3.3), or a mesh in its place.
        denoiser: of head poses (3.1).
        gaze_denoiser: of where eyes that wander look.
        lip_mapper: stage 1 of expressions (3.2).
        eye_generator: stage 2.
        audio_encoder, feature_extractor: wav2vec 2.0.
        scheduler: of diffusers, for what the denoisers predict.

    Raises:
        ConfigError: the scheduler is for another prediction, or poses and gaze have other windows or rates.
    """

    model_cpu_offload_seq = "audio_encoder->denoiser->gaze_denoiser->eye_generator"
    _exclude_from_cpu_offload: ClassVar = ["animator", "lip_mapper"]  # which is asked for more than its forward
    describe = staticmethod(describe_folder)
    options_class = GoHDOptions
    state_names = STATE
    default_steps = CPU_STEPS, STEPS

    def __init__(
        self,
        animator: NavigationAnimator | MeshAnimator,
        denoiser: PoseDenoiser,
        gaze_denoiser: PoseDenoiser,
        lip_mapper: LipMapper,
        eye_generator: EyeMotionGenerator,
        audio_encoder: Wav2Vec2Model,
        feature_extractor: SequenceFeatureExtractor,
        scheduler: KarrasDiffusionSchedulers,
    ):
        super().__init__()
        check_scheduler(scheduler, denoiser.config["prediction_type"])
        if any(denoiser.config[name] != gaze_denoiser.config[name] for name in SHARED):
            raise ConfigError("gaze_denoiser: its windows, its rate or what it predicts are not the denoiser's")
        self.register_modules(
            animator=animator,
            denoiser=denoiser,
            gaze_denoiser=gaze_denoiser,
            lip_mapper=lip_mapper,
            eye_generator=eye_generator,
            audio_encoder=audio_encoder,
            feature_extractor=feature_extractor,
            scheduler=scheduler,
        )

    @property
    def motion_fps(self) -> Fraction:
        return self.denoiser.fps

    @property
    def window_length(self) -> int:
        return self.denoiser.window_length

    @property
    def navigates(self) -> bool:
        """Whether the animator takes lambda, which else scales the motion itself."""
        return isinstance(self.animator, NavigationAnimator)

    def appearance(self, picture: np.ndarray, options: GoHDOptions) -> Any:
        """See `MotionPipeline.appearance`; lambda goes with it."""
        kept = super().appearance(picture, options)
        return kept.moved_by(options.motion_strength) if self.navigates else kept

    def window_maker(self, options: GoHDOptions, generator: Any, picture: np.ndarray | None) -> MakeWindow:
        """See `GeneratedMotion`; Fig. 2 of the paper."""
        steps, device, scheduler = options.num_inference_steps, self._execution_device, self.scheduler
        assert steps is not None
        poses, looks = (
            PoseSampler(network, scheduler, device, options.pose_guidance, steps, border_frames)
            for network, border_frames in ((self.denoiser, options.border_frames), (self.gaze_denoiser, 0))
        )
        maker = MotionMaker(
            space=self.space,
            poses=poses,
            looks=looks,
            expressions=ExpressionSampler(self.lip_mapper, self.eye_generator, device),
            gaze=None if options.gaze == FREE else options.gaze,  # pyright: ignore[reportArgumentType] (two numbers)
            strength=1.0 if self.navigates else options.motion_strength,
            generator=generator,
        )
        return lambda audio, state, given, on_step: maker.window(audio, state, on_step)
