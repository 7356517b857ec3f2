"""What `make demo` runs: scikit-image's astronaut says synthetic syllables, as a video and a contact sheet."""

import argparse
import sys
import wave
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.data import astronaut

from emo.cli.main import main
from emo.data.synthetic.speech import SAMPLE_RATE, synthesize
from emo.media import VideoReader, contact_sheet

SECONDS = 4


def run(out: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    portrait, sound, video = (out / name for name in ("portrait.png", "speech.wav", "demo.mp4"))
    Image.fromarray(astronaut()).save(portrait)
    with wave.open(str(sound), "wb") as file:
        samples = np.round(synthesize(seed=1, seconds=SECONDS).waveform * 32767).astype("<i2")
        file.setparams((1, 2, SAMPLE_RATE, len(samples), "NONE", ""))
        file.writeframes(samples.tobytes())
    if status := main(["generate", str(portrait), str(sound), "-o", str(video), "--steps", "12", "--restart"]):
        return status
    with VideoReader(video) as reader:
        frames = reader.read(np.linspace(0, reader.num_frames - 1, 12).round().astype(int).tolist())
    contact_sheet(frames, columns=6).save(out / "demo.png")
    print(f"{out / 'demo.png'}: contact sheet")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out"))
    sys.exit(run(parser.parse_args().out))
