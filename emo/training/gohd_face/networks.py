"""GoHD's face animator in training, with the network that reads faces for its losses."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call

from emo.data.synthetic.parts import PARTS
from emo.errors import ConfigError
from emo.hub.build_gohd import build_animator
from emo.hub.gohd_config import load_gohd_config
from emo.motion.discriminators import PatchDiscriminator
from emo.motion.gohd import FaceReader, NavigationAnimator
from emo.motion.gohd.face_reader import FaceReading
from emo.motion.vasa import VolumeAnimator
from emo.training.gohd_face.config import AnimatorStartConfig
from emo.training.loading import load_part, save_parts
from emo.unets import Drawing

ANIMATOR, READER, DISCRIMINATOR = "animator", "face_reader", "discriminator"
"""Names of the parts, and of their folders."""
REST = 0.3  # of random weights of a latent, where others tell a pose
GROUPS = 8  # of a discriminator's normalizations
JUDGES = (32, 64, 128)  # its widths


@dataclass(frozen=True)
class Drawn:
    """What was drawn of B references, and what is read of it.

    Attributes:
        drawing: the frames, as moved and painted.
        moved: the references moved alone, (B, 3, S, S).
        frames: what is seen, (B, 3, S, S).
        made: as a reader reads them that learns nothing by it.
        true: as it reads the true frames, by which it learns.
        score: of a discriminator, where there is one.
    """

    drawing: Drawing
    moved: Tensor
    frames: Tensor
    made: FaceReading
    true: FaceReading
    score: Tensor | None


class GoHDFaceNetworks(nn.Module):
    """All networks, called by what they are to do: one module, as accelerate prepares one.

    Args:
        animator: what draws.
        face_reader: reads faces for its losses.
        discriminator: None where nobody looks.
    """

    def __init__(
        self, animator: NavigationAnimator, face_reader: FaceReader, discriminator: PatchDiscriminator | None
    ):
        super().__init__()
        self.animator = animator
        self.face_reader = face_reader
        self.discriminator = discriminator

    def forward(
        self,
        first: Tensor | None = None,
        second: Tensor | None = None,
        windows: Tensor | None = None,
        source: Tensor | None = None,
        judged: Tensor | None = None,
    ) -> Drawn | Tensor:
        """Draw frames of references; or have pictures judged.

        Args:
            first: references, (B, 3, S, S) in -1 ... 1.
            second: the frames, the same.
            windows: motion about them, (B, 2 r + 1, 14); those all of whose frames are at rest are drawn from the
                reference's latent alone.
            source: motion of the references, (B, 14), where the animator is told it.
            judged: pictures, where none are to be drawn.

        Returns:
            What was drawn, or scores of pictures.
        """
        if judged is not None:
            assert self.discriminator is not None
            return self.discriminator(judged)
        assert first is not None
        assert second is not None
        assert windows is not None
        rest = self.animator.space.rest.to(windows)
        moves = (windows != rest).flatten(1).any(1)
        drawing = self.animator(self.animator.encode(first, source), windows, moves.float())
        moved = drawing.moved(first)
        frames = drawing.over(moved)
        frozen = {name: value.detach() for name, value in self.face_reader.named_parameters()}
        made = functional_call(self.face_reader, frozen, (frames,))
        score = None if self.discriminator is None else self.discriminator(frames)
        return Drawn(drawing, moved, frames, made, self.face_reader(second), score)


def load_networks(config: AnimatorStartConfig, adversarial: bool, seed: int) -> GoHDFaceNetworks:
    """Those of `init`; without it of random weights, as are reader and discriminator where it has none.

    Raises:
        ConfigError: there is no such configuration, its portraits are moved by a mesh, or there are poses for what is
            not new.
        WeightsError: there is nothing in the folder.
    """
    if config.init is not None and config.poses is not None:
        raise ConfigError("model.poses are for a new animator; leave them or model.init out")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if config.init is None:
            animator = _new_animator(config)
        else:
            animator = load_part(NavigationAnimator, config.init, "GoHD's animator", subfolder=ANIMATOR)
        parts = {
            READER: lambda: FaceReader(parts=len(PARTS)),
            DISCRIMINATOR: lambda: PatchDiscriminator(block_out_channels=JUDGES, norm_num_groups=GROUPS),
        }
        kinds = {READER: FaceReader, DISCRIMINATOR: PatchDiscriminator}
        found = {}
        for name, new in parts.items():
            kept = config.init is not None and (Path(config.init) / name).is_dir()
            found[name] = load_part(kinds[name], str(config.init), subfolder=name) if kept else new()
    return GoHDFaceNetworks(animator, found[READER], found[DISCRIMINATOR] if adversarial else None)


def _new_animator(config: AnimatorStartConfig) -> NavigationAnimator:
    """Of random weights, but where a latent begins with a portrait's pose, as another model reads it: to learn of what
    becomes of its pixels where a head is takes long."""
    animator = build_animator(load_gohd_config(config.config))
    if not isinstance(animator, NavigationAnimator):
        raise ConfigError(f"model.config: {config.config} has no navigation: its portraits are moved by a mesh")
    if config.poses is None:
        return animator
    reader = load_part(VolumeAnimator, config.poses, "face model of VASA-1", subfolder=ANIMATOR)
    if list(reader.config["code_channels"]) != list(animator.config["code_channels"]):
        raise ConfigError(f"model.poses: {config.poses} reads poses by layers of other widths than code_channels")
    layers, latent = reader.pose_encoder.state_dict(), animator.latent_encoder
    latent.load_state_dict(
        {name: value for name, value in layers.items() if not name.startswith("out.")}, strict=False
    )
    with torch.no_grad():
        for name, own in latent.out.named_parameters():
            read = layers[f"out.{name}"][: len(own)]
            own.mul_(REST)[: len(read)] = read
    return animator


def save_networks(networks: GoHDFaceNetworks, folder: Path, weights: dict[str, Tensor]) -> None:
    """`animator`, `face_reader`, and `discriminator` where there is one, each as diffusers loads it.

    Args:
        networks: of the same sizes as the weights.
        folder: to write them to.
        weights: of all of them, by their names in `networks`.
    """
    parts = (ANIMATOR, READER) if networks.discriminator is None else (ANIMATOR, READER, DISCRIMINATOR)
    save_parts(networks, parts, folder, weights)
