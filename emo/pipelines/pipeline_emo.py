"""The EMO pipeline: one portrait and one recording become a talking or singing video of any length."""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from threading import Event
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers
from diffusers.utils.torch_utils import randn_tensor
from transformers import SequenceFeatureExtractor, Wav2Vec2Model

from emo.face import Portrait
from emo.generation.ahead import made_ahead
from emo.generation.audio_features import AudioFeatures
from emo.generation.clip import Clip, ClipState, DenoisedClip
from emo.generation.finite import FiniteCheck
from emo.generation.inputs import AudioInput, ImageInput, open_portrait
from emo.generation.latents import (
    clip_noise,
    correlate_noise,
    decode_latents,
    encode_pictures,
    encode_reference,
)
from emo.generation.origin import begin_origin
from emo.generation.run import CALLBACK_TENSORS, Run
from emo.generation.sampling import Scheduler, check_eta, count_steps, sample
from emo.generation.schedulers import check_scheduler
from emo.generation.sizes import choose_sizes
from emo.generation.stream import Stream
from emo.generation.windows import ClipSpan, cut_windows, plan_clips
from emo.media import AudioTrack, as_fps
from emo.pipelines.emo_cache import forecast_layers
from emo.pipelines.emo_call import EMOCall
from emo.pipelines.emo_conditions import VideoConditions, batch_conditions
from emo.pipelines.emo_decoder import check_fast_decoder
from emo.pipelines.emo_description import describe_folder
from emo.pipelines.emo_options import EMOOptions
from emo.pipelines.option_kinds import speed_track
from emo.store import SavedFormat, register_components
from emo.unets import (
    AudioProjection,
    BackboneUNet,
    FaceLocator,
    MotionMaps,
    PatchAutoencoder,
    Reference,
    ReferenceAutoencoder,
    ReferenceKeyValues,
    ReferenceNet,
    SpeedEncoder,
    WhisperAudioEncoder,
)

register_components(
    AudioProjection,
    BackboneUNet,
    FaceLocator,
    PatchAutoencoder,
    ReferenceAutoencoder,
    ReferenceNet,
    SpeedEncoder,
    WhisperAudioEncoder,
)


OWN_OPTIONS = (
    "num_inference_steps",
    "audio_guidance_scale",
    "reference_guidance_scale",
    "noise_correlation",
    "strength",
)
"""Options whose defaults the backbone's config says."""


class EMOPipeline(EMOCall, SavedFormat, DiffusionPipeline):
    """Audio-driven portrait animation.

    Args:
        vae: autoencoder between pictures and latents; a `ReferenceAutoencoder` is given the portrait as well, and
            draws pictures of any size from latents of the size that the backbone was trained on.
        unet: the backbone (3.2.1).
        reference_unet: the ReferenceNet (3.2.3).
        face_locator: encodes the face region (3.2.5).
        speed_encoder: encodes head rotation speeds (3.2.5).
        audio_projection: makes audio tokens of the audio encoder's hidden states (3.2.2).
        audio_encoder, feature_extractor: wav2vec 2.0, or the encoder of Whisper.
        scheduler: DDIM as in the paper (4.1); other diffusers schedulers may take its place.
    """

    model_cpu_offload_seq = "audio_encoder->audio_projection->speed_encoder->face_locator->reference_unet->unet->vae"
    _callback_tensor_inputs = CALLBACK_TENSORS
    describe = staticmethod(describe_folder)
    options_class = EMOOptions
    scheduler: Scheduler
    fast_decoder: AutoencoderTiny | None = None
    denoise_ahead: bool | None = None
    """Whether a clip is denoised in another thread while the one before is decoded and used; None: on a CPU, where
    PyTorch has several threads. Frames are the same."""

    def __init__(
        self,
        vae: AutoencoderKL | PatchAutoencoder | ReferenceAutoencoder,
        unet: BackboneUNet,
        reference_unet: ReferenceNet,
        face_locator: FaceLocator,
        speed_encoder: SpeedEncoder,
        audio_projection: AudioProjection,
        audio_encoder: Wav2Vec2Model | WhisperAudioEncoder,
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
        self.vae_scale_factor = 2 ** (len(self.vae.config.block_out_channels) - 1)

    def set_fast_decoder(self, decoder: AutoencoderTiny | None) -> None:
        """Let a small decoder draw the frames, in the place of Stable Diffusion's; None for the model's own.

        Raises:
            OptionError: it does not understand the model's latents.
        """
        if decoder is not None:
            check_fast_decoder(decoder, self.vae)
        self.fast_decoder = decoder

    def set_attention_backend(self, backend: str) -> None:
        """Choose the attention kernels of both UNets, as `ModelMixin.set_attention_backend` does."""
        self.unet.set_attention_backend(backend)
        self.reference_unet.set_attention_backend(backend)

    @property
    def denoiser(self) -> BackboneUNet:
        """The network that generates."""
        return self.unet

    @property
    def sample_size(self) -> int:
        """Height and width in pixels of the pictures that the backbone was trained on."""
        return self.unet.config.sample_size * self.vae_scale_factor

    @property
    def default_size(self) -> int:
        """Height and width in pixels of the pictures that are generated where none are given."""
        return self.sample_size * (self.vae.enlargement if isinstance(self.vae, ReferenceAutoencoder) else 1)

    def open_stream(self, image: ImageInput, audio: AudioInput, options: EMOOptions, run: Run) -> Stream[EMOOptions]:
        """Check and prepare what `stream` was given; see there."""
        check_scheduler(self.scheduler)
        multiple = self.vae_scale_factor * 2 ** (len(self.unet.config.block_out_channels) - 1)
        free = self.sample_size if isinstance(self.vae, ReferenceAutoencoder) else None
        sizes = choose_sizes(options.height, options.width, self.default_size, multiple, encoded=free)
        latent_shape = (self.vae.config["latent_channels"], *(side // self.vae_scale_factor for side in sizes.encoded))
        given = self._completed(options, OWN_OPTIONS[:3])  # recorded, as a later edition of a model may have others
        options = self._completed(given, OWN_OPTIONS[3:])
        options.check(num_inference_steps=(1, self.scheduler.config.num_train_timesteps))
        check_eta(options.eta, self.scheduler)
        start = run.start("motion_latents")
        fps = as_fps(options.fps)
        portrait = open_portrait(image, *sizes.picture, options.face_region, options.face)
        track = AudioTrack.open(audio, sampling_rate=self.feature_extractor.sampling_rate)
        num_frames = track.num_frames(fps)
        return Stream(
            pipeline=self,
            portrait=portrait,
            audio=track,
            fps=fps,
            num_frames=num_frames,
            num_clips=math.ceil(num_frames / self.unet.config.num_frames),
            options=options,
            controls={"speed": speed_track(options.speed, num_frames)},
            paste_back=options.paste_back,
            latent_shape=latent_shape,
            run=run,
            start=start,
            origin=begin_origin(self, given, run.generator, track),
        )

    @property
    def own_options(self) -> type[EMOOptions]:
        """The options with this model's own values as defaults."""
        return EMOOptions.with_defaults({name: self.unet.config[name] for name in OWN_OPTIONS})

    def _completed(self, options: EMOOptions, names: Sequence[str]) -> EMOOptions:
        """With the model's own values, which the backbone's config says, where none were given of those so named."""
        missing = [name for name in names if getattr(options, name) is None]
        return replace(options, **{name: self.unet.config[name] for name in missing})

    @torch.no_grad()
    def generate_clips(self, stream: Stream[EMOOptions]) -> Iterator[Clip]:
        """Figure 2 of the paper, clip after clip."""
        unwanted = Event()
        try:
            small = stream.portrait.resized(*(side * self.vae_scale_factor for side in stream.latent_shape[1:]))
            latents, reference, no_motion = self.encode_portrait(small)
            drawn_from = self.encode_drawn(stream.portrait, latents)
            same = VideoConditions(latents, reference, no_motion, self.encode_face_mask(small))
            denoised = self._denoise_clips(stream, same, unwanted)
            clips = made_ahead(denoised, unwanted) if self._makes_ahead(stream.run) else denoised
            with closing(denoised), closing(clips):
                for clip in clips:
                    pictures = self.decode(clip.latents, stream.run.output_type, drawn_from)
                    clip.check.decoded(pictures)
                    self.maybe_free_model_hooks()  # under CPU offload: nothing stays on the GPU between clips
                    yield stream.clip(pictures, clip.index, clip.state)
        finally:
            self.maybe_free_model_hooks()

    def _makes_ahead(self, run: Run) -> bool:
        """Whether clips are denoised ahead. A callback is called in the thread that asks for the frames, and not for
        clips that nobody has asked for."""
        several = self._execution_device.type == "cpu" and torch.get_num_threads() > 1
        return run.callback_on_step_end is None and (several if self.denoise_ahead is None else self.denoise_ahead)

    @torch.no_grad()
    def _denoise_clips(
        self, stream: Stream[EMOOptions], same: VideoConditions, unwanted: Event
    ) -> Generator[DenoisedClip, None, None]:
        """Clip after clip, until they are `unwanted`."""
        options = stream.options
        run = stream.run
        state = stream.start
        clip_frames = self.unet.config.num_frames
        n = self.unet.config.num_motion_frames
        scheduler = self.scheduler  # another may take its place while the clips are read
        if run.generator is not None and state.generator_state is not None:
            run.generator.set_state(state.generator_state)
        sound = AudioFeatures(stream.audio, self.audio_encoder, self.feature_extractor, stream.fps, stream.num_frames)
        scales: Mapping[str, Any] = {
            "audio": options.audio_guidance_scale,
            "reference": options.reference_guidance_scale,
        }
        heard = self.unet.config.guidance_embeds
        strength, asked = options.strength, options.num_inference_steps
        assert strength is not None  # `open_stream` has put the model's own in its place
        assert asked is not None  # likewise
        steps = count_steps(scheduler, asked, strength)
        ignores_speed = self.unet.ignores_speed()
        with self.progress_bar(total=stream.num_clips * steps) as bar:  # pyright: ignore[reportCallIssue] (torch's decorator)
            bar.initial = bar.n = state.next_clip * steps
            for span in plan_clips(stream.num_frames, clip_frames, state.next_clip):
                bar.set_description(f"clip {span.index + 1}/{stream.num_clips}")
                motion = same.no_motion if span.index == 0 else self.encode_motion(state)
                audio = self.encode_audio(sound, span)
                speed = None if ignores_speed else self.encode_speed(stream.controls["speed"], span)
                conditions = batch_conditions(same.reference, motion, audio, same.face_mask, speed, scales, heard)
                noise = self.prepare_noise(stream, state)
                check = FiniteCheck(span.index, self.unet.dtype)
                with forecast_layers(self.unet, options.cache_interval):
                    latents = sample(
                        scheduler,
                        conditions.predictor(self.unet, options.guidance_every),
                        noise,
                        asked,
                        prior=same.latents[:, None],
                        strength=strength,
                        eta=options.eta,
                        generator=run.generator,
                        on_step=run.watch(self, check, bar, span.index * steps, unwanted),
                    )
                check.conclude({"the portrait's latents": [same.latents], **conditions.by_name()})
                tensors = {"motion_latents": latents[:, clip_frames - n :].cpu(), "noise": noise.cpu()}
                state = ClipState(span.index + 1, tensors, run.generator_state())
                yield DenoisedClip(latents[0, : span.num_frames], span.index, state, check)

    def encode_picture(self, picture: np.ndarray) -> torch.Tensor:
        """Picture uint8 (H, W, 3) -> latents (1, L, h, w) in the scheduler's scale."""
        return encode_pictures(self.vae, self._pixels(picture)).to(self.unet.dtype)

    def encode_drawn(self, portrait: Portrait, latents: torch.Tensor) -> Reference | None:
        """What a `ReferenceAutoencoder` draws the frames from; None of others.

        Args:
            portrait: at the frames' size.
            latents: the portrait's, (1, L, h, w).
        """
        return encode_reference(self.vae, self._pixels(portrait.image), latents)

    def _pixels(self, picture: np.ndarray) -> torch.Tensor:
        """(H, W, 3) uint8 -> (1, 3, H, W), where the networks are."""
        return torch.from_numpy(picture).permute(2, 0, 1)[None].to(self._execution_device)

    def encode_portrait(self, portrait: Portrait) -> tuple[torch.Tensor, ReferenceKeyValues, MotionMaps]:
        """The portrait's latents (1, L, h, w), its keys and values (3.2.3), and the motion frames' maps before any.

        These are zero maps (3.2.4); zero latents go along with the portrait for their shapes.
        """
        latents = self.encode_picture(portrait.image)
        no_frames = latents.new_zeros(1, self.unet.config.num_motion_frames, *latents.shape[1:])
        maps = self.reference_unet(latents, no_frames)
        return latents, self.unet.project_reference(maps.reference), maps.motion.zeros()

    def encode_motion(self, state: ClipState) -> MotionMaps:
        """Maps of the motion frames, the last n of the clip before (3.2.4)."""
        latents = state.tensors["motion_latents"].to(self._execution_device, self.unet.dtype)
        return self.reference_unet(motion_latents=latents).motion

    def encode_face_mask(self, portrait: Portrait) -> torch.Tensor:
        """Features (1, C, h, w) of the face region (3.2.5)."""
        mask = torch.from_numpy(portrait.mask)[None, None]
        return self.face_locator(mask.to(self._execution_device, self.face_locator.dtype))

    def encode_audio(self, sound: AudioFeatures, span: ClipSpan) -> torch.Tensor:
        """Tokens (1, F, tokens, D) of a clip's frames (3.2.2)."""
        windows = sound.windows(span.start, span.stop, self.audio_projection.config.num_neighbors)
        return self.audio_projection(windows.to(self._execution_device, self.audio_projection.dtype))

    def encode_speed(self, speed: torch.Tensor | None, span: ClipSpan) -> torch.Tensor:
        """Features (1, F, l) of a clip's frames (3.2.5) from the speeds (1, T) of the whole video.

        Without speeds they are zero: dropped, as in training. Before stage 3 the speed layers are at their zero start,
        and do nothing with them; this is Table 2's "No Speed".
        """
        if speed is None:
            shape = (1, span.stop - span.start, self.speed_encoder.config.speed_dim)
            return torch.zeros(shape, dtype=self.speed_encoder.dtype, device=self._execution_device)
        windows = cut_windows(speed, self.speed_encoder.config.num_neighbors, span.start, span.stop)
        return self.speed_encoder(windows.to(self._execution_device))

    def prepare_noise(self, stream: Stream[EMOOptions], state: ClipState) -> torch.Tensor:
        """What the next clip starts from, (1, F, L, h, w), float32."""
        shape = (1, self.unet.config.num_frames, *stream.latent_shape)
        device = self._execution_device
        fresh = randn_tensor(shape, generator=stream.run.generator, device=device, dtype=torch.float32)
        correlation = stream.options.noise_correlation
        assert correlation is not None  # `open_stream` has put the model's own in its place
        fresh = correlate_noise(fresh, correlation)
        return clip_noise(fresh, state.tensors.get("noise"), stream.options.noise_mirroring)

    def decode(self, latents: torch.Tensor, output_type: str, reference: Reference | None = None) -> torch.Tensor:
        """Latents (F, L, h, w) -> pictures (F, 3, H, W), float32 on the CPU; or the latents, if they are wanted."""
        if output_type == "latent":
            return latents.cpu()
        if self.fast_decoder is not None:
            decoder: Any = self.fast_decoder
            return decode_latents(decoder.to(latents.device), latents).cpu()
        return decode_latents(self.vae, latents, reference).cpu()
