"""The classes of sounds that the articulation tells apart, and what the lips do in them."""

SOUNDS = (
    "silence", "p b m", "f v", "th", "t d n", "s z", "l", "r", "sh", "k g ng", "h", "y", "w",
    "i", "ih", "e", "ae", "a", "aw", "o", "u", "ue", "schwa",
)  # fmt: skip
SHUT = SOUNDS.index("p b m")
TEETH = SOUNDS.index("f v")
ROUNDED = {"w": 1.0, "u": 1.0, "ue": 1.0, "o": 0.9, "aw": 0.7, "sh": 0.6, "r": 0.4}  # of 1, narrowest lips
