"""Voices whose phones are known: flite's, built from recordings of real people, espeak-ng's many, and our own.

Both are programs of Debian (`apt install flite espeak-ng`), needed to make training data and for nothing else.
"""

import ctypes
import random
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from emo.articulation.features import SAMPLE_RATE
from emo.articulation.phones import ARPABET, Phone
from emo.data.synthetic.speech import synthesize
from emo.errors import ConfigError
from emo.media import AudioTrack
from emo.training.articulation.talks import Talk, as_sound
from emo.training.articulation.words import GRID, languages

FLITE = ("awb", "rms", "slt", "kal16")
ENGLISHES = ("en", "en-us", "en-gb-x-rp", "en-gb-scotland", "en-029")
VARIANTS = (
    *("adam", "alicia", "antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward"),
    *("f1", "f2", "f3", "f4", "f5", "grandma", "grandpa", "iven", "iven3", "john", "klatt", "klatt2", "klatt3"),
    *("klatt4", "linda", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "marcelo", "max", "michel", "miguel"),
    *("norbert", "pablo", "paul", "pedro", "quincy", "robert", "sandro", "shelby", "steph", "steph2", "travis"),
    *("victor", "zac"),
)
SYNCHRONOUS, PHONEMES_AS_IPA, UTF8 = 2, 3, 1
RATE, PITCH, RANGE = 1, 3, 4  # espeak's parameters
PHONEME, END = 7, 0  # espeak's events


def grid_sentence(rng: random.Random) -> str:
    """A sentence of the GRID corpus' grammar."""
    return " ".join(rng.choice(words) for words in GRID)


def word_salad(words: list[str], rng: random.Random) -> str:
    """Four to ten words in any order, at times with a pause among them."""
    drawn = [rng.choice(words) for _ in range(rng.randint(4, 10))]
    if len(drawn) > 6 and rng.random() < 0.5:
        drawn[len(drawn) // 2] += ","
    return " ".join(drawn)


def speak(sentences: int, seed: int) -> Iterator[Talk]:
    """Talks by all voices, half of each kind's in GRID's grammar where it speaks English.

    Args:
        sentences: by each voice of flite; espeak-ng's many say a tenth as many each, and each language as many.
        seed: of what is said and how.

    Raises:
        ConfigError: flite or espeak-ng are not installed.
    """
    rng = random.Random(seed)
    words = languages()
    english = words.pop("en")
    for voice in FLITE:
        for i in range(sentences):
            text = grid_sentence(rng) if i % 3 == 0 else word_salad(english, rng)
            yield _padded(f"flite_{voice}_{i:04d}", "flite", *flite(voice, text, rng), rng)
    espeak = Espeak()
    for i in range(len(VARIANTS) * max(1, sentences // 30)):
        text = grid_sentence(rng) if i % 2 else word_salad(english, rng)
        sound = espeak.say(rng.choice(ENGLISHES), VARIANTS[i % len(VARIANTS)], text, rng)
        yield _padded(f"espeak_en_{i:04d}", "espeak", *sound, rng)
    for language, known in words.items():
        for i in range(max(1, sentences // 5)):
            sound = espeak.say(language, rng.choice(VARIANTS), word_salad(known, rng), rng)
            yield _padded(f"espeak_{language}_{i:04d}", "espeak", *sound, rng)
    for i in range(sentences):
        yield synthetic(seed * 10**6 + i)


def flite(voice: str, text: str, rng: random.Random) -> tuple[np.ndarray, list[Phone]]:
    """Sound and phones of a text by one of flite's voices."""
    stretch = f"duration_stretch={rng.uniform(0.8, 1.25):.2f}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        command = ["flite", "-voice", voice, "-psdur", "--setf", stretch, "-t", text, "-o", str(path)]
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise ConfigError(f"flite does not speak ({error}); apt install flite") from error
        with wave.open(str(path)) as file:
            samples, rate = np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()
    phones, start = [], 0.0
    for name, end in (item.rsplit(":", 1) for item in said.split()):
        phones.append(Phone(ARPABET.get(name.upper(), ""), start, float(end)))
        start = float(end)
    return _at_16_khz(samples, rate), phones


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),
    )


_Heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """espeak-ng's library, which tells when each phone begins.

    Raises:
        ConfigError: it is not installed.
    """

    def __init__(self):
        try:
            self.library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise ConfigError(f"espeak-ng is not there ({error}); apt install espeak-ng") from error
        self.rate = self.library.espeak_Initialize(SYNCHRONOUS, 0, None, PHONEMES_AS_IPA)
        self._sound: list[np.ndarray] = []
        self._starts: list[tuple[float, str]] = []
        self._callback = _Heard(self._hear)  # kept: the library does not
        self.library.espeak_SetSynthCallback(self._callback)

    def _hear(self, samples, count: int, events) -> int:
        if count > 0:
            self._sound.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type != END:
            if events[i].type == PHONEME:
                letters = bytes(events[i].string).split(b"\0")[0].decode("utf-8", "ignore")
                self._starts.append((events[i].audio_position / 1000, letters))
            i += 1
        return 0

    def say(self, language: str, variant: str, text: str, rng: random.Random) -> tuple[np.ndarray, list[Phone]]:
        """Sound and phones of a text.

        Raises:
            ConfigError: it knows no such language or variant.
        """
        self._sound, self._starts = [], []
        name = f"{language}+{variant}"
        if self.library.espeak_SetVoiceByName(name.encode()) != 0:
            raise ConfigError(f"espeak-ng has no voice {name}")
        for parameter, bounds in ((RATE, (125, 195)), (PITCH, (25, 75)), (RANGE, (30, 80))):
            self.library.espeak_SetParameter(parameter, rng.randint(*bounds), 0)
        said = text.encode()
        self.library.espeak_Synth(said, len(said) + 1, 0, 1, 0, UTF8, None, None)
        samples = np.concatenate(self._sound)
        ends = [start for start, _ in self._starts[1:]] + [len(samples) / self.rate]
        phones = [
            Phone(letters, start, end) for (start, letters), end in zip(self._starts, ends, strict=True) if end > start
        ]
        return _at_16_khz(samples, self.rate), phones


def synthetic(seed: int) -> Talk:
    """Three seconds of this project's own synthetic speech."""
    speech = synthesize(seed, 3.0)
    phones = [Phone(s.phone.strip(), s.start, s.end) for s in speech.segments]
    sound = as_sound(speech.waveform)
    return Talk(f"synthetic_{seed:07d}", "synthetic", sound, phones=phones)


def _at_16_khz(samples: np.ndarray, rate: int) -> np.ndarray:
    with AudioTrack.open((samples, rate), SAMPLE_RATE) as track:
        return track.read(0, track.length)


def _padded(name: str, kind: str, sound: np.ndarray, phones: list[Phone], rng: random.Random) -> Talk:
    """A talk with silence before and after."""
    lead = Fraction(rng.randint(10, 60), 100)
    before, after = int(lead * SAMPLE_RATE), round(0.3 * SAMPLE_RATE)
    later = [Phone(p.letters, p.start + float(lead), p.end + float(lead)) for p in phones]
    return Talk(name, kind, as_sound(np.pad(sound, (before, after))), phones=later)
