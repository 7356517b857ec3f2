"""One row of the table per mechanism of the paper: the measure on generated video, on the truth, and the bar."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emo.evaluation.observation import Observation
from emo.metrics import clip_border_ratio, lagged_correlation, nearest

REST = 2  # frames of silence on either side, before a mouth must be shut
SILENT = 0.05  # of the loudness, 0 … 1
MOVED = 0.5  # of the way that a region is shifted, the face must go along with
FPS = 25


@dataclass(frozen=True)
class Row:
    """A mechanism.

    mechanism, section: what it is, and where the paper has it. measure: what is read from the videos. value, truth,
    bar: in words; truth is what the same measure gives for the synthesiser's own clips. passed: whether the bar is
    reached, None where there is none. numbers: all that the words are made of. draw: draws the row's plot on axes of
    matplotlib.
    """

    mechanism: str
    section: str
    measure: str
    value: str
    truth: str
    bar: str
    passed: bool | None
    numbers: dict[str, Any]
    draw: Callable[[Any], None] = field(repr=False)


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
                axes.hist(opening[chosen], 40, (0, 0.5), density=True, histtype="step", label=f"{name}, {kind}")
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
    """Identity is kept: which portrait of all, (G, D), each video's mean descriptor is nearest to; video i shows face i."""

    def hits(videos: Sequence[Observation]) -> np.ndarray:
        return np.array([len(v.descriptors) > 0 and _whose(v, gallery) == i for i, v in enumerate(videos)])

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


def drifting(long: Observation, truth: Observation, gallery: np.ndarray, person: int, seconds: float) -> Row:
    """Long videos do not drift: identity in the last sixth, sharpness and mean colour against the first twelfth."""
    start, end = round(seconds / 12 * FPS), round(seconds / 6 * FPS)

    def drift(video: Observation) -> tuple[float, float, float]:
        late = video.described >= len(video) - end
        own = np.mean(nearest(video.descriptors[late], gallery) == person) if late.any() else 0.0
        sharp = video.sharpness[-end:].mean() / video.sharpness[:start].mean() - 1
        colour = video.rgb[-end:].mean(0) / video.rgb[:start].mean(0) - 1
        return float(own), float(sharp), float(np.abs(colour).max())

    own, sharp, colour = drift(long)
    true = drift(truth)

    def draw(axes) -> None:
        smooth = lambda values: np.convolve(values, np.ones(FPS) / FPS, "valid")
        for name, video in (("generated", long), ("truth", truth)):
            values = smooth(video.sharpness)
            axes.plot(
                np.arange(len(values)) / FPS, values / video.sharpness[:start].mean(), label=f"{name}, sharpness"
            )
            values = smooth(video.rgb.mean(1))
            axes.plot(np.arange(len(values)) / FPS, values / video.rgb[:start].mean(), label=f"{name}, brightness")
        axes.set(xlabel="s", title="against the first seconds", ylim=(0.5, 1.5))
        axes.legend()

    return Row(
        mechanism="long videos do not drift",
        section="3.2.4",
        measure=f"last {seconds / 6:g} s of {seconds:g} s: own portrait nearest; change of sharpness and mean colour",
        value=f"{own:.0%}; {sharp:+.1%}, {colour:.1%}",
        truth=f"{true[0]:.0%}; {true[1]:+.1%}, {true[2]:.1%}",
        bar="at least 90 %; within 10 %",
        passed=bool(own >= 0.9 and abs(sharp) <= 0.1 and colour <= 0.1),
        numbers={"own": own, "sharpness": sharp, "colour": colour, "truth": true},
        draw=draw,
    )


def joins(
    talks: Sequence[Observation], truths: Sequence[Observation], unchained: Sequence[Observation], frames: int
) -> Row:
    """Clips join: how much more changes at clips' borders than inside, with motion frames and without."""
    ratio = lambda videos: float(np.mean([clip_border_ratio(video.change, frames) for video in videos]))
    with_frames, without, true = ratio(talks), ratio(unchained), ratio(truths)

    def draw(axes) -> None:
        for name, videos in (("with motion frames", talks), ("without", unchained), ("truth", truths)):
            change = np.mean([_per_place(video.change, frames) for video in videos], axis=0)
            axes.plot(np.arange(1, frames + 1), change, "o-", label=name)
        axes.set(xlabel="frame of the clip", ylabel="grey levels", title=f"change to the next frame; {frames}: border")
        axes.legend()

    return Row(
        mechanism="clips join",
        section="3.2.4",
        measure="mean frame difference at clip borders / inside clips; with motion frames zeroed",
        value=f"{with_frames:.2f}; {without:.2f}",
        truth=f"{true:.2f}",
        bar="at most 1.3; zeroed half as much again",
        passed=bool(with_frames <= 1.3 and without >= 1.5 * with_frames),
        numbers={"with": with_frames, "without": without, "truth": true},
        draw=draw,
    )


def speeds(
    by_speed: Mapping[float, Sequence[Observation]],
    free: Sequence[Observation],
    truths: Mapping[float, Sequence[Observation]],
) -> Row:
    """Speed layers: Table 2's mean velocity, velocity variance and variance of mean velocities (VMV)."""

    def table(videos: Sequence[Observation]) -> dict[str, float]:
        tracks = [video.rotation_speed for video in videos]
        means = np.array([track.mean() for track in tracks])
        return {"mean": means.mean(), "variance": np.mean([track.var() for track in tracks]), "vmv": means.var()}

    found, none = {speed: table(videos) for speed, videos in by_speed.items()}, table(free)
    true = {speed: table(videos) for speed, videos in truths.items()}
    means = [found[speed]["mean"] for speed in found]
    vmv = float(np.mean([each["vmv"] for each in found.values()]))

    def draw(axes) -> None:
        axes.plot(list(found), means, "o-", label="generated")
        axes.plot(list(true), [each["mean"] for each in true.values()], "o:", label="truth")
        axes.axhline(none["mean"], color="0.6", label="No Speed")
        axes.plot(list(found), list(found), color="0.85", label="as commanded")
        axes.set(xlabel="speed asked for, degrees per frame", ylabel="measured", title="mean rotation speed (Table 2)")
        axes.legend()

    words = lambda rows: ", ".join(f"{rows[speed]['mean']:.2f}" for speed in rows)
    return Row(
        mechanism="speed layers",
        section="Table 2",
        measure=f"mean rotation speed at {', '.join(f'{s:g}' for s in found)} °/frame; VMV against No Speed",
        value=f"{words(found)}; VMV {vmv:.3f} ({none['vmv']:.3f})",
        truth=words(true),
        bar="rises at every step; VMV lower",
        passed=bool(np.all(np.diff(means) > 0) and vmv < none["vmv"]),
        numbers={"generated": found, "no_speed": none, "truth": true},
        draw=draw,
    )


def locator(
    left: Sequence[Observation], right: Sequence[Observation], tight: Sequence[Observation],
    wide: Sequence[Observation], truths: Sequence[Observation], shift: float,
) -> Row:  # fmt: skip
    """Face locator: where the face goes with the region `shift` pixels to either side; how far it roams in it."""
    middle = lambda videos: np.array([video.centre[:, 0].mean() for video in videos])
    roaming = lambda videos: np.array([np.ptp(np.percentile(v.centre[:, 0], (5, 95))) for v in videos])
    follows = (middle(right) - middle(left)) / (2 * shift)
    ranges = {name: float(roaming(videos).mean()) for name, videos in (("tight", tight), ("wide", wide))}
    true_range = float(roaming(truths).mean())

    def draw(axes) -> None:
        for name, videos in (("left", left), ("right", right), ("tight", tight), ("wide", wide)):
            axes.plot(np.concatenate([video.centre[:, 0] for video in videos]), label=name, lw=0.8)
        axes.set(xlabel="frame, all videos", ylabel="pixels", title="middle of the face under four regions")
        axes.legend()

    return Row(
        mechanism="face locator",
        section="Fig. 7",
        measure=f"share of the region's shift (±{shift:.0f} px) the face follows; its range in a tight and a wide region",
        value=f"{follows.mean():.2f}; {ranges['tight']:.1f}, {ranges['wide']:.1f} px",
        truth=f"range {true_range:.1f} px",
        bar="follows by half; wider region, wider range",
        passed=bool(follows.mean() >= MOVED and ranges["wide"] > ranges["tight"]),
        numbers={"follows": follows, "range": ranges, "truth_range": true_range},
        draw=draw,
    )


def quality(talks: Sequence[Observation], truths: Sequence[Observation], psnrs: np.ndarray) -> Row:
    """Picture quality: the autoencoder's PSNR (N,) on held-out people; sharpness of generated against true clips."""
    mean = lambda videos: np.array([video.sharpness.mean() for video in videos])
    ratio = mean(talks) / mean(truths)

    def draw(axes) -> None:
        axes.plot(mean(truths), mean(talks), "o")
        axes.axline((0, 0), slope=1, color="0.8")
        axes.set(xlabel="truth", ylabel="generated", title="sharpness (variance of the Laplacian), a point per person")

    return Row(
        mechanism="picture quality",
        section="4.1",
        measure="PSNR of the autoencoder on held-out people; sharpness generated / true",
        value=f"{psnrs.mean():.1f} dB; {ratio.mean():.2f}",
        truth="1.00",
        bar="at least 31 dB; 0.8",
        passed=bool(psnrs.mean() >= 31 and ratio.mean() >= 0.8),
        numbers={"psnr": psnrs, "sharpness": ratio},
        draw=draw,
    )


def smoothness(talks: Sequence[Observation], truths: Sequence[Observation], frames: int) -> Row:
    """Smooth motion: frame difference inside clips against the truth's."""
    inner = lambda video: video.change[np.arange(1, len(video.change) + 1) % frames != 0].mean()
    own, true = np.array([inner(v) for v in talks]), np.array([inner(v) for v in truths])

    def draw(axes) -> None:
        axes.plot(true, own, "o")
        axes.axline((0, 0), slope=1, color="0.8")
        axes.set(
            xlabel="truth", ylabel="generated", title="frame difference inside clips, grey levels, a point per person"
        )

    return Row(
        mechanism="smooth motion",
        section="3.2.4",
        measure="frame difference inside clips / the truth's",
        value=f"{own.mean() / true.mean():.2f}",
        truth="1.00",
        bar="at most 1.3",
        passed=bool(own.mean() <= 1.3 * true.mean()),
        numbers={"generated": own, "truth": true},
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


def _whose(video: Observation, gallery: np.ndarray) -> int:
    return int(nearest(_mean(video)[None], gallery)[0])


def _mean(video: Observation) -> np.ndarray:
    """The video's mean descriptor (D,), of length 1."""
    mean = video.descriptors.mean(0)
    return mean / np.linalg.norm(mean)


def _per_place(change: np.ndarray, frames: int) -> np.ndarray:
    """Mean change after each of a clip's frames, (frames,)."""
    places = np.arange(len(change)) % frames
    return np.array([change[places == place].mean() for place in range(frames)])
