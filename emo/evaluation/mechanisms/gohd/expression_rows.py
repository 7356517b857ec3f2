"""Rows on GoHD's expressions: beside true ones, what lids and brows do apart from lips, what noise changes."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np

from emo.evaluation.mechanisms.gohd.plan import SEEDS, USUAL_GAMMA
from emo.evaluation.mechanisms.gohd.tracks import drawn, paired, variance
from emo.evaluation.mechanisms.motion_rows import FOLLOWS
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.study import Study, agreement
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.row import Row
from emo.motion.gohd import EYES
from emo.training.gohd.figures import expression_figures, similarity

DOES = ("blink", "brow")  # the columns of f
SAME, OTHER = 0.95, 0.5  # r of what noise leaves, and at most of what it changes

Acts = Callable[[int], Mapping[str, np.ndarray]]
"""What a person's face does in truth, (T,) by the controls' names."""


def beside_truth(talks: Sequence[Observation], truths: Sequence[Observation]) -> Row:
    """Tables 1 and 2: how like true expressions those are that were made, and how lively."""
    figures = expression_figures(paired(talks, truths))
    other = np.mean([similarity(each, *EYES) for each in paired(talks, [*truths[1:], truths[0]])])
    own, true = (variance(videos, *EYES) for videos in (talks, truths))
    lips, others = figures["jaw r"], figures["jaw r, another's"]

    def draw(axes) -> None:
        axes.plot(drawn(talks[0], "blink"), label="generated")
        axes.plot(drawn(truths[0], "blink"), ":", label="truth")
        axes.set(xlabel="frame", ylabel="shut", title="lids of the first clip")
        axes.legend()

    return Row(
        mechanism="expressions beside true ones",
        section="Tables 1, 2",
        measure=f"tracks of {len(talks)} clips: MLD in deviations; r of jaws (with another clip's); of lids and brows "
        "SSIM_e (with another clip's), Var_e in squared deviations",
        value=f"{figures['mld']:.3f}; {lips:.2f} ({others:.2f}); {figures['ssim e']:.3f} ({other:.3f}), {own:.3f}",
        truth=f"0; 1; 1, {true:.3f}",
        bar="",
        passed=None,
        numbers={**figures, "ssim e, another's": other, "variance": own, "truth_variance": true},
        draw=draw,
    )


def apart(study: Study, subjects: Sequence[Subject], acts: Acts) -> Row:
    """H7: lids and brows that are told change alone, and with the sound lips alone."""

    def on_track(kind: str, subject: Subject) -> Mapping[str, np.ndarray]:
        video = study.video(f"told-{kind}", subject)
        return {name: drawn(video, name) for name in ("jaw", *DOES)}

    def in_pictures(kind: str, subject: Subject, truth: bool = False) -> Mapping[str, np.ndarray]:
        return study.moves(f"told-{kind}", subject, truth)

    def figures(read: Callable[[str, Subject], Mapping[str, np.ndarray]]) -> dict[str, float]:
        own, eyes, sound = ({s.name: read(kind, s) for s in subjects} for kind in ("own", "eyes", "sound"))
        driver = {subject.name: acts(subject.driver) for subject in subjects}

        def r(one: Mapping[str, Mapping[str, np.ndarray]], other: Mapping[str, Mapping], *names: str) -> float:
            pairs = {name: [(one[s.name][name], other[s.name][name]) for s in subjects] for name in names}
            return float(np.mean([agreement(each) for each in pairs.values()]))

        return {
            "eyes follow": r(eyes, driver, *DOES),
            "lips stay": r(eyes, own, "jaw"),
            "lips follow": r(sound, driver, "jaw"),
            "eyes stay": r(sound, own, *DOES),
        }

    tracks, pictures = figures(on_track), figures(in_pictures)
    true = figures(lambda kind, subject: in_pictures(kind, subject, truth=True))

    def draw(axes) -> None:
        axes.plot(acts(subjects[0].driver)["blink"], label="told")
        axes.plot(on_track("eyes", subjects[0])["blink"], label="generated")
        axes.plot(in_pictures("eyes", subjects[0])["blink"], ":", label="read")
        axes.set(xlabel="frame", ylabel="shut", title="lids that are told to do what another's do")
        axes.legend()

    def words(found: Mapping[str, float]) -> str:
        return ", ".join(f"{value:.2f}" for value in found.values())

    return Row(
        mechanism="lids and brows apart from lips",
        section="3.2",
        measure="another's lids and brows told: r with these, of lips with those of before; another's sound: r of "
        "lips with its jaw, of lids and brows with those of before; on tracks; in pictures",
        value=f"{words(tracks)}; {words(pictures)}",
        truth=f"; {words(true)}",
        bar=f"at least {FOLLOWS:g} each",
        passed=min(*tracks.values(), *pictures.values()) >= FOLLOWS,
        numbers={"tracks": tracks, "pictures": pictures, "truth": true},
        draw=draw,
    )


def noise(study: Study, subjects: Sequence[Subject]) -> Row:
    """H10: other noise leaves lips as they are, and makes other blinks."""
    kinds = [f"gamma-{USUAL_GAMMA:g}-{seed}" for seed in SEEDS]

    def between(read: Callable[[str, Subject], np.ndarray]) -> float:
        every = [[read(kind, subject) for kind in kinds] for subject in subjects]
        return agreement([pair for each in every for pair in combinations(each, 2)])

    lips, lids = (between(lambda k, s, n=name: drawn(study.video(k, s), n)) for name in ("jaw", "blink"))
    seen, blinks = (between(lambda k, s, n=name: study.moves(k, s)[n]) for name in ("jaw", "blink"))

    def draw(axes) -> None:
        for kind in kinds:
            axes.plot(drawn(study.video(kind, subjects[0]), "blink"))
        axes.set(xlabel="frame", ylabel="shut", title="lids by other noise, of the first voice")

    return Row(
        mechanism="noise of lids and brows",
        section="3.2",
        measure=f"r between {len(kinds)} seeds of jaw, lids: on tracks; in pictures",
        value=f"{lips:.2f}, {lids:.2f}; {seen:.2f}, {blinks:.2f}",
        truth="",
        bar=f"on tracks at least {SAME:g}, at most {OTHER:g}",
        passed=lips >= SAME and lids <= OTHER,
        numbers={"jaw": lips, "lids": lids, "pictures": {"jaw": seen, "lids": blinks}},
        draw=draw,
    )
