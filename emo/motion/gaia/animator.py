"""GAIA's autoencoder as what draws and reads motion: latents of a portrait's frames (4.1)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emo.face import track_face
from emo.motion.framed_landmarks import framed_landmarks
from emo.motion.gaia.autoencoder import MotionAppearanceVAE
from emo.motion.gaia.landmark_motion import encode_landmarks
from emo.motion.gaia.latents import latent_space
from emo.motion.pictures import drawn_frames, picture_batch, portrait_face
from emo.motion.track import MotionTrack
from emo.unets.warp import resize

CHUNK = 8  # frames that are drawn together
WHOSE = "GAIA's autoencoder"


@dataclass(frozen=True)
class LatentAppearance:
    """All that is drawn of a portrait, whatever it does.

    Attributes:
        latent: z_a, the mode of what E_A makes of it, (1, L_a, h, w).
        size: height and width of the portrait, and of frames.
    """

    latent: Tensor
    size: tuple[int, int]


class LatentAnimator:
    """An `Animator` in the columns of z_m. It has no weights of its own.

    The networks see pictures of the size that they were trained on; portraits of other sizes are brought to it, and
    frames back. Nothing of the portrait's own pixels is moved: what the latents do not hold is not in the frames.

    Args:
        vae: E_A, E_M and D.
    """

    reach = 0  # a frame is drawn by its own motion alone

    def __init__(self, vae: MotionAppearanceVAE):
        self.vae = vae
        self.space = latent_space(vae.motion_shape)

    @property
    def default_size(self) -> int:
        """Height and width of pictures where nobody asks for others."""
        return self.vae.config["sample_size"]

    @torch.no_grad()
    def appearance(self, picture: np.ndarray) -> LatentAppearance:
        """A portrait as z_a; frames have its size.

        Args:
            picture: (H, W, 3) uint8 RGB, square, framed as the pictures that were learned from.

        Raises:
            FaceError: there is no face in it.
            OptionError: it is not square.
        """
        portrait_face(picture)
        like = torch.empty(0, device=self.vae.device, dtype=self.vae.dtype)
        small = resize(picture_batch([picture], like, WHOSE), self.default_size, self.default_size)
        height, width, _ = picture.shape
        return LatentAppearance(self.vae.encode_appearance(small).mode(), (height, width))

    @torch.no_grad()
    def render(self, appearance: LatentAppearance, motion: Tensor) -> np.ndarray:
        """Draw a portrait: motion (N, D) -> (N, H, W, 3) uint8 RGB."""
        frames = [np.zeros((0, *appearance.size, 3), np.uint8)]
        for some in motion.to(appearance.latent).split(CHUNK) if len(motion) else ():
            drawn = self.vae.decode(appearance.latent, some.unflatten(1, self.vae.motion_shape))
            frames.append(drawn_frames(resize(drawn, *appearance.size)))
        return np.concatenate(frames)

    def motion(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """z_m of the face in pictures of one size, framed as portraits are, (N, D).

        Raises:
            FaceError: there is no face in any of them.
        """
        return encode_landmarks(self.vae, picture_landmarks(pictures))

    def track(self, path: str | os.PathLike) -> MotionTrack:
        """What the face of a video does, framed as a portrait once for all of its frames.

        Frames without a face are interpolated; an EmoWarning counts them.

        Raises:
            VideoError: it cannot be read.
            FaceError: no frame shows a face.
        """
        points, fps = framed_landmarks(path)
        return MotionTrack(encode_landmarks(self.vae, points), fps, self.space)


def picture_landmarks(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Landmarks of the face in pictures of one size, (N, 478, 2) as shares of their sides.

    Raises:
        FaceError: there is no face in any of them.
    """
    height, width = pictures[0].shape[:2]
    return track_face(pictures, name="the pictures").landmarks[..., :2] / (width, height)
