"""One synthetic clip from its specification: what is heard and done, pictures, labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from emo.data.motion_labels import MotionLabels
from emo.data.synthetic.acting import Act, act
from emo.data.synthetic.alter import alter_portrait
from emo.data.synthetic.alteration import Alteration
from emo.data.synthetic.avatar import AvatarRenderer
from emo.data.synthetic.config import ClipSpec, SyntheticConfig
from emo.data.synthetic.find_landmarks import find_landmarks
from emo.data.synthetic.flow import Flow
from emo.data.synthetic.identity import draw_identities
from emo.data.synthetic.labels import FaceLabels
from emo.data.synthetic.speech import SAMPLE_RATE
from emo.data.synthetic.warp import PortraitWarper, portrait_side
from emo.errors import FaceError
from emo.face import FaceDetector
from emo.media import AudioTrack, load_image
from emo.motion.controls import FaceControls

OPEN_FILES = 32  # portraits, and recordings, that are kept open
CPU_BATCH_SIZE = 8
GPU_BATCH_SIZE = 128


@dataclass(frozen=True)
class RenderedClip:
    """A drawn clip.

    Attributes:
        frames: (T, size, size, 3) uint8 RGB; None where the configuration wants no pictures.
        waveform: (N,) float32 at 16 kHz, T = ceil(N * fps / 16000).
        labels: by name, each (T, ...) float32: every field of `FaceControls` and of `FaceLabels`, and `distance`;
            where they are wanted, `landmarks` (T, 478, 3): of portraits as they are moved, of avatars as FaceMesh
            finds them in the pictures, if there are any, and NaN where it does not.
        motion: what holds for the whole clip; None in the first edition.
    """

    frames: np.ndarray | None
    waveform: np.ndarray
    labels: dict[str, np.ndarray]
    motion: MotionLabels | None


class Renderer:
    """Draws the clips of a configuration.

    Args:
        config: the people, voices and sizes.
        device: where avatars are drawn.
        compile: see `AvatarRenderer`.
    """

    def __init__(self, config: SyntheticConfig, device: str = "cpu", compile: bool = False):
        self.config = config
        batch = CPU_BATCH_SIZE if device == "cpu" else GPU_BATCH_SIZE
        self._avatars = AvatarRenderer(
            config.size, samples=config.samples, device=device, compile=compile, batch=batch
        )
        self._warper = lru_cache(maxsize=OPEN_FILES)(self._load_warper)
        self._track = lru_cache(maxsize=OPEN_FILES)(self._open_track)

    def render(self, clip: ClipSpec) -> RenderedClip:
        """Act one clip, and draw it where pictures are wanted.

        Raises:
            EmoError: the portrait or the recording cannot be used.
        """
        acted = self.act(clip)
        controls = acted.controls
        drawn = self.draw(clip, controls) if self.config.pictures else None
        labels = _arrays(controls, self.labels(clip, controls))
        if clip.portrait is not None and self.config.landmarks:
            warper = self._warper(clip.portrait, clip.alteration, clip.partners)
            labels["landmarks"] = warper.landmarks(controls).numpy()
        elif drawn is not None and self.config.landmarks:
            labels["landmarks"] = find_landmarks(drawn, self._detector)
        return RenderedClip(drawn, acted.waveform, labels, acted.motion)

    def act(self, clip: ClipSpec) -> Act:
        """What is heard and done in a clip.

        Raises:
            EmoError: the recording cannot be used.
        """
        return act(clip, self.config, self._excerpt)

    def draw(self, clip: ClipSpec, controls: FaceControls) -> np.ndarray:
        """Whom a clip shows, in T frames, (T, size, size, 3) uint8 RGB.

        Raises:
            EmoError: the portrait cannot be used.
        """
        if clip.portrait is not None:
            return self._warper(clip.portrait, clip.alteration, clip.partners).render(controls).numpy()
        assert clip.identity is not None
        return self._avatars.render(draw_identities([clip.identity]), controls).cpu().numpy()

    def labels(self, clip: ClipSpec, controls: FaceControls) -> FaceLabels:
        """Places in T frames as `draw` draws them.

        Raises:
            EmoError: the portrait cannot be used.
        """
        if clip.portrait is not None:
            return self._warper(clip.portrait, clip.alteration, clip.partners).labels(controls)
        assert clip.identity is not None
        return self._avatars.labels(draw_identities([clip.identity]), controls)

    def flow(self, clip: ClipSpec, controls: FaceControls, reference: FaceControls) -> Flow:
        """Where what frames of a clip show stands in other frames of it.

        Args:
            clip: whom it shows.
            controls: of T frames; `controls_of` has those of a clip's labels.
            reference: of one frame for all of them, or of T frames.

        Raises:
            EmoError: the portrait cannot be used.
        """
        if clip.portrait is not None:
            return self._warper(clip.portrait, clip.alteration, clip.partners).flow(controls, reference)
        assert clip.identity is not None
        return self._avatars.flow(draw_identities([clip.identity]), controls, reference)

    def parts(self, clip: ClipSpec, controls: FaceControls) -> Tensor:
        """Which part of the person every pixel of T frames shows, as `draw` draws them.

        Args:
            clip: whom it shows.
            controls: of T frames; `controls_of` has those of a clip's labels.

        Returns:
            (T, size, size) uint8, places in `emo.data.synthetic.parts.PARTS`.

        Raises:
            EmoError: the portrait cannot be used.
        """
        if clip.portrait is not None:
            return self._warper(clip.portrait, clip.alteration, clip.partners).parts(controls)
        assert clip.identity is not None
        return self._avatars.parts(draw_identities([clip.identity]), controls)

    @cached_property
    def _detector(self) -> FaceDetector:
        return FaceDetector()

    def _load_warper(self, path: str, alteration: Alteration | None, partners: tuple[str, ...]) -> PortraitWarper:
        return load_warper(path, self.config.size, alteration, partners)

    def _open_track(self, path: str) -> AudioTrack:
        return AudioTrack.open(path, SAMPLE_RATE)

    def _excerpt(self, clip: ClipSpec, recording: str) -> np.ndarray:
        """The piece of the recording at the clip's place."""
        track = self._track(recording)
        length = min(round(self.config.seconds * SAMPLE_RATE), track.length)
        start = int(clip.place * (track.length - length + 1))
        return track.read(start, start + length)


def controls_of(labels: Mapping[str, np.ndarray]) -> FaceControls:
    """What the frames of a synthetic clip command, from its labels, each (T, ...)."""
    return FaceControls(**{field.name: torch.from_numpy(labels[field.name]) for field in fields(FaceControls)})


def load_warper(
    path: str, size: int, alteration: Alteration | None = None, partners: Sequence[str] = ()
) -> PortraitWarper:
    """A picture file to warp.

    Args:
        path: of the picture.
        size: of the frames, in pixels.
        alteration: what is changed about it.
        partners: pictures of the person who is mixed in.

    Raises:
        ImageError: one of them cannot be read.
        FaceError: there is no face in one of them.
    """
    try:
        image = np.asarray(load_image(path))
        if alteration is None:
            return PortraitWarper(image, size)
        others = [np.asarray(load_image(partner)) for partner in partners]
        return PortraitWarper(alter_portrait(image, portrait_side(size), alteration, others), size)
    except FaceError as error:
        raise FaceError(f"{path}: {error}") from None


def _arrays(controls: FaceControls, labels: FaceLabels) -> dict[str, np.ndarray]:
    tensors = {f.name: getattr(part, f.name) for part in (controls, labels) for f in fields(part)}
    tensors["distance"] = controls.distance
    return {name: tensor.to(torch.float32).cpu().numpy() for name, tensor in tensors.items()}
