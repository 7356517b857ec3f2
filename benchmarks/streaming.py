"""Seconds a frame of a loaded EMO pipeline, and what it brings to denoise a clip while the one before is decoded.

    python benchmarks/streaming.py portrait.jpg speech.wav --seconds 4 --turns 3
    python benchmarks/streaming.py portrait.jpg speech.wav --video          # H.264 and sound included

The ways take turns in one process, after one run that is not counted, and all make the frames of one seed: the last
column says whether they are the same, byte for byte. Run it as users do, without OMP_NUM_THREADS, where nothing else
runs. `in turns` is the plain way; of the others the first is what a pipeline does by default where it has several
threads, the second lets the decoder have one thread, and the third lets both have half of the threads.
"""

import emo.entry  # noqa: F401

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emo.cpu import has_bfloat16
from emo.generation.fingerprint import fingerprint
from emo.generation.write import write_video
from emo.media import AudioTrack
from emo.pipelines import EMOPipeline

THREADS = torch.get_num_threads()
HALF = max(1, THREADS // 2)
WAYS = {  # whether clips are denoised ahead, and the threads of denoising and decoding
    "in turns": (False, THREADS, THREADS),
    "ahead": (True, THREADS, THREADS),
    "ahead, decoder one thread": (True, THREADS, 1),
    "ahead, half the threads each": (True, HALF, HALF),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("audio")
    parser.add_argument("--model", default="weights/emo-tiny")
    parser.add_argument("--seconds", type=float, default=4, help="of the sound")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of denoising (default: the model's)")
    parser.add_argument("--size", type=int, help="pixels (default: the model's)")
    parser.add_argument("--attention", help="kernels, as `emo generate --attention` takes them (default: torch's)")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--way", action="append", choices=list(WAYS), help="several may be given (default: all)")
    parser.add_argument("--video", action="store_true", help="write a video, too")
    options = parser.parse_args()
    name = options.dtype if options.dtype != "auto" else "bfloat16" if has_bfloat16() else "float32"
    pipe = EMOPipeline.from_pretrained(options.model, dtype=getattr(torch, name))
    pipe.set_progress_bar_config(disable=True)
    if options.attention:
        pipe.set_attention_backend(options.attention)
    track = AudioTrack.open(options.audio, sampling_rate=16000)
    samples = track.read(0, min(track.length, round(options.seconds * 16000)))
    sound = (np.asarray(samples).reshape(-1), 16000)
    print(f"{name}, {THREADS} threads, {len(sound[0]) / 16000:.1f} s of sound\n")
    ways = options.way or list(WAYS)
    readings: dict[str, list[Reading]] = {way: [] for way in ways}
    read(pipe, options, sound, ways[0])
    for _ in range(options.turns):
        for way in ways:
            readings[way].append(read(pipe, options, sound, way))
    print("| | seconds a frame | to the plain way | CPU-seconds a frame | first clip after, s | frames |")
    print("|---|---|---|---|---|---|")
    plain = readings[ways[0]]
    for way, found in readings.items():
        clock = ", ".join(f"{reading.clock:.4f}" for reading in found)
        ratio = statistics.median(one.clock / other.clock for one, other in zip(found, plain, strict=True))
        spent, first = (statistics.median(values) for values in zip(*((r.spent, r.first) for r in found), strict=True))
        same = "the same" if {r.digest for r in found} == {plain[0].digest} else "others"
        print(f"| {way} | {clock} | {ratio:.2f} | {spent:.4f} | {first:.2f} | {same} |")


class Reading:
    """What one run took, a frame, and a digest of its frames."""

    def __init__(self):
        self.digest, self.first = "", 0.0
        self._started, self._spent = time.perf_counter(), time.process_time()

    def seen(self, digest: str) -> None:
        self.digest += digest
        self.first = self.first or time.perf_counter() - self._started

    def end(self, frames: int) -> None:
        self.clock = (time.perf_counter() - self._started) / frames
        self.spent = (time.process_time() - self._spent) / frames


def read(pipe: EMOPipeline, options: argparse.Namespace, sound: tuple[np.ndarray, int], way: str) -> Reading:
    """One run from the picture to the last frame; ffmpeg's own CPU-seconds are not in it."""
    pipe.denoise_ahead, threads, decoding = WAYS[way]
    torch.set_num_threads(threads)
    reading = Reading()
    with decoding_threads(pipe, decoding), tempfile.TemporaryDirectory() as folder:
        stream = pipe.stream(
            options.image,
            sound,
            generator=torch.Generator().manual_seed(0),
            output_type="uint8",
            num_inference_steps=options.steps,
            height=options.size,
            width=options.size,
        )

        def frames(clip: Any) -> Iterator[np.ndarray]:
            reading.seen(hashlib.sha256(clip.frames.tobytes()).hexdigest())
            return clip.each()

        if options.video:
            write_video(stream, Path(folder) / "video.mp4", fingerprint=fingerprint(stream), frames_of=frames)
        else:
            for clip in stream:
                frames(clip)
    reading.end(stream.num_frames)
    return reading


@contextmanager
def decoding_threads(pipe: EMOPipeline, count: int) -> Iterator[None]:
    """Let the decoder have so many threads; they belong to the thread that calls it, and are given back after."""
    decode: Any = type(pipe).decode

    def with_threads(*arguments: Any) -> torch.Tensor:
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            return decode(pipe, *arguments)
        finally:
            torch.set_num_threads(before)

    pipe.decode = with_threads
    try:
        yield
    finally:
        del pipe.decode


if __name__ == "__main__":
    main()
