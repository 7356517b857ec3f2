"""The GAIA pipeline: a recording becomes latents of motion, and these with a portrait a video."""

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers
from torch import Tensor
from transformers import SequenceFeatureExtractor, Wav2Vec2Model

from emo.errors import ConfigError, OptionError
from emo.generation.sampling import check_eta
from emo.generation.schedulers import check_scheduler
from emo.motion import MotionSpace
from emo.motion.gaia import LatentAnimator, MotionAppearanceVAE, MotionConformer, PosePredictor, SpeechEncoder
from emo.pipelines.gaia_description import describe_folder
from emo.pipelines.gaia_motion import STATE, SequenceSampler
from emo.pipelines.gaia_options import GAIAOptions
from emo.pipelines.motion_generation import MakeWindow
from emo.pipelines.motion_pipeline import MotionPipeline
from emo.pipelines.motion_pose import pose_angles
from emo.store import register_components

register_components(MotionAppearanceVAE, MotionConformer, SpeechEncoder, PosePredictor)


class GAIAPipeline(MotionPipeline[GAIAOptions], DiffusionPipeline):
    """Audio-driven portrait animation through latents of motion (GAIA).

    Poses go into what generates, by which the speech's lips stay in time with them; where none are given, they are
    predicted from the sound.

    Args:
        vae: E_A, E_M and D (4.1).
        denoiser: the motion model S (4.2).
        speech_encoder: A.
        pose_predictor: P.
        audio_encoder, feature_extractor: wav2vec 2.0.
        scheduler: of diffusers, for a model that predicts the sample; `vp_sde_scheduler` is the paper's.

    Raises:
        ConfigError: the scheduler is for another prediction, or the networks do not fit each other.
    """

    model_cpu_offload_seq = "audio_encoder->pose_predictor->speech_encoder->denoiser"
    _exclude_from_cpu_offload: ClassVar = ["vae"]  # works by parts of itself, between which nothing is moved
    describe = staticmethod(describe_folder)
    options_class = GAIAOptions
    state_names = STATE
    default_steps = 20, 50
    vae: MotionAppearanceVAE
    speech_encoder: SpeechEncoder
    pose_predictor: PosePredictor

    def __init__(
        self,
        vae: MotionAppearanceVAE,
        denoiser: MotionConformer,
        speech_encoder: SpeechEncoder,
        pose_predictor: PosePredictor,
        audio_encoder: Wav2Vec2Model,
        feature_extractor: SequenceFeatureExtractor,
        scheduler: KarrasDiffusionSchedulers,
    ):
        super().__init__()
        check_scheduler(scheduler, "sample")
        animator = LatentAnimator(vae)
        if denoiser.space.names != animator.space.names:
            raise ConfigError("denoiser: it makes other latents than those of the vae")
        self.register_modules(
            vae=vae,
            denoiser=denoiser,
            speech_encoder=speech_encoder,
            pose_predictor=pose_predictor,
            audio_encoder=audio_encoder,
            feature_extractor=feature_extractor,
            scheduler=scheduler,
        )

    @property
    def animator(self) -> LatentAnimator:  # pyright: ignore[reportIncompatibleVariableOverride] (no component here)
        """What draws motion on a portrait."""
        return LatentAnimator(self.vae)

    @property
    def motion_fps(self) -> Fraction:
        return self.denoiser.fps

    @property
    def window_length(self) -> int:
        return self.denoiser.config.max_length - self.denoiser.config.overlap

    @property
    def space(self) -> MotionSpace:
        return self.denoiser.space

    def completed(self, options: GAIAOptions) -> GAIAOptions:
        """See `GeneratedMotion`."""
        check_eta(options.eta, self.scheduler)
        return super().completed(options)

    def given_pose(self, options: GAIAOptions, rate: Fraction, frames: int) -> Tensor:
        """Yaw, pitch and roll of frames, (frames, 3) in degrees.

        Raises:
            OptionError: a motion is given, too, of which they are a part already.
            MotionError: the pose has not all of them.
        """
        if options.motion is not None:
            raise OptionError(
                "pose does nothing where a motion is given, whose latents hold the head's pose; leave one of them out",
                option="pose",
            )
        return pose_angles(options.pose, rate, frames)

    def posed(self, values: Tensor, pose: Tensor | None) -> Tensor:
        """The motion as it is: a pose went into what generated it."""
        return values

    def check_parts(self, parts: Sequence[str]) -> None:
        """See `DrivenMotion`.

        Raises:
            OptionError: whatever they are.
        """
        raise OptionError(
            "parts: a motion of this model is one latent of the whole face, of which no part follows a video alone; "
            "leave it out, or give the video as the pose of a generation",
            option="parts",
        )

    def window_maker(
        self, options: GAIAOptions, generator: torch.Generator | None, picture: np.ndarray | None
    ) -> MakeWindow:
        """See `GeneratedMotion`."""
        assert options.num_inference_steps is not None
        sampler = SequenceSampler(
            self.denoiser,
            self.speech_encoder,
            self.pose_predictor,
            self.scheduler,
            self._execution_device,
            None if picture is None else self.space.normalize(self.animator.motion([picture])[0]),
            options.audio_guidance_scale,
            options.num_inference_steps,
            options.eta,
            generator,
        )
        return sampler.window
