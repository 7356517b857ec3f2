"""eSpeak NG: over a hundred languages, by a voice that is computed. Its text and code are no part of this package."""

from pathlib import Path

from emo.errors import OptionError
from emo.speech.engine import Voice
from emo.speech.program import asked, run_program, version_of

PROGRAM = "espeak-ng"
DEFAULT = "en-us"
LICENSE = "GPL-3.0-or-later"
BORROWED = "mb/"  # where voices of MBROLA are: recordings of people, each under terms of its own
SHOWN = 12  # names that an error gives


class ESpeak:
    """`espeak-ng:en-us`, `espeak-ng:de+f3`: a language, or a voice's name, and a variant of the voice."""

    name = "espeak-ng"
    advice = "apt install espeak-ng, brew install espeak-ng, or from github.com/espeak-ng/espeak-ng"

    def version(self) -> str | None:
        return version_of(PROGRAM, "--version")

    def voice(self, name: str | None) -> Voice:
        name = name or DEFAULT
        base, _, variant = name.partition("+")
        languages, names = _listed("--voices")
        if base not in languages | names:
            some = ", ".join(sorted(languages)[:SHOWN])
            problem = f"espeak-ng has no voice {base!r}; `espeak-ng --voices` lists them: {some}, …"
            raise OptionError(problem, option="speaker")
        if variant and variant not in {file for _, _, file in _rows("--voices=variant")}:
            problem = f"espeak-ng has no variant {variant!r}; `espeak-ng --voices=variant` lists them"
            raise OptionError(problem, option="speaker")
        return Voice(self.name, self.version(), name, LICENSE)

    def speak(self, text: str, voice: Voice, path: Path) -> None:
        run_program([PROGRAM, "-v", voice.name, "-b", "1", "--stdin", "-w", str(path)], text, path, PROGRAM)


def _listed(option: str) -> tuple[set[str], set[str]]:
    """Languages, and names of voices."""
    rows = [row for row in _rows(option) if not row[2].startswith(BORROWED)]
    return {language for language, _, _ in rows}, {name for _, name, _ in rows}


def _rows(option: str) -> list[tuple[str, str, str]]:
    """Language, name and file of each voice; of a variant the file is its name alone."""
    lines = (asked(PROGRAM, option) or "").splitlines()[1:]
    fields = [line.split() for line in lines if len(line.split()) >= 5]
    return [(language, name, file.removeprefix("!v/")) for _, language, _, name, file, *_ in fields]
