"""The row on sentences that GAIA is told."""

from collections.abc import Mapping, Sequence

import numpy as np

from emo.data.synthetic.motion.instructions import INSTRUCTIONS
from emo.evaluation.mechanisms.gaia.plan import WORDINGS
from emo.evaluation.mechanisms.rows import FPS
from emo.evaluation.mechanisms.study import Moves, Study
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.row import Row

ASKED = {
    name: min(abs(told.targets[name]) for told in INSTRUCTIONS.values() if name in told.targets)
    for name in sorted({name for told in INSTRUCTIONS.values() for name in told.targets})
}
"""What somebody can be told to move, and how far at least."""

MOVED = 3.0  # deviations of those who are told nothing
LEFT = 2**0.5  # the same: one of them more than those go by themselves
LEAST = 1 / 6  # of what is asked, below which readings of who is told nothing are the reader's own
SHARE, HALF = 0.8, 0.5  # of sentences; of which half are too few even where the truth's are no more
SHUT = "close eyes"  # where eyes look cannot be read of shut ones
HELD = FPS  # frames over which an act is looked at


def sentences(study: Study, told: Sequence[tuple[str, Subject]], calm: Sequence[Subject]) -> Row:
    """G9: what a sentence names is moved, and nothing else.

    Args:
        study: has the videos.
        told: every instruction, and who is told.
        calm: people with true clips who are told nothing.
    """
    read = [study.moves("calm", person, True) for person in calm]
    deviations = {name: max(rms([each[name] for each in read]), LEAST * asked) for name, asked in ASKED.items()}

    def moved(wording: str, truth: bool = False) -> dict[str, dict[str, float]]:
        """By instruction how far every control goes, in deviations."""
        found = {}
        for key, person in told:
            found[key] = acts(study.moves(f"{wording}-{key.replace(' ', '-')}", person, truth), key, deviations)
        return found

    made = {wording: moved(wording) for wording in WORDINGS}
    true = moved("told", truth=True)
    shares = {wording: shares_of(found) for wording, found in made.items()}
    (named, left), true_shares = zip(*shares.values(), strict=True), shares_of(true)
    least = [min(SHARE, max(HALF, share)) for share in true_shares]

    def draw(axes) -> None:
        found = made[next(iter(WORDINGS))]
        axes.imshow([[each.get(name, np.nan) for name in ASKED] for each in found.values()], vmin=0, vmax=MOVED)
        axes.set_xticks(range(len(ASKED)), list(ASKED), rotation=40)
        axes.set_yticks(range(len(found)), list(found))
        axes.set(title="how far controls go, in deviations")

    def percent(values: Sequence[float]) -> str:
        return ", ".join(f"{value:.0%}" for value in values)

    return Row(
        mechanism="sentences",
        section="3.4",
        measure=f"{len(told)} instructions, in words of training, in others: those whose control goes {MOVED:g} "
        f"deviations of who is told nothing, the right way; other controls that stay within {LEFT:.1f}",
        value=f"{percent(named)}; {percent(left)}",
        truth=f"{true_shares[0]:.0%}; {true_shares[1]:.0%}",
        bar=f"at least {SHARE:.0%} each, or as many as the truth's, if above {HALF:.0%}",
        passed=bool(min(named) >= least[0] and min(left) >= least[1]),
        numbers={"shares": shares, "made": made, "truth": true, "truth_shares": true_shares, "deviations": deviations},
        draw=draw,
    )


def acts(read: Moves, key: str, deviations: Mapping[str, float]) -> dict[str, float]:
    """How far controls go in the second in which the named one goes furthest, in deviations: the root of the mean
    square, of a swing that of its amplitude. It is below 0 where the named one goes the wrong way.

    Args:
        read: what a face does.
        key: of the instruction.
        deviations: by control, of people who are told nothing.
    """
    asked = INSTRUCTIONS[key]
    ((name, amount),) = asked.targets.items()
    length = min(HELD, len(read[name]))
    powers = np.convolve(np.square(read[name]), np.ones(length) / length, "valid")
    act = slice(int(powers.argmax()), int(powers.argmax()) + length)
    known = [each for each in ASKED if key != SHUT or not each.startswith("gaze")]
    far = {each: rms([read[each][act]]) / deviations[each] for each in known}
    if asked.cycles:
        return far | {name: np.sqrt(2) * far[name]}
    wrong = not asked.either_way and read[name][act].mean() * amount < 0
    return far | {name: -far[name] if wrong else far[name]}


def rms(tracks: Sequence[np.ndarray]) -> float:
    """Root of the mean square of tracks of one length."""
    return float(np.sqrt(np.mean(np.square(tracks))))


def shares_of(found: Mapping[str, Mapping[str, float]]) -> tuple[float, float]:
    """Of instructions those whose control moves; of other controls those that do not."""
    named = [far[next(iter(INSTRUCTIONS[key].targets))] >= MOVED for key, far in found.items()]
    others = [
        value < LEFT
        for key, far in found.items()
        for name, value in far.items()
        if name not in INSTRUCTIONS[key].targets
    ]
    return float(np.mean(named)), float(np.mean(others))
