"""How fast a portrait talks: frames per second from a file with sound to a file with video, H.264 included.

    python benchmarks/vasa.py MODEL PORTRAIT SOUND [--sizes 256 512 1024]

Prints a Markdown table: frames a second of the whole, the first frames' delay, and seconds of each part per frame.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch


def measure(pipe, portrait: str, sound: str, size: int, out: Path) -> tuple[float, float, int]:
    """Seconds of all of it, seconds until the first frames, and frames."""
    from emo.media import VideoWriter

    started = time.perf_counter()
    first = 0.0
    stream = pipe.stream(
        portrait, sound, height=size, width=size, output_type="uint8", generator=torch.Generator().manual_seed(0)
    )
    with VideoWriter(out, stream.fps) as writer:
        for clip in stream:
            frames = clip.each()
            first = first or time.perf_counter() - started
            writer.write(frames)
        writer.finish(stream.audio, None)
    return time.perf_counter() - started, first, stream.num_frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("portrait")
    parser.add_argument("sound")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    options = parser.parse_args()

    from emo.pipelines import VASAPipeline

    pipe = VASAPipeline.from_pretrained(options.model)
    pipe.set_progress_bar_config(disable=True)
    print("| px | frames | frames / s | first frames after, s |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mp4"
        measure(pipe, options.portrait, options.sound, options.sizes[0], out)  # what is loaded once
        for size in options.sizes:
            seconds, first, frames = measure(pipe, options.portrait, options.sound, size, out)
            print(f"| {size} | {frames} | {frames / seconds:.0f} | {first:.2f} |", flush=True)


if __name__ == "__main__":
    main()
