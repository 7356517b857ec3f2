"""Kinds of options of pipelines that generate motion: directions, emotions, poses, whole motions."""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.errors import EmoError, OptionError
from emo.options import Kind
from emo.values import number

if TYPE_CHECKING:
    from emo.motion import MotionTrack

FREE = "free"
TRACK_SUFFIX = ".safetensors"
ANGLES = 3  # yaw, pitch, roll


def parse_gaze(text: str) -> tuple[float, ...] | str:
    """`free`, or `X,Y`.

    Raises:
        OptionError: it is neither.
    """
    return FREE if text == FREE else _numbers(text, "gaze")


def plain_gaze(value: Any, name: str = "gaze") -> tuple[float, float] | str:
    """Two numbers, or `free`.

    Raises:
        OptionError: it is neither.
    """
    if isinstance(value, str) and value == FREE:
        return FREE
    plain = _plain_numbers(value, name)
    if len(plain) != 2 or max(map(abs, plain)) > 1:
        raise OptionError(f"{name} is two numbers from -1 to 1, to the right and up, not {value!r}", option=name)
    return plain[0], plain[1]


def parse_emotion(text: str) -> dict[str, float]:
    """`happy:0.6,surprised:0.2`; a name alone is 1.

    Raises:
        OptionError: it is not that.
    """
    found = {}
    for part in text.split(","):
        word, _, strength = part.partition(":")
        try:
            found[word.strip()] = float(strength or 1)
        except ValueError:
            raise OptionError(f"emotion {text!r}: write happy:0.6", option="emotion") from None
    return found


def plain_emotion(value: Any, name: str = "emotion") -> dict[str, float]:
    """Strengths 0 to 1 by emotion.

    Raises:
        OptionError: it is none of these.
    """
    if not isinstance(value, Mapping):
        raise OptionError(f"{name} is strengths by name, as {{'happy': 0.6}}", option=name)
    plain = {str(word): number(strength, name) for word, strength in value.items()}
    if wrong := [word for word, strength in plain.items() if not 0 <= strength <= 1]:
        raise OptionError(f"{name}: {wrong[0]} is {plain[wrong[0]]:g}; it must lie between 0 and 1", option=name)
    return plain


def parse_pose(text: str) -> tuple[float, ...]:
    """Yaw, pitch and roll.

    Raises:
        OptionError: it is not that.
    """
    return _numbers(text, "pose")


def plain_pose(value: Any, name: str = "pose") -> "tuple[float, ...] | MotionTrack":
    """A motion, or yaw, pitch and roll in degrees for all frames.

    Raises:
        OptionError: it is neither.
    """
    from emo.motion import MotionTrack

    if isinstance(value, MotionTrack):
        return value
    if isinstance(value, str | Path):
        return load_motion(str(value), name)
    plain = _plain_numbers(value, name)
    if len(plain) != ANGLES:
        raise OptionError(f"{name} is yaw, pitch and roll in degrees, or a motion, not {value!r}", option=name)
    return plain


def plain_motion(value: Any, name: str = "motion") -> "MotionTrack":
    """A motion.

    Raises:
        OptionError: it is none.
    """
    from emo.motion import MotionTrack

    if isinstance(value, str | Path):
        return load_motion(str(value), name)
    if not isinstance(value, MotionTrack):
        raise OptionError(f"{name} is a MotionTrack, a saved one, or a video, not {type(value).__name__}", option=name)
    return value


def load_motion(text: str, name: str = "motion") -> "MotionTrack":
    """A saved motion, or that of a video.

    Raises:
        OptionError: there is no such file.
        EmoError: it holds neither.
    """
    from emo.motion import MotionTrack

    return _load(text, name, MotionTrack.from_video)


def _load(text: str, name: str, read_video: "Callable[[Path], MotionTrack]") -> "MotionTrack":
    from emo.motion import MotionTrack

    path = Path(text)
    if not path.is_file():
        raise OptionError(f"{name} {text}: no such file; give a saved motion or a video", option=name)
    try:
        return MotionTrack.load(path) if path.suffix.lower() == TRACK_SUFFIX else read_video(path)
    except EmoError as error:
        error.option = error.option or name
        raise


def _no_text(text: str) -> Any:
    raise OptionError(f"{text!r} is no motion", option="motion")


def motion_to_json(track: "MotionTrack") -> dict[str, Any]:
    """All of a motion as JSON can hold it, exactly."""
    values = base64.b64encode(track.values.numpy().astype("<f4").tobytes()).decode()
    return {"values": values, "fps": str(track.fps), "space": track.space.to_dict()}


def motion_from_json(record: Mapping[str, Any]) -> "MotionTrack":
    """What `motion_to_json` gave.

    Raises:
        OptionError: it is damaged.
    """
    import numpy as np
    import torch

    from emo.motion import MotionSpace, MotionTrack

    try:
        space = MotionSpace.from_dict(record["space"])
        values = np.frombuffer(base64.b64decode(record["values"], validate=True), "<f4").reshape(-1, len(space))
        return MotionTrack(torch.from_numpy(values.astype(np.float32)), record["fps"], space)
    except (EmoError, KeyError, TypeError, ValueError) as error:
        raise OptionError(f"motion: its record is damaged ({error})", option="motion") from None


def _pose_to_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else motion_to_json(value)


def _pose_from_json(record: Any) -> Any:
    return motion_from_json(record) if isinstance(record, Mapping) else tuple(record)


def _gaze_to_json(value: Any) -> Any:
    return value if isinstance(value, str) else list(value)


def _numbers(text: str, name: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise OptionError(f"{name} {text!r}: write numbers with commas between them", option=name) from None


def _plain_numbers(value: Any, name: str) -> tuple[float, ...]:
    if hasattr(value, "tolist"):  # of numpy or torch
        value = value.tolist()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise OptionError(f"{name} is numbers in a row, not {value!r}", option=name)
    plain = tuple(number(each, name) for each in value)
    if not all(map(math.isfinite, plain)):
        raise OptionError(f"{name} must be finite numbers", option=name)
    return plain


def plain_landmarks(value: Any, name: str = "landmarks") -> "MotionTrack":
    """A track of landmarks.

    Raises:
        OptionError: it is none.
    """
    return plain_motion(load_landmarks(str(value), name) if isinstance(value, str | Path) else value, name)


def load_landmarks(text: str, name: str = "landmarks") -> "MotionTrack":
    """A saved track of landmarks, or that of a video.

    Raises:
        OptionError: there is no such file.
        EmoError: it holds neither.
    """
    from emo.motion.gaia.landmark_space import landmark_track

    return _load(text, name, landmark_track)


def parse_names(text: str) -> tuple[str, ...]:
    """Words with commas between them."""
    return tuple(word.strip() for word in text.split(","))


def plain_names(value: Any, name: str = "names") -> tuple[str, ...]:
    """Words in a row.

    Raises:
        OptionError: it is none, or there is no word.
    """
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and value:
        words = tuple(value)
        if all(isinstance(word, str) and word for word in words):
            return words
    raise OptionError(f"{name} is words in a row, not {value!r}", option=name)


def plain_text(value: Any, name: str = "text") -> str:
    """A sentence.

    Raises:
        OptionError: it is none.
    """
    if not isinstance(value, str) or not value.strip():
        raise OptionError(f"{name} is a sentence, not {value!r}", option=name)
    return value.strip()


GAZE = Kind("gaze", plain_gaze, parse_gaze, (str, list), to_json=_gaze_to_json)
EMOTION = Kind("emotion", plain_emotion, parse_emotion, (dict,))
POSE = Kind("pose", plain_pose, parse_pose, (list, dict), load=lambda text: load_motion(text, "pose"),
            to_json=_pose_to_json, from_json=_pose_from_json)  # fmt: skip
MOTION = Kind("motion", plain_motion, _no_text, (dict,), load=load_motion,
              to_json=motion_to_json, from_json=motion_from_json)  # fmt: skip
LANDMARKS = Kind("landmarks", plain_landmarks, _no_text, (dict,), load=load_landmarks,
                 to_json=motion_to_json, from_json=motion_from_json)  # fmt: skip
TEXT = Kind("text", plain_text, str, (str,))
NAMES = Kind("names", plain_names, parse_names, (list,), to_json=list, from_json=tuple)
OF_FILES = (MOTION, LANDMARKS, NAMES)
"""Kinds whose values only files can hold, or that say of these what is taken."""
