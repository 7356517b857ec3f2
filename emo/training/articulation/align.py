"""When each phone of a known sentence is heard: by pocketsphinx where it agrees with the words' times, else by rule.

pocketsphinx (`pip install pocketsphinx`, whose wheel has an English model) is needed to make training data alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emo.articulation.features import SAMPLE_RATE
from emo.errors import ConfigError
from emo.training.articulation.phones import ARPABET, Phone

SILENT = ("sil", "sp")
SLACK = 0.03  # seconds around a word in which its phones' middles lie
NEAR = (0.08, 0.12)  # seconds by which the first sound and the last one's end may be off
GRID_LETTERS = dict(
    a="EY", c="S IY", d="D IY", e="IY", f="EH F", g="JH IY", k="K EY", m="EH M", o="OW", t="T IY", u="Y UW", z="Z EH D"
)
OTHER_WORDS = dict(eight="EY T", four="F AO R", seven="S EH V AH N", six="S IH K S", zero="Z IH R OW")


class Word(NamedTuple):
    """A word and when it is heard, in seconds."""

    text: str
    start: float
    end: float


class Aligner:
    """Aligns sentences of one corpus, whose words' times are known.

    Raises:
        ConfigError: pocketsphinx is not installed.
    """

    def __init__(self):
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise ConfigError("alignments need pocketsphinx: pip install pocketsphinx") from error
        self.decoder = Decoder(lm=None, samprate=SAMPLE_RATE, loglevel="FATAL")

    def align(self, sound: np.ndarray, words: Sequence[Word]) -> list[Phone] | None:
        """Phones of a sentence in int16 sound, None where they do not fit the words' times."""
        said = [word for word in words if word.text not in SILENT]
        decoder, pcm = self.decoder, sound.tobytes()
        try:
            decoder.set_align_text(" ".join(word.text for word in said))
            for stage in ("words", "phones"):
                if stage == "phones":
                    decoder.set_alignment()
                decoder.start_utt()
                decoder.process_raw(pcm, full_utt=True)
                decoder.end_utt()
        except RuntimeError:
            return None
        found = [
            Phone(ARPABET.get(phone.name, ""), phone.start / 100, (phone.start + phone.duration) / 100)
            for word in decoder.get_alignment()
            for phone in word
        ]
        heard = [phone for phone in found if phone.letters]
        off = abs(heard[0].start - said[0].start), abs(heard[-1].end - said[-1].end)
        return found if off[0] <= NEAR[0] and off[1] <= NEAR[1] else None


class WordRule:
    """Phones of words by what the aligned sentences tell: how each word is said, and how long its phones last."""

    def __init__(self, aligned: Sequence[tuple[list[Phone], Sequence[Word]]]):
        spoken: dict[str, dict[tuple[str, ...], int]] = {}
        lengths: dict[str, list[float]] = {}
        for phones, words in aligned:
            for word in words:
                first, last = word.start - SLACK, word.end + SLACK
                inside = [p for p in phones if p.letters and first < (p.start + p.end) / 2 < last]
                counts = spoken.setdefault(word.text, {})
                said = tuple(p.letters for p in inside)
                counts[said] = counts.get(said, 0) + 1
                for phone in inside:
                    lengths.setdefault(phone.letters, []).append(phone.end - phone.start)
        self.spoken = {word: max(counts, key=lambda said: counts[said]) for word, counts in spoken.items()}
        for word, said in (GRID_LETTERS | OTHER_WORDS).items():
            self.spoken[word] = tuple(ARPABET[name] for name in said.split())
        self.lengths = {letters: float(np.mean(row)) for letters, row in lengths.items()}

    def phones(self, words: Sequence[Word]) -> list[Phone] | None:
        """Phones of words, each word's as long as they are on the average; None where a word was never heard."""
        phones = []
        for word in words:
            said = () if word.text in SILENT else self.spoken.get(word.text)
            if said is None:
                return None
            if not said:
                phones.append(Phone("", word.start, word.end))
                continue
            share = np.cumsum([0.0] + [self.lengths.get(letters, 0.08) for letters in said])
            times = word.start + (word.end - word.start) * share / share[-1]
            phones += [Phone(letters, times[i], times[i + 1]) for i, letters in enumerate(said)]
        return phones
