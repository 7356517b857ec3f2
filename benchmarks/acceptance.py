"""What `emo generate` must show on real recordings: exact length, codecs, sound and picture in step, bounded memory.

    python benchmarks/acceptance.py

Every recording in a folder becomes a video of 2 steps without guidance by a random model, each in a process of its
own. Checked of each: the number of frames against the samples that PyAV decodes, H.264 and AAC, the ends of picture
and sound; and at last that the longest recording takes at most 10 % more memory than the one of about 11 s.
POSIX only: `os.wait4` is what tells the memory of one process.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

DATA = Path(os.environ.get("EMO_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
FPS = 25
MOST_GROWTH = 1.1
SHORT_SECONDS = 11


@dataclass
class Result:
    """One recording's video: what it took, and what is wrong with it."""

    name: str
    sound: str
    seconds: float
    frames: int
    gib: float
    took: float
    wrong: list[str]


def emo(*arguments: object) -> tuple[str, float]:
    """Run the command in a process: its complaint, empty if it went well, and its peak resident size in GiB."""
    with tempfile.TemporaryFile() as shown:
        command = [sys.executable, "-m", "emo", *map(str, arguments)]
        process = subprocess.Popen(command, stdout=shown, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        shown.seek(0)
        lines = shown.read().decode(errors="replace").split("\n")
    last = next((line.split("\r")[-1].strip() for line in reversed(lines) if line.strip()), "")
    complaint = f"status {process.returncode}: {last}" if process.returncode else ""
    return complaint, usage.ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)


def samples_of(path: Path) -> tuple[int, int, int]:
    """Samples per channel, rate and channels of a recording, by decoding it."""
    with av.open(path) as container:
        stream = container.streams.audio[0]
        return sum(frame.samples for frame in container.decode(stream)), stream.rate, stream.channels


def check_video(path: Path, frames: int) -> tuple[int, list[str]]:
    """The frames that a video has, and what is wrong with it."""
    with av.open(path) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        codecs = (video.codec_context.name, audio.codec_context.name)
        ends = [float(((s.start_time or 0) + s.duration) * s.time_base) for s in (video, audio)]
        found = sum(1 for _ in container.decode(video))
    wrong = [] if found == frames else [f"{found} frames instead of {frames}"]
    if codecs != ("h264", "aac"):
        wrong.append(f"codecs {codecs}")
    if abs(ends[0] - ends[1]) > 1 / FPS:
        wrong.append(f"picture ends at {ends[0]:.3f} s, sound at {ends[1]:.3f} s")
    return found, wrong


def check(portrait: Path, recording: Path, model: Path, folder: Path) -> Result:
    samples, rate, channels = samples_of(recording)
    video = folder / f"{recording.stem}.mp4"
    options = ["--fps", FPS, "--steps", 2, "--audio-guidance", 1, "--restart"]
    start = time.perf_counter()
    complaint, gib = emo("generate", portrait, recording, "-o", video, "--model", model, *options)
    took = time.perf_counter() - start
    frames, wrong = (0, [complaint]) if complaint else check_video(video, math.ceil(Fraction(samples * FPS, rate)))
    return Result(recording.name, f"{rate} Hz x {channels}", samples / rate, frames, gib, took, wrong)


def memory_growth(results: list[Result]) -> tuple[str, bool]:
    """Peak memory of the longest recording against that of the one nearest 11 s, and whether it is within bounds."""
    short = min(results, key=lambda result: abs(result.seconds - SHORT_SECONDS))
    long = max(results, key=lambda result: result.seconds)
    if long is short:
        return "memory: only one length to look at", True
    ratio = long.gib / short.gib
    names = f"{long.name} ({long.seconds:.0f} s) / {short.name} ({short.seconds:.0f} s)"
    return f"memory: {names} = {ratio:.3f}, at most {MOST_GROWTH}", ratio <= MOST_GROWTH


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portrait", type=Path, default=DATA / "images" / "photo_nasa_astronaut.png")
    parser.add_argument("--audio", type=Path, default=DATA / "audio", help="folder of recordings")
    parser.add_argument("--model", type=Path, help="pipeline folder (default: random weights)")
    parser.add_argument("--only", metavar="NAME", help="only recordings with this in their name")
    options = parser.parse_args()
    recordings = [path for path in sorted(options.audio.glob("*")) if (options.only or "") in path.name]
    if not recordings:
        parser.error(f"no recording in {options.audio}; set EMO_TEST_DATA or give --audio")
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or Path(folder) / "model"
        if options.model is None and (complaint := emo("init", "--out", model)[0]):
            sys.exit(f"emo init: {complaint}")
        print(f"{'recording':<40} {'sound':<11} {'seconds':>8} {'frames':>6} {'GiB':>6} {'took s':>7}  result")
        results = []
        for recording in recordings:
            r = check(options.portrait, recording, model, Path(folder))
            results.append(r)
            verdict = "; ".join(r.wrong) or "ok"
            row = f"{r.name:<40} {r.sound:<11} {r.seconds:>8.2f} {r.frames:>6} {r.gib:>6.3f} {r.took:>7.1f}  {verdict}"
            print(row, flush=True)
    line, bounded = memory_growth(results)
    print(line)
    return 1 if any(result.wrong for result in results) or not bounded else 0


if __name__ == "__main__":
    sys.exit(main())
