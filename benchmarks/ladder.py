"""Videos made worse step by step: every measure must move the right way at every rung.

    python benchmarks/ladder.py --reference DIR --out OUT       # videos of people, three or more; one is the stranger
    python benchmarks/ladder.py --people 4 --out OUT            # synthetic people who talk

Prints a table per ladder with what `emo evaluate` reads at each rung, and exits 1 if a measure that tests/ladder.py
expects to rise or fall does not. `--network` is passed on; without `--fetch` no network is fetched. `--stand-ins`
puts in their place networks that nobody trained, of colors and differences: their figures say whether the arithmetic
around them moves the right way, and nothing of the measures as published.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from ladder import EXPECTED, RATE, RUNGS, UP, degrade, write, write_networks, wrong_way  # noqa: E402

from emo.data.synthetic.held_out import HELD_OUT, HeldOut  # noqa: E402
from emo.media import AudioTrack, VideoReader  # noqa: E402

SHOWN = 3  # decimals


class Differences(torch.nn.Module):
    """Mean colors and mean absolute differences of neighboring pixels, and frames if there are, in 2 × 2 cells."""

    def __init__(self, clips: bool):
        super().__init__()
        self.clips = clips

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x if self.clips else x.unsqueeze(2)
        inner = x[..., 1:, 1:]
        parts = [inner, (inner - x[..., 1:, :-1]).abs(), (inner - x[..., :-1, 1:]).abs()]
        if self.clips:
            parts.append((x[:, :, 1:] - x[:, :, :-1]).abs())
        return torch.cat([torch.nn.functional.adaptive_avg_pool3d(part, (1, 2, 2)).flatten(1) for part in parts], 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--network", action="append", default=[])
    parser.add_argument("--stand-ins", action="store_true", help="untrained networks in place of the published ones")
    parser.add_argument("--fetch", action="store_true", help="networks may be fetched")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    reference = options.reference or synthetic(options.out / "people", options.people, options.seconds)
    *paths, stranger = sorted(reference.glob("*.mp4"))  # the last one's face is the other person's
    clips, other = {path.name: load(path) for path in paths}, load(stranger)[0]
    reference = link(paths, options.out / "reference")
    further = [word for text in options.network for word in ("--network", text)]
    if options.stand_ins:
        (options.out / "networks").mkdir(exist_ok=True)
        further += write_networks(options.out / "networks", Differences(clips=False), Differences(clips=True))
    further += [] if options.fetch else ["--no-fetch"]

    wrong = []
    for kind, rungs in RUNGS.items():
        found = []
        for rung in rungs:
            folder = options.out / f"{kind}-{rung:g}".replace(" ", "-")
            worsen(kind, rung, clips, reference, other, folder)
            found.append(evaluate(folder, reference, options.out, EXPECTED[kind], further))
        print(f"\n| {kind} | {' | '.join(f'{rung:g}' for rung in rungs)} | |\n|{'---|' * (len(rungs) + 2)}")
        for name, direction in EXPECTED[kind].items():
            values = [lines[name]["value"] for lines in found]
            if None in values:
                reason = found[values.index(None)][name]["note"]
                print(f"| {name} | {'not measured: ' + reason[:60]}… |")
                wrong += [] if "is needed, but" in reason or "docs/extractors.md" in reason else [f"{kind}: {name}"]
                continue  # as a rule a network that is not there
            bad = wrong_way(kind, name, values)
            wrong += [f"{kind}: {name}"] if bad else []
            arrow = "↑" if direction == UP else "↓"
            cells = " | ".join(f"{float(value):.{SHOWN}g}" for value in values)
            print(f"| {name} {arrow} | {cells} | {'**wrong**' if bad else 'right'} |", flush=True)
    print(f"\n{len(wrong)} wrong: {', '.join(wrong)}" if wrong else "\nall right")
    return 1 if wrong else 0


def synthetic(root: Path, people: int, seconds: float) -> Path:
    """True clips of held-out people."""
    held_out = HeldOut(HELD_OUT, people)
    for person in range(people):
        if not (path := root / f"{person}.mp4").exists():
            write(path, held_out.clip(person, seconds), held_out.voice(person, seconds).waveform)
    return root


def link(paths: list[Path], folder: Path) -> Path:
    """A folder with just these files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in paths:
        (folder / path.name).symlink_to(path.resolve())
    return folder


def resized(other: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """The other person's frames, as many and of the same size."""
    height, width = frames.shape[1:3]
    chosen = other[np.linspace(0, len(other) - 1, len(frames)).round().astype(int)]
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in chosen])


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with VideoReader(path) as video, AudioTrack.open(path, RATE) as sound:
        return video.read(range(len(video))), sound.read(0, sound.length)


def worsen(kind: str, rung: float, clips: dict, reference: Path, other: np.ndarray, folder: Path) -> None:
    """A folder of the clips at a rung; at the first one the files themselves."""
    for name, (frames, waveform) in clips.items():
        if (path := folder / name).exists():
            continue
        if rung == RUNGS[kind][0]:
            folder.mkdir(exist_ok=True)
            shutil.copyfile(reference / name, path)
        else:
            write(path, *degrade(kind, rung, frames, waveform, resized(other, frames)))


def evaluate(folder: Path, reference: Path, out: Path, names, further: list[str]) -> dict[str, dict]:
    """The lines of the report of `emo evaluate`, by measure."""
    report = out / "reports" / folder.name
    command = [sys.executable, "-m", "emo", "evaluate", "--generated", str(folder), "--reference", str(reference)]
    command += ["--out", str(report), "--cache", str(out / "cache"), "--metrics", ",".join(names), *further]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {line["name"]: line for line in json.loads((report / "report.json").read_text())["measures"]}


if __name__ == "__main__":
    sys.exit(main())
