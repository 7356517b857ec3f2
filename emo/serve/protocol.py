"""What client and server say to each other besides pictures and sound: JSON, checked. docs/serve.md describes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emo.serve.limits import LiveLimits

RATES = 8000, 192_000
POLICY, TRY_LATER, SERVER_ERROR = 1008, 1013, 1011
"""Why a WebSocket is closed, by the numbers of RFC 6455: something refused, too many clients, our own fault."""

START, INTERRUPT, END, PING = "start", "interrupt", "end", "ping"


class Refused(Exception):
    """A session ends before its client wants it to.

    Args:
        sentence: why, for the client.
        reason: the same in a word, for the metrics.
        code: that the WebSocket is closed with.
        option: to blame, if there is one.
    """

    def __init__(self, sentence: str, reason: str, code: int = POLICY, option: str | None = None):
        super().__init__(sentence)
        self.reason, self.code, self.option = reason, code, option


@dataclass(frozen=True)
class Start:
    """What a client begins with.

    Attributes:
        rate: of its sound, in Hz.
        delay: seconds of its sound that may wait; of more the oldest is dropped.
        idle: whether the portrait moves on, in silence, where no sound comes.
        seed: of the noise.
        options: of the model, by the names of `emo live`'s flags.
    """

    rate: int
    delay: float
    idle: bool = True
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


def read_message(text: str) -> dict[str, Any]:
    """A message of a client.

    Raises:
        Refused: it is none.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("A text message must be JSON.", "protocol") from None
    if not isinstance(message, dict) or message.get("type") not in (START, INTERRUPT, END, PING):
        raise Refused(f"The type of a message is {START}, {INTERRUPT}, {END} or {PING}.", "protocol")
    return message


def read_start(message: Mapping[str, Any], limits: LiveLimits) -> Start:
    """A client's first message.

    Raises:
        Refused: it is another one, or asks for what is not allowed.
    """
    if message["type"] != START:
        raise Refused("The first message is a start.", "protocol")
    given = {name: value for name, value in message.items() if name != "type"}
    unknown = sorted(given.keys() - {"rate", "delay", "idle", "seed", "options"})
    if unknown:
        raise Refused(f"A start has no {unknown[0]!r}.", "protocol")
    rate = given.get("rate", 16000)
    if not _is_number(rate) or not RATES[0] <= rate <= RATES[1] or rate != int(rate):
        raise Refused(f"The rate is a whole number from {RATES[0]} to {RATES[1]}.", "limit", option="rate")
    delay = given.get("delay", min(10, limits.delay))
    if not _is_number(delay) or not 0 < delay <= limits.delay:
        raise Refused(f"The delay is more than 0 and at most {limits.delay:g} s.", "limit", option="delay")
    idle, options = given.get("idle", True), given.get("options", {})
    if not isinstance(idle, bool):
        raise Refused("Idle is true or false.", "protocol", option="idle")
    if not isinstance(options, dict):
        raise Refused("Options are an object.", "protocol", option="options")
    return Start(int(rate), float(delay), idle, given.get("seed", 0), options)


def read_sound(content: bytes) -> np.ndarray:
    """The samples in a binary message, float32 (N,).

    Raises:
        Refused: these are no 16-bit samples.
    """
    if len(content) % 2:
        raise Refused("Sound is 16-bit samples, little-endian, mono: an even number of bytes.", "protocol")
    return np.frombuffer(content, "<i2").astype(np.float32) / 32768


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
