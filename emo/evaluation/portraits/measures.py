"""What is read of one talk."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emo.articulation import MEASURES, measure_mouth
from emo.data.synthetic.articulation import articulate_recording
from emo.errors import EmoError
from emo.evaluation.compare.measured import DESCRIBED, MeasuredVideo
from emo.evaluation.face import face_in
from emo.evaluation.portraits.faces import cropped, face_sharpness
from emo.evaluation.portraits.makers import said
from emo.evaluation.portraits.plan import Talk
from emo.metrics import eye_openings, lagged_correlation, measure_frames, nearest, relative_change


@dataclass(frozen=True)
class Drifted:
    """How the last sixth of a long talk differs from its first twelfth.

    Attributes:
        own: share of its frames whose nearest portrait is their own.
        sharpness, color: relative changes; of color the largest of L, a and b, as a share of 100.
    """

    own: float
    sharpness: float
    color: float


@dataclass(frozen=True)
class TalkMeasures:
    """A talk as it is read from its video.

    Attributes:
        name: of the talk.
        found: share of the frames that show a face; all else is not a number where there are too few.
        own: share of the frames whose nearest portrait of the gallery is their own.
        sharpness: of the face's box, over that of the portrait's at the same size.
        eyes: mean difference of the left and the right eye's opening, in widths of an eye.
        mouth: r of the lips' opening with the articulation of the sound.
        seconds: of processor time a frame.
        drifted: of a long talk.
        problem: what could not be read, if anything.
    """

    name: str
    found: float
    own: float
    sharpness: float
    eyes: float
    mouth: float
    seconds: float
    drifted: Drifted | None = None
    problem: str = ""


def measure_talk(talk: Talk, path: Path, cache: Path, gallery: np.ndarray, place: int, seconds: float) -> TalkMeasures:
    """Read a talk.

    Args:
        talk: what it is of.
        path: of its video.
        cache: folder in which what is read is kept.
        gallery: descriptors of portraits, (G, D).
        place: of the talk's own among them.
        seconds: of processor time that a frame took.
    """
    video = MeasuredVideo(path, cache)
    found = float(video.found.mean())
    try:
        landmarks = video.landmarks
    except EmoError as error:
        unknown = float("nan")
        return TalkMeasures(talk.name, found, 0.0, unknown, unknown, unknown, seconds, problem=str(error))
    own = nearest(video.descriptors, gallery) == place
    portrait = cropped(talk.portrait, video.height, video.width)
    theirs = face_sharpness(portrait, face_in(portrait, str(talk.portrait)).landmarks)
    sharp = [face_sharpness(*face) for face in video.seen_faces()]
    left, right = eye_openings(landmarks).T
    jaw = articulate_recording(said(talk), float(video.fps)).jaw.numpy()
    opening = measure_mouth(landmarks)[:, MEASURES.index("opening")]
    frames = min(len(jaw), len(opening))
    return TalkMeasures(
        name=talk.name,
        found=found,
        own=float(own.mean()),
        sharpness=float(np.mean(sharp) / theirs),
        eyes=float(np.abs(left - right).mean()),
        mouth=lagged_correlation(opening[:frames], jaw[:frames]).correlation,
        seconds=seconds,
        drifted=_drifted(video, own) if talk.long else None,
    )


def _drifted(video: MeasuredVideo, own: np.ndarray) -> Drifted:
    frames = measure_frames(frame for chunk in video.frames() for frame in chunk)
    start, end = max(1, len(frames) // 12), max(DESCRIBED, len(frames) // 6)
    late = video.described >= len(frames) - end
    color = frames.color[-end:].mean(0) - frames.color[:start].mean(0)
    return Drifted(
        own=float(own[late].mean()) if late.any() else 0.0,
        sharpness=float(relative_change(frames.sharpness, start, end)),
        color=float(np.abs(color).max() / 100),
    )
