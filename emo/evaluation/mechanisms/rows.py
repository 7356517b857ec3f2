"""Rows that every family has: its measure on generated video, on the truth, and the bar."""

from collections.abc import Mapping, Sequence

import numpy as np

from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.row import Row
from emo.metrics import clip_border_ratio, lagged_correlation, nearest

REST = 2  # frames of silence on either side, before a mouth must be shut
SILENT = 0.05  # of the loudness, 0 … 1
FPS = 25


def lips(talks: Sequence[Observation], truths: Sequence[Observation], jaws: Sequence[np.ndarray]) -> Row:
    """Audio drives the mouth: r of the mouth's opening with the jaw of its own sound, and of the next clip's."""

    def correlations(videos: Sequence[Observation], shift: int) -> np.ndarray:
        tracks = [*jaws[shift:], *jaws[:shift]]
        return np.array([lagged_correlation(v.opening, j).correlation for v, j in zip(videos, tracks, strict=True)])

    own, other = correlations(talks, 0), correlations(talks, 1)
    true_own, true_other = correlations(truths, 0), correlations(truths, 1)
    lags = [lagged_correlation(v.opening, jaw).best_lag for v, jaw in zip(talks, jaws, strict=True)]

    def draw(axes) -> None:
        middle = int(np.argsort(own)[len(own) // 2])
        time, opening = np.arange(len(jaws[middle])) / FPS, talks[middle].opening
        axes.plot(time, jaws[middle] / jaws[middle].max(), color="0.7", label="jaw of the sound")
        axes.plot(time, truths[middle].opening / max(truths[middle].opening.max(), 1e-6), ":", label="truth")
        axes.plot(time, opening / max(opening.max(), 1e-6), label="generated")
        axes.set(xlabel="s", title=f"mouth opening of the median clip, r {own[middle]:.2f}")
        axes.legend()

    return Row(
        mechanism="audio drives the mouth",
        section="3.2.2",
        measure=f"r of mouth opening with the jaw track of the sound, {len(talks)} clips",
        value=f"{own.mean():.2f} (another clip's sound {other.mean():.2f})",
        truth=f"{true_own.mean():.2f} ({true_other.mean():.2f})",
        bar="at least 0.8, and 0.5 above another's",
        passed=bool(own.mean() >= 0.8 and own.mean() - other.mean() >= 0.5),
        numbers={"own": own, "other": other, "best_lag": lags, "truth_own": true_own, "truth_other": true_other},
        draw=draw,
    )


def silence(talks: Sequence[Observation], truths: Sequence[Observation], louds: Sequence[np.ndarray]) -> Row:
    """Silence closes it: mean opening in silence over that in speech."""
    loud = [np.convolve(loudness > SILENT, np.ones(2 * REST + 1), "same") > 0 for loudness in louds]
    loudness = np.concatenate(louds)
    quiet, spoken = ~np.concatenate(loud), loudness > SILENT

    def share(videos: Sequence[Observation]) -> tuple[float, float]:
        opening = np.concatenate([video.opening for video in videos])
        return float(opening[quiet].mean()), float(opening[spoken].mean())

    shut, opened = share(talks)
    true_shut, true_opened = share(truths)

    def draw(axes) -> None:
        for name, videos in (("generated", talks), ("truth", truths)):
            opening = np.concatenate([video.opening for video in videos])
            for kind, chosen in (("silence", quiet), ("speech", spoken)):
                axes.hist(opening[chosen], 40, range=(0, 0.5), density=True, histtype="step", label=f"{name}, {kind}")
        axes.set(xlabel="mouth opening in distances of the eyes", title="silence and speech")
        axes.legend()

    return Row(
        mechanism="silence closes it",
        section="3.2.2",
        measure=f"mean opening in silence / in speech, {quiet.sum()} and {spoken.sum()} frames",
        value=f"{shut / max(opened, 1e-9):.2f}",
        truth=f"{true_shut / true_opened:.2f}",
        bar="at most 0.35",
        passed=bool(opened > 0 and shut / opened <= 0.35),
        numbers={"silence": shut, "speech": opened, "truth_silence": true_shut, "truth_speech": true_opened},
        draw=draw,
    )


def identity(talks: Sequence[Observation], truths: Sequence[Observation], gallery: np.ndarray) -> Row:
    """Identity is kept: which portrait of all (G, D) a video's mean descriptor is nearest to; i's own is the i-th."""

    def hits(videos: Sequence[Observation]) -> np.ndarray:
        return np.array([whose(v, gallery) == i for i, v in enumerate(videos)])

    own, true_own = hits(talks), hits(truths)

    def draw(axes) -> None:
        unknown = np.full(gallery.shape[1], np.nan)
        means = [_mean(video) if len(video.descriptors) else unknown for video in talks]
        axes.imshow(1 - np.stack(means) @ gallery.T, aspect="auto", cmap="viridis")
        axes.set(xlabel="portrait", ylabel="video", title="distance of videos to portraits: the diagonal is their own")

    return Row(
        mechanism="identity is kept",
        section="3.2.3",
        measure=f"videos whose nearest of {len(gallery)} portraits is their own",
        value=f"{own.mean():.0%}",
        truth=f"{true_own.mean():.0%}",
        bar="at least 90 %",
        passed=bool(own.mean() >= 0.9),
        numbers={"own": own, "truth_own": true_own},
        draw=draw,
    )


def real(portraits: Mapping[str, Observation], jaws: Mapping[str, np.ndarray]) -> Row:
    """Real portraits: whether their faces stay faces, and how their mouths go with the sound."""
    found = {name: float(video.found.mean()) for name, video in portraits.items()}
    sync = {n: lagged_correlation(video.opening, jaws[n]).correlation for n, video in portraits.items()}

    def draw(axes) -> None:
        axes.bar(list(sync), list(sync.values()))
        axes.tick_params(axis="x", labelrotation=20)
        axes.set(ylabel="r", title="mouth opening with the jaw track of the sound")

    return Row(
        mechanism="real portraits",
        section="4",
        measure=f"frames with a face: {', '.join(portraits)}; r of the mouth with the sound",
        value=f"{min(found.values()):.0%}; {', '.join(f'{r:.2f}' for r in sync.values())}",
        truth="",
        bar="a face in every frame",
        passed=min(found.values()) == 1,
        numbers={"found": found, "r": sync},
        draw=draw,
    )


def unmeasured(mechanism: str, section: str, measure: str, why: str) -> Row:
    """A mechanism that these videos tell nothing of, and why, or where it is measured."""

    def draw(axes) -> None:
        axes.plot([])
        axes.text(0.5, 0.5, why, ha="center", va="center", wrap=True, transform=axes.transAxes)
        axes.set(title=mechanism, xticks=[], yticks=[])

    return Row(
        mechanism=mechanism,
        section=section,
        measure=measure,
        value=why,
        truth="",
        bar="",
        passed=None,
        numbers={},
        draw=draw,
    )


def border_ratio(videos: Sequence[Observation], frames: int) -> float:
    """How much more changes where clips of so many frames meet than inside, mean over videos."""
    return float(np.mean([clip_border_ratio(video.change, frames) for video in videos]))


def whose(video: Observation, gallery: np.ndarray) -> int | None:
    """Number of the portrait of all (G, D) that a video is nearest to; None where it shows no face."""
    return None if not len(video.descriptors) else int(nearest(_mean(video)[None], gallery)[0])


def _mean(video: Observation) -> np.ndarray:
    """The video's mean descriptor (D,), of length 1."""
    mean = video.descriptors.mean(0)
    return mean / np.linalg.norm(mean)
