"""Seeds of the noise that videos are made from."""

import hashlib


def noise_seed(seed: int, name: str) -> int:
    """Of a video's noise, from the run's seed and the video's name."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:6], "big")
