"""Piper: voices made by networks, each a file of the user's own disk or of the Hub, its configuration beside it."""

import re
from pathlib import Path

from emo.errors import EmoError, OptionError, WeightsError
from emo.files import read_json_object, require_file
from emo.speech.engine import UNKNOWN_LICENSE, Voice
from emo.speech.package import installed, run_script

PACKAGE = "piper-tts"
ENDING, CONFIG, CARD = ".onnx", ".json", "MODEL_CARD"
IN_CARD = re.compile(r"^[\s*-]*licen[cs]e\s*:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
LONGEST = 100  # letters of a license


class Piper:
    """`piper:FILE.onnx`, or of a repository of the Hub `piper:org/name/PATH.onnx`, `org/name@revision/PATH.onnx`."""

    name = "piper"
    advice = "pip install 'emo[piper]'"

    def version(self) -> str | None:
        return installed(PACKAGE)

    def voice(self, name: str | None) -> Voice:
        if not name or not name.endswith(ENDING):
            problem = (
                f"{f'{name} is no voice' if name else 'piper comes without voices'}: give piper:FILE.onnx, with its "
                "FILE.onnx.json beside it, or piper:org/name/PATH.onnx of a repository of the Hub"
            )
            raise OptionError(problem, option="speaker")
        file = Path(name)
        if not file.exists() and name.count("/") >= 2 and not file.is_absolute():
            file = _fetched(name)
        require_file(file, _wrong, "piper's voices are files; give one, or org/name/PATH.onnx of the Hub")
        config = Path(f"{file}{CONFIG}")
        require_file(config, _wrong, "it comes with the voice, and lies beside it")
        return Voice(self.name, self.version(), Path(name).name, _license(file, config), str(file))

    def speak(self, text: str, voice: Voice, path: Path) -> None:
        assert voice.place is not None
        run_script("speak_piper.py", [voice.place], text, path, self.name)


def _fetched(name: str) -> Path:
    """A voice of the Hub, with its configuration, and its card where it has one, in the local cache."""
    from huggingface_hub import errors, hf_hub_download

    from emo.store.repository import hub_errors, split_revision

    owner, repository, path = name.split("/", 2)
    repo_id, revision = split_revision(f"{owner}/{repository}")
    with hub_errors(str(repo_id)):
        for beside in (path + CONFIG, str(Path(path).with_name(CARD))):
            try:
                hf_hub_download(str(repo_id), beside, revision=revision)
            except errors.EntryNotFoundError:
                continue  # what is missing and needed, is named when the voice is opened
        return Path(hf_hub_download(str(repo_id), path, revision=revision))


def _license(file: Path, config: Path) -> str:
    """The license of a voice as its configuration or its card tells it."""
    told = read_json_object(config, WeightsError).get("license")
    card = file.with_name(CARD)
    if not isinstance(told, str) and card.is_file():
        found = IN_CARD.search(card.read_text(encoding="utf-8", errors="replace"))
        told = found[1] if found else None
    return told[:LONGEST] if isinstance(told, str) and told.strip() else UNKNOWN_LICENSE


def _wrong(problem: str) -> EmoError:
    return OptionError(problem, option="speaker")
