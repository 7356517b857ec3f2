"""Nodes that load a model, hold the options of one system, and speak a text."""

from typing import Any, ClassVar

import torch

from emo.comfy.fields import Input, loading_inputs, loading_options, option_inputs, option_values
from emo.comfy.hooks import stop_if_asked
from emo.comfy.values import AUDIO, MODEL, OPTIONS, STRING, audio_of
from emo.options import Options
from emo.pipelines import all_options
from emo.speech import speak

CATEGORY = "EMO"


class LoadModel:
    """A model, on its device, as `emo generate --model` has it."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Load a model of any system: one that comes with the package, a folder, or one of the Hub."
    RETURN_TYPES = (MODEL,)
    RETURN_NAMES = ("model",)
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        inputs = loading_inputs()
        return {"required": {"model": inputs.pop("model")}, "optional": inputs}

    def load(self, **given: Any) -> tuple[Any]:
        from emo.cli.generate import load_pipeline

        stop_if_asked()
        with torch.inference_mode(False):  # weights that any later use may take
            pipe = load_pipeline(loading_options(given))
        pipe.set_progress_bar_config(disable=True)
        return (pipe,)


class Speak:
    """A text, spoken."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Speak a text by an engine that is installed: espeak-ng, flite, pico or piper."
    RETURN_TYPES = (AUDIO,)
    RETURN_NAMES = ("audio",)
    FUNCTION = "speak"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        text = {"default": "Good morning.", "multiline": True, "tooltip": "what is said"}
        speaker = {"default": "", "tooltip": "engine:voice, as espeak-ng:en-us; empty: the first that is installed"}
        return {"required": {"text": (STRING, text)}, "optional": {"speaker": (STRING, speaker)}}

    def speak(self, text: str, speaker: str = "") -> tuple[dict[str, Any]]:
        return (audio_of(speak(text, speaker.strip() or None)),)


class SystemOptions:
    """Options of one system; a class for each is made of this one."""

    CATEGORY = CATEGORY
    RETURN_TYPES = (OPTIONS,)
    RETURN_NAMES = ("options",)
    FUNCTION = "options"
    kind: ClassVar[type[Options]]

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Input]]:
        return {"required": {}, "optional": option_inputs(cls.kind)}

    def options(self, **given: Any) -> tuple[Options]:
        return (self.kind(**option_values(self.kind, given)),)


def options_nodes() -> dict[str, type[SystemOptions]]:
    """A node for each system's options, by the system's name."""
    kinds = {pipeline.removesuffix("Pipeline"): kind for pipeline, kind in all_options().items()}
    return {
        name: type(f"{name}Options", (SystemOptions,), {"kind": kind, "DESCRIPTION": f"Options for models of {name}."})
        for name, kind in kinds.items()
    }
