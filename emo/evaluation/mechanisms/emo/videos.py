"""EMO's videos, and what the report asks of its own networks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from emo.data.synthetic.speech import SAMPLE_RATE
from emo.evaluation.mechanisms.emo.plan import EMOClip
from emo.evaluation.mechanisms.family import Video
from emo.evaluation.mechanisms.generator import Generator
from emo.generation.latents import decode_latents, encode_pictures, encode_reference
from emo.pipelines import EMOPipeline


class VideoMaker:
    """Makes EMO's videos.

    Args:
        generator: has the people, the models and the noise.
    """

    def __init__(self, generator: Generator):
        self._generator = generator

    def __call__(self, clip: EMOClip) -> Video:
        """One of them."""
        generator = self._generator
        if clip.truth:
            return Video(generator.held_out.clip(clip.person, clip.seconds, clip.speed))
        pipe = generator.pipe(clip.model)
        with motion_frames(pipe, clip.chained):
            output = pipe(
                generator.picture(clip),
                (generator.voice(clip).waveform, SAMPLE_RATE),
                **generator.settings.options,
                generator=generator.noise(clip.name),
                speed=clip.speed,
                face_region=clip.region,
                output_type="uint8",
            )
        return Video(output.frames)


def clip_frames(pipe: EMOPipeline) -> int:
    """Frames of a clip."""
    return pipe.unet.config.num_frames


@contextmanager
def motion_frames(pipe: EMOPipeline, wanted: bool) -> Iterator[None]:
    """With, or without, what a clip sees of the one before: zero maps, as before the first clip."""

    def forget(network, inputs, features):
        return replace(features, motion=features.motion.zeros())

    hook = None if wanted else pipe.reference_unet.register_forward_hook(forget)
    try:
        yield
    finally:
        if hook is not None:
            hook.remove()


def reconstruct(pipe: EMOPipeline, portrait: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Frames (N, H, W, 3) uint8 of the model's own size, encoded and decoded beside a portrait (H, W, 3)."""
    pictures = torch.from_numpy(np.stack([portrait, *frames])).permute(0, 3, 1, 2).to(pipe.device)
    small = avg_pool2d(pictures.float(), pipe.default_size // pipe.sample_size)
    theirs, latents = encode_pictures(pipe.vae, small).split([1, len(frames)])
    decoded = decode_latents(pipe.vae, latents, encode_reference(pipe.vae, pictures[:1], theirs))
    return ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
