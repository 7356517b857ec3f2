"""Flite: English by recorded voices, small and quick."""

import unicodedata
from pathlib import Path

from emo.errors import OptionError, SpeechError
from emo.speech.engine import Voice
from emo.speech.program import asked, run_program, version_of

PROGRAM = "flite"
PREFERRED = "slt"
LICENSE = "MIT-CMU"  # of the program and of the voices that are built into it
PLAIN = {0x2013: "-", 0x2014: "-", 0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2026: "..."}  # of print


class Flite:
    """`flite:slt`: one of the voices that are built into it. It knows letters without marks alone."""

    name = "flite"
    advice = "apt install flite, or from cmuflite.org"

    def version(self) -> str | None:
        return version_of(PROGRAM, "--version")

    def voice(self, name: str | None) -> Voice:
        built_in = (asked(PROGRAM, "-lv") or "").partition(":")[2].split()
        chosen = name or (PREFERRED if PREFERRED in built_in else built_in[0])
        if chosen not in built_in:  # flite itself would take it for a file, or an address to fetch
            problem = f"flite has no voice {chosen!r} built in; it has {', '.join(built_in)}"
            raise OptionError(problem, option="speaker")
        return Voice(self.name, self.version(), chosen, LICENSE)

    def speak(self, text: str, voice: Voice, path: Path) -> None:
        plain = unicodedata.normalize("NFKD", text.translate(PLAIN)).encode("ascii", "ignore").decode()
        if sum(map(str.isalnum, plain)) < sum(map(str.isalnum, text)):
            raise SpeechError("flite speaks English, in letters from A to Z; take another engine for this text")
        run_program([PROGRAM, "-voice", voice.name, "-o", str(path)], plain, path, PROGRAM, encoding="ascii")
