"""What the page's own script sends of a microphone's sound, checked: numbers alone, no decoder."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import numpy as np

from emo.ui.words import OPTIONS, FieldError

RATES = 8000, 192_000
MAX_TEXT = 1 << 20  # characters of a piece, of which the last are taken
MAX_SECONDS = 2.0  # of a piece: what a browser held back is of no use any more
TROUBLES = {
    "NotAllowedError": "The browser refused the microphone: allow this page to use it, and start again.",
    "NotFoundError": "This device has no microphone.",
    "insecure": "Browsers give a microphone only to pages over HTTPS, and to those of the same machine.",
}
TROUBLE = "The browser cannot use its microphone: see that no other program does, and start again."
NO_SOUND = "The browser sends sound in a form that this page does not know: reload the page."


@dataclass(frozen=True)
class Piece:
    """A piece of sound.

    Attributes:
        samples: int16 (N,).
        rate: in Hz.
        shown: how many pictures the browser has shown by then.
    """

    samples: np.ndarray
    rate: int
    shown: int


def read_piece(message: dict[str, Any]) -> Piece:
    """The sound in a message of the script, the newest of it where it is long.

    Raises:
        FieldError: there is none, and why.
    """
    if "trouble" in message:
        raise FieldError(OPTIONS, TROUBLES.get(str(message["trouble"]), TROUBLE))
    rate: Any = message.get("rate")
    shown: Any = message.get("shown")
    text = message.get("samples")
    numbers = all(isinstance(number, int | float) and 0 <= number < 1e9 for number in (rate, shown))
    if not numbers or not RATES[0] <= rate <= RATES[1] or not isinstance(text, str):
        raise FieldError(OPTIONS, NO_SOUND)
    try:
        content = base64.b64decode(text[-MAX_TEXT:], validate=True)
    except (binascii.Error, ValueError):
        raise FieldError(OPTIONS, NO_SOUND) from None
    samples = np.frombuffer(content[len(content) % 2 :], "<i2").astype(np.int16)
    return Piece(samples[-round(MAX_SECONDS * rate) :], round(rate), round(shown))
