"""Makes the videos that the mechanisms are measured on."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image

from emo.data.synthetic.held_out import HeldOut, Voice
from emo.data.synthetic.speech import SAMPLE_RATE
from emo.evaluation.mechanisms.family import Family, Video
from emo.evaluation.mechanisms.observation import Observation, load_observation, observe, save_observation
from emo.evaluation.mechanisms.plan import EvalClip
from emo.evaluation.seeds import noise_seed
from emo.face import FaceDetector
from emo.generation.fingerprint import scheduler_fingerprint, weights_fingerprint
from emo.hub.registry import load_pipeline
from emo.media import AudioTrack, VideoWriter, load_image
from emo.metrics import identity_descriptor
from emo.processes import in_processes

FPS = 25


@dataclass(frozen=True)
class GenerationSettings:
    """How videos are generated.

    Attributes:
        models: folders or Hub names by "model" and those that it is compared with, "no_speed" or "no_attention".
        options: of the pipeline's call, for all videos that no other values are measured of.
        seed: of the run.
        people, held_out: number of people and seed of `HeldOut`.
        size: of the videos in pixels; None for the model's own.
        device, dtype: where, and in which precision.
        compile: whether to compile the drawing of true clips.
    """

    models: dict[str, str]
    options: dict[str, Any]
    seed: int
    people: int
    held_out: int
    size: int | None
    device: str
    dtype: str
    compile: bool


class Generator:
    """Makes the videos: loads what it needs, measures, and keeps the numbers and the videos.

    Args:
        settings: of all videos.
        family: what is measured of the model.
        out: folder for `observations` and `videos`.
    """

    def __init__(self, settings: GenerationSettings, family: Family, out: Path):
        self.settings = settings
        self.out = out
        self._pipes: dict[str, Any] = {}
        self._weights = lru_cache(None)(lambda name: weights_fingerprint(self.pipe(name)))
        self._detector = FaceDetector()
        self._maker = family.maker(self)

    @property
    def size(self) -> int:
        """Of the videos in pixels."""
        return self.settings.size or self.pipe().default_size

    @cached_property
    def held_out(self) -> HeldOut:
        """The people, whose true clips are as large as the model's."""
        settings = self.settings
        return HeldOut(settings.held_out, settings.people, FPS, compile=settings.compile, size=self.size)

    @cached_property
    def gallery(self) -> np.ndarray:
        """Descriptors (G, D) of all people's portraits."""
        described = []
        for person in range(self.settings.people):
            picture = self.held_out.portrait(person)
            leftmost = self._detector.detect(picture)[0]
            described.append(identity_descriptor(picture, leftmost.landmarks))
        return np.stack(described)

    def generate(self, clip: EvalClip) -> Observation:
        """Make, measure and keep one video, unless the same has been kept before."""
        path = self.out / "observations" / f"{clip.name}.safetensors"
        made_of = self._made_of(clip)
        if (kept := load_observation(path, made_of)) is not None:
            return kept
        began = time.process_time()
        video = self.make(clip)
        observation = observe(video.frames, self._detector, time.process_time() - began, video.pose, video.controls)
        save_observation(path, observation, made_of)
        with VideoWriter(self.out / "videos" / f"{clip.name}.mp4", FPS) as writer:
            writer.write(video.frames)
            with AudioTrack.open((self.voice(clip).waveform, SAMPLE_RATE)) as sound:
                writer.finish(sound)
        return observation

    def make(self, clip: EvalClip) -> Video:
        """The video, as the family makes it."""
        return self._maker(clip)

    def voice(self, clip: EvalClip) -> Voice:
        """What is heard in a clip."""
        return self.held_out.voice(clip.heard, clip.seconds)

    def picture(self, clip: EvalClip) -> np.ndarray | Image:
        """The portrait that is animated in a clip."""
        return load_image(clip.picture) if clip.picture else self.held_out.portrait(clip.person)

    def noise(self, name: str) -> torch.Generator:
        """Of a video or several, by name."""
        return torch.Generator().manual_seed(noise_seed(self.settings.seed, name))

    def pipe(self, name: str = "model") -> Any:
        """The loaded pipeline."""
        if name not in self._pipes:
            settings = self.settings
            pipe = load_pipeline(settings.models[name], dtype=getattr(torch, settings.dtype))
            pipe.set_progress_bar_config(disable=True)
            self._pipes[name] = pipe.to(settings.device)
        return self._pipes[name]

    def _made_of(self, clip: EvalClip) -> dict[str, str]:
        """All that a video depends on."""
        settings = asdict(self.settings) | {"size": self.size}
        about = {name: settings.pop(name) for name in ("people", "held_out", "size")} | {"clip": asdict(clip)}
        if not clip.truth:
            settings["models"] = self._weights(clip.model)
            about |= settings | {"scheduler": scheduler_fingerprint(self.pipe(clip.model).scheduler)}
            if clip.picture:
                about["picture"] = hashlib.sha256(Path(clip.picture).read_bytes()).hexdigest()
        return {name: json.dumps(value) for name, value in about.items() if name != "compile"}


def generate(generator: Generator, clip: EvalClip) -> tuple[str, Observation]:
    """Name and measurements of a clip."""
    return clip.name, generator.generate(clip)


def generate_clips(
    clips: Sequence[EvalClip], settings: GenerationSettings, family: Family, out: Path, workers: int
) -> Iterator[tuple[str, Observation]]:
    """Make and measure the videos, on so many processes; those that are there already are not made again.

    Yields:
        Name and measurements, as they are finished.
    """
    yield from in_processes(generate, clips, workers, context=partial(Generator, settings, family, out))
