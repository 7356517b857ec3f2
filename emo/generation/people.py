"""Several people in one picture, each with a sound of its own: one stream a face, put together frame by frame."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import torch

from emo.errors import AudioError, OptionError
from emo.face import FaceDetector
from emo.face.montage import Montage
from emo.generation.clip import Clip, ClipState
from emo.generation.frames import each_frame, finish_frames
from emo.generation.inputs import AudioInput, ImageInput
from emo.generation.output import VideoOutput
from emo.generation.stream import Stream
from emo.media import AudioTrack, as_fps
from emo.media.mixing import mixed, padded, silence
from emo.values import whole

GENERATOR = "generator"  # among the tensors of a face's state


@dataclass(frozen=True)
class PeopleClip:
    """One clip of everybody; see `Clip`.

    Attributes:
        parts: one of each face, of the same frames.
        montage: puts them together.
        output_type: of `frames`.
        index, num_clips: which clip of how many.
        state: where to resume after this clip.
    """

    parts: tuple[Clip, ...]
    montage: Montage = field(repr=False)
    output_type: str
    index: int
    num_clips: int
    state: ClipState = field(repr=False)

    def __len__(self) -> int:
        return len(self.parts[0])

    @cached_property
    def frames(self) -> Any:
        """As in `VideoOutput`, the clip's own."""
        picture = self.montage.portraits[0].picture
        made = np.stack(list(self.each())) if len(self) else np.empty((0, *picture.shape), np.uint8)
        return finish_frames(torch.from_numpy(made).permute(0, 3, 1, 2), self.output_type, None)

    def each(self) -> Iterator[np.ndarray]:
        """The full pictures as uint8 (H, W, 3), made one by one."""
        frames = zip(*(each_frame(part.pictures, None) for part in self.parts), strict=True)
        return map(self.montage.paste, frames)


@dataclass(frozen=True)
class PeopleStream:
    """A checked request for a video of several people; iterating over it generates the clips in order.

    Attributes:
        numbers: of the faces, counted from the left from 1 on.
        parts: a stream of each, as long as each other.
        montage: puts their frames together.
        audio: all sounds at once.
        start: the state before the first clip to generate.
    """

    numbers: tuple[int, ...]
    parts: tuple[Stream[Any], ...]
    montage: Montage = field(repr=False)
    audio: AudioTrack
    start: ClipState

    @property
    def fps(self) -> Fraction:
        """Frames per second."""
        return self.parts[0].fps

    @property
    def num_frames(self) -> int:
        """Of the video."""
        return self.parts[0].num_frames

    @property
    def num_clips(self) -> int:
        """Of the video."""
        return self.parts[0].num_clips

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames, which are full pictures."""
        return self.parts[0].frame_size

    @property
    def origin(self) -> dict[str, Any]:
        """What makes it and how, as of its first face, and which faces speak."""
        return {**self.parts[0].origin, "faces": list(self.numbers)}

    def no_frames(self) -> Any:
        """See `Stream`."""
        parts = tuple(part.clip(torch.zeros(0, 3, 1, 1), self.num_clips, part.start) for part in self.parts)
        return self._clip(parts, self.start).frames

    def __iter__(self) -> Iterator[PeopleClip]:
        for parts in zip(*self.parts, strict=True):
            yield self._clip(parts, joined_states(self.numbers, [part.state for part in parts]))

    def _clip(self, parts: tuple[Clip, ...], state: ClipState) -> PeopleClip:
        output_type = self.parts[0].run.output_type
        return PeopleClip(parts, self.montage, output_type, parts[0].index, self.num_clips, state)


def stream_people(
    pipe: Any,
    image: ImageInput,
    sounds: Mapping[int, AudioInput | None],
    *,
    generator: torch.Generator | None = None,
    resume_from: ClipState | None = None,
    **options: Any,
) -> PeopleStream:
    """Generate a video of several people in one picture, in memory that does not grow with its length.

    Every face speaks with its own sound and listens when that is silent: before, in pauses, and after its end as long
    as somebody else still speaks. Faces of models whose motion is in named controls idle then (`idle`), unless told
    otherwise; those of others do what their model does in silence. All other pixels stay the picture's own.

    Args:
        pipe: a pipeline of any system.
        image: the picture: a path, PIL image or array.
        sounds: for the number of each face that is animated, counted from the left from 1 on, its recording, a path,
            `(samples, rate)` or an `AudioTrack`; None for one who listens throughout.
        generator: makes the result repeatable; each face has noise of its own.
        resume_from: the state of a clip of these people, to go on from.
        options: of the pipeline's `stream`, the same for all faces; pictures are pasted back in any case.

    Returns:
        `PeopleStream`. All inputs have been checked by then.

    Raises:
        FaceError: there is no such face, it cannot be animated, or two of them overlap.
        EmoError: the picture, a sound or an option cannot be used.
    """
    numbers = tuple(whole(number, "face") for number in sounds)
    for name in ("face", "paste_back"):
        if options.get(name):
            raise OptionError(f"{name}: faces are named with their sounds; leave it out", option=name)
    if options.get("cache_interval", 1) != 1 and len(numbers) > 1:  # faces are drawn in turns by one network
        raise OptionError("cache_interval: forecasts are of one face; leave it out", option="cache_interval")
    if getattr(pipe, "has_named_controls", False) and options.get("motion") is None:
        options = {"idle": True, **options}
    fps = as_fps(options.get("fps", next(e.default for e in pipe.options_class.entries() if e.name == "fps")))
    tracks = _same_length(sounds, fps, pipe.feature_extractor.sampling_rate)
    states = split_state(numbers, resume_from) if resume_from is not None else [None] * len(numbers)
    streams = []
    for index, (number, track, state) in enumerate(zip(numbers, tracks, states, strict=True)):
        own = None if generator is None else _own_generator(generator, index)
        options_here = {**options, "face": number, "paste_back": True, "generator": own, "resume_from": state}
        streams.append(pipe.stream(image, track, **options_here))
    portraits = [stream.portrait for stream in streams]
    with FaceDetector() as detector:
        faces = detector.detect(portraits[0].picture)
    others = [face.box for number, face in enumerate(faces, 1) if number not in numbers]
    name = str(image) if isinstance(image, str) or hasattr(image, "suffix") else "portrait"
    montage = Montage.of(portraits, numbers, others, name)
    start = joined_states(numbers, [stream.start for stream in streams])
    return PeopleStream(numbers, tuple(streams), montage, mixed(tracks), start)


def generate_people(
    pipe: Any, image: ImageInput, sounds: Mapping[int, AudioInput | None], **options: Any
) -> VideoOutput:
    """The whole video of `stream_people`, whose arguments it takes."""
    return VideoOutput.collect(stream_people(pipe, image, sounds, **options))


def joined_states(numbers: tuple[int, ...], states: list[ClipState]) -> ClipState:
    """The state of several faces as one."""
    tensors = {}
    for number, state in zip(numbers, states, strict=True):
        own = dict(state.tensors)
        if state.generator_state is not None:
            own[GENERATOR] = state.generator_state
        tensors |= {f"{number}.{name}": tensor for name, tensor in own.items()}
    return ClipState(states[0].next_clip, tensors, None)


def split_state(numbers: tuple[int, ...], state: ClipState) -> list[ClipState]:
    """The states of which `joined_states` made one.

    Raises:
        OptionError: it is of other faces.
    """
    if {name.partition(".")[0] for name in state.tensors} - {str(number) for number in numbers}:
        raise OptionError("resume_from is a state of other faces", option="resume_from")
    states = []
    for number in numbers:
        own = {n.partition(".")[2]: t for n, t in state.tensors.items() if n.partition(".")[0] == str(number)}
        states.append(ClipState(state.next_clip, own, own.pop(GENERATOR, None)))
    return states


def _same_length(sounds: Mapping[int, AudioInput | None], fps: Fraction, rate: int) -> list[AudioTrack]:
    """Every sound with silence up to the last frame of the longest."""
    opened = [None if sound is None else AudioTrack.open(sound, sampling_rate=rate) for sound in sounds.values()]
    heard = [track for track in opened if track is not None]
    if not heard:
        raise AudioError("nobody has a sound; give at least one face a recording", option="audio")
    frames = max(track.num_frames(fps) for track in heard)
    made = []
    for track in opened:
        if track is None:
            made.append(silence(math.floor(frames / fps * rate), rate))
        elif track.num_frames(fps) < frames:
            made.append(padded(track, math.floor(frames / fps * track.source_rate)))
        else:
            made.append(track)
    return made


def _own_generator(generator: torch.Generator, index: int) -> torch.Generator:
    return torch.Generator(generator.device).manual_seed((generator.initial_seed() + index) % 2**63)
