"""Rows of the table: lips beside a real talker's, and lips that meet in p, b and m."""

from collections.abc import Mapping, Sequence

import numpy as np

from emo.articulation import MEASURES
from emo.articulation.phones import Phone
from emo.evaluation.lips.generator import KINDS, Mouths
from emo.evaluation.row import Row
from emo.metrics import Sync, common_lag, lagged_correlation
from emo.metrics.bilabials import bilabials_shut

COMPARED = ("opening", "height", "width")
STEADIEST = "height"
MAX_LAG = 3  # frames
SECTION = "3.2.2"  # of EMO's paper: audio drives the mouth


def real_lips(mouths: Sequence[Mouths], unreadable: Mapping[str, str]) -> Row:
    """Lips as a real talker's: r with the real clip's mouth, of its own sound, of another clip's, and of itself.

    Args:
        mouths: of the clips.
        unreadable: why there are none of other clips, by their names.
    """
    syncs = {(kind, name): [_sync(m, kind, name) for m in mouths] for kind in KINDS for name in COMPARED}
    r = {kind: {name: _r(syncs[kind, name]) for name in COMPARED} for kind in KINDS}
    lag = {kind: common_lag([sync.correlations for sync in syncs[kind, STEADIEST]]) for kind in ("own", "real")}
    best = np.array([sync.correlations[MAX_LAG + lag["own"]] for sync in syncs["own", STEADIEST]])
    opening = MEASURES.index("opening")
    far = np.array([m.read["own"][:, opening].std() / max(m.truth[:, opening].std(), 1e-9) for m in mouths])
    lost = {kind: [m.name for m in mouths if kind in m.lost] for kind in KINDS}

    def words(kind: str) -> str:
        return ", ".join(f"{r[kind][name].mean():.2f}" for name in COMPARED)

    def draw(axes) -> None:
        middle = int(np.argsort(r["own"][STEADIEST])[len(mouths) // 2])
        shown, column = mouths[middle], MEASURES.index(STEADIEST)
        tracks = {"real": shown.truth, "re-encoded": shown.read["real"], "generated": shown.read["own"]}
        for (name, track), line in zip(tracks.items(), ("-", ":", "-"), strict=True):
            axes.plot((np.arange(len(track)) + 0.5) / shown.fps, track[:, column], line, label=name)
        title = f"outer lip height of the median clip, {shown.name}, r {r['own'][STEADIEST][middle]:.2f}"
        axes.set(xlabel="s", ylabel="distances of the eyes", title=title)
        axes.legend()

    return Row(
        mechanism="real lips",
        section=SECTION,
        measure=f"r with a real talker's opening, outer lip height and width in {len(mouths)} clips "
        f"({len(unreadable)} unreadable, {len(lost['own'])} generated without a face); at the best lag; how far the "
        "opening moves, of the real one",
        value=f"{words('own')} (another clip's sound {words('other')}); {STEADIEST} {best.mean():.2f} at "
        f"{lag['own']:+d} frames; {far.mean():.2f}",
        truth=f"re-encoded {words('real')}; at {lag['real']:+d}",
        bar="",
        passed=None,
        numbers={
            "clips": [m.name for m in mouths],
            "unreadable": dict(unreadable),
            "without_face": lost,
            **r,
            "mean": {kind: {name: float(values.mean()) for name, values in r[kind].items()} for kind in KINDS},
            "best_lag": lag,
            "best": best,
            "deviation": far,
        },
        draw=draw,
    )


def lips_shut(mouths: Sequence[Mouths], phones: Mapping[str, list[Phone]]) -> Row | None:
    """Lips meet in p, b and m: share of those in which the opening falls below a third of the clip's vowels'.

    Args:
        mouths: of the clips.
        phones: what is said in them, by name; of clips that are not there nothing is known.

    Returns:
        None where no p, b or m is known.
    """
    known, opening = [m for m in mouths if m.name in phones], MEASURES.index("opening")

    def shut(kind: str) -> list[np.ndarray]:
        tracks = [m.truth if kind == "truth" else m.read[kind] for m in known]
        return [bilabials_shut(t[:, opening], m.fps, phones[m.name]) for t, m in zip(tracks, known, strict=True)]

    found = {kind: shut(kind) for kind in (*KINDS, "truth")}
    if not sum(map(len, found["truth"])):
        return None
    share = {kind: float(np.concatenate(each).mean()) for kind, each in found.items()}

    def draw(axes) -> None:
        names = {"own": "generated", "other": "another sound", "real": "re-encoded", "truth": "real"}
        axes.bar(list(names.values()), [share[kind] for kind in names])
        axes.set(ylim=(0, 1), ylabel="share", title="lips shut on p, b and m")

    return Row(
        mechanism="lips shut on p b m",
        section=SECTION,
        measure=f"of {sum(map(len, found['own']))} in {len(known)} clips, opening below a third of the clip's vowels",
        value=f"{share['own']:.0%} (another clip's sound {share['other']:.0%})",
        truth=f"{share['truth']:.0%} (re-encoded {share['real']:.0%})",
        bar="",
        passed=None,
        numbers={"clips": [m.name for m in known], **found, "mean": share},
        draw=draw,
    )


def _sync(mouths: Mouths, kind: str, measure: str) -> Sync:
    """How a video's mouth goes with the real one, over the frames of both. A positive lag is a mouth that is late."""
    column = MEASURES.index(measure)
    frames = min(len(mouths.truth), len(mouths.read[kind]))
    return lagged_correlation(mouths.read[kind][:frames, column], mouths.truth[:frames, column], max_lag=MAX_LAG)


def _r(syncs: Sequence[Sync]) -> np.ndarray:
    return np.array([sync.correlation for sync in syncs])
