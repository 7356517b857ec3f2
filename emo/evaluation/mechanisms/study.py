"""What rows are made of: what is read of videos by name, against how each face rests in its portrait."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from emo.data.synthetic.held_out import Voice
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.subjects import Subject
from emo.metrics import HeadAngles, lagged_correlation, pose_change
from emo.motion import CONTROLS
from emo.motion.reading import ANGLES, controls_from, face_readings, rest_of

Moves = Mapping[str, np.ndarray]
"""What a face does as it is read, (T,) by the controls' names."""


class Study:
    """Readings of videos that are named `KIND-SUBJECT`, and `KIND-SUBJECT-truth`.

    Args:
        found: measurements by name.
        voice: what is heard of a number in all of these videos.
    """

    def __init__(self, found: Mapping[str, Observation], voice: Callable[[int], Voice]):
        self._found = found
        self._voice = voice

    def video(self, kind: str, subject: Subject, truth: bool = False) -> Observation:
        """One of them."""
        return self._found[f"{kind}-{subject.name}{'-truth' if truth else ''}"]

    def moves(self, kind: str, subject: Subject, truth: bool = False) -> Moves:
        """What the face does in one of them."""
        return moves(self.video(kind, subject, truth), self.video("portrait", subject, truth))

    def lips(self, kind: str, subject: Subject, truth: bool = False, voice: int | None = None) -> float:
        """r of the mouth's opening with the jaw of the subject's voice, or of another that is heard."""
        jaw = self._voice(subject.voice if voice is None else voice).jaw
        return lagged_correlation(self.video(kind, subject, truth).opening, jaw).correlation

    def mean_lips(self, kind: str, subjects: Sequence[Subject], truth: bool = False) -> float:
        """Mean of `lips` over subjects."""
        return float(np.mean([self.lips(kind, subject, truth) for subject in subjects]))


def moves(video: Observation, rest: Observation | None = None) -> Moves:
    """What a face does against its rest in another video, or its own median; nothing where either shows none."""
    readable = video.found.any() and (rest is None or rest.found.any())
    if not readable:
        return {name: np.zeros(len(video)) for name in CONTROLS.names}
    readings = face_readings(video.landmarks)
    resting = rest_of(readings if rest is None else face_readings(rest.landmarks))
    return dict(zip(CONTROLS.names, controls_from(readings, resting).numpy().T.astype(np.float64), strict=True))


def agreement(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Pearson's r of two tracks over all frames of several videos, each less its mean; 0 where one never moves."""
    one, other = (np.concatenate([pair[i] - pair[i].mean() for pair in pairs]) for i in (0, 1))
    size = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / size) if size > 1e-9 else 0.0


def delta_p(video: Observation) -> float:
    """VASA-1's delta P of the motion that was drawn, in degrees per frame."""
    return pose_change(HeadAngles(*video.pose.T))


def spread(tracks: Sequence[np.ndarray]) -> float:
    """Root of the mean variance of tracks."""
    return float(np.sqrt(np.mean([np.var(track) for track in tracks])))


def follows(study: Study, kind: str, subjects: Sequence[Subject], truth: bool = False) -> float:
    """Mean over the angles of r of the head as it is read with what was drawn."""
    read = [study.moves(kind, subject, truth) for subject in subjects]
    told = [study.video(kind, subject, truth).pose.T for subject in subjects]
    pairs = [[(r[name], t[i]) for r, t in zip(read, told, strict=True)] for i, name in enumerate(ANGLES)]
    return float(np.mean([agreement(each) for each in pairs]))
