"""What the report asks of EMO's own networks; other systems have files of their own beside this one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch

from emo.generation.latents import decode_latents, encode_pictures
from emo.pipelines import EMOPipeline


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


def reconstruct(pipe: EMOPipeline, pictures: np.ndarray) -> np.ndarray:
    """Pictures (N, H, W, 3) uint8, encoded and decoded."""
    latents = encode_pictures(pipe.vae, torch.from_numpy(pictures).permute(0, 3, 1, 2).to(pipe.device))
    decoded = decode_latents(pipe.vae, latents)
    return ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
