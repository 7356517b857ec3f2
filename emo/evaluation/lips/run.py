"""All clips: read, animated, and read again."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from emo.errors import OptionError
from emo.evaluation.lips.clips import RealClip, RealClipReader, deranged
from emo.evaluation.lips.generator import LipsGenerator, Mouths
from emo.processes import in_processes

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
"""Shows how far an iteration of so many steps is, as `tqdm` does."""


@dataclass(frozen=True)
class MeasuredClips:
    """What was read of all clips.

    Attributes:
        mouths: in the order of the clips.
        unreadable: why there are none of the others, by name.
    """

    mouths: list[Mouths]
    unreadable: dict[str, str]


def measure_clips(
    paths: Mapping[str, Path], seconds: float, generator: LipsGenerator, workers: int, progress: Progress
) -> MeasuredClips:
    """Read the clips, generate videos of them, and read these; what is there already is not made again.

    Args:
        paths: of the clips by name.
        seconds: of a clip's beginning that are looked at.
        generator: makes the videos; each process has one like it.
        workers: processes.
        progress: shows both steps.

    Raises:
        OptionError: fewer than two clips can be read, or none can be animated.
    """
    reader = partial(RealClipReader, generator.out / "cache", seconds)
    read = dict(progress(in_processes(RealClipReader.read, paths.items(), workers, context=reader), len(paths)))
    clips = [clip for name in paths if isinstance(clip := read[name], RealClip)]
    unreadable = {name: why for name in paths if isinstance(why := read[name], str)}
    if len(clips) < 2:
        why = next(iter(unreadable.values()), "there are no more")
        problem = f"--real: two clips are needed, to lend each other their sound; {len(clips)} can be read ({why})"
        raise OptionError(problem, option="real")
    alike = partial(LipsGenerator, generator.videos.settings, generator.out)
    made = dict(progress(in_processes(LipsGenerator.measure, deranged(clips), workers, context=alike), len(clips)))
    mouths = [found for clip in clips if isinstance(found := made[clip.name], Mouths)]
    if not mouths:
        raise OptionError(f"--real: no clip can be animated; {made[clips[0].name]}", option="real")
    unreadable |= {clip.name: why for clip in clips if isinstance(why := made[clip.name], str)}
    return MeasuredClips(mouths, unreadable)
