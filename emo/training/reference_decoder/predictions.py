"""Latents as a diffusion model leaves them: its clips begin from true ones, noised part of the way."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from emo.data.synthetic.config import ClipSpec
from emo.data.synthetic.reference_pairs import ReferencePairs, draw_frames
from emo.data.synthetic.renderer import Renderer
from emo.data.synthetic.speech import SAMPLE_RATE
from emo.face import union_mask
from emo.generation.audio_features import AudioFeatures, SampleWaveform
from emo.generation.latents import correlate_noise, encode_pictures
from emo.generation.windows import ClipSpan
from emo.media import as_fps
from emo.pipelines import EMOPipeline
from emo.pipelines.emo_conditions import batch_conditions

STEPS = 10
STARTS = (4, 8)  # of the steps, the first that is taken: from there on faces keep their pose


@dataclass(frozen=True)
class ClipWindow:
    """What a model is given of a clip.

    Attributes:
        reference: (H, W, 3) uint8 RGB.
        frames: (n + F, H, W, 3) uint8 RGB, motion frames first.
        face_box: (n + F, 4), in pixels.
        waveform: of the whole clip, (N,) at 16 kHz.
        fps: frames per second.
        num_frames: of the whole clip.
        first: place of the first of the F frames.
    """

    reference: np.ndarray
    frames: np.ndarray
    face_box: np.ndarray
    waveform: np.ndarray
    fps: float
    num_frames: int
    first: int


class LatentPredictor:
    """A trained model, that finishes clips which are begun.

    Args:
        pipe: the model, whose autoencoder's latents the decoder reads.
    """

    def __init__(self, pipe: EMOPipeline):
        self.pipe = pipe
        self.window = pipe.unet.config.num_motion_frames + pipe.unet.config.num_frames
        self.scheduler: Any = DDIMScheduler.from_config(pipe.scheduler.config)  # its steps take tensors, untold
        self.scheduler.set_timesteps(STEPS)

    @torch.no_grad()
    def error(self, window: ClipWindow, start: int, generator: torch.Generator) -> Tensor:
        """Predicted less true latents of the F frames, (F, L, h, w) in the scheduler's scale.

        Args:
            window: of a clip, in pictures of the size that the autoencoder encodes.
            start: the first step that is taken, of STEPS: the more are left out, the nearer to the truth.
            generator: of the noise.
        """
        pipe, motion_frames = self.pipe, self.pipe.unet.config.num_motion_frames
        pictures = torch.from_numpy(np.concatenate([window.reference[None], window.frames])).permute(0, 3, 1, 2)
        latents = encode_pictures(pipe.vae, pictures)
        true = latents[None, 1 + motion_frames :]
        maps = pipe.reference_unet(latents[:1], latents[None, 1 : 1 + motion_frames])
        sound = AudioFeatures(
            SampleWaveform(window.waveform, SAMPLE_RATE),
            pipe.audio_encoder,
            pipe.feature_extractor,
            as_fps(window.fps),
            window.num_frames,
        )
        span = ClipSpan(0, window.first, window.first + true.shape[1], true.shape[1])
        mask = torch.from_numpy(union_mask(window.face_box, *window.reference.shape[:2]))[None, None]
        conditions = batch_conditions(
            pipe.unet.project_reference(maps.reference),
            maps.motion,
            pipe.encode_audio(sound, span),
            pipe.face_locator(mask),
            pipe.encode_speed(None, span),
            {"audio": 1.0, "reference": 1.0},
        )
        noise = torch.randn(true.shape, generator=generator)
        noise = correlate_noise(noise, pipe.unet.config.noise_correlation)
        timesteps = self.scheduler.timesteps[start:]
        sample = self.scheduler.add_noise(true, noise, timesteps[:1])
        for timestep in timesteps:
            prediction = conditions.predict(pipe.unet, sample, timestep)
            sample = self.scheduler.step(prediction, timestep, sample, return_dict=False)[0]
        return (sample - true)[0]


def draw_predicted(renderer: Renderer, clip: ClipSpec, frames: int, predictor: LatentPredictor) -> ReferencePairs:
    """A reference and N frames out of a clip, with the error of a model's latents of these frames.

    Args:
        renderer: of the clip's configuration, at twice the size that the autoencoder encodes.
        clip: the clip.
        frames: N, even: pairs of neighbors, no more than a model's clip has.
        predictor: the model.

    Raises:
        EmoError: the portrait or the recording cannot be used.
    """
    rng = np.random.default_rng((0x9A126, clip.seed))
    acted = renderer.act(clip)
    controls = acted.controls
    begin = int(rng.integers(len(controls) - predictor.window + 1))
    first = begin + predictor.pipe.unet.config.num_motion_frames
    starts = first + rng.choice(predictor.pipe.unet.config.num_frames - 1, frames // 2, replace=False)
    pairs = draw_frames(renderer, clip, controls, int(rng.integers(len(controls))), starts)
    shown = controls[begin : begin + predictor.window]
    window = ClipWindow(
        reference=_halved(pairs.reference[None])[0],
        frames=_halved(renderer.draw(clip, shown)),
        face_box=renderer.labels(clip, shown).face_box.float().cpu().numpy() / 2,
        waveform=acted.waveform,
        fps=renderer.config.fps,
        num_frames=len(controls),
        first=first,
    )
    seed = int(rng.integers(2**62))
    error = predictor.error(window, int(rng.integers(*STARTS)), torch.Generator().manual_seed(seed))
    places = np.stack([starts, starts + 1], 1).ravel() - first
    return replace(pairs, error=error[torch.from_numpy(places)].half().numpy())


def _halved(pictures: np.ndarray) -> np.ndarray:
    """(N, 2H, 2W, 3) uint8 -> (N, H, W, 3) uint8, the means of squares of four."""
    count, height, width, _ = pictures.shape
    squares = pictures.reshape(count, height // 2, 2, width // 2, 2, 3).astype(np.float32)
    return squares.mean(axis=(2, 4)).round().astype(np.uint8)
