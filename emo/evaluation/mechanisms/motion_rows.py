"""Rows, and parts of them, that families of motion have in common: one motion on several portraits, windows that join,
where eyes look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from emo.data.synthetic.held_out import Voice
from emo.evaluation.mechanisms import rows
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.plan import EvaluationSize
from emo.evaluation.mechanisms.rows import border_ratio, whose
from emo.evaluation.mechanisms.study import Study, agreement, moves
from emo.evaluation.mechanisms.subjects import ASIDE, GAZES, Subject, real_people, shared
from emo.evaluation.row import Row
from emo.motion.reading import ANGLES

SHOWN = {"head": ANGLES, "mouth": ("jaw",), "lids": ("blink",)}
"""What has to agree between portraits, by part."""

FOLLOWS = 0.8  # r of what follows
KEPT = 0.05  # of r, that lips may lose
JOINED = 1.3  # times the change inside
APART = 1.5  # times the ratio of windows that know the one before
REAL = "portrait-real-"


@dataclass(frozen=True)
class Known:
    """People that a face is told from.

    Attributes:
        gallery: descriptors of portraits, (G, D).
        owners: numbers in it of the subjects.
        sharers: numbers of those who have a motion in common, in the order of their videos.
    """

    gallery: np.ndarray
    owners: Sequence[int]
    sharers: Sequence[int]


def known_people(study: Study, subjects: Sequence[Subject], extent: EvaluationSize, gallery: np.ndarray) -> Known:
    """The held-out people of a gallery (G, D), and before them the real ones, if the subjects are such."""
    if any(subject.picture for subject in subjects):
        own = [study.video("portrait", subject).descriptors[0] for subject in subjects]
        places = list(range(len(subjects)))
        return Known(np.concatenate([own, gallery]), places, places)
    sharers = [subject.person for group in shared(subjects, extent) for _, subject in group]
    return Known(gallery, [subject.person for subject in subjects], sharers)


def real_subjects(found: Mapping[str, Observation]) -> list[Subject]:
    """The real people of whom there are videos."""
    return real_people({name.removeprefix(REAL): name for name in sorted(found) if name.startswith(REAL)})


def talking(
    talks: Sequence[Observation], truths: Sequence[Observation], voices: Sequence[Voice], section: str
) -> list[Row]:
    """The rows of what a sound does to a mouth; `section` is where the paper has it."""
    found = (
        rows.lips(talks, truths, [voice.jaw for voice in voices]),
        rows.silence(talks, truths, [voice.loudness for voice in voices]),
    )
    return [replace(row, section=section) for row in found]


def real_faces(study: Study, subjects: Sequence[Subject], kind: str, jaw: np.ndarray) -> Row:
    """The row of real portraits, of their videos of a kind, in which one voice is heard."""
    videos = {subject.name.removeprefix("real-"): study.video(kind, subject) for subject in subjects}
    return rows.real(videos, dict.fromkeys(videos, jaw))


def borders(
    kinds: Mapping[str, Sequence[Observation]], window: int, section: str, unchained: str | None = None
) -> Row:
    """Windows join, and what joins them is what they know of the one before.

    Args:
        kinds: videos by how they are made: first as the pipeline makes them, last true clips.
        window: frames of a window.
        section: where the paper has it.
        unchained: of the kinds that whose windows know nothing of the one before.
    """
    ratios = {name: border_ratio(videos, window) for name, videos in kinds.items()}
    *made, true = ratios.values()
    joined = made[0] <= JOINED and (unchained is None or ratios[unchained] >= APART * made[0])

    def draw(axes) -> None:
        axes.bar(list(ratios), list(ratios.values()))
        axes.axhline(1, color="0.8")
        axes.set(ylabel="change at borders / inside", title=f"borders of windows of {window} frames")

    return Row(
        mechanism="windows join",
        section=section,
        measure="; ".join(["mean frame difference at windows' borders / inside", *list(kinds)[1:-1]]),
        value="; ".join(f"{ratio:.2f}" for ratio in made),
        truth=f"{true:.2f}",
        bar=f"at most {JOINED:g}" + ("" if unchained is None else f"; {unchained} half as much again"),
        passed=bool(joined),
        numbers=ratios,
        draw=draw,
    )


def common_motion(
    found: Mapping[str, Observation], subjects: Sequence[Subject], extent: EvaluationSize, known: Known, who: str
) -> list[Row]:
    """The row of `one_motion`, where there are several portraits to draw it on."""
    names = [[name for name, _ in group] for group in shared(subjects, extent)]
    if len(names[0]) < 2:
        return []
    videos = [[found[name] for name in group] for group in names]
    truths = [[found[f"{name}-truth"] for name in group] for group in names if f"{group[0]}-truth" in found]
    return [one_motion(videos, truths, known.sharers, known.gallery, who)]


def one_motion(
    groups: Sequence[Sequence[Observation]], truths: Sequence[Sequence[Observation]], owners: Sequence[int],
    gallery: np.ndarray, who: str,
) -> Row:  # fmt: skip
    """V1: portraits with one motion do the same, and stay who they are.

    Args:
        groups: videos with one motion each.
        truths: true clips of the same, if there are any.
        owners: number in the gallery of each of the videos' persons, in their order.
        gallery: descriptors (G, D).
        who: kind of portraits, in words.
    """

    def parts(videos: Sequence[Sequence[Observation]]) -> dict[str, float]:
        read = [[moves(video) for video in group] for group in videos]
        pairs = [pair for group in read for pair in combinations(group, 2)]
        r = {n: agreement([(a[n], b[n]) for a, b in pairs]) for names in SHOWN.values() for n in names}
        return {part: float(np.mean([r[name] for name in names])) for part, names in SHOWN.items()}

    def share(videos: Sequence[Sequence[Observation]]) -> float:
        every = [video for group in videos for video in group]
        return float(np.mean([whose(v, gallery) == owner for v, owner in zip(every, owners, strict=True)]))

    def words(videos: Sequence[Sequence[Observation]]) -> str:
        if not videos:
            return ""
        return f"{', '.join(f'{r:.2f}' for r in parts(videos).values())}; {share(videos):.0%}"

    own, r = share(groups), parts(groups)

    def draw(axes) -> None:
        for video in groups[0]:
            axes.plot(moves(video)["yaw"])
        axes.set(xlabel="frame", ylabel="degrees", title="yaw read of portraits with one motion")

    return Row(
        mechanism=f"one motion, several {who}",
        section="Fig. 4",
        measure=f"r between portraits of {', '.join(SHOWN)}; nearest to their own of {len(gallery)}",
        value=words(groups),
        truth=words(truths),
        bar="at least 0.9 each; 90 %",
        passed=bool(min(r.values()) >= 0.9 and own >= 0.9),
        numbers={"r": r, "own": own, "truth": parts(truths) if truths else None},
        draw=draw,
    )


@dataclass(frozen=True)
class Looks:
    """Where eyes look who are asked to look in all directions of `GAZES`.

    Attributes:
        at: means over people by direction, (2,) each.
        error: mean distance over the directions aside, and people.
    """

    at: Mapping[str, np.ndarray]
    error: float

    @property
    def ordered(self) -> bool:
        """Whether they look to the side that is asked for."""
        at = self.at
        return bool(at["left"][0] < at["ahead"][0] < at["right"][0] and at["down"][1] < at["ahead"][1] < at["up"][1])

    @property
    def words(self) -> str:
        """Across, and up."""
        across = [self.at[name][0] for name in ("left", "ahead", "right")]
        up = [self.at[name][1] for name in ("down", "ahead", "up")]
        return f"{', '.join(f'{v:.2f}' for v in across)}; {', '.join(f'{v:.2f}' for v in up)}"


LOOKED = f"gaze_x left, ahead, right; gaze_y down, ahead, up (asked {GAZES['right'][0]:g} each way)"


def looks(study: Study, people: Sequence[Subject], truth: bool = False) -> Looks:
    """Where people look in their videos of all directions."""
    at = {name: look(study, f"gaze-{name}", people, truth).mean(0) for name in GAZES}
    return Looks(at, look_error(study, "gaze", people, truth))


def look(study: Study, kind: str, people: Sequence[Subject], truth: bool = False) -> np.ndarray:
    """Medians of where people look, (people, 2)."""
    read = [study.moves(kind, person, truth) for person in people]
    return np.array([[np.median(each["gaze_x"]), np.median(each["gaze_y"])] for each in read])


def look_error(study: Study, kind: str, people: Sequence[Subject], truth: bool = False) -> float:
    """How far from there they look who are asked to look aside."""
    apart = [look(study, f"{kind}-{name}", people, truth) - GAZES[name] for name in ASIDE]
    return float(np.linalg.norm(apart, axis=-1).mean())


def lips_lost(study: Study, people: Sequence[Subject]) -> float:
    """r of the mouth with its sound that looking aside costs."""
    ahead = study.mean_lips("gaze-ahead", people)
    return ahead - float(np.mean([study.mean_lips(f"gaze-{name}", people) for name in ASIDE]))


def draw_looks(own: Looks, true: Looks):
    """Draws where eyes look."""

    def draw(axes) -> None:
        for label, at in (("asked", GAZES), ("generated", own.at), ("truth", true.at)):
            axes.plot(*np.array(list(at.values())).T, "o", label=label)
        axes.set(xlabel="gaze_x", ylabel="gaze_y", title="where eyes look, means")
        axes.legend()

    return draw
