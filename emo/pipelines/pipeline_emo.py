"""The EMO pipeline: one portrait and one recording become a talking or singing video of any length."""

import copy
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from diffusers import AutoencoderKL, DiffusionPipeline
from diffusers.schedulers import KarrasDiffusionSchedulers
from diffusers.utils.torch_utils import randn_tensor
from transformers import SequenceFeatureExtractor, Wav2Vec2Model

from emo.errors import AudioError
from emo.face import prepare_portrait
from emo.generation.audio_features import AudioFeatures
from emo.generation.fingerprint import fingerprint
from emo.generation.finite import FiniteCheck
from emo.generation.guidance import ClipConditions, guide
from emo.generation.latents import clip_noise, correlate_noise, encode_pictures
from emo.generation.origin import begin_origin, complete_origin
from emo.generation.schedulers import check_scheduler
from emo.generation.stream import ClipState, EMOClip, EMOPipelineOutput, EMOStream
from emo.media import AudioTrack, as_fps, load_image
from emo.pipelines.emo_description import describe_folder
from emo.pipelines.options import CALLBACK_TENSORS, check_options, check_size, plain_options, speed_track
from emo.store import SavedFormat, register_components
from emo.unets import (
    AudioProjection,
    BackboneUNet,
    FaceLocator,
    PatchAutoencoder,
    ReferenceNet,
    SpeedEncoder,
    cut_windows,
)

register_components(AudioProjection, BackboneUNet, FaceLocator, PatchAutoencoder, ReferenceNet, SpeedEncoder)


class EMOPipeline(SavedFormat, DiffusionPipeline):
    """Audio-driven portrait animation.

    Args:
        vae: autoencoder between pictures and latents.
        unet: the backbone (3.2.1).
        reference_unet: the ReferenceNet (3.2.3).
        face_locator: encodes the face region (3.2.5).
        speed_encoder: encodes head rotation speeds (3.2.5).
        audio_projection: makes audio tokens of wav2vec features (3.2.2).
        audio_encoder, feature_extractor: wav2vec 2.0.
        scheduler: DDIM as in the paper (4.1); other diffusers schedulers may take its place.
    """

    model_cpu_offload_seq = "audio_encoder->audio_projection->speed_encoder->face_locator->reference_unet->unet->vae"
    _callback_tensor_inputs = CALLBACK_TENSORS
    describe = staticmethod(describe_folder)

    def __init__(
        self,
        vae: AutoencoderKL | PatchAutoencoder,
        unet: BackboneUNet,
        reference_unet: ReferenceNet,
        face_locator: FaceLocator,
        speed_encoder: SpeedEncoder,
        audio_projection: AudioProjection,
        audio_encoder: Wav2Vec2Model,
        feature_extractor: SequenceFeatureExtractor,
        scheduler: KarrasDiffusionSchedulers,
    ):
        super().__init__()
        check_scheduler(scheduler)
        self.register_modules(
            vae=vae,
            unet=unet,
            reference_unet=reference_unet,
            face_locator=face_locator,
            speed_encoder=speed_encoder,
            audio_projection=audio_projection,
            audio_encoder=audio_encoder,
            feature_extractor=feature_extractor,
            scheduler=scheduler,
        )
        self.vae_scale_factor = 2 ** (len(vae.config.block_out_channels) - 1)

    def set_attention_backend(self, backend: str) -> None:
        """Choose the attention kernels of both UNets, as `ModelMixin.set_attention_backend` does."""
        self.unet.set_attention_backend(backend)
        self.reference_unet.set_attention_backend(backend)

    def __call__(self, image, audio, *, return_dict: bool = True, **options) -> EMOPipelineOutput | tuple:
        """Generate a whole video: collects what `stream` yields, and takes its arguments.

        Returns:
            `EMOPipelineOutput`, or the tuple `(frames, fps, audio)` if `return_dict` is false.
        """
        stream = self.stream(image, audio, **options)
        parts = [clip.frames for clip in stream]
        if stream.output_type == "pil":
            frames = [frame for part in parts for frame in part]
        else:
            frames = (torch.cat if isinstance(parts[0], torch.Tensor) else np.concatenate)(parts)
        if not return_dict:
            return frames, stream.fps, stream.audio
        origin = complete_origin(stream.origin, fingerprint(self, stream, stream.origin["seed"]))
        return EMOPipelineOutput(frames=frames, fps=stream.fps, audio=stream.audio, origin=origin)

    def stream(
        self,
        image: str | Path | PIL.Image.Image | np.ndarray,
        audio: str | Path | tuple[np.ndarray, int] | AudioTrack,
        *,
        height: int | None = None,
        width: int | None = None,
        fps: float | str | Fraction = 25,
        num_inference_steps: int = 40,
        audio_guidance_scale: float = 1.5,
        reference_guidance_scale: float = 1.0,
        noise_correlation: float | None = None,
        noise_mirroring: float = 0.9,
        eta: float = 0.0,
        face_region: str | Sequence[float] | PIL.Image.Image | np.ndarray | torch.Tensor | None = None,
        face: int | None = None,
        speed: float | Sequence[float] | np.ndarray | torch.Tensor | None = None,
        paste_back: bool = False,
        generator: torch.Generator | None = None,
        output_type: str = "pil",
        callback_on_step_end: Callable[..., dict | None] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        resume_from: ClipState | None = None,
    ) -> EMOStream:
        """Generate a video clip by clip, in memory that does not grow with its length.

        Args:
            image: the portrait: a path, PIL image or array.
            audio: the recording: a path, `(samples, rate)` or an `AudioTrack`.
            height, width: size of the generated picture in pixels; the model's own size by default.
            fps: frames per second.
            num_inference_steps: denoising steps per clip; 40 in the paper (4.1).
            audio_guidance_scale, reference_guidance_scale: weights w of the guided conditions in
                pred = c + Σ (w − 1) (c − c without it). A weight of 1 costs no time.
            noise_correlation: of the noise of neighboring frames, 0 to 1; `None` for what the backbone's config says.
                0 is the paper's, independent from frame to frame.
            noise_mirroring: share of each clip's noise, in variance, that is the noise of the clip before in reverse,
                0 to 1, for smoother joins; 0 is the paper's fresh noise for every clip.
            eta: η of DDIM; must be 0 for schedulers that have none.
            face_region: where the face may move (3.2.5, Fig. 7): `None` for the portrait's face box enlarged by 1.3,
                `"full"` for anywhere, a box `(x0, y0, x1, y1)` in the portrait's pixels, or a mask of its size.
            face: which face of several, counted from the left; the largest by default.
            speed: head rotation in degrees per frame: one number, one per frame, or `None` for
                whatever comes.
            paste_back: yield the full picture with the animated crop in its place.
            generator: makes the result repeatable.
            output_type: `"pil"`, `"np"` and `"pt"` (in [0, 1]), `"uint8"` (an array) or `"latent"`.
            callback_on_step_end: called as `callback(pipe, step, timestep, tensors)` after each denoising step, with
                the step counted over all clips; may return changed `tensors`.
            callback_on_step_end_tensor_inputs: which tensors it gets; `"latents"` is all there is.
            resume_from: continue after the clip that yielded this state, with the same inputs and options.

        Returns:
            `EMOStream`, which generates while it is iterated over. All inputs have been checked by then.

        Raises:
            EmoError: the picture, the sound or an option cannot be used.
        """
        given = plain_options(locals())
        check_scheduler(self.scheduler)
        factor = self.vae_scale_factor
        size = self.unet.config.sample_size * factor
        multiple = factor * 2 ** (len(self.unet.config.block_out_channels) - 1)
        height = check_size(given["height"], "height", multiple, size)
        width = check_size(given["width"], "width", multiple, size)
        settings = {
            name: given[name]
            for name in (
                "num_inference_steps",
                "audio_guidance_scale",
                "reference_guidance_scale",
                "noise_correlation",
                "noise_mirroring",
                "eta",
                "paste_back",
            )
        }
        if noise_correlation is None:
            settings["noise_correlation"] = self.unet.config.noise_correlation
        check_options(
            **settings,
            most_steps=self.scheduler.config.num_train_timesteps,
            has_eta="eta" in self._step_arguments(),
            generator=generator,
            output_type=output_type,
            callback=callback_on_step_end,
            callback_tensors=callback_on_step_end_tensor_inputs,
            resume_from=resume_from,
        )
        fps = as_fps(given["fps"])
        portrait = prepare_portrait(
            load_image(image),
            height=height,
            width=width,
            face_region=given["face_region"],
            face=given["face"],
            name=str(image) if isinstance(image, str | Path) else "portrait",
        )
        track = AudioTrack.open(audio, sampling_rate=self.feature_extractor.sampling_rate)
        num_frames = track.num_frames(fps)
        latent_shape = (self.vae.config.latent_channels, height // factor, width // factor)
        start = resume_from or ClipState(
            next_clip=0,
            motion_latents=torch.zeros(1, self.unet.config.num_motion_frames, *latent_shape),
            generator_state=None if generator is None else generator.get_state(),
        )
        if track.duration * fps < 1:
            seconds = float(track.duration)
            raise AudioError(f"{track.path or 'the sound'}: {seconds:.3f} s is less than one frame at {fps} fps")
        return EMOStream(
            generate=self._generate,
            portrait=portrait,
            audio=track,
            fps=fps,
            num_frames=num_frames,
            num_clips=math.ceil(num_frames / self.unet.config.num_frames),
            **settings,
            speed=speed_track(given["speed"], num_frames),
            generator=generator,
            output_type=output_type,
            callback=callback_on_step_end,
            callback_tensors=tuple(callback_on_step_end_tensor_inputs),
            start=start,
            origin=begin_origin(self, portrait, generator, given),
        )

    @torch.no_grad()
    def _generate(self, job: EMOStream) -> Iterator[EMOClip]:
        """Figure 2 of the paper, clip after clip."""
        device = self._execution_device
        clip_frames, n = self.unet.config.num_frames, self.unet.config.num_motion_frames
        state = job.start
        if job.generator is not None:
            job.generator.set_state(state.generator_state)
        features = AudioFeatures(job.audio, self.audio_encoder, self.feature_extractor, job.fps, job.num_frames)

        # Frames encoding, once per video. Before the first clip the motion frames are zero maps (3.2.4); zero latents
        # go along with the portrait for the maps' shapes.
        portrait_latents = self._encode(job.portrait.image)
        maps = self.reference_unet(portrait_latents, portrait_latents.new_zeros(1, n, *portrait_latents.shape[1:]))
        key_values, motion = self.unet.project_reference(maps.reference), maps.motion.zeros()
        del maps
        mask = torch.from_numpy(job.portrait.mask)[None, None].to(device, self.face_locator.dtype)
        face_mask_features = self.face_locator(mask)

        scheduler = copy.deepcopy(self.scheduler)  # its own: others may be at work on this pipeline
        scheduler.set_timesteps(job.num_inference_steps, device=device)
        steps = len(scheduler.timesteps)
        try:
            with self.progress_bar(total=job.num_clips * steps) as bar:
                bar.initial = bar.n = state.next_clip * steps
                for index in range(state.next_clip, job.num_clips):
                    bar.set_description(f"clip {index + 1}/{job.num_clips}")
                    start, stop = index * clip_frames, (index + 1) * clip_frames
                    if index > 0:
                        motion_latents = state.motion_latents.to(device, self.unet.dtype)
                        motion = self.reference_unet(motion_latents=motion_latents).motion
                    conditions = guide(
                        key_values,
                        motion,
                        self._audio_tokens(features, start, stop),
                        face_mask_features,
                        self._speed_features(job.speed, start, stop),
                        audio_guidance_scale=job.audio_guidance_scale,
                        reference_guidance_scale=job.reference_guidance_scale,
                    )
                    shape = (1, clip_frames, *portrait_latents.shape[1:])
                    fresh = randn_tensor(shape, generator=job.generator, device=device, dtype=torch.float32)
                    fresh = correlate_noise(fresh, job.noise_correlation)
                    noise = clip_noise(fresh, state.noise, job.noise_mirroring)
                    check = FiniteCheck(index, self.unet.dtype)
                    latents = self._denoise(job, scheduler, conditions, noise, index, bar, check)
                    check.conclude({"the portrait's latents": [portrait_latents], **conditions.by_name()})
                    pictures = self._decode(job, latents[0, : job.num_frames - start])
                    check.decoded(pictures)
                    state = ClipState(
                        next_clip=index + 1,
                        motion_latents=latents[:, clip_frames - n :].cpu(),
                        generator_state=None if job.generator is None else job.generator.get_state(),
                        noise=noise.cpu(),
                    )
                    self.maybe_free_model_hooks()  # under CPU offload: nothing stays on the GPU between clips
                    yield EMOClip(
                        pictures=pictures,
                        output_type=job.output_type,
                        paste_into=job.portrait if job.paste_back else None,
                        index=index,
                        num_clips=job.num_clips,
                        state=state,
                    )
        finally:
            self.maybe_free_model_hooks()

    def _audio_tokens(self, features: AudioFeatures, start: int, stop: int) -> torch.Tensor:
        """Tokens (1, F, tokens, D) of the frames `start … stop−1` (3.2.2)."""
        windows = features.windows(start, stop, self.audio_projection.config.num_neighbors)
        return self.audio_projection(windows.to(self._execution_device, self.audio_projection.dtype))

    def _speed_features(self, speed: torch.Tensor | None, start: int, stop: int) -> torch.Tensor:
        """Features (1, F, l) of the frames `start … stop−1` (3.2.5) from the speeds (1, T) of the whole video.

        Without speeds they are zero: dropped, as in training. Before stage 3 the speed layers are at their zero start,
        and do nothing with them; this is Table 2's "No Speed".
        """
        if speed is None:
            shape = 1, stop - start, self.speed_encoder.config.speed_dim
            return torch.zeros(shape, dtype=self.speed_encoder.dtype, device=self._execution_device)
        windows = cut_windows(speed, self.speed_encoder.config.num_neighbors, start, stop)
        return self.speed_encoder(windows.to(self._execution_device))

    def _denoise(
        self,
        job: EMOStream,
        scheduler: KarrasDiffusionSchedulers,
        conditions: ClipConditions,
        noise: torch.Tensor,
        clip: int,
        bar: Any,
        check: FiniteCheck,
    ) -> torch.Tensor:
        """Noise → latents (1, F, L, h, w) of one clip, float32, by the scheduler's steps."""
        scheduler.set_timesteps(job.num_inference_steps, device=noise.device)
        latents = noise * scheduler.init_noise_sigma
        accepted = self._step_arguments()
        extra = {k: v for k, v in {"eta": job.eta, "generator": job.generator}.items() if k in accepted}
        for i, timestep in enumerate(scheduler.timesteps):
            prediction = conditions.predict(self.unet, scheduler.scale_model_input(latents, timestep), timestep)
            latents = scheduler.step(prediction, timestep, latents, **extra, return_dict=False)[0]
            check.step(latents)
            if job.callback is not None:
                tensors = {"latents": latents} if job.callback_tensors else {}
                changed = job.callback(self, clip * len(scheduler.timesteps) + i, timestep, tensors) or {}
                latents = changed.get("latents", latents)
            bar.update()
        return latents

    def _step_arguments(self) -> Mapping[str, inspect.Parameter]:
        """What the scheduler's step takes; not all have η, or draw noise."""
        return inspect.signature(self.scheduler.step).parameters

    def _encode(self, picture: np.ndarray) -> torch.Tensor:
        """Picture uint8 (H, W, 3) → latents (1, L, h, w) in the scheduler's scale."""
        picture = torch.from_numpy(picture).permute(2, 0, 1)[None].to(self._execution_device)
        return encode_pictures(self.vae, picture).to(self.unet.dtype)

    def _decode(self, job: EMOStream, latents: torch.Tensor) -> torch.Tensor:
        """Latents (F, L, h, w) → pictures (F, 3, H, W) in [−1, 1], float32 on the CPU; or the latents, if wanted."""
        if job.output_type == "latent":
            return latents.cpu()
        latents = latents.to(self.vae.dtype) / self.vae.config.scaling_factor
        return self.vae.decode(latents, return_dict=False)[0].float().cpu()


def _call_signature() -> inspect.Signature:
    """`stream`'s signature, with what only `__call__` takes and returns."""
    signature = inspect.signature(EMOPipeline.stream)
    option = inspect.Parameter("return_dict", inspect.Parameter.KEYWORD_ONLY, default=True, annotation=bool)
    result = inspect.signature(EMOPipeline.__call__).return_annotation
    return signature.replace(parameters=[*signature.parameters.values(), option], return_annotation=result)


EMOPipeline.__call__.__signature__ = _call_signature()
