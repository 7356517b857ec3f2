"""Small datasets: a few avatars; and clips of random patches with random labels and sound, made by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from emo.data.format import FACE_POINTS, ClipInfo, save_labels, write_metadata
from emo.data.synthetic.config import SyntheticConfig
from emo.media import AudioTrack, VideoWriter

FPS = 25
CONFIG = SyntheticConfig(seed=3, identities=4, size=64, seconds=0.8, test_share=0.25)
CLIPS = 6  # of CONFIG: five of the three people in train, one of the one in test; 20 frames each
QUICK = replace(CONFIG, identities=3, seconds=0.2, fps=10.0)  # two frames a clip


def made_labels(frames: int, width: int, height: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random labels, each (frames, ...) float32."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 0.4, (frames, 2)) * (width, height)
    return {
        "face_box": np.concatenate([corner, corner + 0.5 * np.array([width, height])], 1).astype(np.float32),
        "points": (rng.uniform(0, 1, (frames, len(FACE_POINTS), 2)) * (width, height)).astype(np.float32),
        "rotation_speed": rng.uniform(0, 2, frames).astype(np.float32),
    }


def made_clip(
    root: Path,
    number: int,
    frames: int = 12,
    *,
    width: int = 64,
    height: int = 64,
    split: str = "train",
    person: str | None = None,
    sound: bool = True,
    fps: float = FPS,
    more: dict[str, np.ndarray] | None = None,
    **labels: np.ndarray,
) -> ClipInfo:
    """Write one clip and its labels; `labels`, and `more` of any name, replace or join the random ones."""
    rng = np.random.default_rng(number)
    values = made_labels(frames, width, height, number) | labels | (more or {})
    info = ClipInfo(
        file_name=f"{number:06d}.mp4",
        labels=f"{number:06d}.safetensors",
        person=person or f"person-{number}",
        split=split,
        fps=fps,
        frames=frames,
        width=width,
        height=height,
        has_audio=sound,
        speed=float(values["rotation_speed"].mean()),
        source="video",
    )
    folder = root / split
    folder.mkdir(parents=True, exist_ok=True)
    patches = rng.integers(0, 256, (frames, 4, 4, 3), np.uint8)
    pictures = patches.repeat(height // 4, 1).repeat(width // 4, 2)
    with VideoWriter(folder / info.file_name, fps) as writer:
        writer.write(pictures)
        if sound:
            waveform = rng.normal(0, 0.1, round(frames / fps * 16000)).astype(np.float32)
            with AudioTrack.open((waveform, 16000)) as track:
                writer.finish(track)
        else:
            writer.finish()
    save_labels(folder / info.labels, values, info)
    return info


def made_dataset(root: Path, *clips: dict) -> list[ClipInfo]:
    """Write clips 0, 1, … with these options, and the tables."""
    for number, options in enumerate(clips):
        made_clip(root, number, **options)
    return write_metadata(root)
