"""Control by landmarks: coordinates are generated from the sound, those that are wanted imputed at every step, and
all of them become latents (GAIA, 3.4)."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from emo.errors import MotionError, OptionError
from emo.generation.clip import ClipState
from emo.generation.sampling import OnStep
from emo.motion import MotionSpace, MotionTrack
from emo.motion.gaia import MotionAppearanceVAE, encode_landmarks
from emo.motion.gaia.landmark_space import landmark_points
from emo.pipelines.gaia_motion import SequenceSampler
from emo.pipelines.motion_window import MotionWindow


def wanted_landmarks(
    track: MotionTrack, parts: Sequence[str], space: MotionSpace, rate: Fraction, frames: int
) -> Tensor:
    """Coordinates that are wanted, (frames, 956); NaN where they are not.

    Args:
        track: of landmarks; shorter ones are played back and forth.
        parts: that follow it.
        space: of landmarks.
        rate: of the motion.
        frames: of the motion.

    Raises:
        MotionError: the track is of no landmarks.
        OptionError: there is no such part.
    """
    if track.space.names != space.names:
        raise MotionError("landmarks: a motion of another space than that of landmarks", option="landmarks")
    try:
        columns = space.index(*parts)
    except OptionError:
        unknown = next(part for part in parts if part not in space.parts)
        known = ", ".join(space.parts)
        problem = f"landmark_parts: faces have no {unknown!r} here; they have {known}"
        raise OptionError(problem, option="landmark_parts") from None
    values = track.resample(rate).fit(frames).values
    wanted = torch.full_like(values, torch.nan)
    wanted[:, columns] = values[:, columns]
    return wanted


def landmark_window(
    sampler: SequenceSampler,
    vae: MotionAppearanceVAE,
    audio: Tensor,
    state: ClipState,
    pose: Tensor | None,
    wanted: Tensor,
    on_step: OnStep,
) -> MotionWindow:
    """A window's latents, of landmarks that are generated.

    Args:
        sampler: of landmarks; its states are those of the windows.
        vae: with E_M.
        audio, state, pose, on_step: as of `SequenceSampler.window`.
        wanted: coordinates of its frames, (n, 956), NaN where they are free.
    """
    made = sampler.window(audio, state, pose, on_step, wanted)
    return replace(made, values=encode_landmarks(vae, landmark_points(made.values)))
