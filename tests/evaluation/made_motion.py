"""Families of motion, quickly: what is drawn of a clip, and no search for faces."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from made_faces import made_face
from PIL import Image

from emo.data.synthetic.held_out import HELD_OUT
from emo.evaluation.mechanisms.family import Family
from emo.evaluation.mechanisms.generator import FPS, GenerationSettings, Generator
from emo.evaluation.mechanisms.observation import Observation
from emo.face import FaceTrack
from emo.motion import CONTROLS


def made_generator(family: Family, model: Path, folder: Path, pipe=None, **changes) -> Generator:
    """Makes videos of a model, or of a pipeline, into a folder; changes are of `GenerationSettings`."""
    settings = {
        "models": {"model": str(model)}, "options": {"num_inference_steps": 1}, "seed": 0, "people": 4,
        "held_out": HELD_OUT, "size": 128, "device": "cpu", "dtype": "float32", "compile": False,
    }  # fmt: skip
    generator = Generator(GenerationSettings(**settings | changes), family, folder)
    if pipe is not None:
        pipe.set_progress_bar_config(disable=True)
        generator._pipes["model"] = pipe
    return generator


def drawn_motion(maker, clip) -> np.ndarray:
    """The motion (T, D) that is drawn of a clip."""
    told = []
    pipe = maker._generator.pipe()
    with patch.object(type(pipe.animator), "render", lambda self, appearance, values: _blank(told, values)):
        maker(clip)
    return np.concatenate(told)


def _blank(told: list, values: torch.Tensor) -> np.ndarray:
    told.append(values.numpy().copy())
    return np.zeros((len(values), 128, 128, 3), np.uint8)


def quick_clip(held_out, person, controls):
    """In place of the drawing, which takes its time."""
    still = np.asarray(Image.fromarray(held_out.portrait(person)).resize((128, 128)))
    return np.stack([np.roll(still, t % 3, axis=1) for t in range(len(controls))])


def quick_track(frames, detector):
    """In place of the search for faces."""
    return FaceTrack(np.stack([made_face()] * len(frames)), np.ones(len(frames), bool))


def still_video(seconds: float) -> Observation:
    """Measurements of a face with shut lips that does nothing, and was told to do nothing."""
    frames = round(seconds * FPS)
    return Observation(
        landmarks=np.stack([made_face(opening=0.01)] * frames).astype(np.float32),
        found=np.ones(frames, np.uint8),
        sharpness=np.ones(frames),
        change=np.ones(frames - 1),
        rgb=np.ones((frames, 3)),
        descriptors=np.eye(4)[:1],
        described=np.zeros(1, int),
        shown=np.zeros((1, 8, 8, 3), np.uint8),
        pose=np.zeros((frames, 3)),
        seconds=np.array(1.0),
        controls=CONTROLS.rest.repeat(frames, 1).double().numpy(),
    )
