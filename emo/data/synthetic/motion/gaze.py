"""Where the eyes look: one main direction a clip, with glances away from it (VASA-1, section 3.2)."""

import numpy as np

FARTHEST = 0.8  # of a main direction
AT_CAMERA = 0.4  # of the clips
AWAY = 0.3  # of the glances
CELL = 0.1  # of the histogram


def look_around(rng: np.random.Generator, frames: int, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Gaze to the right and to the top (T,), -1 ... 1: fixations at the main direction, glances between them."""
    main = np.zeros(2) if rng.random() < AT_CAMERA else rng.uniform(-FARTHEST, FARTHEST, 2)
    gaze = np.empty((frames, 2))
    start, away = 0, True
    while start < frames:
        away = not away and rng.random() < AWAY
        place = main + (rng.uniform((-0.7, -0.4), (0.7, 0.4)) if away else rng.normal(0, 0.03, 2))
        gaze[start:] = np.clip(place, -1, 1)
        start += int(fps * rng.uniform(0.3, 0.9 if away else 2.4)) + 1
    return in_jumps(gaze[:, 0]), in_jumps(gaze[:, 1])


def in_jumps(values: np.ndarray) -> np.ndarray:
    """Where eyes are (T,) that go from place to place at once: a jump takes a frame or two."""
    return np.convolve(np.pad(values, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")


def main_gaze(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The direction in which a clip's eyes (T,), (T,) look most: mean of those in the fullest cell of the histogram.

    Cells overlap by half, so that a direction on an edge is not torn apart.
    """
    gaze = np.stack([x, y], 1)
    best = gaze
    most = 0
    for shift in np.stack(np.meshgrid([0, CELL / 2], [0, CELL / 2]), -1).reshape(-1, 2):
        _, which, counts = np.unique(np.floor((gaze + shift) / CELL), axis=0, return_inverse=True, return_counts=True)
        if counts.max() > most:
            most = int(counts.max())
            best = gaze[which.reshape(-1) == counts.argmax()]
    return float(best[:, 0].mean()), float(best[:, 1].mean())
