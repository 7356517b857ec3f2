"""How synthetic people move beside real ones, and whether what is labeled of it can be found again.

    python benchmarks/motion.py read VIDEO... --faces FOLDER  # landmarks and sound of videos of one face each, to .npz
    python benchmarks/motion.py compare --faces FOLDER...     # head speed, blinks, nods: real clips and both editions
    python benchmarks/motion.py recover                       # labeled couplings against measured ones, edition 2
    python benchmarks/motion.py tracks --out FOLDER           # hours made without pictures, per minute of this machine

Each prints a Markdown table. Measured coupling is the share of the power of a head's turning that a linear answer to
the accents of its own sound explains; beside it what those of eight other clips explain, and its own at other times.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LAGS = np.arange(-0.24, 0.5, 0.08)  # seconds from an accent
WIDTH = 0.16  # seconds, of one term of the answer
RIDGE = 1e-2
STRONG = 0.5
HEADINGS = """| clips of | n | head, °/frame: 10, 50, 90 % | yaw, pitch, roll, sd ° | blinks per min. |\
 time, blinks in pauses | pitch at accents: range, lowest at | accents explain: own | others' | own, shifted |"""


@dataclass(frozen=True)
class Clip:
    """Somebody who talks: angles (T, 3) in degrees, speed (T,) in degrees per frame, lids (T,), and how it is said."""

    fps: float
    angles: np.ndarray
    speed: np.ndarray
    blink: np.ndarray
    prosody: object
    brow: np.ndarray | None = None
    labels: object = None

    @property
    def times(self) -> np.ndarray:
        return (np.arange(len(self.angles)) + 0.5) / self.fps


def read(options: argparse.Namespace) -> None:
    from emo.face import track_face
    from emo.media import SAMPLE_RATE, AudioTrack, VideoReader

    (folder,) = options.faces
    folder.mkdir(parents=True, exist_ok=True)
    for path in options.videos:
        with VideoReader(path) as video:
            fps = float(video.fps)
            track = track_face(video.read(range(len(video))))
        with AudioTrack.open(path, SAMPLE_RATE) as sound:
            waveform = sound.read(0, sound.length)
        times = np.arange(len(track.landmarks)) / fps
        np.savez(folder / f"{path.stem}.npz", landmarks=track.landmarks, times=times, sound=waveform)


def real(files: Iterable[Path]) -> list[Clip]:
    from emo.data.synthetic.motion.prosody import read_prosody
    from emo.metrics import blink, head_angles, rotation_speed

    clips = []
    for file in files:
        held = np.load(file)
        points = held["landmarks"].astype(float)
        if not np.isfinite(points).all():
            print(f"left out: {file.name}, a frame without a face", file=sys.stderr)
            continue
        clips.append(
            Clip(
                fps=float(1 / np.median(np.diff(held["times"]))),
                angles=np.stack(head_angles(points), 1),
                speed=rotation_speed(points),
                blink=blink(points),
                prosody=read_prosody(held["sound"]),
            )
        )
    return clips


def synthetic(edition: int, seconds: float, count: int) -> list[Clip]:
    from emo.data.synthetic.acting import act
    from emo.data.synthetic.config import SyntheticConfig
    from emo.data.synthetic.motion.prosody import read_prosody

    config = SyntheticConfig(seed=31, identities=100, seconds=seconds, edition=edition)
    clips = []
    for index in range(count):
        acted = act(config.clip_spec(index), config, lambda *_: np.empty(0))
        controls = acted.controls
        clips.append(
            Clip(
                fps=config.fps,
                angles=np.stack([controls.yaw, controls.pitch, controls.roll], 1).astype(float),
                speed=controls.rotation_speed.numpy(),
                blink=controls.blink.numpy(),
                prosody=read_prosody(acted.waveform),
                brow=controls.brow.numpy(),
                labels=acted.motion,
            )
        )
    return clips


def blinks(lids: np.ndarray) -> list[int]:
    """Frames at which lids begin to be shut, as `emo.metrics.blink_rate` counts them."""
    begun, shut = [], False
    for frame, closed in enumerate(lids):
        if not shut and closed > 0.6:
            shut = True
            begun.append(frame)
        elif shut and closed < 0.3:
            shut = False
    return begun


def answer(prosody, times: np.ndarray) -> np.ndarray:
    """What an accent may do at every lag, (T, lags); strong accents more."""
    weight = 0.2 + 0.8 * prosody.strengths
    after = [times[:, None] - prosody.accents - lag for lag in LAGS]
    bumps = [np.where(np.abs(a) < WIDTH, 0.5 + 0.5 * np.cos(np.pi * a / WIDTH), 0.0) for a in after]
    return np.stack([(bump * weight).sum(1) for bump in bumps], 1)


def explained(terms: np.ndarray, moves: np.ndarray) -> float:
    """Share of the power of the changes of `moves` (T, K) that those of `terms` (T, lags) explain."""
    terms, moves = np.diff(terms, axis=0), np.diff(moves, axis=0)
    gram = terms.T @ terms
    gram += (RIDGE * np.trace(gram) / len(gram) + 1e-9) * np.eye(len(gram))
    left = moves - terms @ np.linalg.solve(gram, terms.T @ moves)
    return 1 - float((left**2).sum() / max((moves**2).sum(), 1e-9))


def couplings(clips: list[Clip], moves: list[np.ndarray]) -> np.ndarray:
    """Share explained by own accents, by others' and by own ones at other times, per clip (N, 3)."""
    rows = []
    for place, (clip, move) in enumerate(zip(clips, moves, strict=True)):
        others = [clips[(place + k) % len(clips)] for k in range(1, min(9, len(clips)))]
        chance = [explained(answer(other.prosody, clip.times), move) for other in others]
        own = answer(clip.prosody, clip.times)
        shifted = [explained(np.roll(own, len(own) * k // 8, axis=0), move) for k in (2, 3, 4, 5, 6)]
        rows.append((explained(own, move), np.mean(chance), np.mean(shifted)))
    return np.array(rows)


def raised(clip: Clip) -> float:
    """How far brows rise by the strength of an accent, a tenth of a second around it, against the rest of the time."""
    near = np.abs(clip.times[:, None] - clip.prosody.accents - 0.04) < 0.1
    strength = np.max(near * clip.prosody.strengths, axis=1, initial=0.0)
    return float(np.polyfit(strength, clip.brow, 1)[0])


def nod(clips: list[Clip]) -> tuple[float, float]:
    """Pitch around strong accents, mean over all: its range in degrees, and the seconds at which it is lowest."""
    lags = np.arange(-0.3, 0.52, 0.02)
    curves = []
    for clip in clips:
        for accent in clip.prosody.accents[clip.prosody.strengths > STRONG]:
            if clip.times[0] <= accent + lags[0] and accent + lags[-1] <= clip.times[-1]:
                curve = np.interp(accent + lags, clip.times, clip.angles[:, 1])
                curves.append(curve - curve.mean())
    mean = np.mean(curves, 0)
    return float(np.ptp(mean)), float(lags[mean.argmin()])


def row(name: str, clips: list[Clip]) -> str:
    speeds = np.percentile([clip.speed.mean() for clip in clips], (10, 50, 90))
    deviations = np.median([clip.angles.std(0) for clip in clips], 0)
    seconds = sum(len(clip.times) / clip.fps for clip in clips)
    pauses = [~clip.prosody.speaking(clip.times) for clip in clips]
    begun = [[pause[frame] for frame in blinks(clip.blink)] for clip, pause in zip(clips, pauses, strict=True)]
    all_begun = np.concatenate(begun)
    depth, lag = nod(clips)
    own, others, shifted = couplings(clips, [clip.angles for clip in clips]).mean(0)
    return (
        f"| {name} | {len(clips)} | {speeds[0]:.2f}, {speeds[1]:.2f}, {speeds[2]:.2f} "
        f"| {deviations[0]:.1f}, {deviations[1]:.1f}, {deviations[2]:.1f} | {len(all_begun) * 60 / seconds:.0f} "
        f"| {100 * np.concatenate(pauses).mean():.0f} %, {100 * np.mean(all_begun):.0f} % "
        f"| {depth:.2f}°, {1000 * lag:.0f} ms | {own:.2f} | {others:.2f} | {shifted:.2f} |"
    )


def compare(options: argparse.Namespace) -> None:
    print(HEADINGS + "\n" + "|---" * (HEADINGS.count("|") - 1) + "|")
    for folder in options.faces or ():
        groups: dict[str, list[Path]] = {}
        for file in sorted(folder.glob("*.npz")):
            groups.setdefault(file.stem.split("_")[0], []).append(file)
        for name, files in groups.items():
            print(row(name, real(files)), flush=True)
    for edition in (1, 2):
        print(row(f"edition {edition}", synthetic(edition, options.seconds, options.clips)), flush=True)


def recover(options: argparse.Namespace) -> None:
    clips = synthetic(2, options.seconds, options.clips)
    print("| label | measured | r | slope |\n|---|---|---|---|")

    def line(label: str, what: str, measured: np.ndarray) -> None:
        labeled = np.array([getattr(clip.labels, label) for clip in clips])
        known = np.isfinite(measured)
        slope = np.polyfit(labeled[known], measured[known], 1)[0]
        print(f"| {label} | {what} | {np.corrcoef(labeled[known], measured[known])[0, 1]:.2f} | {slope:.2f} |")

    own, others, _ = couplings(clips, [clip.angles for clip in clips]).T
    line("head_coupling", "share of power explained by accents", (own - others) / (1 - others))
    line("brow_coupling", "height of the brows by strength of accent", np.array([raised(clip) for clip in clips]))
    shares = []
    for clip in clips:
        pause = ~clip.prosody.speaking(clip.times)
        begun = [pause[frame] for frame in blinks(clip.blink)]
        shares.append(np.mean(begun) if begun else np.nan)
    line("blink_coupling", "share of blinks in pauses", np.array(shares))


def tracks(options: argparse.Namespace) -> None:
    command = [sys.executable, "-m", "emo", "synthesize", "--tracks", "--out", str(options.out), "--seed", "7"]
    started = time.perf_counter()
    subprocess.run([*command, "--hours", str(options.hours), "--seconds", "10"], check=True)
    wall = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cores = used.ru_utime + used.ru_stime
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file()) / 1e6
    print("\n| hours | wall s | core s | hours per minute of wall | of two cores | MB per hour |\n" + "|---" * 6 + "|")
    print(f"| {options.hours:g} | {wall:.0f} | {cores:.0f} | {options.hours * 60 / wall:.2f} ", end="")
    print(f"| {options.hours * 120 / cores:.2f} | {size / options.hours:.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["read", "compare", "recover", "tracks"])
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--faces", type=Path, nargs="*", help="folders of .npz by `read`; NAME_*.npz makes a row NAME")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of synthetic clips")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=Path("out/bench-tracks"), help="the tracks' folder")
    options = parser.parse_args()
    {"read": read, "compare": compare, "recover": recover, "tracks": tracks}[options.what](options)


if __name__ == "__main__":
    main()
