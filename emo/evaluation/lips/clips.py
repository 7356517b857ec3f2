"""The real clips that a model is measured on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emo.evaluation.compare.measured import MeasuredVideo, Unavailable, try_measure
from emo.names import short_names
from emo.search import VIDEOS, evenly, find_files

SHORTEST = 1.0  # seconds


@dataclass(frozen=True)
class RealClip:
    """A video of somebody who talks, whose mouth and sound can be read.

    Attributes:
        name: of its files.
        video: its beginning, as long as it is looked at.
    """

    name: str
    video: MeasuredVideo


@dataclass(frozen=True)
class RealClipReader:
    """Reads clips.

    Attributes:
        cache: folder in which what is read is kept.
        seconds: of a clip's beginning that are looked at.
    """

    cache: Path
    seconds: float

    def read(self, named: tuple[str, Path]) -> tuple[str, RealClip | str]:
        """A clip, or why it cannot be read; with its name."""
        name, path = named

        def read() -> RealClip:
            video = MeasuredVideo(path, self.cache, self.seconds)
            if video.num_frames / video.fps < SHORTEST:
                raise Unavailable(f"it is shorter than {SHORTEST:g} s")
            video.waveform()
            assert len(video.landmarks) == video.num_frames
            return RealClip(name, video)

        return name, try_measure(read)


def find_clips(folder: Path, out: Path, count: int) -> dict[str, Path]:
    """So many videos of a folder, evenly spaced by name, by the names of their files in a report.

    Raises:
        OptionError: there is none.
    """
    return short_names(evenly(find_files(folder, VIDEOS, "--real", [out]), count))


def deranged(clips: Sequence[RealClip]) -> Iterator[tuple[RealClip, RealClip]]:
    """Each clip with another, whose sound it is given too: the next, the first for the last."""
    return zip(clips, [*clips[1:], *clips[:1]], strict=True)
