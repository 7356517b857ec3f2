"""ComfyUI's values and ours: IMAGE is (B, H, W, C) in 0 to 1, AUDIO a waveform (B, C, T) and its rate."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emo.errors import AudioError, ImageError, OptionError
from emo.media import AudioTrack
from emo.media.audio import ArraySound
from emo.options import Options

IMAGE, AUDIO, FLOAT, INT, STRING, BOOLEAN = "IMAGE", "AUDIO", "FLOAT", "INT", "STRING", "BOOLEAN"
"""ComfyUI's names for its own types."""

MODEL, MOTION, OPTIONS, ORIGIN = "EMO_MODEL", "EMO_MOTION", "EMO_OPTIONS", "EMO_ORIGIN"
"""Types of these nodes: a pipeline, a `MotionTrack`, what `emo.comfy.options` makes, the record of a video."""

SPEECH = "emo_speech"  # in AUDIO beside what ComfyUI knows: who speaks, where it was made of a text


def portrait_of(image: Tensor) -> np.ndarray:
    """IMAGE of one picture -> (H, W, 3) uint8.

    Raises:
        ImageError: there are several.
    """
    if len(image) != 1:
        raise ImageError(f"portrait: {len(image)} pictures came; give one, as from Load Image")
    return eight_bits(image)[0]


def eight_bits(images: Tensor) -> np.ndarray:
    """IMAGE -> (B, H, W, 3) uint8."""
    return (images[..., :3].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def track_of(audio: Mapping[str, Any], sampling_rate: int) -> AudioTrack:
    """AUDIO of one recording -> a track.

    Raises:
        AudioError: there are several, or what came is no sound.
    """
    waveform = audio["waveform"]
    if waveform.ndim != 3 or len(waveform) != 1:
        raise AudioError(
            f"audio: a waveform of shape {tuple(waveform.shape)} came; give one recording (1, channels, T)"
        )
    sound = ArraySound.check(waveform[0].float(), audio["sample_rate"])
    return AudioTrack.open(replace(sound, speech=audio.get(SPEECH)), sampling_rate=sampling_rate)


def sound_of(pipe: Any, audio: Mapping[str, Any] | None) -> AudioTrack | None:
    """AUDIO, if there is any, at the rate at which a pipeline hears.

    Raises:
        AudioError: see `track_of`.
    """
    return None if audio is None else track_of(audio, pipe.feature_extractor.sampling_rate)


def audio_of(track: AudioTrack) -> dict[str, Any]:
    """A track -> AUDIO, at its full quality."""
    waveform = np.concatenate(list(track.blocks())).T
    audio: dict[str, Any] = {"waveform": torch.from_numpy(waveform.copy())[None], "sample_rate": track.source_rate}
    return audio if track.speech is None else {**audio, SPEECH: dict(track.speech)}


def own_values(pipe: Any, options: Options | None) -> dict[str, Any]:
    """The arguments that options mean to a pipeline; none where there are no options.

    Raises:
        OptionError: they are another system's.
    """
    if options is None:
        return {}
    if not isinstance(options, pipe.options_class):
        theirs, ours = (kind.__name__.removesuffix("Options") for kind in (type(options), pipe.options_class))
        raise OptionError(f"options: these are {theirs}'s, and the model is of {ours}; take its own node of options")
    return options.values()


def seeded(seed: int) -> torch.Generator:
    """What makes a result repeatable."""
    return torch.Generator().manual_seed(seed)
