"""Nodes from a portrait and a sound, or a video, to frames; and one that writes a video."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from emo.comfy.fields import SEED, Input
from emo.comfy.frames import FPS, write_frames
from emo.comfy.hooks import Progress, new_output
from emo.comfy.model_nodes import CATEGORY
from emo.comfy.motion_nodes import motion_model, motion_of_frames
from emo.comfy.values import (
    AUDIO,
    FLOAT,
    IMAGE,
    MODEL,
    MOTION,
    OPTIONS,
    ORIGIN,
    STRING,
    audio_of,
    own_values,
    portrait_of,
    seeded,
    sound_of,
)
from emo.generation import fingerprint
from emo.generation.origin import complete_origin
from emo.generation.stream import Stream
from emo.media import as_fps
from emo.motion import MotionTrack
from emo.options import Options
from emo.pipelines.motion_call import rendered

VIDEO = {"types": (IMAGE, AUDIO, FLOAT, ORIGIN), "names": ("frames", "audio", "fps", "origin")}


def frames_of(pipe: Any, image: Tensor, seed: int, arguments: Mapping[str, Any]) -> tuple[Tensor, dict, float, dict]:
    """Frames, sound, rate and record of a video.

    Args:
        pipe: makes it.
        image: the portrait, IMAGE.
        seed: of the noise.
        arguments: of its `stream` besides.
    """
    with torch.inference_mode(False), torch.no_grad():
        progress = Progress()
        stream: Stream[Any] = pipe.stream(
            portrait_of(image),
            **arguments,
            generator=seeded(seed),
            output_type="np",
            callback_on_step_end=progress,
            callback_on_step_end_tensor_inputs=(),
        )
        steps = getattr(stream.options, "num_inference_steps", None) or 1
        progress.total = stream.num_clips * steps
        parts = []
        for clip in stream:
            progress.reached((clip.index + 1) * steps)
            parts.append(torch.from_numpy(clip.frames))
        record = complete_origin(stream.origin, fingerprint(stream, seed))
        return torch.cat(parts), audio_of(stream.audio), float(stream.fps), record


class Generate:
    """A portrait and a recording become frames."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Animate a portrait by a recording."
    RETURN_TYPES, RETURN_NAMES = VIDEO["types"], VIDEO["names"]
    FUNCTION = "generate"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        required: dict[str, Input] = {"model": (MODEL, {}), "image": (IMAGE, {}), "audio": (AUDIO, {}), "seed": SEED}
        return {"required": required, "optional": {"options": (OPTIONS, {})}}

    def generate(self, model: Any, image: Tensor, audio: Mapping[str, Any], seed: int, options: Options | None = None):
        return frames_of(model, image, seed, {"audio": sound_of(model, audio), **own_values(model, options)})


class Drive:
    """A portrait does what the face of a video does."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Let a portrait do what the face in a video does, or parts of it while others follow the sound."
    RETURN_TYPES, RETURN_NAMES = VIDEO["types"], VIDEO["names"]
    FUNCTION = "drive"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        named = "pose, mouth, eyes, gaze, lids, brows, expression"
        parts = {"default": "", "tooltip": f"what follows the video, of {named}, with commas; empty: all"}
        return {
            "required": {"model": (MODEL, {}), "image": (IMAGE, {}), "frames": (IMAGE, {}), "fps": FPS, "seed": SEED},
            "optional": {"audio": (AUDIO, {}), "parts": (STRING, parts), "options": (OPTIONS, {})},
        }

    def drive(
        self,
        model: Any,
        image: Tensor,
        frames: Tensor,
        fps: float,
        seed: int,
        audio: Mapping[str, Any] | None = None,
        parts: str = "",
        options: Options | None = None,
    ):
        named = [part.strip() for part in parts.split(",") if part.strip()] or None
        driven = motion_model(model).driven_by(
            motion_of_frames(model, frames, fps),
            sound_of(model, audio),
            named,
            **given_values(model, options, fps),
            generator=seeded(seed),
        )
        del driven["generator"]
        return frames_of(model, image, seed, driven)


class DrawMotion:
    """A motion becomes frames."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Draw a motion on a portrait, at the motion's own rate."
    RETURN_TYPES, RETURN_NAMES = VIDEO["types"], VIDEO["names"]
    FUNCTION = "draw"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        return {
            "required": {"model": (MODEL, {}), "image": (IMAGE, {}), "motion": (MOTION, {})},
            "optional": {"audio": (AUDIO, {}), "options": (OPTIONS, {})},
        }

    def draw(
        self,
        model: Any,
        image: Tensor,
        motion: MotionTrack,
        audio: Mapping[str, Any] | None = None,
        options: Options | None = None,
    ):
        sound = sound_of(motion_model(model), audio)
        values = given_values(model, options, motion.fps)
        return frames_of(model, image, 0, rendered(motion, sound, values))


def given_values(pipe: Any, options: Options | None, fps: float | Fraction) -> dict[str, Any]:
    """The same as `own_values`, where a motion is given: its rate holds, unless options change the usual one."""
    values = own_values(pipe, options)
    values.pop("motion", None)
    if not values or values["fps"] == pipe.options_class().fps:
        values["fps"] = as_fps(fps)
    return values


class SaveVideo:
    """Frames and sound become a file, with the record of their origin in its metadata."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Write an .mp4 into ComfyUI's output folder; it says that it is AI-generated, and how."
    RETURN_TYPES = (STRING,)
    RETURN_NAMES = ("path",)
    FUNCTION = "save"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        prefix = {"default": "video/EMO", "tooltip": "of the file's name, as of other nodes that save"}
        return {
            "required": {"frames": (IMAGE, {}), "fps": FPS, "filename_prefix": (STRING, prefix)},
            "optional": {"audio": (AUDIO, {}), "origin": (ORIGIN, {})},
        }

    def save(
        self,
        frames: Tensor,
        fps: float,
        filename_prefix: str,
        audio: Mapping[str, Any] | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        height, width = frames.shape[1:3]
        path, told = new_output(filename_prefix, ".mp4", width, height)
        write_frames(path, frames, fps, audio, origin)
        return {"ui": {"images": [told], "animated": (True,)}, "result": (str(path),)}
