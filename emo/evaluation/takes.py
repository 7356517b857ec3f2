"""The videos that the mechanisms are measured on, and how each is made."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from emo.data.synthetic.speech import SAMPLE_RATE
from emo.errors import FaceError
from emo.evaluation.held_out import HeldOut
from emo.evaluation.observation import Observation, load_observation, observe, save_observation
from emo.face import FaceDetector, largest
from emo.generation.fingerprint import scheduler_fingerprint, weights_fingerprint
from emo.media import AudioTrack, VideoWriter, load_image
from emo.pipelines import EMOPipeline


@dataclass(frozen=True)
class Take:
    """One video.

    name: of its files. person: number of a held-out person; or picture: path of a portrait. voice: number of the
    held-out voice, the person's own by default. seconds: length. truth: the synthesizer's own clip, not generated.
    speed: head rotation in degrees per frame, or None for "No Speed". region: where the face may be, x0, y0, x1, y1
    in pixels of the portrait, or None for the pipeline's own. chained: whether clips see motion frames. model: "model"
    or "no_speed", the folder it is generated from.
    """

    name: str
    seconds: float
    person: int = 0
    picture: str | None = None
    voice: int | None = None
    truth: bool = False
    speed: float | None = None
    region: tuple[float, float, float, float] | None = None
    chained: bool = True
    model: str = "model"


@dataclass(frozen=True)
class Settings:
    """How videos are generated: folders or Hub names of the models ("model" and perhaps "no_speed"), steps, weights
    of guidance, seed, people and seed of `HeldOut`, device, precision, and whether to compile the drawing."""

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


class Stage:
    """Where takes are shot: loads what it needs, measures, and keeps the numbers and the videos.

    Args:
        settings: of all videos.
        out: folder for `observations` and `videos`.
    """

    def __init__(self, settings: Settings, out: Path):
        self.settings, self.out = settings, out
        self.held_out = HeldOut(settings.held_out, settings.people, compile=settings.compile)
        self._pipes: dict[str, EMOPipeline] = {}
        self._weights = lru_cache(None)(lambda name: weights_fingerprint(self.pipe(name)))
        self._detector = FaceDetector()

    def shoot(self, take: Take) -> Observation:
        """Make, measure and keep one video, unless the same has been kept before."""
        path = self.out / "observations" / f"{take.name}.safetensors"
        made_of = self._made_of(take)
        if (kept := load_observation(path, made_of)) is not None:
            return kept
        began = time.process_time()
        frames, waveform = self._frames(take)
        observation = observe(frames, self._detector, time.process_time() - began)
        save_observation(path, observation, made_of)
        with VideoWriter(self.out / "videos" / f"{take.name}.mp4", 25) as writer:
            writer.write(frames)
            with AudioTrack.open((waveform, SAMPLE_RATE)) as sound:
                writer.finish(sound)
        return observation

    def _frames(self, take: Take) -> tuple[np.ndarray, np.ndarray]:
        """The video (T, H, W, 3) uint8 and its sound (N,)."""
        voice = self.held_out.voice(take.person if take.voice is None else take.voice, take.seconds)
        if take.truth:
            return self.held_out.clip(take.person, take.seconds, take.speed), voice.waveform
        pipe, settings = self.pipe(take.model), self.settings
        picture = load_image(take.picture) if take.picture else self.held_out.portrait(take.person)
        with _motion_frames(pipe, take.chained):
            return pipe(
                picture,
                (voice.waveform, SAMPLE_RATE),
                num_inference_steps=settings.steps,
                audio_guidance_scale=settings.audio_guidance,
                reference_guidance_scale=settings.reference_guidance,
                generator=torch.Generator().manual_seed(_seed(settings.seed, take.name)),
                speed=take.speed,
                face_region=take.region,
                output_type="uint8",
            ).frames, voice.waveform

    def pipe(self, name: str = "model") -> EMOPipeline:
        """The loaded pipeline."""
        if name not in self._pipes:
            settings = self.settings
            pipe = EMOPipeline.from_pretrained(settings.models[name], dtype=getattr(torch, settings.dtype))
            pipe.set_progress_bar_config(disable=True)
            self._pipes[name] = pipe.to(settings.device)
        return self._pipes[name]

    def _made_of(self, take: Take) -> dict[str, str]:
        """All that a video depends on."""
        settings = asdict(self.settings)
        about = {"take": asdict(take), "people": settings.pop("people"), "held_out": settings.pop("held_out")}
        if not take.truth:
            settings["models"] = self._weights(take.model)
            about |= settings | {"scheduler": scheduler_fingerprint(self.pipe(take.model).scheduler)}
            if take.picture:
                about["picture"] = hashlib.sha256(Path(take.picture).read_bytes()).hexdigest()
        return {name: json.dumps(value) for name, value in about.items() if name != "compile"}


@contextmanager
def _motion_frames(pipe: EMOPipeline, wanted: bool) -> Iterator[None]:
    """With, or without, what a clip sees of the one before: zero maps, as before the first clip."""

    def forget(network, inputs, features):
        return replace(features, motion=features.motion.zeros())

    hook = None if wanted else pipe.reference_unet.register_forward_hook(forget)
    try:
        yield
    finally:
        if hook is not None:
            hook.remove()


def face_box(picture: np.ndarray, name: str) -> tuple[float, float, float, float]:
    """Box of a picture's largest face, x0, y0, x1, y1 in pixels.

    Raises:
        FaceError: there is none.
    """
    with FaceDetector() as detector:
        faces = detector.detect(picture)
    if not faces:
        raise FaceError(f"{name}: no face found in it; give another picture")
    return largest(faces).box


def _seed(seed: int, name: str) -> int:
    """Of a video's noise, from the run's seed and the video's name."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:6], "big")


_stage: Stage | None = None  # of this process


def open_stage(settings: Settings, out: Path) -> None:
    """Set this process up for `shoot`."""
    global _stage
    _stage = Stage(settings, out)


def shoot(take: Take) -> tuple[str, Observation]:
    """Name and measurements of a take."""
    return take.name, _stage.shoot(take)
