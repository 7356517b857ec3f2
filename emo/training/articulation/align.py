"""When each phone of a known sentence is heard, by pocketsphinx, where it agrees with the words' times.

pocketsphinx (`pip install pocketsphinx`, whose wheel has an English model) is needed to make training data alone.
"""

from collections.abc import Sequence

import numpy as np

from emo.articulation.features import SAMPLE_RATE
from emo.articulation.phones import ARPABET, Phone
from emo.articulation.pronunciation import SILENT, Word
from emo.errors import ConfigError

NEAR = (0.08, 0.12)  # seconds by which the first sound and the last one's end may be off


class Aligner:
    """Aligns sentences of one corpus, whose words' times are known.

    Raises:
        ConfigError: pocketsphinx is not installed.
    """

    def __init__(self):
        try:
            from pocketsphinx import Decoder  # type: ignore[import-not-found]  (a tool)
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
