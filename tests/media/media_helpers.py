"""Small recordings and videos, made where a test needs them."""

import subprocess
from pathlib import Path

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe


def ffmpeg(*arguments: object, stdin: bytes = b"") -> bytes:
    command = [get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def write_sound(path: Path, samples: np.ndarray, rate: int, *arguments: object) -> Path:
    """Write float32 (N,) or (channels, N) with ffmpeg; WAV files keep the float samples."""
    samples = np.atleast_2d(samples).astype("<f4")
    codec = ("-c:a", "pcm_f32le") if path.suffix == ".wav" and not arguments else ()
    raw = ("-f", "f32le", "-ar", rate, "-ac", len(samples), "-i", "-")
    ffmpeg(*raw, *codec, *arguments, path, stdin=samples.T.tobytes())
    return path


def write_video(path: Path, frames: np.ndarray, *arguments: object, fps: object = 25) -> Path:
    """Write uint8 (n, H, W, 3) with ffmpeg."""
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", fps, "-i", "-")
    ffmpeg(*raw, *(arguments or ("-c:v", "libx264")), "-pix_fmt", "yuv420p", path, stdin=frames.tobytes())
    return path


def patches(count: int, height: int = 64, width: int = 64, seed: int = 0) -> np.ndarray:
    """Frames of random 16 px patches, no two alike: uint8 (count, height, width, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, -(-height // 16), -(-width // 16), 3), np.uint8)
    return coarse.repeat(16, axis=1).repeat(16, axis=2)[:, :height, :width]
