"""Nodes whose inputs or outputs are motion: made from sound, read from frames, saved and loaded."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emo.comfy.fields import SEED, Input
from emo.comfy.frames import FPS, write_frames
from emo.comfy.hooks import Progress, new_output, open_saved, saved_files, stop_if_asked
from emo.comfy.model_nodes import CATEGORY
from emo.comfy.values import AUDIO, IMAGE, MODEL, MOTION, OPTIONS, STRING, own_values, portrait_of, seeded, sound_of
from emo.errors import OptionError
from emo.motion import MotionTrack
from emo.options import Options
from emo.pipelines.motion_kinds import TRACK_SUFFIX
from emo.pipelines.motion_pipeline import MotionPipeline


def motion_model(pipe: Any) -> Any:
    """A pipeline that makes motion.

    Raises:
        OptionError: it makes pictures and no motion.
    """
    if not isinstance(pipe, MotionPipeline):
        raise OptionError("model: EMO makes pictures and no motion; load a model of another system", option="model")
    return pipe


def motion_of_frames(pipe: Any, frames: Tensor, fps: float) -> MotionTrack:
    """What the face in IMAGE does, as a model reads it from a video.

    Raises:
        FaceError: no frame shows a face.
    """
    with tempfile.TemporaryDirectory(prefix="emo-comfy-") as folder:
        path = Path(folder) / "frames.mp4"
        write_frames(path, frames, fps)
        stop_if_asked()
        with torch.inference_mode(False), torch.no_grad():
            return motion_model(pipe).animator.track(path)


class GenerateMotion:
    """A recording becomes motion."""

    CATEGORY = CATEGORY
    DESCRIPTION = "The motion of a recording, not drawn yet."
    RETURN_TYPES = (MOTION,)
    RETURN_NAMES = ("motion",)
    FUNCTION = "generate"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        return {
            "required": {"model": (MODEL, {}), "audio": (AUDIO, {}), "seed": SEED},
            "optional": {"image": (IMAGE, {}), "options": (OPTIONS, {})},
        }

    def generate(
        self,
        model: Any,
        audio: Mapping[str, Any],
        seed: int,
        image: Tensor | None = None,
        options: Options | None = None,
    ) -> tuple[MotionTrack]:
        pipe = motion_model(model)
        with torch.inference_mode(False), torch.no_grad():
            motion = pipe.generate_motion(
                sound_of(pipe, audio),
                image=None if image is None else portrait_of(image),
                **own_values(pipe, options),
                generator=seeded(seed),
                callback_on_step_end=Progress(),
                callback_on_step_end_tensor_inputs=(),
            )
        return (motion,)


class ReadMotion:
    """Frames become motion."""

    CATEGORY = CATEGORY
    DESCRIPTION = "What the face in a video's frames does, as the model reads it."
    RETURN_TYPES = (MOTION,)
    RETURN_NAMES = ("motion",)
    FUNCTION = "read"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        return {"required": {"model": (MODEL, {}), "frames": (IMAGE, {}), "fps": FPS}}

    def read(self, model: Any, frames: Tensor, fps: float) -> tuple[MotionTrack]:
        return (motion_of_frames(model, frames, fps),)


class SaveMotion:
    """Motion becomes a file."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Write a motion into ComfyUI's output folder, as `emo generate --motion` reads it."
    RETURN_TYPES = (STRING,)
    RETURN_NAMES = ("path",)
    FUNCTION = "save"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        prefix = {"default": "motion/EMO", "tooltip": "of the file's name, as of other nodes that save"}
        return {"required": {"motion": (MOTION, {}), "filename_prefix": (STRING, prefix)}}

    def save(self, motion: MotionTrack, filename_prefix: str) -> dict[str, Any]:
        path, told = new_output(filename_prefix, TRACK_SUFFIX, 0, 0)
        motion.save(path)
        return {"ui": {"text": [told["filename"]]}, "result": (str(path),)}


class LoadMotion:
    """A saved motion."""

    CATEGORY = CATEGORY
    DESCRIPTION = "A motion from ComfyUI's folder of inputs or outputs."
    RETURN_TYPES = (MOTION,)
    RETURN_NAMES = ("motion",)
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        return {"required": {"file": (saved_files(TRACK_SUFFIX), {"tooltip": "a saved motion (.safetensors)"})}}

    @classmethod
    def IS_CHANGED(cls, file: str) -> float:
        return os.path.getmtime(open_saved(file))

    def load(self, file: str) -> tuple[MotionTrack]:
        return (MotionTrack.load(open_saved(file)),)
