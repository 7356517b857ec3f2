"""What is kept and how it is cut, as a checked configuration; `configs/prepare.yaml` lists it with its defaults."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from emo.errors import ConfigError, EmoError
from emo.media import as_fps
from emo.media.files import look


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
    min_lips: distance in colour (CIELAB) of lips from the skin around them: less is a covered mouth.
    loud: level of the voice, 0 to 1, that counts as sound. min_lip_motion: standard deviation of the mouth's opening
    (in eye distances) within half a second. max_pause: seconds without either until nobody is speaking.
    min_sync: correlation of mouth and sound over a clip, at the best lag.
    """

    min_face: float = 96.0
    max_cut: float = 0.05
    max_face: float = 0.7
    max_angle: float = 30.0
    max_pitch: float = 30.0
    max_roll: float = 30.0
    max_move: float = 0.1
    max_drift: float = 0.9
    other_face: float = 0.4
    min_lips: float = 2.0
    loud: float = 0.2
    min_lip_motion: float = 0.015
    max_pause: float = 1.5
    min_sync: float = 0.35


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

    size: int = 512
    fps: float = 25.0
    min_seconds: float = 3.0
    max_seconds: float = 10.0
    scene_threshold: float = 27.0
    piece_seconds: float = 120.0
    test_share: float = 0.1
    same_person: float = 0.1
    separate_vocals: bool = False
    vocals_model: str = "htdemucs"
    filters: FilterConfig = field(default_factory=FilterConfig)

    @property
    def min_frames(self) -> int:
        """Frames of the shortest clip."""
        return round(self.min_seconds * self.fps)

    @property
    def max_frames(self) -> int:
        """Frames of the longest clip."""
        return round(self.max_seconds * self.fps)


def load_prepare_config(path: Path | None = None, overrides: Sequence[str] = ()) -> PrepareConfig:
    """The defaults, under a YAML file, under overrides such as `filters.min_face=64`.

    Raises:
        ConfigError: there is no such file, a key is unknown, or a value is of the wrong kind or out of range.
    """
    if path is not None and (look(path, ConfigError) is None or not path.is_file()):
        raise ConfigError(f"{path} does not exist; give a YAML file such as configs/prepare.yaml")
    place = path or "--set"
    try:  # the structured defaults come first, or unknown keys would pass
        config = OmegaConf.merge(OmegaConf.structured(PrepareConfig), OmegaConf.load(path) if path else {})
        place = "--set" if overrides else place
        config = OmegaConf.to_object(OmegaConf.merge(config, OmegaConf.from_dotlist(list(overrides))))
    except (OmegaConfBaseException, YAMLError, UnicodeDecodeError) as error:
        key = getattr(error, "full_key", None)
        raise ConfigError(f"{place}: {key or 'the file'}: {str(error).splitlines()[0]}") from None
    if problem := _misfit(config):
        raise ConfigError(f"{place}: {problem}")
    return config


def _misfit(config: PrepareConfig) -> str | None:
    """What cannot be in a configuration."""
    try:
        as_fps(config.fps)
    except EmoError as error:
        return str(error)
    if config.size < 64 or config.size % 8:
        return f"size is {config.size}; it must be a multiple of 8, at least 64"
    if not 1 <= config.min_frames <= config.max_frames / 2:
        return "min_seconds must be above 0 and at most half of max_seconds, so that long stretches can be divided"
    if config.piece_seconds < config.max_seconds:
        return "piece_seconds must be at least max_seconds"
    if not 0 <= config.test_share < 1:
        return f"test_share is {config.test_share}; it must be from 0 to less than 1"
    if not 0 < config.filters.max_face <= 1:
        return f"filters.max_face is {config.filters.max_face}; it must be above 0 and at most 1"
    numbers = {f"filters.{name}": value for name, value in asdict(config.filters).items()}
    numbers |= {"same_person": config.same_person, "scene_threshold": config.scene_threshold}
    for name, value in numbers.items():
        if not value >= 0:
            return f"{name} is {value}; it must not be negative"
    return None
