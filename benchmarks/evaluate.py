"""What `emo evaluate` costs: processor seconds per minute of video, and peak memory for few and for many clips.

    python benchmarks/evaluate.py --videos DIR --clips 10 100 --out OUT

Every clip is one of the videos made lighter or darker by so little that it counts as another one; each is measured
beside its original. Memory is the largest that any process had, and that of all together, sampled ten times a second.
"""

import argparse
import itertools
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from emo.media import AudioTrack, VideoReader, VideoWriter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--clips", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each clip, at most")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for count in options.clips:
        generated, real, seconds = make_clips(options.videos, count, options.seconds, options.out / f"clips-{count}")
        shutil.rmtree(report := options.out / f"report-{count}", ignore_errors=True)
        command = [sys.executable, "-m", "emo", "evaluate", "--generated", str(generated), "--reference", str(real)]
        wall, processor, largest, together = watch(
            [*command, "--out", str(report), "--no-fetch", "--workers", str(options.workers)]
        )
        minutes = 2 * seconds / 60  # of both sides
        print(
            f"{count} clips, {minutes:.1f} minutes of video: {wall:.0f} s, {processor:.0f} processor s "
            f"({wall / minutes:.0f} s and {processor / minutes:.0f} processor s per minute of video); largest process "
            f"{largest / 2**20:.0f} MiB, all {together / 2**20:.0f} MiB",
            flush=True,
        )


def make_clips(videos: Path, count: int, most: float, out: Path) -> tuple[Path, Path, float]:
    """Folders of generated and real clips, and the seconds of one of them."""
    generated, real, seconds = out / "generated", out / "real", 0.0
    for number, path in zip(range(count), itertools.cycle(sorted(videos.glob("*.mp4"))), strict=False):
        with VideoReader(path) as video, AudioTrack.open(path) as whole:
            fps = video.fps
            frames = video.read(range(min(len(video), round(most * fps))))
            waveform = whole.read(0, round(len(frames) / fps * 16000))
            seconds += len(frames) / float(fps)
            for folder, light in ((real, number), (generated, -number - 1)):
                folder.mkdir(parents=True, exist_ok=True)
                if (target := folder / f"{number:04d}.mp4").exists():
                    continue
                shade = np.clip(frames.astype(np.int16) + light % 7 - 3, 0, 255).astype(np.uint8)
                shade[:, 0, 0] = number % 256, light % 256, 0  # another video in any case
                with VideoWriter(target, fps) as writer, AudioTrack.open((waveform, 16000)) as sound:
                    writer.write(shade)
                    writer.finish(sound)
    return generated, real, seconds


def watch(command: list[str]) -> tuple[float, float, int, int]:
    """Wall and processor seconds, and the largest process and the most of all together, in bytes."""
    began, largest, together, spent = time.monotonic(), 0, 0, {}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    main_process = psutil.Process(process.pid)
    while process.poll() is None:
        sizes = []
        try:
            for one in (main_process, *main_process.children(recursive=True)):
                sizes.append(one.memory_info().rss)
                times = one.cpu_times()
                spent[one.pid] = times.user + times.system
        except psutil.Error:
            pass  # it has just ended
        if sizes:
            largest, together = max(largest, *sizes), max(together, sum(sizes))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"status {process.returncode}: {' '.join(command)}")
    return time.monotonic() - began, sum(spent.values()), largest, together


if __name__ == "__main__":
    main()
