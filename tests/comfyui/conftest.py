"""ComfyUI's modules as far as nodes know them, its own nodes of the workflows, and small models on the disk."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from made_speech import Hum
from tiny import noise, tiny_pipeline, tiny_vasa

from emo.comfy import NODE_CLASS_MAPPINGS
from emo.speech import engines


class Interrupted(BaseException):
    """As ComfyUI's InterruptProcessingException."""


@pytest.fixture
def comfy(tmp_path, monkeypatch):
    """ComfyUI as nodes see it: `bars` holds progress, `stop_after` how many questions come before a stop."""
    state = SimpleNamespace(bars=[], stop_after=None, inputs=tmp_path / "input", outputs=tmp_path / "output")
    state.inputs.mkdir()
    state.outputs.mkdir()
    asked = 0

    class ProgressBar:
        def __init__(self, total):
            self.steps = []
            state.bars.append((total, self.steps))

        def update_absolute(self, value, total=None, preview=None):
            self.steps.append(value)

    def throw_exception_if_processing_interrupted():
        nonlocal asked
        asked += 1
        if state.stop_after is not None and asked > state.stop_after:
            raise Interrupted

    def get_save_image_path(prefix, output_dir, width=0, height=0):
        folder = Path(output_dir) / Path(prefix).parent
        folder.mkdir(parents=True, exist_ok=True)
        count = len(list(folder.glob(f"{Path(prefix).name}_*"))) + 1
        return str(folder), Path(prefix).name, count, str(Path(prefix).parent), prefix

    def get_annotated_filepath(name):
        return str((state.outputs if name.endswith(" [output]") else state.inputs) / name.removesuffix(" [output]"))

    modules = {
        "comfy": {},
        "comfy.utils": {"ProgressBar": ProgressBar},
        "comfy.model_management": {
            "throw_exception_if_processing_interrupted": throw_exception_if_processing_interrupted
        },
        "folder_paths": {
            "get_output_directory": lambda: str(state.outputs),
            "get_input_directory": lambda: str(state.inputs),
            "get_save_image_path": get_save_image_path,
            "get_annotated_filepath": get_annotated_filepath,
        },
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return state


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> dict[str, str]:
    """Folders of small models."""
    folder = tmp_path_factory.mktemp("models")
    tiny_pipeline().save_pretrained(folder / "emo")
    tiny_vasa().save_pretrained(folder / "vasa")
    return {name: str(folder / name) for name in ("emo", "vasa")}


@pytest.fixture
def hum(monkeypatch):
    """The one engine of speech that there is."""
    monkeypatch.setattr(engines, "OWN", (Hum(),))


@pytest.fixture
def image(portrait) -> torch.Tensor:
    """A portrait as IMAGE."""
    return torch.from_numpy(portrait).float()[None] / 255


@pytest.fixture
def nodes(image):
    """Ours, and those of ComfyUI's own that workflows have, which give a portrait, a sound and a video."""
    samples, rate = noise(0.4)
    audio = {"waveform": torch.from_numpy(samples)[None, None], "sample_rate": rate}

    def core(returns, name, value=None, widget=None, sockets=()):
        def give(self, **inputs):
            return value

        def types(cls):
            inputs = {widget: ("STRING", {})} if widget else {}
            return {"required": inputs | {name: (kind, {}) for name, kind in sockets}}

        given = {"RETURN_TYPES": returns, "FUNCTION": "give", "CATEGORY": "test", "give": give}
        return type(name, (), given | {"INPUT_TYPES": classmethod(types)})

    frames = image.repeat(6, 1, 1, 1)
    return {
        **NODE_CLASS_MAPPINGS,
        "LoadImage": core(("IMAGE", "MASK"), "LoadImage", (image, image[..., 0]), "image"),
        "LoadAudio": core(("AUDIO",), "LoadAudio", (audio,), "audio"),
        "LoadVideo": core(("VIDEO",), "LoadVideo", ("video",), "file"),
        "GetVideoComponents": core(
            ("IMAGE", "AUDIO", "FLOAT"), "GetVideoComponents", (frames, audio, 25.0), sockets=[("video", "VIDEO")]
        ),
    }
