"""What is measured of one video, once: the rows of a report are made of these numbers alone."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from emo.errors import FaceError
from emo.face import FaceDetector, track_face
from emo.face.mesh import NUM_LANDMARKS
from emo.files import write_whole
from emo.metrics import identity_descriptor, measure_frames, mouth_opening, rotation_speed
from emo.motion import CONTROLS

DESCRIBED = 5  # every so many frames the face is described
SHOWN = 8  # frames kept to look at


@dataclass(frozen=True)
class Observation:
    """A video of T frames, measured before it is encoded: what is kept of it for the rows.

    Attributes:
        landmarks: (T, 478, 3) float32, pixels; zeros where no frame shows a face.
        found: (T,) uint8, 1 where there is a face.
        sharpness: (T,), as of `emo.metrics.FrameMeasures`.
        change: (T - 1,), likewise.
        rgb: (T, 3), mean color, 0 to 255.
        descriptors: (K, D) float32, identity of the frames `described`.
        described: (K,), every DESCRIBED-th frame in which a face is found.
        shown: (S, H, W, 3) uint8, frames evenly spaced.
        pose: yaw, pitch and roll in degrees that were drawn, (T, 3); (0, 3) where no motion is drawn.
        seconds: of processor time it took to make the video.
        controls: that were drawn, (T, 14); (0, 14) where a motion is in no named controls, or none is drawn.
    """

    landmarks: np.ndarray = field(repr=False)
    found: np.ndarray = field(repr=False)
    sharpness: np.ndarray = field(repr=False)
    change: np.ndarray = field(repr=False)
    rgb: np.ndarray = field(repr=False)
    descriptors: np.ndarray = field(repr=False)
    described: np.ndarray = field(repr=False)
    shown: np.ndarray = field(repr=False)
    pose: np.ndarray = field(repr=False)
    seconds: np.ndarray
    controls: np.ndarray = field(default_factory=lambda: np.zeros((0, len(CONTROLS))), repr=False)

    def __len__(self) -> int:
        return len(self.found)

    @property
    def opening(self) -> np.ndarray:
        """Mouth opening (T,); 0 where no face was ever found."""
        return mouth_opening(self.landmarks) if self.found.any() else np.zeros(len(self))

    @property
    def rotation_speed(self) -> np.ndarray:
        """Degrees per frame (T,); 0 where no face was ever found."""
        return rotation_speed(self.landmarks) if self.found.any() else np.zeros(len(self))

    @property
    def center(self) -> np.ndarray:
        """Middle of the face's box, (T, 2) in pixels."""
        return (self.landmarks[..., :2].min(1) + self.landmarks[..., :2].max(1)) / 2


def observe(
    frames: np.ndarray, detector: FaceDetector, seconds: float, pose: np.ndarray, controls: np.ndarray
) -> Observation:
    """Measure a video, (T, H, W, 3) uint8; seconds, pose and controls are those of `Observation`."""
    try:
        track = track_face(frames, detector)
        landmarks, found = track.landmarks, track.found
    except FaceError:
        landmarks, found = np.zeros((len(frames), NUM_LANDMARKS, 3), np.float32), np.zeros(len(frames), bool)
    measures = measure_frames(frames)
    described = [t for t in range(0, len(frames), DESCRIBED) if found[t]]
    descriptors = [identity_descriptor(frames[t], landmarks[t]) for t in described]
    return Observation(
        landmarks=landmarks.astype(np.float32),
        found=found.astype(np.uint8),
        sharpness=measures.sharpness,
        change=measures.change,
        rgb=frames.mean((1, 2)),
        descriptors=np.stack(descriptors) if described else np.zeros((0, 1), np.float32),
        described=np.array(described, np.int64),
        shown=frames[np.linspace(0, len(frames) - 1, SHOWN).round().astype(int)],
        pose=pose,
        seconds=np.array(seconds),
        controls=controls,
    )


def save_observation(path: Path, observation: Observation, made_of: dict[str, str]) -> None:
    """Keep an observation, and what it was made of; whole or not at all."""
    arrays = {f.name: np.asarray(getattr(observation, f.name), order="C") for f in fields(Observation)}
    write_whole(path, save(arrays, {"made_of": json.dumps(made_of, sort_keys=True)}))


def load_observation(path: Path, made_of: dict[str, str]) -> Observation | None:
    """An observation kept earlier, if it was made of just this."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, "np") as file:
            if json.loads(file.metadata()["made_of"]) != made_of:
                return None
            return Observation(**{f.name: file.get_tensor(f.name) for f in fields(Observation)})
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None  # damaged: it is made again
