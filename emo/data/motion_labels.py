"""What holds for the motion of a whole clip: all of it where it was drawn, some where it was seen in a video."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

EMOTIONS = ("neutral", "happy", "angry", "surprised")


@dataclass(frozen=True)
class MotionLabels:
    """What was drawn for a clip, as far as it can be seen in it; or what was read of a real one. None is not known.

    Attributes:
        head_coupling: 0 ... 1, share of the power of the head's turning that goes with the sound: nods on accents and
            turns with phrases; the rest is random.
        head_lag: seconds by which nods follow the accents.
        brow_coupling: 0 ... 1, how far brows rise on the strongest accent.
        blink_coupling: 0, blinks whenever, ... 1, in pauses alone.
        gaze_x: main direction of the eyes, as the label per frame of this name: the fullest cell of its histogram.
        gaze_y: the same, toward the picture's top.
        distance: of the camera, mean over the clip, as the label per frame.
        emotion: one of EMOTIONS.
        emotion_strength: 0 ... 1; 0 for neutral.
        instruction: what the person was told to do, a key of `emo.data.synthetic.motion.instructions.INSTRUCTIONS`,
            or empty.
        text: the sentence that told it, or empty.
    """

    head_coupling: float | None
    head_lag: float | None
    brow_coupling: float | None
    blink_coupling: float | None
    gaze_x: float | None
    gaze_y: float | None
    distance: float | None
    emotion: str | None
    emotion_strength: float | None
    instruction: str = ""
    text: str = ""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "MotionLabels":
        """Of what a table holds; keys that are not known are left out."""
        return cls(**{field.name: row[field.name] for field in fields(cls) if field.name in row})

    @classmethod
    def seen(cls, gaze_x: float | None, gaze_y: float | None, distance: float) -> "MotionLabels":
        """Of a real clip, whose couplings and emotion nobody has told."""
        unknown = dict.fromkeys(("head_coupling", "head_lag", "brow_coupling", "blink_coupling"))
        return cls(**unknown, gaze_x=gaze_x, gaze_y=gaze_y, distance=distance, emotion=None, emotion_strength=None)
