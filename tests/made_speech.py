"""Engines of speech for tests: one that hums, and a voice of Piper's kind whose network is a few random numbers."""

import json
import wave
from pathlib import Path

import numpy as np

from emo.speech import Voice

RATE = 16000


class Hum:
    """Speaks by humming, 0.05 s a character, at a pitch that depends on the text."""

    name, advice = "hum", "nothing to install"

    def __init__(self, version: str | None = "1.0"):
        self._version = version

    def version(self) -> str | None:
        return self._version

    def voice(self, name: str | None) -> Voice:
        return Voice(self.name, self._version, name or "low", "CC0-1.0")

    def speak(self, text: str, voice: Voice, path: Path) -> None:
        time = np.arange(len(text) * RATE // 20) / RATE
        samples = 0.3 * np.sin(2 * np.pi * (100 + sum(map(ord, text)) % 100) * time)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((samples * 32767).astype("<i2").tobytes())


def make_piper_voice(folder: Path, license: str | None) -> Path:
    """A voice that makes 256 samples of noise for each phoneme, with the inputs and the output of Piper's voices."""
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["input_lengths", "hop"], ["count"]),
            helper.make_node("Concat", ["one", "one", "count"], ["shape"], axis=0),
            helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
            helper.make_node("RandomNormalLike", ["zeros"], ["output"]),
        ],
        "voice",
        [
            helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
            helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
            helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "samples"])],
        [
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("hop", TensorProto.INT64, [1], [256]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    path = folder / "xx_XX-tiny-low.onnx"
    onnx.save(model, str(path))
    signs = ["_", "^", "$", " ", *"abcdefghijklmnopqrstuvwxyzæðŋɐɑɒɔəɚɛɜɡɪɹʃʊʌʒθˈˌː.,!?"]  # noqa: RUF001
    config = {
        "audio": {"sample_rate": RATE, "quality": "low"},
        "espeak": {"voice": "en-us"},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_type": "espeak",
        "num_symbols": len(signs),
        "num_speakers": 1,
        "phoneme_id_map": {sign: [number] for number, sign in enumerate(signs)},
    }
    Path(f"{path}.json").write_text(json.dumps(config))
    if license:
        (folder / "MODEL_CARD").write_text(f"# Model card\n\n* Language: none\n\n## Dataset\n\n* License: {license}\n")
    return path
