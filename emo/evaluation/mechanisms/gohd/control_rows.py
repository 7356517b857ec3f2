"""Rows on what GoHD's animator is asked for: gaze, strength, parts of several people."""

from collections.abc import Mapping, Sequence

import numpy as np

from emo.evaluation.mechanisms.gohd.expression_rows import Acts
from emo.evaluation.mechanisms.gohd.plan import MIXED, STRENGTHS
from emo.evaluation.mechanisms.gohd.tracks import drawn
from emo.evaluation.mechanisms.motion_rows import (
    FOLLOWS,
    KEPT,
    LOOKED,
    draw_looks,
    lips_lost,
    looks,
)
from emo.evaluation.mechanisms.study import Moves, Study, agreement, moves
from emo.evaluation.mechanisms.subjects import ASIDE, Subject
from emo.evaluation.row import Row
from emo.motion.reading import ANGLES

READ = {"pose": ANGLES, "expression": ("jaw",), "gaze": ("gaze_x", "gaze_y")}
"""What has to follow its source, by part of `MIXED`."""

ABOVE = 0.5  # of r, by which a part's own source is above others'


def gaze(study: Study, subjects: Sequence[Subject], floor: Sequence[Subject], who: str) -> Row:
    """H3: eyes look where they are asked to, and lips and head go on.

    Args:
        study: has the videos.
        subjects: who is asked.
        floor: people with true clips.
        who: kind of portraits, in words.
    """

    def head(people: Sequence[Subject], truth: bool = False) -> float:
        read = {name: [study.moves(f"gaze-{name}", p, truth) for p in people] for name in ("ahead", *ASIDE)}
        pairs = {a: [(x[a], y[a]) for n in ASIDE for x, y in zip(read["ahead"], read[n], strict=True)] for a in ANGLES}
        return float(np.mean([agreement(each) for each in pairs.values()]))

    own, true = looks(study, subjects), looks(study, floor, truth=True)
    lost, kept = lips_lost(study, subjects), head(subjects)
    return Row(
        mechanism=f"gaze, {who}",
        section="3.3",
        measure=f"{LOOKED}; error; r that lips lose; r of the head with that of eyes ahead",
        value=f"{own.words}; {own.error:.2f}; {lost:+.2f}; {kept:.2f}",
        truth=f"{true.words}; {true.error:.2f}; ; {head(floor, truth=True):.2f}",
        bar=f"in order; below {KEPT:g}; at least {FOLLOWS:g}",
        passed=own.ordered and lost < KEPT and kept >= FOLLOWS,
        numbers={"looks": own.at, "error": own.error, "lost": lost, "head": kept, "truth_error": true.error},
        draw=draw_looks(own, true),
    )


def strength(study: Study, subjects: Sequence[Subject], floor: Sequence[Subject], who: str) -> Row:
    """H2: the stronger motion is, the further heads turn and mouths open; arguments as of `gaze`."""

    def far(people: Sequence[Subject], truth: bool = False) -> dict[str, np.ndarray]:
        """Over strengths the yaw from that without motion, in degrees, and the jaw."""
        yaws, jaws = [], []
        for value in STRENGTHS:
            read = [
                moves(
                    study.video(f"strength-{value:g}", p, truth), study.video(f"strength-{STRENGTHS[0]:g}", p, truth)
                )
                for p in people
            ]
            yaws.append(np.sqrt(np.mean([np.square(each["yaw"]).mean() for each in read])))
            jaws.append(np.mean([each["jaw"].mean() for each in read]))
        return {"yaw": np.array(yaws), "jaw": np.array(jaws)}

    own, true = far(subjects), far(floor, truth=True)
    rank_r = {name: agreement([(ranks(np.array(STRENGTHS)), ranks(values))]) for name, values in own.items()}

    def words(found: Mapping[str, np.ndarray]) -> str:
        return f"{', '.join(f'{v:.1f}' for v in found['yaw'])}; {', '.join(f'{v:.2f}' for v in found['jaw'])}"

    def draw(axes) -> None:
        for name, values in own.items():
            axes.plot(STRENGTHS, values / max(values[-1], 1e-9), "o-", label=name)
            axes.plot(STRENGTHS, true[name] / max(true[name][-1], 1e-9), ":", label=f"{name}, truth")
        axes.set(xlabel="lambda", ylabel="of that at 1", title="how far faces go as motion is stronger")
        axes.legend()

    return Row(
        mechanism=f"strength of motion, {who}",
        section="Fig. 8",
        measure=f"yaw in degrees, and jaw, at lambda {', '.join(f'{v:g}' for v in STRENGTHS)}; Spearman's r of each",
        value=f"{words(own)}; {', '.join(f'{r:.2f}' for r in rank_r.values())}",
        truth=words(true),
        bar="r 1 each",
        passed=min(rank_r.values()) > 1 - 1e-9,
        numbers={**own, "rank_r": rank_r, "truth": true},
        draw=draw,
    )


def ranks(values: np.ndarray) -> np.ndarray:
    """How many others each of values (n,) is above; equal ones are of one rank."""
    return (values[:, None] > values).sum(1).astype(np.float64)


def mixed(
    study: Study,
    subjects: Sequence[Subject],
    floor: Sequence[Subject],
    sources: Mapping[str, Mapping[str, int]],
    acts: Acts,
    who: str,
) -> Row:
    """H4: pose, expression and gaze of three people's videos go each with its own.

    Args:
        study: has the videos.
        subjects: who does what they do.
        floor: people with true clips.
        sources: number of the person each part is of, by name of the subject.
        acts: what a person does in truth.
        who: kind of portraits, in words.
    """

    def figures(people: Sequence[Subject], truth: bool = False) -> dict[str, tuple[float, float]]:
        """r of what is read of each part with its own source, and the highest with another's."""
        read: dict[str, Moves] = {p.name: study.moves("mixed", p, truth) for p in people}
        videos = {p.name: study.video("mixed", p, truth) for p in people}
        found = {}
        for part, names in READ.items():
            own = [agreement([(read[p.name][n], drawn(videos[p.name], n)) for p in people]) for n in names]
            others = [
                [agreement([(read[p.name][n], acts(sources[p.name][o])[n]) for p in people]) for n in names]
                for o in MIXED
                if o != part
            ]
            found[part] = float(np.mean(own)), float(max(np.mean(each) for each in others))
        return found

    own, true = figures(subjects), figures(floor, truth=True)

    def words(found: Mapping[str, tuple[float, float]]) -> str:
        return "; ".join(f"{r:.2f} ({other:.2f})" for r, other in found.values())

    def draw(axes) -> None:
        name = "yaw"
        for part, person in sources[subjects[0].name].items():
            track = acts(person)[name]
            axes.plot(track - track.mean(), ":", label=f"source of {part}")
        seen = study.moves("mixed", subjects[0])[name]
        axes.plot(seen - seen.mean(), label="portrait")
        axes.set(xlabel="frame", ylabel="degrees", title="yaw of a portrait and of the three people it follows")
        axes.legend()

    return Row(
        mechanism=f"mixed driving, {who}",
        section="Fig. 9",
        measure=f"r of what is read of {', '.join(READ)} with its own source (highest with another's)",
        value=words(own),
        truth=words(true),
        bar=f"at least {FOLLOWS:g}, and {ABOVE:g} above another's",
        passed=all(r >= FOLLOWS and r - other >= ABOVE for r, other in own.values()),
        numbers={"r": own, "truth": true},
        draw=draw,
    )
