"""What an autoencoder leaves of people it has never seen: PSNR, sharpness, and the mouth as MediaPipe reads it.

    python benchmarks/autoencoder.py runs/emo-tiny/autoencoder/model DATASET [--split test] [--clips 20]

The mouth's openings over all frames of the clips, read from the reconstructions and from the clips themselves: their
correlation, and the slope, which is what is left of the mouth's range.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from emo.data.format import LIPS, MOUTH_CORNERS, load_labels, read_metadata
from emo.face import track_face
from emo.hub import load_vae
from emo.media import VideoReader
from emo.metrics import measure_frames, mouth_opening
from emo.training.bump import bump
from emo.training.reconstruction import ReconstructionConfig, psnr

AT_ONCE = 25  # frames


@torch.no_grad()
def measure(model: str, root: Path, split: str, clips: int) -> dict[str, float]:
    """Means over all frames of the first clips."""
    vae, sigma = load_vae(model).eval(), ReconstructionConfig.mouth_sigma
    whole, mouths, read, sharp = [], [], [], []
    for clip in read_metadata(root, split)[:clips]:
        with VideoReader(root / split / clip.file_name) as video:
            frames = video.read(range(clip.frames))
        points = torch.from_numpy(load_labels(root / split / clip.labels, clip.frames)["points"])
        corners, lips = points[:, MOUTH_CORNERS], points[:, LIPS].mean(dim=1)
        mouth = torch.cat([lips, (corners[:, 0] - corners[:, 1]).norm(dim=-1, keepdim=True)], dim=1)
        pictures = torch.from_numpy(frames).movedim(-1, 1) / 127.5 - 1
        found = torch.cat([vae(part).sample for part in pictures.split(AT_ONCE)]).clamp(-1, 1)
        whole.append(psnr(found, pictures))
        mouths.append(psnr(found, pictures, bump(mouth, clip.height, clip.width, sigma)))
        again = ((found + 1) * 127.5).round().byte().movedim(1, -1).numpy()
        sharp.append([measure_frames(shown).sharpness.mean() for shown in (frames, again)])
        tracks = [track_face(list(shown)) for shown in (frames, again)]
        there = tracks[0].found & tracks[1].found
        read.append([mouth_opening(track.landmarks)[there] for track in tracks])
    true, left = (np.concatenate(part) for part in zip(*read, strict=True))
    return {
        "frames": len(torch.cat(whole)),
        "PSNR": torch.cat(whole).mean().item(),
        "mouth PSNR": torch.cat(mouths).mean().item(),
        "sharpness left": float(np.mean([after / before for before, after in sharp])),
        "face found in both": len(true) / len(torch.cat(whole)),
        "mouth r": float(np.corrcoef(true, left)[0, 1]),
        "mouth slope": float(np.polyfit(true, left, 1)[0]),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="folder of an autoencoder")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--clips", type=int, default=20)
    options = parser.parse_args()
    for name, value in measure(options.model, options.dataset, options.split, options.clips).items():
        print(f"{name:20} {value:.3f}")
