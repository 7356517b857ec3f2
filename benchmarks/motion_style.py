"""How somebody moves, in figures: sets of motions against the first of them, and how far they are from it.

    python benchmarks/motion_style.py HIS TRACKS...

Each set is a dataset whose labels hold every control (DATASET, or DATASET/SPLIT), a folder of saved motions, or one of
them; as `emo motion extract` labels, `train/vasa_motion.py` writes under `validation`, `MotionTrack.save` saves.

Prints a Markdown table: of each figure mean and deviation over pieces of equal length; below, how far each set's means
are from the first one's, in the first one's deviations, as the root of the mean square over all figures. `halves` is
the same between two halves of the first set, drawn at random: what is no difference.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from motion import blinks

from emo.data import ClipReader
from emo.data.format import METADATA, SPLITS
from emo.motion import CONTROLS, FaceControls, MotionTrack
from emo.training.vasa.samples import clip_motion

DRAWS = 50  # of halves


def figures(track: MotionTrack) -> dict[str, float]:
    """What a piece of motion is like."""
    controls = FaceControls.from_track(track)
    jaw = controls.jaw.numpy()
    return {
        "blinks per minute": 60 * len(blinks(controls.blink.numpy())) / track.seconds,
        "head, °/frame": float(controls.rotation_speed.mean()),
        "pitch, deviation, °": float(controls.pitch.std()),
        "yaw, deviation, °": float(controls.yaw.std()),
        "roll, deviation, °": float(controls.roll.std()),
        "lips open, mean": float(jaw.mean()),
        "lips open, deviation": float(jaw.std()),
        "lips, change per frame": float(np.abs(np.diff(jaw)).mean()),
        "gaze, spread": float(np.hypot(controls.gaze_x.std(), controls.gaze_y.std())),
        "brows, deviation": float(controls.brow.std()),
        "smile, deviation": float(controls.smile.std()),
    }


def tracks_of(place: Path) -> list[MotionTrack]:
    """All motions of a set."""
    folders = [place / split for split in SPLITS] if place.is_dir() else []
    splits = [folder for folder in (place, *folders) if (folder / METADATA).is_file()]
    if not splits:
        paths = sorted(place.rglob("*.safetensors")) if place.is_dir() else [place]
        return [MotionTrack.load(path) for path in paths]
    tracks = []
    for folder in splits:
        reader = ClipReader(folder.parent, folder.name, with_labels=CONTROLS.names, size=0)
        tracks += [MotionTrack(clip_motion(reader, n), clip.rate) for n, clip in enumerate(reader.clips)]
    return tracks


def measured(tracks: Sequence[MotionTrack], seconds: float) -> np.ndarray:
    """Figures of all whole pieces, (pieces, figures)."""
    rows = []
    for track in tracks:
        frames = round(seconds * track.fps)
        for start in range(0, len(track) - frames + 1, frames):
            rows.append(list(figures(MotionTrack(track.values[start : start + frames], track.fps)).values()))
    if len(rows) < 2:
        raise SystemExit(f"fewer than two pieces of {seconds:g} s in a set; lower --seconds")
    return np.array(rows)


def distances(rows: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Of the means of each figure, in deviations of the real ones."""
    return (rows.mean(0) - real.mean(0)) / np.maximum(real.std(0), 1e-6)


def halves(real: np.ndarray) -> float:
    """Mean distance of halves of a set, drawn at random."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(DRAWS):
        order = rng.permutation(len(real))
        found.append(_size(distances(real[order[::2]], real[order[1::2]])))
    return float(np.mean(found))


def _size(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a piece (default 3)")
    options = parser.parse_args()
    sets = [measured(tracks_of(place), options.seconds) for place in options.sets]
    names = list(figures(MotionTrack.rest(25, 25)))
    print("| | " + " | ".join(f"{place} ({len(rows)})" for place, rows in zip(options.sets, sets, strict=True)) + " |")
    print("|---" * (len(sets) + 1) + "|")
    for column, name in enumerate(names):
        cells = [f"{rows[:, column].mean():.3g} ± {rows[:, column].std():.2g}" for rows in sets]
        print(f"| {name} | {' | '.join(cells)} |")
    far = [f"{_size(distances(rows, sets[0])):.2f}" for rows in sets[1:]]
    print(f"| **distance** | {halves(sets[0]):.2f} (halves) | {' | '.join(far)} |")


if __name__ == "__main__":
    main()
