"""Whether lips meet where p, b and m are said."""

import numpy as np

from emo.articulation.phones import VOWELS, Phone, pieces, sound_of
from emo.articulation.sounds import SHUT

SHARE = 1 / 3  # of the vowels' opening: what is below counts as shut
MARGIN = 0.02  # seconds around a bilabial that count as its own


def bilabials_shut(opening: np.ndarray, fps: float, phones: list[Phone]) -> np.ndarray:
    """Of every p, b and m, whether the mouth's opening falls below a third of the vowels', their widest's mean.

    Args:
        opening: (T,) of one video, frame i at (i + 0.5) / fps.
        fps: frames per second.
        phones: what is said in it.

    Returns:
        (N,) bool; none where no vowel is within the video to compare with. Phones that no frame shows do not count.
    """
    times, half = (np.arange(len(opening)) + 0.5) / fps, 0.5 / fps

    def within(phone: Phone, margin: float) -> np.ndarray:
        return opening[(times >= phone.start - margin) & (times <= phone.end + margin)]

    first = [(phone, pieces([phone])[0].letter) for phone in phones]
    vowels = [within(phone, half) for phone, letter in first if letter in VOWELS]
    widest = [values.max() for values in vowels if len(values)]
    if not widest:
        return np.zeros(0, bool)
    lips = [within(phone, half + MARGIN) for phone, letter in first if sound_of(letter) == SHUT]
    return np.array([values.min() < SHARE * np.mean(widest) for values in lips if len(values)], bool)
