"""SVOX Pico, by the package py-nanotts, which brings six voices along."""

import importlib.util
from pathlib import Path

from emo.errors import OptionError
from emo.speech.engine import Voice
from emo.speech.package import installed, run_script

PACKAGE = "py-nanotts"
DEFAULT = "en-US"
LICENSE = "Apache-2.0"
VOICE = "*_ta.bin"  # in its folder of voices, after a language


class Pico:
    """`pico:en-US`: a language of its voices."""

    name = "pico"
    advice = "pip install 'emo[speech]'"

    def version(self) -> str | None:
        return installed(PACKAGE)

    def voice(self, name: str | None) -> Voice:
        name = name or DEFAULT
        if name not in (voices := _voices()):
            problem = f"pico has no voice {name!r}; it has {', '.join(voices)}"
            raise OptionError(problem, option="speaker")
        return Voice(self.name, self.version(), name, LICENSE)

    def speak(self, text: str, voice: Voice, path: Path) -> None:
        text = text.translate({ord("<"): " ", ord(">"): " "})  # it has commands in brackets, one of which plays files
        run_script("speak_pico.py", [voice.name], text, path, self.name)


def _voices() -> list[str]:
    spec = importlib.util.find_spec("py_nanotts")
    assert spec is not None  # it is installed
    assert spec.origin is not None  # as files
    return sorted(file.name.removesuffix(VOICE[1:]) for file in Path(spec.origin).parent.glob(f"lang/{VOICE}"))
