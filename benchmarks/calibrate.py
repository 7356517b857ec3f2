"""How true the measures of emo.metrics are: synthetic people, rendered and measured again, as a markdown table.

    python benchmarks/calibrate.py                          # 20 clips of 3 s at 128 px: 6 minutes on one core
    python benchmarks/calibrate.py --clips 30 --compile     # 2 minutes, and 2 more for a first compilation
    python benchmarks/calibrate.py --clips 30 --write docs/measures.md

Everything that is commanded is known exactly; what is measured goes through pixels, FaceMesh and emo.metrics. Talking
clips are whole performances; in sweeps one control moves and the rest is still; still faces drift by parts of a pixel
and give the noise floors.
"""

import argparse
import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from emo import metrics
from emo.data.synthetic.articulation import articulate_speech
from emo.data.synthetic.avatar import AvatarRenderer
from emo.data.synthetic.identity import draw_identities
from emo.data.synthetic.motion.first import make_controls
from emo.data.synthetic.speech import synthesize
from emo.face import FaceDetector, head_pose, track_face
from emo.motion.controls import FaceControls

SPEEDS = (0.0, 0.1, 0.3, 0.7, 1.3, 1.9)  # commanded mean rotation speeds, degrees per frame, in turn
SWEEPS = {"pitch": (-12, 12), "blink": (0, 1), "gaze_x": (-0.8, 0.8), "gaze_y": (-0.5, 0.5), "brow": (-0.5, 1)}
POSED = {"jaw": (0, 1), "yaw": (-20, 20), "pitch": (-12, 12), "roll": (-10, 10)}
SWEEP_FRAMES, STILL_FRAMES, POSES = 32, 50, 4
PLACE = re.compile("(?<=<!-- calibrate -->\n).*(?=<!-- /calibrate -->)", re.DOTALL)  # of the tables in a page
MOVES = 0.15  # a control's least standard deviation, as a share of its range, for a clip's own r
MEASURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mouth opening": metrics.mouth_opening,
    "mouth width": metrics.mouth_width,
    "yaw": lambda landmarks: metrics.head_angles(landmarks).yaw,
    "pitch": lambda landmarks: metrics.head_angles(landmarks).pitch,
    "roll": lambda landmarks: metrics.head_angles(landmarks).roll,
    "blink": metrics.blink,
    "gaze x": lambda landmarks: metrics.gaze(landmarks)[0],
    "gaze y": lambda landmarks: metrics.gaze(landmarks)[1],
    "brow": metrics.brow,
}


class Clip(NamedTuple):
    """A rendered clip: landmarks (T, 478, 3), found (T,), what was commanded by name, (T,) each, and its sound."""

    landmarks: np.ndarray
    found: np.ndarray
    commanded: dict[str, np.ndarray]
    waveform: np.ndarray | None = None
    speed: float = 0.0


class Studio:
    """Renders people in motion and tracks their faces."""

    def __init__(self, size: int, compile: bool):
        self.renderer, self.detector = AvatarRenderer(size, compile=compile), FaceDetector()
        self.frames = self.rendering = self.tracking = 0

    def shoot(self, person: int, motion: FaceControls) -> tuple[np.ndarray, Clip]:
        """Frames (T, H, W, 3) uint8 of the person with this seed, and what is commanded and found in them."""
        identity, start = draw_identities([person]), time.perf_counter()
        frames, labels = self.renderer.render(identity, motion).numpy(), self.renderer.labels(identity, motion)
        middle = time.perf_counter()
        track = track_face(frames, self.detector)
        self.frames += len(frames)
        self.rendering += middle - start
        self.tracking += time.perf_counter() - middle
        commanded = {name: getattr(motion, name.replace(" ", "_")).numpy() for name in list(MEASURES)[2:]}
        commanded |= {"mouth opening": labels.mouth_open.numpy(), "mouth width": labels.mouth_width.numpy()}
        return frames, Clip(track.landmarks, track.found, commanded)


def talking(studio: Studio, clips: int, seconds: float) -> Iterator[Clip]:
    """Performances by people 4000, 4001 ..., at the SPEEDS in turn."""
    for index in range(clips):
        speech, speed = synthesize(index, seconds), SPEEDS[index % len(SPEEDS)]
        motion = make_controls(articulate_speech(speech), speed, index)
        yield studio.shoot(4000 + index, motion)[1]._replace(waveform=speech.waveform, speed=speed)


def sweeps(studio: Studio, people: int) -> Iterator[tuple[str, Clip]]:
    """Each of SWEEPS from end to end, the head turned a little and jittered by parts of a pixel."""
    rng, way = np.random.default_rng(5), (1 - np.cos(np.linspace(0, np.pi, SWEEP_FRAMES))) / 2
    for person in range(people):
        for control, (low, high) in SWEEPS.items():
            still = {"yaw": rng.uniform(-10, 10), "roll": rng.uniform(-6, 6)}
            values = {name: np.full(SWEEP_FRAMES, value) for name, value in still.items()}
            values |= {"tx": rng.uniform(-0.02, 0.02, SWEEP_FRAMES)}
            values |= {control: low + (high - low) * way}
            yield control.replace("_", " "), studio.shoot(7100 + person, moved(SWEEP_FRAMES, **values))[1]


def still_faces(studio: Studio, people: int) -> Iterator[Clip]:
    """Faces that hold still but drift and grow by parts of a pixel per frame, the mouth shut or half open."""
    rng, seconds = np.random.default_rng(6), np.arange(STILL_FRAMES) / 25
    for person in range(people):
        wave = lambda hertz, person=person: np.sin(2 * np.pi * hertz * seconds + person)
        yaw, pitch, jaw = rng.uniform(-12, 12), rng.uniform(-6, 6), 0.3 * (person % 2)
        controls = {"yaw": yaw, "pitch": pitch, "jaw": jaw}
        values = {name: np.full(STILL_FRAMES, value) for name, value in controls.items()}
        values |= {"tx": 0.03 * wave(0.33), "ty": 0.02 * wave(0.27), "scale": 1 + 0.03 * wave(0.21)}
        yield studio.shoot(7000 + person, moved(STILL_FRAMES, **values))[1]


def posed(studio: Studio, people: int) -> Iterator[tuple[dict[str, float], np.ndarray]]:
    """One picture each of people with the controls of POSED at random: what was commanded, landmarks (478, 3)."""
    rng = np.random.default_rng(8)
    for person in range(people):
        values = {name: rng.uniform(*ends) for name, ends in POSED.items()}
        _, clip = studio.shoot(5000 + person, moved(1, **{name: np.array([v]) for name, v in values.items()}))
        yield values | {"mouth opening": float(clip.commanded["mouth opening"][0])}, clip.landmarks[0]


def portraits(studio: Studio, people: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Per person the descriptor of a portrait at rest (D,), and of other poses and expressions (POSES, D)."""
    rng = np.random.default_rng(7)
    ranges = {"jaw": (0, 0.9), "width": (-0.6, 0.6), "rounding": (0, 0.6), "brow": (-0.4, 0.8), "smile": (-0.2, 0.8)}
    ranges |= {"gaze_x": (-0.6, 0.6), "gaze_y": (-0.3, 0.3), "blink": (-2, 1), "yaw": (-15, 15), "pitch": (-10, 10)}
    ranges |= {"roll": (-8, 8), "tx": (-0.06, 0.06), "ty": (-0.05, 0.04)}
    for person in range(people):
        values = {name: np.r_[0, rng.uniform(*ends, POSES).clip(-15, 15)] for name, ends in ranges.items()}
        values["blink"], values["scale"] = values["blink"].clip(0), np.r_[1, rng.uniform(0.9, 1.1, POSES)]
        frames, clip = studio.shoot(6000 + person, moved(POSES + 1, **values))
        descriptors = [
            metrics.identity_descriptor(frame, points) for frame, points in zip(frames, clip.landmarks, strict=True)
        ]
        yield descriptors[0], np.stack(descriptors[1:])


def moved(frames: int, **values: np.ndarray) -> FaceControls:
    """A face at rest but for these controls, (frames,) each."""
    return replace(FaceControls.rest(frames), **{k: torch.tensor(v, dtype=torch.float32) for k, v in values.items()})


def agreement(commanded: list[np.ndarray], measured: list[np.ndarray]) -> str:
    """r and slope over all clips, then the medians of those within the clips that move the control."""
    low, high = min(c.min() for c in commanded), max(c.max() for c in commanded)
    moving = [(c, m) for c, m in zip(commanded, measured, strict=True) if c.std() > MOVES * (high - low)]
    fit = lambda c, m: (np.corrcoef(c, m)[0, 1], np.polyfit(c, m, 1)[0])
    whole, within = fit(np.concatenate(commanded), np.concatenate(measured)), [fit(c, m) for c, m in moving]
    r, slope = np.median(within, axis=0) if within else (np.nan, np.nan)
    return f"{whole[0]:.3f} | {whole[1]:.3f} | {r:.3f} | {slope:.3f} | {len(within)}"


def report_controls(clips: list[Clip], swept: list[tuple[str, Clip]], still: list[Clip]) -> None:
    """The table of every control's agreement and noise floor."""
    print("| measure | r, all | slope, all | r, within a clip | slope | clips | noise floor |\n|" + "---|" * 7)
    for name, measure in MEASURES.items():
        floor = np.mean([measure(clip.landmarks).std() for clip in still])
        turning = [clip for clip in clips if clip.speed > 0 or name not in ("yaw", "pitch", "roll")]
        row = agreement([clip.commanded[name] for clip in turning], [measure(clip.landmarks) for clip in turning])
        print(f"| {name}, talking | {row} | {floor:.4f} |")
        alone = [clip for control, clip in swept if control == name]
        if alone:
            row = agreement([clip.commanded[name] for clip in alone], [measure(clip.landmarks) for clip in alone])
            print(f"| {name}, alone | {row} | |")


def report_posed(pictures: list[tuple[dict[str, float], np.ndarray]]) -> None:
    """The table of single pictures of different people: mouth and head, without tracks to smooth."""
    print(f"\n| {len(pictures)} people, a picture each | r | slope |\n|---|---|---|")
    landmarks = np.stack([points for _, points in pictures])
    poses = [head_pose(points) for points in landmarks]
    measured = {"mouth opening": metrics.mouth_opening(landmarks)}
    measured |= {name: np.array([getattr(pose, name) for pose in poses]) for name in ("yaw", "pitch", "roll")}
    for name, values in measured.items():
        commanded = np.array([command[name] for command, _ in pictures])
        r, slope = np.corrcoef(commanded, values)[0, 1], np.polyfit(commanded, values, 1)[0]
        print(f"| {name} | {r:.3f} | {slope:.3f} |")


def report_speed(clips: list[Clip], still: list[Clip]) -> None:
    """The table of commanded and measured rotation speeds, means over clips."""
    print("\n| rotation speed, degrees per frame | measured | between clips |\n|---|---|---|")
    read = lambda chosen: np.array([metrics.rotation_speed(clip.landmarks).mean() for clip in chosen])
    rows = {f"{speed:g}": read([c for c in clips if c.speed == speed]) for speed in SPEEDS}
    for name, values in ({"0, still face": read(still)} | rows).items():
        if len(values):
            print(f"| {name} | {values.mean():.3f} | ± {values.std():.3f} |")


def report_identity(gallery: np.ndarray, queries: np.ndarray) -> None:
    """Nearest neighbors, and distances to one's own portrait and to others'. (P, D), (P, POSES, D)."""
    people = np.arange(len(gallery))
    hit = np.mean([metrics.nearest(poses, gallery) == person for person, poses in zip(people, queries, strict=True)])
    distance = np.array([[[metrics.identity_distance(q, g) for g in gallery] for q in poses] for poses in queries])
    own = distance[people, :, people]
    other = distance.transpose(0, 2, 1)[~np.eye(len(gallery), dtype=bool)]
    print("\n| identity | | 1st ... 99th percentile |\n|---|---|---|")
    print(f"| nearest of {len(gallery)} portraits is one's own | {100 * hit:.1f} % of {queries[..., 0].size} | |")
    for name, values in (("own", own), ("others'", other)):
        shown = f"{values.mean():.3f} ± {values.std():.3f} | {np.percentile(values, 1):.3f} ... "
        print(f"| distance to {name}: mean | {shown}{np.percentile(values, 99):.3f} |")


def report_sync(clips: list[Clip]) -> None:
    """How mouths go with their own sound, as measured and as commanded, and with another clip's."""
    print("\n| mouth and sound | r at lag 0 | best r | its lag in frames |\n|---|---|---|---|")
    waves = [clip.waveform for clip in clips]
    openings = [metrics.mouth_opening(clip.landmarks) for clip in clips]
    labels = [clip.commanded["mouth opening"] for clip in clips]
    for name, mouths, sounds in (
        ("measured", openings, waves),
        ("commanded", labels, waves),
        ("another's sound", openings, waves[1:] + waves[:1]),
    ):
        found = [metrics.mouth_sound_correlation(m, w) for m, w in zip(mouths, sounds, strict=True)]
        r, best, lag = np.array([(sync.correlation, sync.best, sync.best_lag) for sync in found]).T
        lags = ", ".join(f"{value:+.0f}: {np.sum(lag == value)}" for value in np.unique(lag))
        print(f"| {name} | {r.mean():.3f} ± {r.std():.3f} | {best.mean():.3f} | {lags} |")


def write_tables(page: Path, tables: str) -> None:
    """Put the tables into a page, between its marks."""
    text, places = PLACE.subn(lambda _: f"\n{tables}\n", page.read_text("utf-8"))
    if not places:
        raise SystemExit(f"{page} has no marks <!-- calibrate --> and <!-- /calibrate -->, each on a line of its own")
    page.write_text(text, "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20, help="talking clips; a third as many people sweep")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a talking clip")
    parser.add_argument("--people", type=int, default=50, help="portraits to tell apart")
    parser.add_argument("--size", type=int, default=128, help="side of the frames in pixels")
    parser.add_argument("--compile", action="store_true", help="compile the renderer (needs a C++ compiler)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page, between its marks")
    options = parser.parse_args()
    studio = Studio(options.size, options.compile)
    clips = list(talking(studio, options.clips, options.seconds))
    swept = list(sweeps(studio, max(1, options.clips // 3)))
    still = list(still_faces(studio, max(2, options.clips // 3)))
    found = [clip.found for clip in (*clips, *still, *(clip for _, clip in swept))]
    gallery, queries = zip(*portraits(studio, options.people), strict=True)
    pictures = list(posed(studio, 2 * options.people))
    with redirect_stdout(io.StringIO()) as report:
        print(f"{options.clips} clips of {options.seconds:g} s at {options.size} px; {studio.frames} frames in all\n")
        report_controls(clips, swept, still)
        report_posed(pictures)
        report_speed(clips, still)
        report_identity(np.stack(gallery), np.stack(queries))
        report_sync(clips)
        print(f"\nFaces found in {100 * np.concatenate(found).mean():.2f} % of frames.")
    tables = report.getvalue()
    print(tables)
    if options.write is not None:
        write_tables(options.write, tables)
    print(f"Rendering {1000 * studio.rendering / studio.frames:.0f} ms a frame, ", end="")
    print(f"tracking {1000 * studio.tracking / studio.frames:.1f} ms.")


if __name__ == "__main__":
    main()
