"""A checked request for a video, from which the clips come one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch

from emo.errors import AudioError, OptionError
from emo.face import Portrait
from emo.generation.clip import Clip, ClipState
from emo.generation.run import Run
from emo.media import AudioTrack
from emo.options import Options

OptionsT = TypeVar("OptionsT", bound=Options)


class Pipeline(Protocol):
    """What streams, fingerprints and origins need of a pipeline, a diffusers one of whatever model.

    Attributes:
        config: its own, with `_name_or_path` where it was loaded.
        scheduler: of diffusers.
    """

    config: Any
    scheduler: Any

    @property
    def components(self) -> dict[str, Any]:
        """Networks and other parts by name."""
        ...

    @property
    def denoiser(self) -> Any:
        """The network that generates: its precision and attention kernels are told of a video."""
        ...

    @property
    def _execution_device(self) -> torch.device: ...

    def generate_clips(self, stream: "Stream[Any]") -> Iterator[Clip]:
        """The clips of a stream from its start on, in order."""
        ...


@runtime_checkable
class Marked(Protocol):
    """A request for a video that knows what its frames depend on."""

    def fingerprint(self, seed: int | None) -> dict[str, str]:
        """See `emo.generation.fingerprint`."""
        ...


class Faces(Protocol):
    """A request for a video of one face, or of several."""

    @property
    def parts(self) -> "tuple[Stream[Any], ...]":
        """The streams of its faces, one each."""
        ...


@dataclass(frozen=True)
class Stream(Generic[OptionsT]):
    """A checked request for a video; iterating over it generates the clips in order, the same each time.

    Attributes:
        pipeline: generates the clips.
        portrait: the cropped picture, its mask, and the way back into the full picture.
        audio: the recording, decoded.
        fps, num_frames, num_clips: what will be generated.
        options: the model's, with its own values where none were given.
        controls: what steers each frame besides the sound, by name, such as (1, T), or None where it is free.
        paste_back: whether frames are full pictures.
        latent_shape: of one frame's latents, as `output_type="latent"` gives them.
        run: how the generation is run.
        start: the state before the first clip to generate.
        origin: what makes it and how, as far as known before any work.

    Raises:
        OptionError: latents are to be pasted into a picture.
        AudioError: the recording is too short.
    """

    pipeline: Pipeline
    portrait: Portrait
    audio: AudioTrack
    fps: Fraction
    num_frames: int
    num_clips: int
    options: OptionsT
    controls: Mapping[str, torch.Tensor | None]
    paste_back: bool
    latent_shape: tuple[int, ...]
    run: Run
    start: ClipState
    origin: dict[str, Any]

    def __post_init__(self):
        if self.paste_back and self.run.output_type == "latent":
            problem = "paste_back needs pictures: choose another output_type than 'latent'"
            raise OptionError(problem, option="paste_back")
        if self.audio.duration * self.fps < 1:
            name = self.audio.path or "the sound"
            raise AudioError(f"{name}: {float(self.audio.duration):.3f} s is less than one frame at {self.fps} fps")

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames."""
        height, width, _ = (self.portrait.picture if self.paste_back else self.portrait.image).shape
        return height, width

    @property
    def parts(self) -> "tuple[Stream[OptionsT], ...]":
        """The streams of its faces, one each: this one."""
        return (self,)

    def no_frames(self) -> Any:
        """What a clip's `frames` are where there is no frame left."""
        latents = self.run.output_type == "latent"
        shape = self.latent_shape if latents else (3, *self.portrait.image.shape[:2])
        return self.clip(torch.zeros(0, *shape), self.num_clips, self.start).frames

    def clip(self, pictures: torch.Tensor, index: int, state: ClipState) -> Clip:
        """One clip of this stream, of pictures or latents as its `output_type` asks.

        Args:
            pictures: (n, 3, H, W), about -1 to 1 or uint8, or latents (n, ...).
            index: which one.
            state: after it.
        """
        return Clip(
            pictures=pictures,
            output_type=self.run.output_type,
            paste_into=self.portrait if self.paste_back else None,
            index=index,
            num_clips=self.num_clips,
            state=state,
        )

    def __iter__(self) -> Iterator[Clip]:
        return self.pipeline.generate_clips(self)
