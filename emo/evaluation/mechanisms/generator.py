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

from emo.data.synthetic.held_out import HeldOut
from emo.data.synthetic.speech import SAMPLE_RATE
from emo.evaluation.mechanisms.emo_mechanisms import clip_frames, motion_frames
from emo.evaluation.mechanisms.observation import Observation, load_observation, observe, save_observation
from emo.evaluation.mechanisms.plan import EvalClip
from emo.evaluation.seeds import noise_seed
from emo.face import FaceDetector
from emo.generation.fingerprint import scheduler_fingerprint, weights_fingerprint
from emo.hub.registry import load_pipeline
from emo.media import AudioTrack, VideoWriter, load_image
from emo.processes import in_processes


@dataclass(frozen=True)
class GenerationSettings:
    """How videos are generated.

    Attributes:
        models: folders or Hub names by "model" and perhaps "no_speed".
        steps: denoising steps per clip.
        audio_guidance, reference_guidance: weights of guidance.
        seed: of the run.
        people, held_out: number of people and seed of `HeldOut`.
        device, dtype: where, and in which precision.
        compile: whether to compile the drawing of true clips.
    """

    models: dict[str, str]
    steps: int
    audio_guidance: float
    reference_guidance: float
    seed: int
    people: int
    held_out: int
    device: str
    dtype: str
    compile: bool


class Generator:
    """Makes the videos: loads what it needs, measures, and keeps the numbers and the videos.

    Args:
        settings: of all videos.
        out: folder for `observations` and `videos`.
    """

    def __init__(self, settings: GenerationSettings, out: Path):
        self.settings = settings
        self.out = out
        self._pipes: dict[str, Any] = {}
        self._weights = lru_cache(None)(lambda name: weights_fingerprint(self.pipe(name)))
        self._detector = FaceDetector()

    @cached_property
    def held_out(self) -> HeldOut:
        """The people, whose true clips are as large as the model's."""
        settings = self.settings
        return HeldOut(settings.held_out, settings.people, compile=settings.compile, size=self.pipe().default_size)

    def generate(self, clip: EvalClip) -> Observation:
        """Make, measure and keep one video, unless the same has been kept before."""
        path = self.out / "observations" / f"{clip.name}.safetensors"
        made_of = self._made_of(clip)
        if (kept := load_observation(path, made_of)) is not None:
            return kept
        began = time.process_time()
        frames, waveform = self._frames(clip)
        observation = observe(frames, self._detector, time.process_time() - began)
        save_observation(path, observation, made_of)
        with VideoWriter(self.out / "videos" / f"{clip.name}.mp4", 25) as writer:
            writer.write(frames)
            with AudioTrack.open((waveform, SAMPLE_RATE)) as sound:
                writer.finish(sound)
        return observation

    def _frames(self, clip: EvalClip) -> tuple[np.ndarray, np.ndarray]:
        """The video (T, H, W, 3) uint8 and its sound (N,)."""
        voice = self.held_out.voice(clip.person if clip.voice is None else clip.voice, clip.seconds)
        if clip.truth:
            return self.held_out.clip(clip.person, clip.seconds, clip.speed), voice.waveform
        pipe, settings = self.pipe(clip.model), self.settings
        picture = load_image(clip.picture) if clip.picture else self.held_out.portrait(clip.person)
        with motion_frames(pipe, clip.chained):
            return pipe(
                picture,
                (voice.waveform, SAMPLE_RATE),
                num_inference_steps=settings.steps,
                audio_guidance_scale=settings.audio_guidance,
                reference_guidance_scale=settings.reference_guidance,
                generator=torch.Generator().manual_seed(noise_seed(settings.seed, clip.name)),
                speed=clip.speed,
                face_region=clip.region,
                output_type="uint8",
            ).frames, voice.waveform

    def pipe(self, name: str = "model") -> Any:
        """The loaded pipeline."""
        if name not in self._pipes:
            settings = self.settings
            pipe = load_pipeline(settings.models[name], dtype=getattr(torch, settings.dtype))
            pipe.set_progress_bar_config(disable=True)
            self._pipes[name] = pipe.to(settings.device)
        return self._pipes[name]

    @property
    def clip_frames(self) -> int:
        """Frames of a clip."""
        return clip_frames(self.pipe())

    def _made_of(self, clip: EvalClip) -> dict[str, str]:
        """All that a video depends on."""
        settings = asdict(self.settings)
        about = {"clip": asdict(clip), "people": settings.pop("people"), "held_out": settings.pop("held_out")}
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
    clips: Sequence[EvalClip], settings: GenerationSettings, out: Path, workers: int
) -> Iterator[tuple[str, Observation]]:
    """Make and measure the videos, on so many processes; those that are there already are not made again.

    Yields:
        Name and measurements, as they are finished.
    """
    yield from in_processes(generate, clips, workers, context=partial(Generator, settings, out))
