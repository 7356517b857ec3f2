"""What `emo prepare` is claimed to do, measured.

    emo synthesize --out out/avatars --identities 30 --hours 0.0333333 --seconds 4 --size 192 --seed 77
    python benchmarks/prepare.py filters    # 30 of them pasted into larger scenes: precision, recall, label errors
    python benchmarks/prepare.py speed FILE ...  # seconds of one core per second of video

`filters` leaves its videos in OUT/composed; benchmarks/prepare_robust.py kills runs over them and breaks them.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

WIDTH, HEIGHT, FPS, RATE = 640, 480, 25, 16000
PASTED = 300  # px: the face is then half of that
ANGLES = (-18, -9, 0, 9, 18)  # degrees that clips are turned by


class Shot(NamedTuple):
    """A scene: frames (T, H, W, 3), its sound (N,), whether it should be kept, and what was commanded, by name."""

    kind: str
    frames: np.ndarray
    sound: np.ndarray
    keep: bool
    commanded: dict[str, np.ndarray]


def avatars(root: Path) -> list[tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]]:
    """Frames, sound and labels of all clips of a dataset."""
    from emo.data.format import load_labels, read_metadata
    from emo.media import AudioTrack, VideoReader

    loaded = []
    for split in ("train", "test"):
        for clip in read_metadata(root, split):
            path = root / split / clip.file_name
            with VideoReader(path) as video, AudioTrack.open(path, RATE) as track:
                frames, sound = video.read(range(clip.frames)), track.read(0, track.length)
            sound = np.pad(sound, (0, max(0, clip.frames * RATE // FPS - len(sound))))[: clip.frames * RATE // FPS]
            loaded.append((frames, sound, load_labels(root / split / clip.labels, clip.frames)))
    return loaded


def background(rng: np.random.Generator) -> np.ndarray:
    """A soft pattern, (HEIGHT, WIDTH, 3) uint8."""
    patches = rng.integers(30, 220, (9, 12, 3)).astype(np.uint8)
    return cv2.resize(patches, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def paste(scene: np.ndarray, frames: np.ndarray, corners: np.ndarray, side: int, angle: float) -> np.ndarray:
    """Frames at their top left corners (T, 2), scaled to `side` pixels and turned clockwise by degrees."""
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), -angle, 1.0)
    out = np.repeat(scene[None], len(frames), 0)
    for picture, frame, (x, y) in zip(out, frames, corners, strict=True):
        large = cv2.resize(frame, (side, side), interpolation=cv2.INTER_CUBIC)
        large = cv2.warpAffine(large, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        picture[y : y + side, x : x + side] = large
    return out


def shot(kind: str, own: tuple, other: tuple, rng: np.random.Generator) -> Shot:
    """One scene of a kind, of one avatar and for some kinds a second one."""
    frames, sound, labels = own
    scene, count = background(rng), len(frames)
    place = lambda side: np.tile(rng.integers(0, (WIDTH - side, HEIGHT - side)), (count, 1))
    if kind == "black":
        some = int(rng.integers(10, 40))
        return Shot(kind, np.zeros((some, HEIGHT, WIDTH, 3), np.uint8), np.zeros(some * RATE // FPS), False, {})
    if kind == "empty":
        return Shot(kind, np.repeat(scene[None], 50, 0), sound[: 50 * RATE // FPS], False, {})
    if kind == "small":
        return Shot(kind, paste(scene, frames, place(140), 140, 0), sound, False, {})
    if kind == "two":
        corners = np.tile([10, 100], (count, 1))
        first = paste(scene, frames, corners, PASTED, 0)
        both = [paste(a, b[None], np.array([[330, 100]]), PASTED, 0)[0] for a, b in zip(first, other[0], strict=True)]
        return Shot(kind, np.stack(both), sound, False, {})
    if kind == "shaking":
        corners = place(PASTED)
        corners[1::2, 0] = (corners[0, 0] + 45) if corners[0, 0] + 45 + PASTED <= WIDTH else corners[0, 0] - 45
        return Shot(kind, paste(scene, frames, corners, PASTED, 0), sound, False, {})
    if kind == "voice-over":
        return Shot(kind, paste(scene, frames, place(PASTED), PASTED, 0), other[1], False, {})
    if kind == "covered":
        lips = labels["points"][:, 3:].mean(1)
        masked = frames.copy()
        for picture, (x, y) in zip(masked, lips, strict=True):
            cv2.ellipse(picture, (round(float(x)), round(float(y))), (34, 22), 0, 0, 360, (120, 150, 190), -1)
        return Shot(kind, paste(scene, masked, place(PASTED), PASTED, 0), sound, False, {})
    corners, scale = place(PASTED), PASTED / frames.shape[1]
    if kind == "pause":  # speaks, then is silent
        still = 80
        first = paste(scene, frames, corners, PASTED, 0)
        return Shot(
            kind, np.concatenate([first, np.repeat(first[-1:], still, 0)]),
            np.concatenate([sound, np.zeros(still * RATE // FPS)]), True, {"until": np.array(count)},
        )  # fmt: skip
    angle = float(rng.choice(ANGLES))
    middle, t = PASTED / 2, np.radians(angle)
    box = labels["face_box"] * scale
    turned = lambda p: (p - middle) @ np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]) + middle
    commanded = {name: labels[name] for name in ("rotation_speed", "yaw", "tx", "mouth_open")}
    commanded |= {"roll": labels["roll"] + angle, "points": turned(labels["points"] * scale) + corners[:, None]}
    if angle == 0:  # a turned box is no box
        commanded["face_box"] = box + np.tile(corners, (1, 2))
    return Shot(kind, paste(scene, frames, corners, PASTED, angle), sound, True, commanded)


KINDS = ("black", "empty", "small", "two", "shaking", "voice-over", "covered", "pause")


def compose(clips: list, index: int) -> list[Shot]:
    """Video number `index`: one plain talking scene of its own avatar, and three others of it, in any order."""
    rng = np.random.default_rng((77, index))
    kinds = ["talking", *rng.choice(KINDS, 3, replace=False)]
    order = rng.permutation(len(kinds))
    return [shot(kinds[k], clips[index], clips[(index + 7) % len(clips)], rng) for k in order]


def write_video(path: Path, shots: list[Shot]) -> None:
    from emo.media import AudioTrack, VideoWriter

    with VideoWriter(path, FPS) as writer:
        writer.write(np.concatenate([part.frames for part in shots]))
        sound = np.concatenate([part.sound for part in shots]).astype(np.float32)
        with AudioTrack.open((sound, RATE)) as track:
            writer.finish(track)


def prepare(inputs: list[Path], out: Path, *options: str, **popen) -> subprocess.Popen:
    command = [sys.executable, "-m", "emo", "prepare", *map(str, inputs), "--out", str(out), *options]
    return subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **popen)


def filters(options: argparse.Namespace) -> None:
    from emo.data.format import load_labels, read_metadata

    clips, folder, out = avatars(options.avatars), options.out / "composed", options.out / "filters"
    folder.mkdir(parents=True, exist_ok=True)
    truth = {}
    for index in range(len(clips)):
        shots = compose(clips, index)
        path = folder / f"{index:02d}.mp4"
        truth[path.name] = [shot._replace(frames=np.empty((len(shot.frames), 0)), sound=None) for shot in shots]
        if not path.exists():
            write_video(path, shots)
    shutil.rmtree(out, ignore_errors=True)
    assert prepare(sorted(folder.glob("*.mp4")), out, "--set", "size=256", *options.option).wait() == 0
    kept: dict[str, np.ndarray] = {
        name: np.zeros(sum(len(s.frames) for s in shots), bool) for name, shots in truth.items()
    }
    errors, speeds = {"box": [], "points": [], "roll": [], "roll, clip mean": []}, []
    rows = [row for split in ("train", "test") for row in read_metadata(out, split)]
    for row in rows:
        name, span, _ = row.origin.split(", ", 2)
        first = round(float(span.split(" to ")[0]) * FPS)
        kept[name][first : first + row.frames] = True
        measure(row, first, truth[name], load_labels(out / row.split / row.labels, row.frames), errors, speeds)
    report_kept(kept, truth)
    report_labels(errors, np.array(speeds))


def measure(row, first: int, shots: list[Shot], labels: dict, errors: dict, speeds: list) -> None:
    """Errors of a clip's labels, where it lies in a plain talking scene."""
    start = 0
    for part in shots:
        if part.kind == "talking" and start <= first < start + len(part.frames):
            span = slice(first - start, first - start + row.frames)
            x0, y0, x1, _ = map(int, row.origin.rsplit(" ", 1)[1].split(","))
            zoom, stop = row.width / (x1 - x0), min(row.frames, len(part.frames) - span.start)
            truth = {name: values[span][:stop] for name, values in part.commanded.items()}
            if "face_box" in truth:
                errors["box"].append((labels["face_box"][:stop] / zoom + [x0, y0] * 2 - truth["face_box"]).ravel())
            off = labels["points"][:stop] / zoom + [x0, y0] - truth["points"]
            errors["points"].append(np.linalg.norm(off, axis=-1).ravel())
            errors["roll"].append(labels["roll"][:stop] - truth["roll"])
            errors["roll, clip mean"].append(errors["roll"][-1].mean(keepdims=True))
            speeds.append((truth["rotation_speed"].mean(), labels["rotation_speed"][:stop].mean()))
        start += len(part.frames)


def report_kept(kept: dict[str, np.ndarray], truth: dict[str, list[Shot]]) -> None:
    wanted = {name: np.zeros(len(frames), bool) for name, frames in kept.items()}
    by_kind: dict[str, list[tuple[int, int]]] = {}
    for name, shots in truth.items():
        start = 0
        for part in shots:
            until = int(part.commanded.get("until", len(part.frames))) if part.keep else 0
            wanted[name][start : start + until] = True
            taken = int(kept[name][start : start + len(part.frames)].sum())
            by_kind.setdefault(part.kind, []).append((taken, len(part.frames)))
            start += len(part.frames)
    got, want = np.concatenate(list(kept.values())), np.concatenate([wanted[name] for name in kept])
    both = (got & want).sum()
    print(f"precision {both / max(got.sum(), 1):.3f}, recall {both / want.sum():.3f}, by frames")
    print("\n| scene | scenes | frames | kept |\n|---|---|---|---|")
    for kind, values in sorted(by_kind.items()):
        taken, total = np.array(values).sum(0)
        print(f"| {kind} | {len(values)} | {total} | {100 * taken / total:.0f} % |")


def report_labels(errors: dict[str, list[np.ndarray]], speeds: np.ndarray) -> None:
    print("\n| label | mean | median of the size | 95 % |\n|---|---|---|---|")
    for name, parts in errors.items():
        values = np.concatenate(parts)
        size = np.abs(values)
        print(f"| {name} | {values.mean():+.2f} | {np.median(size):.2f} | {np.percentile(size, 95):.2f} |")
    print("\n| commanded speed | clips | labeled |\n|---|---|---|")
    edges = (0, 0.1, 0.4, 0.8, 1.2, 1.6, 2.5)
    for low, high in pairwise(edges):
        part = speeds[(speeds[:, 0] >= low) & (speeds[:, 0] < high)]
        if len(part):
            print(f"| {part[:, 0].mean():.2f} | {len(part)} | {part[:, 1].mean():.2f} ± {part[:, 1].std():.2f} |")
    r, slope = np.corrcoef(speeds.T)[0, 1], np.polyfit(*speeds.T, 1)[0]
    print(f"\nr {r:.3f}, slope {slope:.2f} over {len(speeds)} clips")


def speed(options: argparse.Namespace) -> None:
    out = options.out / "speed"
    shutil.rmtree(out, ignore_errors=True)
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    assert prepare(options.videos, out, "--workers", "1", *options.option).wait() == 0
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    totals = json.loads((out / "report.json").read_text())["totals"]
    core = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    per = core / totals["seconds"]
    shown = f"{totals['seconds']:.0f} s of video, {totals['kept_seconds']:.0f} s of it kept"
    print(f"{shown}: {core:.0f} s of a core, {wall:.0f} s by the clock; {per:.2f} s of a core per second of video")
    print(f"250 hours: {250 * per:.0f} core hours, {250 * per / 64:.1f} hours on 64 cores")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["filters", "speed"])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--avatars", type=Path, default=Path("out/avatars"))
    parser.add_argument("--out", type=Path, default=Path("out/bench-prepare"))
    parser.add_argument("--option", action="append", default=[], help="for emo prepare")
    options = parser.parse_args()
    {"filters": filters, "speed": speed}[options.what](options)


if __name__ == "__main__":
    main()
