"""What is kept and how it is cut, as a checked configuration; `configs/prepare.yaml` lists it with its defaults."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from emo.bounds import Name, Numbers
from emo.config import load_config
from emo.errors import ConfigError
from emo.files import file_status
from emo.media.rate import MAX_FPS

LIMIT = Numbers(0, 1e6)
SECONDS = Numbers(0, 1e6, above=True)


@dataclass
class FilterConfig:
    """Thresholds of GAIA's filters (A.1). Lengths of a face are those of its box's longer side.

    min_face: pixels of a face in the video. max_cut: share of the face that may lie beyond the picture's border.
    max_face: longest side of the face over that of the crop, where the picture leaves no more room around it.
    max_angle: degrees by which the angles of the eyes' outer corners seen from the tip of the nose may miss 180.
    max_pitch, max_roll: degrees of the head.
    max_move: of the nose, of the face's place and width from one frame to the next, in lengths of the face.
    max_drift: share of the crop that the face may sweep over in one clip.
    other_face: a second face of this share of the first one's length, or within the crop, rules a frame out.
    min_lips: distance in color (CIELAB) of lips from the skin around them: less is a covered mouth.
    loud: level of the voice, 0 to 1, that counts as sound. min_lip_motion: standard deviation of the mouth's opening
    (in eye distances) within half a second. max_pause: seconds without either until nobody is speaking.
    min_sync: correlation of mouth and sound over a clip, at the best lag.
    """

    min_face: Annotated[float, LIMIT] = 96.0
    max_cut: Annotated[float, LIMIT] = 0.05
    max_face: Annotated[float, Numbers(0, 1, above=True)] = 0.7
    max_angle: Annotated[float, LIMIT] = 30.0
    max_pitch: Annotated[float, LIMIT] = 30.0
    max_roll: Annotated[float, LIMIT] = 30.0
    max_move: Annotated[float, LIMIT] = 0.1
    max_drift: Annotated[float, LIMIT] = 0.9
    other_face: Annotated[float, LIMIT] = 0.4
    min_lips: Annotated[float, LIMIT] = 2.0
    loud: Annotated[float, LIMIT] = 0.2
    min_lip_motion: Annotated[float, LIMIT] = 0.015
    max_pause: Annotated[float, LIMIT] = 1.5
    min_sync: Annotated[float, LIMIT] = 0.35


@dataclass
class PrepareConfig:
    """All of `emo prepare` that changes what comes out.

    size: pixels of the square clips. fps: frames per second. min_seconds, max_seconds: length of a clip; longer
    stretches are cut into equal parts. scene_threshold: PySceneDetect's, see `ContentDetector`.
    piece_seconds: videos are worked off in pieces of this length; no clip reaches over a piece's end.
    test_share: of the people, those in the test split. same_person: distance of two videos' identity descriptors
    (`emo.metrics`) under which they count as one person; 0 never compares.
    separate_vocals: take the voice out of the music, with demucs. vocals_model: demucs' name of its weights.
    """

    size: Annotated[int, Numbers(64, 4096, multiple=8)] = 512
    fps: Annotated[float, Numbers(0, MAX_FPS, above=True)] = 25.0
    min_seconds: Annotated[float, SECONDS] = 3.0
    max_seconds: Annotated[float, SECONDS] = 10.0
    scene_threshold: Annotated[float, LIMIT] = 27.0
    piece_seconds: Annotated[float, SECONDS] = 120.0
    test_share: Annotated[float, Numbers(0, 1, below=True)] = 0.1
    same_person: Annotated[float, LIMIT] = 0.1
    separate_vocals: bool = False
    vocals_model: Annotated[str, Name()] = "htdemucs"
    filters: FilterConfig = field(default_factory=FilterConfig)

    @property
    def min_frames(self) -> int:
        """Frames of the shortest clip."""
        return round(self.min_seconds * self.fps)

    @property
    def max_frames(self) -> int:
        """Frames of the longest clip."""
        return round(self.max_seconds * self.fps)

    def misfit(self) -> str | None:
        """What does not go together."""
        if not 1 <= self.min_frames <= self.max_frames / 2:
            return "min_seconds must be a frame or more and at most half of max_seconds, to divide long stretches"
        if self.piece_seconds < self.max_seconds:
            return f"piece_seconds is {self.piece_seconds}; it must be at least max_seconds"
        return None


def load_prepare_config(path: Path | None = None, overrides: Sequence[str] = ()) -> PrepareConfig:
    """The defaults, under a YAML file, under overrides such as `filters.min_face=64`.

    Raises:
        ConfigError: there is no such file, a key is unknown, or a value is of the wrong kind or out of range.
    """
    if path is not None and (file_status(path, ConfigError) is None or not path.is_file()):
        raise ConfigError(f"{path} does not exist; give a YAML file such as configs/prepare.yaml")
    return load_config(PrepareConfig, path, overrides, "--set")
