"""What steps without guidance and forecast layers save, and how near they stay: CPU-seconds and PSNR.

    python benchmarks/reuse.py portrait.jpg speech.wav --model weights/emo-tiny --steps 40

Each way to save is set against the full run of as many steps as --steps says, by the same seed, in one process and one
thread. PSNR is that of frames, and says how near a short cut stays, not how good it looks.
"""

import argparse
import time
from typing import Any

import numpy as np
import torch

from emo.media import AudioTrack
from emo.pipelines import EMOPipeline

WAYS: tuple[tuple[float, int, int], ...] = (  # share of the steps, guidance_every, cache_interval
    (1, 4, 1),
    (1, 1, 2),
    (1, 4, 4),
    (0.5, 1, 1),
    (0.5, 4, 1),
    (0.5, 1, 2),
    (0.5, 4, 2),
    (0.5, 4, 4),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("audio")
    parser.add_argument("--model", default="weights/emo-tiny")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--size", type=int, help="pixels (default: the model's)")
    parser.add_argument("--strength", type=float, action="append", help="several may be given (default: the model's)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pipe = EMOPipeline.from_pretrained(options.model)
    pipe.set_progress_bar_config(disable=True)
    track = AudioTrack.open(options.audio, sampling_rate=16000)
    seconds = options.clips * pipe.unet.config.num_frames / 25
    sound = (np.asarray(track.read(0, min(track.length, round(seconds * 16000)))).reshape(-1), 16000)

    def run(steps: int, **more: Any) -> tuple[float, np.ndarray]:
        generator, start = torch.Generator().manual_seed(0), time.process_time()
        size = {"height": options.size, "width": options.size}
        video = pipe(
            options.image, sound, num_inference_steps=steps, generator=generator, output_type="np", **size, **more
        )
        return time.process_time() - start, np.asarray(video.frames)

    run(1)  # what is made once a process
    for strength in options.strength or [None]:
        whole, frames = run(options.steps, strength=strength)
        print(f"strength {strength}, {options.steps} steps, {len(frames)} frames: {whole:.1f} CPU-s", flush=True)
        for share, guidance_every, cache_interval in WAYS:
            steps = round(share * options.steps)
            more = {"guidance_every": guidance_every, "cache_interval": cache_interval}
            spent, saved = run(steps, strength=strength, **more)
            decibel = -10 * np.log10(np.square(saved - frames).mean())
            said = ", ".join(f"{name} {value}" for name, value in more.items())
            print(f"  {steps} steps, {said}: {spent / whole:.3f} of the time, {decibel:.1f} dB", flush=True)


if __name__ == "__main__":
    main()
