"""Rows on what GAIA's autoencoder takes apart: the appearance of one picture with the motion of another."""

from collections.abc import Mapping, Sequence

import numpy as np

from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.rows import whose
from emo.evaluation.mechanisms.study import Study
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.row import Row
from emo.metrics import keypoint_distance
from emo.motion.framed_landmarks import framed_points

HALF = 0.5  # of what doing nothing brings
CORNER = 6  # of a picture's sides, which are so many corners long


def own_motion(study: Study, subjects: Sequence[Subject], size: int) -> Row:
    """G1: a person's own clip drives their portrait, and comes out as it was.

    Args:
        study: has the videos.
        subjects: who is driven.
        size: of the videos in pixels.
    """
    own, still = (
        np.array([distance(study.video(kind, s), study.video("self", s, True), size) for s in subjects])
        for kind in ("self", "portrait")
    )
    floor = np.array(
        [
            keypoint_distance(study.video("small", s, True).landmarks, study.video("self", s, True).landmarks, size)
            for s in subjects
        ]
    )

    def draw(axes) -> None:
        axes.bar(["driven", "held still", "truth, made small"], [own.mean(), still.mean(), floor.mean()])
        axes.set(ylabel="pixels of 256", title="AKD of a person's own motion")

    return Row(
        mechanism="own motion",
        section="4.1, Table 2",
        measure="AKD with the person's own clip, pixels of 256; of the portrait as it is",
        value=f"{own.mean():.2f}; {still.mean():.2f}",
        truth=f"brought to the model's size and back {floor.mean():.2f}",
        bar=f"at most {HALF:g} times that of the portrait as it is",
        passed=bool(own.mean() <= HALF * still.mean()),
        numbers={"own": own, "still": still, "floor": floor},
        draw=draw,
    )


def another(
    study: Study,
    subjects: Sequence[Subject],
    drivers: Mapping[str, Subject],
    owners: Sequence[int],
    gallery: np.ndarray,
    size: int,
    who: str,
) -> Row:
    """G1: another's clip drives a portrait, which does as they do, and keeps its face and its background.

    Args:
        study: has the videos.
        subjects: who is driven.
        drivers: by whom, by name of the subject.
        owners: numbers of the subjects in the gallery.
        gallery: descriptors (G, D).
        size: of the videos in pixels.
        who: kind of portraits, in words.
    """
    videos = [study.video("driven", subject) for subject in subjects]
    theirs = [study.video("self", drivers[subject.name], True) for subject in subjects]
    still = [study.video("portrait", subject) for subject in subjects]
    other = [study.video("portrait", drivers[subject.name]) for subject in subjects]

    def mean_distance(made: Sequence[Observation]) -> float:
        return float(np.mean([distance(one, clip, size) for one, clip in zip(made, theirs, strict=True)]))

    def behind(pictures: Sequence[Observation]) -> float:
        return float(np.mean([background(one, there) for one, there in zip(videos, pictures, strict=True)]))

    near = float(np.mean([whose(v, gallery) == number for v, number in zip(videos, owners, strict=True)]))
    akd, unmoved = mean_distance(videos), mean_distance(still)
    kept, taken = behind(still), behind(other)
    true = [study.video("self", d, True) for d in drivers.values()]
    own = [study.video("portrait", d, True) for d in drivers.values()]
    floor = float(np.mean([background(one, there) for one, there in zip(true, own, strict=True)]))

    def draw(axes) -> None:
        axes.bar(["its own", "the driver's", "truth"], [kept, taken, floor])
        axes.set(ylabel="mean difference, of 255", title="corners of driven portraits against pictures")

    return Row(
        mechanism=f"another's motion, {who}",
        section="4.1, Table 2",
        measure=f"own portrait nearest of {len(gallery)}; AKD with what drives, pixels of 256, of the portrait as it "
        "is; upper corners' difference from its own, from the driver's",
        value=f"{near:.0%}; {akd:.2f}, {unmoved:.2f}; {kept:.1f}, {taken:.1f}",
        truth=f"; ; {floor:.1f}",
        bar=f"at least 90 %; at most {HALF:g} times the other, each",
        passed=bool(near >= 0.9 and akd <= HALF * unmoved and kept <= HALF * taken),
        numbers={"own": near, "akd": akd, "still": unmoved, "kept": kept, "driver": taken, "truth": floor},
        draw=draw,
    )


def distance(video: Observation, clip: Observation, size: int) -> float:
    """AKD of a video, which stays as it ends, with a clip that is framed as a portrait is."""
    landmarks = video.landmarks[np.arange(len(clip)).clip(max=len(video) - 1)]
    return keypoint_distance(landmarks, framed(clip, size), size)


def framed(clip: Observation, size: int) -> np.ndarray:
    """A clip's landmarks where a model that follows it is told to have them, (T, 478, 3) in pixels."""
    places = size * framed_points(clip.landmarks, (size, size))
    return np.concatenate([places, np.zeros_like(places[..., :1])], -1)


def background(video: Observation, there: Observation) -> float:
    """Mean difference of a video's upper corners from a picture's, of 255."""
    side = video.shown.shape[1] // CORNER

    def corners(frames: np.ndarray) -> np.ndarray:
        return np.concatenate([frames[:, :side, :side], frames[:, :side, -side:]], 2).astype(np.float64)

    return float(np.abs(corners(video.shown) - corners(there.shown[:1])).mean())
