"""The engines: their voices, their sound, their licenses; the real ones where they are installed."""

import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from made_speech import Hum, make_piper_voice

from emo.errors import OptionError, SpeechError
from emo.speech import engine_names, engines, find_voice, speak
from emo.speech.flite import Flite


def samples_of(track) -> np.ndarray:
    return np.concatenate(list(track.blocks()))[:, 0]


@pytest.fixture
def program(tmp_path, monkeypatch):
    """`program(name, script)`: a shell script found by that name before all others."""

    def write(name: str, script: str) -> None:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(path.parent), prepend=":")

    return write


def test_pico_speaks_the_same_each_time_and_tells_its_license():
    pytest.importorskip("py_nanotts")
    track = speak("Good morning, how are you?", "pico:en-GB")
    assert track.speech is not None
    assert (track.speech["engine"], track.speech["voice"]) == ("pico", "en-GB")
    assert track.speech["license"] == "Apache-2.0"
    assert 1 < track.duration < 4
    assert np.std(samples_of(track)) > 0.01
    np.testing.assert_array_equal(samples_of(track), samples_of(speak("Good morning, how are you?", "pico:en-GB")))
    assert speak("Good morning.", "pico:en-GB").duration < track.duration


def test_pico_takes_no_commands_of_a_text():
    pytest.importorskip("py_nanotts")
    plain = speak("Wait  speed level='20'  here", "pico")
    np.testing.assert_array_equal(samples_of(speak("Wait <speed level='20'> here", "pico")), samples_of(plain))


def test_pico_names_its_voices():
    pytest.importorskip("py_nanotts")
    with pytest.raises(OptionError, match=r"no voice 'xx'; it has de-DE, en-GB, en-US, es-ES, fr-FR, it-IT"):
        find_voice("pico:xx")


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_speaks_languages_and_variants():
    track = speak("Привет, как дела?", "espeak-ng:ru")
    assert track.speech is not None
    assert track.speech["license"] == "GPL-3.0-or-later"
    assert 0.8 < track.duration < 4
    man, woman = speak("Good day", "espeak-ng:en-us"), speak("Good day", "espeak-ng:en-us+f3")
    assert not np.array_equal(samples_of(man), samples_of(woman))
    with pytest.raises(OptionError, match="no variant 'q7'"):
        find_voice("espeak-ng:en-us+q7")
    with pytest.raises(OptionError, match="no voice '-w'"):
        find_voice("espeak-ng:-w")


VOICES = r"""Pty Language Age/Gender VoiceName File Other
 5  de --/M German gmw/de
 5  de --/M german-mbrola-4 mb/mb-de4"""


def test_espeak_knows_voices_by_its_list_and_leaves_out_those_of_others(program):
    program("espeak-ng", f"cat <<'END'\n{VOICES}\nEND")
    assert find_voice("espeak-ng:de")[1].name == "de"
    assert find_voice("espeak-ng:German")[1].name == "German"
    with pytest.raises(OptionError, match="no voice 'german-mbrola-4'"):
        find_voice("espeak-ng:german-mbrola-4")


FLITE = """case "$1" in
-lv) echo "Voices available: kal slt " ;;
*) echo "version: flite-9.9 today" ;;
esac"""


def test_flite_takes_built_in_voices_alone_and_english(program, tmp_path):
    program("flite", FLITE)
    _, voice = find_voice("flite")
    assert (voice.name, voice.version, voice.license) == ("slt", "9.9", "MIT-CMU")
    for other in ("https://example.org/voice.flitevox", "/etc/passwd"):
        with pytest.raises(OptionError, match=r"no voice .* built in; it has kal, slt"):
            find_voice(f"flite:{other}")
    with pytest.raises(SpeechError, match="speaks English"):
        Flite().speak("Привет", voice, tmp_path / "made.wav")


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_flite_speaks():
    assert 0.5 < speak("Good day — “Anna”", "flite").duration < 4


@pytest.fixture
def piper(tmp_path) -> Path:
    pytest.importorskip("piper")
    pytest.importorskip("onnx")
    return make_piper_voice(tmp_path, "CC BY 4.0 (see there)")


def test_piper_speaks_by_a_file_the_same_each_time(piper):
    track = speak("Good day", f"piper:{piper}")
    assert track.speech is not None
    assert (track.speech["voice"], track.speech["license"]) == (piper.name, "CC BY 4.0 (see there)")
    assert track.source_rate == 16000
    assert np.std(samples_of(track)) > 0.01
    np.testing.assert_array_equal(samples_of(track), samples_of(speak("Good day", f"piper:{piper}")))


def test_piper_says_what_a_voice_is(piper, tmp_path):
    with pytest.raises(OptionError, match=r"piper comes without voices: give piper:FILE.onnx"):
        find_voice("piper")
    with pytest.raises(OptionError, match="does not exist"):
        find_voice(f"piper:{tmp_path / 'none.onnx'}")
    (tmp_path / "MODEL_CARD").unlink()
    assert find_voice(f"piper:{piper}")[1].license == "unknown"
    Path(f"{piper}.json").unlink()
    with pytest.raises(OptionError, match="it comes with the voice"):
        find_voice(f"piper:{piper}")


def test_piper_takes_voices_of_the_hub(piper, monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    asked = []

    def download(repo_id: str, name: str, revision: str | None = None) -> str:
        asked.append((repo_id, name, revision))
        if not (piper.parent / Path(name).name).exists():
            raise EntryNotFoundError(name)
        return str(piper.parent / Path(name).name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    (piper.parent / "MODEL_CARD").unlink()
    _, voice = find_voice(f"piper:org/voices@v1/xx/low/{piper.name}")
    assert (voice.name, voice.place, voice.license) == (piper.name, str(piper), "unknown")
    assert ("org/voices", f"xx/low/{piper.name}", "v1") in asked


def test_where_none_is_installed_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(engines, "OWN", (Hum(None),))
    with pytest.raises(OptionError, match=r"no engine of speech is installed; pip install 'emo\[speech\]', or apt"):
        speak("Hello")
    with pytest.raises(OptionError, match=r"hum is not installed; install it: nothing to install"):
        speak("Hello", "hum")
    with pytest.raises(OptionError, match="'loud' is no engine of speech; there are hum"):
        speak("Hello", "loud:x")


def test_other_packages_bring_engines(monkeypatch):
    from importlib.metadata import EntryPoint

    entry = EntryPoint("hum", "made_speech:Hum", engines.GROUP)
    monkeypatch.setattr(engines.importlib.metadata, "entry_points", lambda group: [entry])
    assert "hum" in engine_names()
    track = speak("Hello", "hum:high")
    assert track.speech == {"engine": "hum", "version": "1.0", "voice": "high", "license": "CC0-1.0"}
