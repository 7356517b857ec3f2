"""GoHD's face animator: a portrait's latent is a frontal, neutral face, from which learned directions lead (3.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from emo.errors import ConfigError
from emo.face import head_pose
from emo.motion.code_encoder import CodeEncoder
from emo.motion.controlled import ControlledAnimator
from emo.motion.gohd.navigation import MotionEncoder, Navigator
from emo.motion.gohd.navigation_decoder import START, NavigationDecoder
from emo.motion.gohd.parts import EXPRESSION, GAZE, POSE
from emo.motion.pictures import drawn_frames, picture_batch, portrait_face
from emo.unets import Drawing
from emo.unets.attention import zero_
from emo.unets.picture_pyramid import PicturePyramid
from emo.unets.warp import resize

CHUNK = 16  # frames that are drawn together
TURNED = {"yaw": 1.0, "pitch": 0.5, "roll": 1.0}
"""What of an angle that is read of one picture is the head's turn: faces at rest are read four degrees up or down, of
which heads in portraits turn about as much."""


@dataclass(frozen=True)
class NavigationAppearance:
    """All that is drawn of B portraits, whatever they do.

    Attributes:
        picture: (B, 3, H, W) in -1 ... 1, of any size.
        small: the same at the size of the networks, (B, 3, S, S).
        features: of it, from the finest on.
        latent: z_R, (B, latent_dim).
        strength: lambda, by which every step from z_R is shortened or lengthened (Fig. 8).
    """

    picture: Tensor
    small: Tensor
    features: tuple[Tensor, ...]
    latent: Tensor
    strength: float = 1.0

    def moved_by(self, strength: float) -> "NavigationAppearance":
        """The same with another lambda."""
        return replace(self, strength=strength)


class NavigationAnimator(ControlledAnimator, ModelMixin, ConfigMixin):
    """Draws photographs in the controls' space, `CONTROLS`; angles, shifts and size are those of the picture.

    Of a portrait it keeps features and a latent z_R, in which neither its pose nor its expression is: decoded alone it
    is a face that looks straight ahead and does nothing. A motion leads away from it along orthogonal directions, and
    the decoder moves the portrait's features, and at last its pixels, to where z_R + lambda eta says.

    Args:
        sample_size: pixels S of the pictures that the networks see, 4 x 2 per width of `block_out_channels`.
        latent_dim: of z.
        directions: n, of the codebook.
        reach: frames r before and after a frame, whose motion it is drawn by.
        motion_dim: of rho, what a window of motion is encoded as.
        navigator_dim: width of the layers that say how far each direction is gone.
        block_out_channels: widths of features from the finest, of half the picture's size, to those of 4 x 4.
        code_channels: widths of the latent's encoder, from an eighth of the picture's size on.
        norm_num_groups: of every normalization; all widths are its multiples.
        pooling: of what is left of a window: `max`, as in the paper, or `average`, as in its code.
        source_pose: whether z_R is told where the portrait's head is, instead of having to find it. Not the paper's.
        picture_size: pixels of pictures where nobody asks for others; S by default.

    Raises:
        ConfigError: the sizes do not fit, or there is no such pooling.
    """

    @register_to_config
    def __init__(
        self,
        sample_size: int = 256,
        latent_dim: int = 512,
        directions: int = 20,
        reach: int = 13,
        motion_dim: int = 256,
        navigator_dim: int = 256,
        block_out_channels: Sequence[int] = (64, 128, 256, 512, 512, 512),
        code_channels: Sequence[int] = (64, 128, 256, 512),
        norm_num_groups: int = 8,
        pooling: str = "max",
        source_pose: bool = False,
        picture_size: int | None = None,
    ):
        super().__init__()
        if sample_size != START * 2 ** len(block_out_channels):
            raise ConfigError(f"sample_size is {sample_size}, not {START} x 2 per width of {len(block_out_channels)}")
        if pooling not in ("max", "average"):
            raise ConfigError(f"pooling is {pooling!r}; give max or average")
        _, *widths, _ = block_out_channels
        does, looks = self.space.index(*POSE, *EXPRESSION), self.space.index(*GAZE)
        self.pyramid = PicturePyramid(widths, norm_num_groups)
        self.latent_encoder = CodeEncoder(latent_dim, code_channels, norm_num_groups)
        self.motion_encoder = MotionEncoder(len(does), len(looks), reach, motion_dim, pooling)
        self.navigator = Navigator(motion_dim, latent_dim, directions, navigator_dim)
        self.decoder = NavigationDecoder(block_out_channels, latent_dim, norm_num_groups)
        self.source_in = nn.Linear(len(self.space.index(*POSE)), latent_dim) if source_pose else None
        if self.source_in is not None:
            zero_(self.source_in)
        self._does, self._looks = does, looks

    @property
    def default_size(self) -> int:
        """Height and width of pictures where nobody asks for others."""
        return self.config["picture_size"] or self.config["sample_size"]

    @property
    def reach(self) -> int:
        """Frames before and after a frame, by whose motion it is drawn."""
        return self.config["reach"]

    def directions(self) -> Tensor:
        """M of the codebook, orthonormal rows (n, latent_dim)."""
        return self.navigator.directions()

    def encode(self, picture: Tensor, source: Tensor | None = None) -> NavigationAppearance:
        """What is kept of portraits.

        Args:
            picture: (B, 3, H, W) in -1 ... 1, square.
            source: what they do in it, not normalized, (B, 14), of which an animator with `source_pose` is told the
                pose; by default nothing.
        """
        side = self.config["sample_size"]
        small = resize(picture, side, side)
        latent = self.latent_encoder(small)
        if self.source_in is not None and source is not None:
            pose = self.space.normalize(source)[:, self.space.index(*POSE)]
            latent = latent + self.source_in(pose.to(latent))
        return NavigationAppearance(picture, small, self.pyramid.features(small), latent)

    def forward(self, appearance: NavigationAppearance, windows: Tensor, strength: Tensor | None = None) -> Drawing:
        """Frames at the size of the networks, each of its own portrait or all of one.

        Args:
            appearance: of B portraits, or of one.
            windows: motion of 2 r + 1 frames about each that is drawn, not normalized, (B, 2 r + 1, 14).
            strength: lambda of each, (B,); the appearance's by default.
        """
        values = self.space.normalize(windows)
        motion = self.motion_encoder(values[..., self._does], values[:, self.reach, self._looks])
        latent = appearance.latent.expand(len(windows), -1)
        far = appearance.strength if strength is None else strength[:, None].to(latent)
        return self.decoder(latent + far * self.navigator(motion, latent), appearance.small, appearance.features)

    @torch.no_grad()
    def appearance(self, picture: np.ndarray) -> NavigationAppearance:
        """A portrait; frames have its size.

        Args:
            picture: (H, W, 3) uint8 RGB, square, framed as the pictures that were learned from.

        Raises:
            FaceError: there is no face in it.
            OptionError: it is not square.
        """
        face = portrait_face(picture)
        like = torch.empty(0, device=self.device, dtype=self.dtype)
        source, pose = self.space.rest.clone(), head_pose(face.landmarks)  # place and size are those of the cut
        for name, share in TURNED.items():
            source[self.space.names.index(name)] = share * getattr(pose, name)
        return self.encode(picture_batch([picture], like, "GoHD's animator"), source[None].to(like))

    @torch.no_grad()
    def render(self, appearance: NavigationAppearance, motion: Tensor, shown: slice = slice(None)) -> np.ndarray:
        """Draw a portrait: motion (N, 14) -> (n, H, W, 3) uint8 RGB. Its first and last frames last beyond it.

        Args:
            appearance: of the portrait.
            motion: not normalized.
            shown: frames that are drawn, n of them; the others go on around them.
        """
        windows = frames_around(motion.to(self.device, self.dtype), self.reach)[shown]
        if not len(windows):
            return np.zeros((0, *appearance.picture.shape[-2:], 3), np.uint8)
        frames = []
        for some in windows.split(CHUNK):
            drawing = self(appearance, some)
            frames.append(drawn_frames(drawing.frames(appearance.picture)))
        return np.concatenate(frames)


def frames_around(motion: Tensor, reach: int) -> Tensor:
    """Motion (N, D) -> that of `reach` frames before and after each, (N, 2 reach + 1, D); both ends are repeated."""
    places = torch.arange(len(motion))[:, None] + torch.arange(-reach, reach + 1)
    return motion[places.clamp(0, max(0, len(motion) - 1))]
