"""The VASA-1 pipeline: a recording becomes motion, and motion a video of a portrait, in real time."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from typing import Any, ClassVar

from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers
from torch import Tensor
from transformers import SequenceFeatureExtractor, Wav2Vec2Model

from emo.errors import ConfigError, OptionError
from emo.generation.audio_features import AudioFeatures
from emo.generation.clip import ClipState
from emo.generation.finite import FiniteCheck
from emo.generation.running_features import RunningFeatures, hop_frames
from emo.generation.schedulers import check_scheduler
from emo.motion import MeshAnimator, MotionSpace, plan_windows
from emo.motion.vasa import HolisticMotionTransformer, VolumeAnimator
from emo.pipelines.motion_call import MotionRequest
from emo.pipelines.motion_kinds import FREE
from emo.pipelines.motion_live import NextWindow
from emo.pipelines.motion_options import VASAOptions
from emo.pipelines.motion_pipeline import MotionPipeline
from emo.pipelines.motion_window import MotionWindow
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

    def __init__(
        self,
        animator: MeshAnimator | VolumeAnimator,
        denoiser: HolisticMotionTransformer,
        audio_encoder: Wav2Vec2Model,
        feature_extractor: SequenceFeatureExtractor,
        scheduler: KarrasDiffusionSchedulers,
    ):
        super().__init__()
        check_scheduler(scheduler)
        own: Any = scheduler
        kind = own.config.get("prediction_type")
        if kind != "sample":
            raise ConfigError(f"scheduler: its prediction_type is {kind}, but this model predicts the sample")
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
        values: dict[str, Any] = {}
        if options.num_inference_steps is None:
            values["num_inference_steps"] = CPU_STEPS if self._execution_device.type == "cpu" else STEPS
        if options.distance is None:
            values["distance"] = self.denoiser.config.distance_mean
        return replace(options, **values)

    def windows(self, request: MotionRequest[VASAOptions]) -> Iterator[MotionWindow]:
        """See `MotionPipeline`; Figure 2 of the paper."""
        config, run, state = self.denoiser.config, request.run, request.start
        sampler = self.sampler(request.options, run.generator)
        features = RunningFeatures if request.options.running_normalization else AudioFeatures
        sound = features(request.audio, self.audio_encoder, self.feature_extractor, request.rate, request.num_frames)
        count, steps = math.ceil(request.num_frames / config.window_length), sampler.num_steps
        try:
            with self.progress_bar(total=count * steps) as bar:  # pyright: ignore[reportCallIssue] (torch's decorator)
                bar.initial = bar.n = state.next_clip * steps
                plan = plan_windows(request.num_frames, config.window_length, config.prefix_length)
                for window in islice(plan, state.next_clip, None):
                    bar.set_description(f"window {window.index + 1}/{count}")
                    audio = sound.windows(window.start, window.start + window.frames, 0)[0].flatten(1)
                    check = FiniteCheck(window.index, self.denoiser.dtype)
                    made = sampler.window(audio, state, run.watch(self, check, bar, window.index * steps))
                    check.conclude({"the sound's features": [audio]})
                    self.maybe_free_model_hooks()
                    state = made.state
                    yield made
        finally:
            self.maybe_free_model_hooks()

    def check_live(self, given: Mapping[str, Any]) -> None:
        """See `LiveMotion`; of a live window few frames are bent."""
        most = short_border(hop_frames(self.motion_fps))
        if (asked := given.get("border_frames", 0)) > most:
            problem = f"border_frames is {asked}, but of a window of live sound {most} are bent at most"
            raise OptionError(f"{problem}; give 0 to {most}", option="border_frames")

    def next_window(self, options: VASAOptions, generator: Any = None) -> NextWindow:
        """See `LiveMotion`."""
        sampler = self.sampler(options, generator)

        def made(audio: Tensor, state: ClipState) -> MotionWindow:
            check = FiniteCheck(state.next_clip, self.denoiser.dtype)
            window = sampler.window(audio, state, lambda index, timestep, motion: check.step(motion))
            check.conclude({"the sound's features": [audio]})
            return window

        return made

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
