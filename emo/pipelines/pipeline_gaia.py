"""The GAIA pipeline: a recording becomes latents of motion, and these with a portrait a video."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers
from torch import Tensor
from transformers import CLIPTextModelWithProjection, CLIPTokenizer, SequenceFeatureExtractor, Wav2Vec2Model

from emo.errors import ConfigError, OptionError
from emo.generation.clip import ClipState
from emo.generation.sampling import OnStep, check_eta
from emo.generation.schedulers import check_scheduler
from emo.motion import MotionSpace
from emo.motion.gaia import (
    LatentAnimator,
    MotionAppearanceVAE,
    MotionConformer,
    PosePredictor,
    SpeechEncoder,
    encode_landmarks,
)
from emo.motion.gaia.animator import picture_landmarks
from emo.motion.gaia.instruction import Instruction
from emo.motion.gaia.landmark_space import landmark_space, landmark_values
from emo.pipelines.gaia_description import describe_folder
from emo.pipelines.gaia_landmarks import landmark_window, wanted_landmarks
from emo.pipelines.gaia_motion import STATE, SequenceSampler
from emo.pipelines.gaia_options import WANTED, GAIAOptions
from emo.pipelines.motion_call import Given
from emo.pipelines.motion_generation import MakeWindow
from emo.pipelines.motion_pipeline import MotionPipeline
from emo.pipelines.motion_pose import pose_angles
from emo.pipelines.motion_window import MotionWindow
from emo.store import register_components

LANDMARK_PARTS = ("landmark_denoiser", "landmark_speech_encoder")
TEXT_PARTS = ("text_denoiser", "text_encoder", "tokenizer")

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
        landmark_denoiser: another S, of coordinates of landmarks, for control by them; or None.
        landmark_speech_encoder: its A; or None.
        text_denoiser: another S, of latents, told by a sentence what to do; or None.
        text_encoder: embeds sentences: CLIP's, or a small one; or None.
        tokenizer: of sentences; or None.

    Raises:
        ConfigError: the scheduler is for another prediction, or the networks do not fit each other.
    """

    model_cpu_offload_seq = (
        "text_encoder->audio_encoder->pose_predictor->speech_encoder->denoiser->landmark_speech_encoder->"
        "landmark_denoiser->text_denoiser"
    )
    _optional_components: ClassVar = [*LANDMARK_PARTS, *TEXT_PARTS]
    _exclude_from_cpu_offload: ClassVar = ["vae"]  # works by parts of itself, between which nothing is moved
    describe = staticmethod(describe_folder)
    options_class = GAIAOptions
    state_names = STATE
    default_steps = 20, 50
    vae: MotionAppearanceVAE
    speech_encoder: SpeechEncoder
    pose_predictor: PosePredictor
    landmark_denoiser: Any
    landmark_speech_encoder: Any
    text_denoiser: Any
    text_encoder: Any
    tokenizer: Any

    def __init__(
        self,
        vae: MotionAppearanceVAE,
        denoiser: MotionConformer,
        speech_encoder: SpeechEncoder,
        pose_predictor: PosePredictor,
        audio_encoder: Wav2Vec2Model,
        feature_extractor: SequenceFeatureExtractor,
        scheduler: KarrasDiffusionSchedulers,
        landmark_denoiser: MotionConformer | None = None,
        landmark_speech_encoder: SpeechEncoder | None = None,
        text_denoiser: MotionConformer | None = None,
        text_encoder: CLIPTextModelWithProjection | None = None,
        tokenizer: CLIPTokenizer | None = None,
    ):
        super().__init__()
        check_scheduler(scheduler, "sample")
        animator = LatentAnimator(vae)
        if denoiser.space.names != animator.space.names:
            raise ConfigError("denoiser: it makes other latents than those of the vae")
        if (landmark_denoiser is None) != (landmark_speech_encoder is None):
            raise ConfigError("landmark_denoiser and landmark_speech_encoder go together")
        wanted = (landmark_space().names, *_shape(denoiser)[1:])
        if landmark_denoiser is not None and _shape(landmark_denoiser) != wanted:
            raise ConfigError("landmark_denoiser: it makes no landmarks, or sequences of another length than denoiser")
        given = [part is not None for part in (text_denoiser, text_encoder, tokenizer)]
        if any(given) != all(given):
            raise ConfigError(f"{', '.join(TEXT_PARTS)} go together")
        if text_denoiser is not None and _shape(text_denoiser) != _shape(denoiser):
            raise ConfigError("text_denoiser: it makes other latents, or sequences of another length than denoiser")
        self.register_modules(
            vae=vae,
            denoiser=denoiser,
            speech_encoder=speech_encoder,
            pose_predictor=pose_predictor,
            audio_encoder=audio_encoder,
            feature_extractor=feature_extractor,
            scheduler=scheduler,
            landmark_denoiser=landmark_denoiser,
            landmark_speech_encoder=landmark_speech_encoder,
            text_denoiser=text_denoiser,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
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
        return self.denoiser.window_length

    @property
    def space(self) -> MotionSpace:
        return self.denoiser.space

    def completed(self, options: GAIAOptions) -> GAIAOptions:
        """See `GeneratedMotion`."""
        check_eta(options.eta, self.scheduler)
        if options.landmarks is not None and self.landmark_denoiser is None:
            raise OptionError("landmarks: this model generates none; train one that does", option="landmarks")
        if options.instruction is not None and self.text_denoiser is None:
            problem = "instruction: this model understands no sentences; train one that does"
            raise OptionError(problem, option="instruction")
        for name in ("motion", "landmarks", "pose"):
            if options.instruction is not None and getattr(options, name) is not None:
                problem = f"{name}: an instruction says what is done, too; leave one of them out"
                raise OptionError(problem, option=name)
        if options.landmarks is None and options.landmark_parts != WANTED:
            problem = "landmark_parts does nothing without landmarks; give both, or leave it out"
            raise OptionError(problem, option="landmark_parts")
        return super().completed(options)

    def _given_motion(self, options: GAIAOptions, rate: Fraction, frames: int) -> Mapping[str, Tensor | None]:
        """Also the landmarks that are wanted, (T, 956), NaN where they are free."""
        given = super()._given_motion(options, rate, frames)
        if options.landmarks is None:
            return given
        if options.motion is not None:
            problem = "landmarks do nothing where a motion is given; leave one of them out"
            raise OptionError(problem, option="landmarks")
        space = self.landmark_denoiser.space
        wanted = wanted_landmarks(options.landmarks, options.landmark_parts, space, rate, frames)
        return {**given, "landmarks": wanted}

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
        vae, by_landmarks = self.vae, options.landmarks is not None
        points = None if picture is None else picture_landmarks([picture])
        if options.instruction is not None:
            parts = self.tokenizer, self.text_encoder, self._execution_device
            speech_encoder = Instruction.of(options.instruction, *parts)
            denoiser, read = self.text_denoiser, partial(encode_landmarks, vae)
        elif by_landmarks:
            denoiser, speech_encoder, read = self.landmark_denoiser, self.landmark_speech_encoder, landmark_values
        else:
            denoiser, speech_encoder, read = self.denoiser, self.speech_encoder, partial(encode_landmarks, vae)
        sampler = SequenceSampler(
            denoiser,
            speech_encoder,
            self.pose_predictor,
            self.scheduler,
            self._execution_device,
            None if points is None else denoiser.space.normalize(read(points)[0]),
            options.audio_guidance_scale,
            options.num_inference_steps,
            options.eta,
            generator,
        )

        def made(audio: Tensor, state: ClipState, given: Given, on_step: OnStep) -> MotionWindow:
            if by_landmarks:
                wanted = given["landmarks"]
                return landmark_window(sampler, vae, audio, state, given.get("pose"), wanted, on_step)
            return sampler.window(audio, state, given.get("pose"), on_step)

        return made


def _shape(denoiser: MotionConformer) -> tuple[Any, ...]:
    """What has to be alike for windows to be the same."""
    return denoiser.space.names, denoiser.fps, denoiser.config["max_length"], denoiser.config["overlap"]
