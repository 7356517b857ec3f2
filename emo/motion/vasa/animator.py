"""VASA-1's face model: a head as a volume that is turned and deformed (3.1)."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor

from emo.face import Crop, landmark_box, track_face
from emo.media import VideoReader
from emo.motion.code_encoder import CodeEncoder
from emo.motion.gaps import fill_gaps
from emo.motion.pictures import drawn_frames, picture_batch, portrait_face
from emo.motion.reading import followed, frames_of
from emo.motion.space import CONTROLS, Column, MotionSpace
from emo.motion.track import MotionTrack
from emo.motion.vasa.encoders import AppearanceEncoder
from emo.motion.vasa.rest import against_rest, from_rest
from emo.motion.vasa.volume import POSE, look_up, to_head, to_picture, voxel_centers
from emo.motion.vasa.volume_decoder import VolumeDecoder
from emo.motion.vasa.warp_field import WarpField, moved
from emo.unets import Drawing
from emo.unets.warp import resize

CHUNK = 8  # frames that are drawn or read together


@dataclass(frozen=True)
class VolumeAppearance:
    """All that is drawn of B portraits, whatever they do.

    Attributes:
        picture: (B, 3, H, W) in -1 ... 1, of any size.
        small: the same at the size of the networks, (B, 3, S, S).
        volume: V_app, of heads that look straight ahead at rest, (B, C, Z, h, w).
        origin: where in the portrait each of its voxels was found, x and y in half sides, (B, 2, Z, h, w).
        features: of the portrait, from the finest on.
        identity: z_id, (B, d).
        pose: of the portrait, (B, 6).
    """

    picture: Tensor
    small: Tensor
    volume: Tensor
    origin: Tensor
    features: tuple[Tensor, ...]
    identity: Tensor
    pose: Tensor

    def __getitem__(self, portraits: Sequence[int]) -> "VolumeAppearance":
        """Those of the given numbers."""
        rows = list(portraits)
        chosen = {name: value[rows] for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **chosen, features=tuple(maps[rows] for maps in self.features))


class VolumeAnimator(ModelMixin, ConfigMixin):
    """Encoders of appearance, identity, pose and dynamics, and the decoder, of VASA-1 (3.1).

    A posed volume of the portrait is brought into a head that looks straight ahead at rest, by the inverse of its
    rigid warp and by a non-rigid one; a frame is drawn from it the other way.

    Args:
        sample_size: pixels S of the pictures that the networks see.
        volume_channels: C.
        volume_depth: Z.
        block_out_channels: widths of features from the finest, of half the picture's size, to the volume's; with n of
            them the volume measures S / 2^n.
        layers_per_block: residual blocks at the volume's size, of encoder and decoder.
        volume_layers: residual blocks of three dimensions.
        code_channels: widths of the encoders of codes, from an eighth of the picture's size on.
        identity_dim: of z_id.
        dynamics_dim: of z_dyn.
        warp_channels: of the non-rigid warps, from 4 x 4 on, each twice as large as the one before.
        norm_num_groups: of every normalization; all widths but the finest features' half are its multiples.
        pixel_skip: whether the portrait's own pixels are moved and laid over what is decoded; not the paper's.
        picture_size: pixels of pictures where nobody asks for others; S by default.
    """

    reach = 0  # a frame is drawn by its own motion alone

    @register_to_config
    def __init__(
        self,
        sample_size: int = 256,
        volume_channels: int = 16,
        volume_depth: int = 8,
        block_out_channels: Sequence[int] = (16, 32, 96),
        layers_per_block: int = 3,
        volume_layers: int = 1,
        code_channels: Sequence[int] = (32, 64, 96),
        identity_dim: int = 32,
        dynamics_dim: int = 32,
        warp_channels: Sequence[int] = (64, 32, 16, 8),
        norm_num_groups: int = 8,
        pixel_skip: bool = False,
        picture_size: int | None = None,
    ):
        super().__init__()
        groups, codes, depth = norm_num_groups, code_channels, volume_depth
        self.space = face_space(dynamics_dim)
        self.appearance_encoder = AppearanceEncoder(
            block_out_channels[1:], volume_channels, depth, layers_per_block, volume_layers, groups
        )
        self.identity_encoder = CodeEncoder(identity_dim, codes, groups)
        self.pose_encoder = CodeEncoder(len(POSE), codes, groups)
        self.dynamics_encoder = CodeEncoder(dynamics_dim, codes, groups)
        self.rest_warp = WarpField(dynamics_dim + identity_dim, depth, warp_channels, groups)
        self.motion_warp = WarpField(dynamics_dim + identity_dim, depth, warp_channels, groups)
        self.decoder = VolumeDecoder(block_out_channels, volume_channels, depth, layers_per_block, groups, pixel_skip)

    @property
    def default_size(self) -> int:
        """Height and width of pictures where nobody asks for others."""
        return self.config["picture_size"] or self.config["sample_size"]

    def read(self, pictures: Tensor) -> Tensor:
        """Pose and dynamics of pictures (B, 3, S, S) in -1 ... 1, in the columns of `space`, (B, D)."""
        return torch.cat([self.read_pose(pictures), self.dynamics_encoder(pictures)], dim=1)

    def read_pose(self, pictures: Tensor) -> Tensor:
        """The pose alone, (B, 6)."""
        usual = CONTROLS.columns[: len(POSE)]
        rest, deviation = (pictures.new_tensor([getattr(c, f) for c in usual]) for f in ("rest", "deviation"))
        return rest + deviation * self.pose_encoder(pictures)

    def encode(self, picture: Tensor, motion: Tensor | None = None) -> VolumeAppearance:
        """Portraits as they would be at rest.

        Args:
            picture: (B, 3, H, W) in -1 ... 1, square.
            motion: what `read` tells of them, if it is known.
        """
        small = resize(picture, self.config["sample_size"], self.config["sample_size"])
        motion = self.read(small) if motion is None else motion
        pose, dynamics = motion.split((len(POSE), motion.shape[1] - len(POSE)), dim=1)
        identity = self.identity_encoder(small)
        posed, features = self.appearance_encoder(small)
        field = self.rest_warp(torch.cat([dynamics, identity], dim=1))
        places = to_picture(moved(voxel_centers(posed.shape[2:], field.device), field), pose)
        origin = places[..., :2].movedim(-1, 1)
        return VolumeAppearance(picture, small, look_up(posed, places), origin, features, identity, pose)

    def forward(self, appearance: VolumeAppearance, motion: Tensor) -> Drawing:
        """Frames of motion (B, D), each of its own portrait or all of one, at the size of the networks."""
        pose, dynamics = motion.split((len(POSE), motion.shape[1] - len(POSE)), dim=1)
        identity = appearance.identity.expand(len(motion), -1)
        field = self.motion_warp(torch.cat([dynamics, identity], dim=1))
        size = appearance.volume.shape[2:]
        places = moved(to_head(voxel_centers(size, field.device), pose), field)
        volume, origin = (look_up(what, places) for what in (appearance.volume, appearance.origin))
        return self.decoder(volume, origin, appearance.small, appearance.features)

    @torch.no_grad()
    def appearance(self, picture: np.ndarray) -> VolumeAppearance:
        """A portrait as a volume; frames have its size.

        Args:
            picture: (H, W, 3) uint8 RGB, square, framed as the pictures that were learned from.

        Raises:
            FaceError: there is no face in it.
            OptionError: it is not square.
        """
        portrait_face(picture)
        return self.encode(self._pictures([picture]))

    @torch.no_grad()
    def render(self, appearance: VolumeAppearance, motion: Tensor) -> np.ndarray:
        """Draw a portrait: motion (N, D), whose pose is against the portrait's -> (N, H, W, 3) uint8 RGB."""
        frames = []
        for some in motion.to(self.device, self.dtype).split(CHUNK):
            drawing = self(appearance, from_rest(some, appearance.pose))
            frames.append(drawn_frames(drawing.frames(appearance.picture)))
        return np.concatenate(frames)

    @torch.no_grad()
    def motion(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """Pose, against its own median, and dynamics of the face in pictures, framed as the portrait, (N, D).

        Raises:
            FaceError: there is no face in any of them.
            OptionError: one of them is not square.
        """
        track_face(pictures, name="the pictures")
        return against_rest(self.codes(pictures))

    @torch.no_grad()
    def codes(self, pictures: Iterable[np.ndarray]) -> Tensor:
        """Pose, as it is, and dynamics of pictures of one size, which are taken a few at a time and need no face."""
        size, left, read = self.config["sample_size"], iter(pictures), []
        while some := list(islice(left, CHUNK)):
            read.append(self.read(resize(self._pictures(some), size, size)))
        return torch.cat(read).float().cpu()

    def track(self, path: str | os.PathLike) -> MotionTrack:
        """What the face of a video does against its median pose, framed as a portrait once for all of its frames.

        Frames without a face are interpolated; an EmoWarning counts them.

        Raises:
            VideoError: it cannot be read.
            FaceError: no frame shows a face.
        """
        side = self.config["sample_size"]
        with VideoReader(os.fspath(path)) as video:
            face = followed(video, path)
            box = landmark_box(np.median(face.landmarks, 0))
            crop = Crop.around(box, (video.height, video.width), height=side, width=side)
            codes = self.codes(map(crop.apply, frames_of(video))).numpy()
        read = torch.from_numpy(fill_gaps(codes, face.found)).float()
        return MotionTrack(against_rest(read), video.fps, self.space)

    def _pictures(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """(B, 3, H, W) in -1 ... 1.

        Raises:
            OptionError: they are not square.
        """
        return picture_batch(pictures, torch.empty(0, device=self.device, dtype=self.dtype), "VASA-1's face model")


def face_space(dynamics_dim: int) -> MotionSpace:
    """Pose by name, as in `CONTROLS`, and learned dynamics."""
    dynamics = tuple(Column(f"dynamics_{number}", "learned") for number in range(dynamics_dim))
    return MotionSpace(
        columns=(*CONTROLS.columns[: len(POSE)], *dynamics),
        parts={"pose": POSE, "dynamics": tuple(column.name for column in dynamics)},
    )
