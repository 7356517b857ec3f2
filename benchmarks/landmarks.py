"""How far landmarks by PyTorch lie from MediaPipe's own, in pictures and videos, in pixels at 512: docs/platforms.md.

python benchmarks/landmarks.py PICTURES_OR_VIDEOS...
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from emo.face import FaceDetector, track_face
from emo.face.runner import RUNNERS, VARIABLE
from emo.media import VideoReader

SIDE = 512
PICTURES = {".jpg", ".jpeg", ".png"}


def frames_of(path: Path, most: int) -> Iterator[np.ndarray]:
    """The picture, or the first frames of the video, their longer side SIDE."""
    if path.suffix.lower() in PICTURES:
        pictures = [np.asarray(Image.open(path).convert("RGB"))]
    else:
        with VideoReader(path) as reader:
            pictures = list(reader.read(range(min(most, len(reader)))))
    for picture in pictures:
        scale = SIDE / max(picture.shape[:2])
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        yield cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def landmarks(runner: str, frames: list[np.ndarray]) -> np.ndarray:
    """Of all faces in one picture, or of the face of a video: (n, 478, 3)."""
    os.environ[VARIABLE] = runner
    with FaceDetector() as detector:
        if len(frames) == 1:
            return np.array([face.landmarks for face in detector.detect(frames[0])]).reshape(-1, 478, 3)
        return track_face(frames, detector).landmarks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="a row each: all pictures and videos below")
    parser.add_argument("--frames", type=int, default=25, help="of each video")
    parser.add_argument("--files", type=int, default=12, help="of each folder")
    arguments = parser.parse_args()
    print("| pictures | files | faces | mean | largest | depth, largest | found by one alone |")
    print("|---|---|---|---|---|---|---|")
    for folder in arguments.folders:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES | {".mp4", ".mpg", ".flv", ".avi"})
        apart, depth, faces, alone = [], [], 0, 0
        for path in files[: arguments.files]:
            frames = list(frames_of(path, arguments.frames))
            ours, theirs = (landmarks(runner, frames) for runner in RUNNERS)
            alone += abs(len(ours) - len(theirs))
            if len(ours) == len(theirs) > 0:
                faces += len(ours)
                apart.append(np.linalg.norm((ours - theirs)[..., :2], axis=-1).ravel())
                depth.append(np.abs(ours - theirs)[..., 2].ravel())
        flat, deep = np.concatenate(apart), np.concatenate(depth)
        print(
            f"| `{folder.name}` | {min(len(files), arguments.files)} | {faces} | {flat.mean():.4f} | {flat.max():.3f} "
            f"| {deep.max():.3f} | {alone} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
