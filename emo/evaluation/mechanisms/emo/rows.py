"""Rows of EMO's own: long videos, joins of clips, speed, the face's place, pictures, smoothness."""

from collections.abc import Mapping, Sequence

import numpy as np

from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.rows import FPS, border_ratio
from emo.evaluation.row import Row
from emo.metrics import nearest, relative_change

MOVED = 0.5  # of the way that a region is shifted, the face must go along with


def drifting(long: Observation, truth: Observation, gallery: np.ndarray, person: int, seconds: float) -> Row:
    """Long videos do not drift: identity in the last sixth, sharpness and mean color against the first twelfth."""
    start = round(seconds / 12 * FPS)
    end = round(seconds / 6 * FPS)

    def drift(video: Observation) -> tuple[float, float, float]:
        late = video.described >= len(video) - end
        own = np.mean(nearest(video.descriptors[late], gallery) == person) if late.any() else 0.0
        sharp = relative_change(video.sharpness, start, end)
        color = relative_change(video.rgb, start, end)
        return float(own), float(sharp), float(np.abs(color).max())

    own, sharp, color = drift(long)
    true = drift(truth)

    def draw(axes) -> None:
        def smooth(values: np.ndarray) -> np.ndarray:
            return np.convolve(values, np.ones(FPS) / FPS, "valid")

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
        measure=f"last {seconds / 6:g} s of {seconds:g} s: own portrait nearest; change of sharpness and mean color",
        value=f"{own:.0%}; {sharp:+.1%}, {color:.1%}",
        truth=f"{true[0]:.0%}; {true[1]:+.1%}, {true[2]:.1%}",
        bar="at least 90 %; within 10 %",
        passed=bool(own >= 0.9 and abs(sharp) <= 0.1 and color <= 0.1),
        numbers={"own": own, "sharpness": sharp, "color": color, "truth": true},
        draw=draw,
    )


def joins(
    talks: Sequence[Observation], truths: Sequence[Observation], unchained: Sequence[Observation], frames: int
) -> Row:
    """Clips join: how much more changes at clips' borders than inside, with motion frames and without."""

    with_frames, without, true = (border_ratio(videos, frames) for videos in (talks, unchained, truths))

    def draw(axes) -> None:
        for name, videos in (("with motion frames", talks), ("without", unchained), ("truth", truths)):
            change = np.mean([_per_place(video.change, frames) for video in videos], axis=0)
            axes.plot(np.arange(1, frames + 1), change, "o-", label=name)
        axes.set(xlabel="frame of the clip", ylabel="gray levels", title=f"change to the next frame; {frames}: border")
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
        variance = np.mean([track.var() for track in tracks])
        return {"mean": float(means.mean()), "variance": float(variance), "vmv": float(means.var())}

    measured = {speed: table(videos) for speed, videos in by_speed.items()}
    none = table(free)
    true = {speed: table(videos) for speed, videos in truths.items()}
    means = [measured[speed]["mean"] for speed in measured]
    vmv = float(np.mean([each["vmv"] for each in measured.values()]))

    def draw(axes) -> None:
        axes.plot(list(measured), means, "o-", label="generated")
        axes.plot(list(true), [each["mean"] for each in true.values()], "o:", label="truth")
        axes.axhline(none["mean"], color="0.6", label="No Speed")
        axes.plot(list(measured), list(measured), color="0.85", label="as commanded")
        axes.set(xlabel="speed asked for, degrees per frame", ylabel="measured", title="mean rotation speed (Table 2)")
        axes.legend()

    def words(rows: Mapping[float, Mapping[str, float]]) -> str:
        return ", ".join(f"{rows[speed]['mean']:.2f}" for speed in rows)

    return Row(
        mechanism="speed layers",
        section="Table 2",
        measure=f"mean rotation speed at {', '.join(f'{s:g}' for s in measured)} °/frame; VMV against No Speed",
        value=f"{words(measured)}; VMV {vmv:.3f} ({none['vmv']:.3f})",
        truth=words(true),
        bar="rises at every step; VMV lower",
        passed=bool(np.all(np.diff(means) > 0) and vmv < none["vmv"]),
        numbers={"generated": measured, "no_speed": none, "truth": true},
        draw=draw,
    )


def locator(
    left: Sequence[Observation], right: Sequence[Observation], tight: Sequence[Observation],
    wide: Sequence[Observation], truths: Sequence[Observation], shift: float,
) -> Row:  # fmt: skip
    """Face locator: where the face goes with the region `shift` pixels to either side; how far it roams in it."""

    def middle(videos: Sequence[Observation]) -> np.ndarray:
        return np.array([video.center[:, 0].mean() for video in videos])

    def roaming(videos: Sequence[Observation]) -> np.ndarray:
        return np.array([np.ptp(np.percentile(v.center[:, 0], (5, 95))) for v in videos])

    follows = (middle(right) - middle(left)) / (2 * shift)
    ranges = {name: float(roaming(videos).mean()) for name, videos in (("tight", tight), ("wide", wide))}
    true_range = float(roaming(truths).mean())

    def draw(axes) -> None:
        for name, videos in (("left", left), ("right", right), ("tight", tight), ("wide", wide)):
            axes.plot(np.concatenate([video.center[:, 0] for video in videos]), label=name, lw=0.8)
        axes.set(xlabel="frame, all videos", ylabel="pixels", title="middle of the face under four regions")
        axes.legend()

    return Row(
        mechanism="face locator",
        section="Fig. 7",
        measure=f"share of the region's shift (±{shift:.0f} px) the face follows; range in a tight and a wide region",
        value=f"{follows.mean():.2f}; {ranges['tight']:.1f}, {ranges['wide']:.1f} px",
        truth=f"range {true_range:.1f} px",
        bar="follows by half; wider region, wider range",
        passed=bool(follows.mean() >= MOVED and ranges["wide"] > ranges["tight"]),
        numbers={"follows": follows, "range": ranges, "truth_range": true_range},
        draw=draw,
    )


def quality(talks: Sequence[Observation], truths: Sequence[Observation], psnrs: np.ndarray) -> Row:
    """Picture quality: the autoencoder's PSNR (N,) on held-out people; sharpness of generated against true clips."""

    def mean(videos: Sequence[Observation]) -> np.ndarray:
        return np.array([video.sharpness.mean() for video in videos])

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

    def inner(video: Observation) -> np.ndarray:
        return video.change[np.arange(1, len(video.change) + 1) % frames != 0].mean()

    own = np.array([inner(video) for video in talks])
    true = np.array([inner(video) for video in truths])

    def draw(axes) -> None:
        axes.plot(true, own, "o")
        axes.axline((0, 0), slope=1, color="0.8")
        axes.set(
            xlabel="truth", ylabel="generated", title="frame difference inside clips, gray levels, a point per person"
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


def _per_place(change: np.ndarray, frames: int) -> np.ndarray:
    """Mean change after each of a clip's frames, (frames,)."""
    places = np.arange(len(change)) % frames
    return np.array([change[places == place].mean() for place in range(frames)])
