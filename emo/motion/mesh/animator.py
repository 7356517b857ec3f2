"""A portrait as a mesh that follows named controls: its own pixels, moved; no network, no training."""

import numpy as np
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor

from emo.errors import FaceError
from emo.motion.controlled import ControlledAnimator
from emo.motion.mesh.appearance import MeshAppearance
from emo.motion.pictures import portrait_face
from emo.motion.space import CONTROLS

CHUNK = 16  # frames that are worked out together


class MeshAnimator(ControlledAnimator, ModelMixin, ConfigMixin):
    """Draws photographs, paintings and drawn faces in the controls' space, `CONTROLS`.

    A motion at rest is the portrait as it is: angles, shifts, size, brows, smile and gaze are added to those that it
    has; lips open from closed ones and lids close from its own, whatever it shows. Faces may be turned by 40 degrees.

    Args:
        sample_size: height and width of pictures where nobody asks for others; it draws any size.
        min_face: pixels of a face's longer side, below which it is refused.
    """

    @register_to_config
    def __init__(self, sample_size: int = 512, min_face: int = 32):
        super().__init__()
        self.register_buffer("rest", CONTROLS.rest)  # diffusers saves and moves what has a tensor

    @property
    def default_size(self) -> int:
        """Height and width of pictures where nobody asks for others."""
        return self.config["sample_size"]

    def appearance(self, picture: np.ndarray, landmarks: np.ndarray | None = None) -> MeshAppearance:
        """A portrait's face as a mesh; of several the one in the middle, else the largest.

        Args:
            picture: (H, W, 3) uint8 RGB; frames have its size.
            landmarks: (478, 3) of the face, if they are known.

        Raises:
            FaceError: there is no face in it, or it is too small.
        """
        if landmarks is None:
            landmarks = portrait_face(picture).landmarks
        side = np.ptp(landmarks[:, :2], axis=0).max()
        if side < self.config["min_face"]:
            raise FaceError(f"the portrait's face has {side:.0f} pixels", remedy="give a larger picture")
        return MeshAppearance(picture, landmarks)

    def render(self, appearance: MeshAppearance, motion: Tensor) -> np.ndarray:
        """Draw a portrait: motion (N, 14) -> (N, H, W, 3) uint8 RGB."""
        if not len(motion):
            return np.zeros((0, *appearance.picture.shape), np.uint8)
        motion = motion.to(self.rest) if motion.device != self.rest.device else motion
        control = dict(zip(self.space.names, motion.double().cpu().numpy().T, strict=True))
        chunks = [
            appearance.draw({name: values[start : start + CHUNK] for name, values in control.items()})
            for start in range(0, len(motion), CHUNK)
        ]
        return np.concatenate(chunks)
