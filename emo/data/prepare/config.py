"""What is kept and how it is cut, as a checked configuration; `configs/prepare.yaml` lists it with its defaults."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from emo.bounds import Name, Numbers
from emo.config import key, load_config
from emo.errors import ConfigError
from emo.files import file_status
from emo.media.rate import MAX_FPS

LIMIT = Numbers(0, 1e6)
SECONDS = Numbers(0, 1e6, above=True)


@dataclass
class FilterConfig:
    """Thresholds of GAIA's filters (A.1)."""

    min_face: Annotated[float, LIMIT] = key(96.0, "pixels of the face in the video")
    max_cut: Annotated[float, LIMIT] = key(0.05, "share of the face beyond the picture's border")
    max_face: Annotated[float, Numbers(0, 1, above=True)] = key(
        0.7, "face over crop, where the picture leaves no more room around it"
    )
    max_angle: Annotated[float, LIMIT] = key(
        30.0, "degrees by which the angles of the eyes' outer corners at the tip of the nose miss 180"
    )
    max_pitch: Annotated[float, LIMIT] = key(30.0, "degrees of the head")
    max_roll: Annotated[float, LIMIT] = key(30.0, "degrees of the head")
    max_move: Annotated[float, LIMIT] = key(
        0.1, "face lengths by which nose, middle or width move from one frame to the next"
    )
    max_drift: Annotated[float, LIMIT] = key(0.9, "share of the crop that the face may sweep over in a clip")
    other_face: Annotated[float, LIMIT] = key(
        0.4, "a second face of this length over the first one's, or any within the crop, rules a frame out"
    )
    min_lips: Annotated[float, LIMIT] = key(
        2.0, "distance in color (CIELAB) of lips and the skin around them: less is a covered mouth"
    )
    loud: Annotated[float, LIMIT] = key(0.2, "level of the voice, 0 to 1, that counts as sound")
    min_lip_motion: Annotated[float, LIMIT] = key(
        0.015, "standard deviation of the mouth's opening within half a second, in eye distances"
    )
    max_pause: Annotated[float, LIMIT] = key(1.5, "seconds without voice or motion until nobody is speaking")
    min_lip_match: Annotated[float, Numbers(-1, 1)] = key(
        0.65, "correlation of the lips, and of their change, with those that the articulation hears, at the best lag"
    )
    max_lip_lag: Annotated[float, LIMIT] = key(
        0.12, "seconds by which the lips may be early or late where they match the sound best"
    )


@dataclass
class PrepareConfig:
    """All of `emo prepare` that changes what comes out."""

    size: Annotated[int, Numbers(64, 4096, multiple=8)] = key(512, "pixels of the square clips")
    fps: Annotated[float, Numbers(0, MAX_FPS, above=True)] = key(25.0, "frames per second")
    min_seconds: Annotated[float, SECONDS] = key(3.0, "of a clip")
    max_seconds: Annotated[float, SECONDS] = key(10.0, "of a clip; longer stretches are cut into equal parts")
    scene_threshold: Annotated[float, LIMIT] = key(
        27.0, "change of hue, saturation and brightness that is a cut (PySceneDetect's `ContentDetector`)"
    )
    piece_seconds: Annotated[float, SECONDS] = key(
        120.0, "videos are worked off in pieces of this length; no clip reaches over a piece's end"
    )
    test_share: Annotated[float, Numbers(0, 1, below=True)] = key(0.1, "of the people, those in the test split")
    same_person: Annotated[float, LIMIT] = key(
        0.1, "videos whose faces' descriptors are nearer than this show one person; 0: each is a person of its own"
    )
    separate_vocals: bool = key(False, "take the voice out of the music, with demucs")
    vocals_model: Annotated[str, Name()] = key("htdemucs", "demucs' name of its weights")
    filters: FilterConfig = key(FilterConfig(), "lengths of a face are those of its box's longer side")

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
