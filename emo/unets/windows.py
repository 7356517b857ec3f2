"""The ±m windows that audio and speed layers see (3.2.2, 3.2.5)."""

import torch


def cut_windows(track: torch.Tensor, num_neighbors: int, start: int = 0, stop: int | None = None) -> torch.Tensor:
    """The frames `start ... stop-1` of a track, each with its m neighbors on both sides.

    Cut from the whole track, so that a clip sees across its own borders; beyond the track's ends the first and the
    last frame repeat, also for `start` or `stop` beyond them.

    Args:
        track: (B, T, ...).
        num_neighbors: m.

    Returns:
        (B, stop - start, 2m+1, ...).
    """
    stop = track.shape[1] if stop is None else stop
    frames = torch.arange(start, stop, device=track.device)[:, None]
    offsets = torch.arange(-num_neighbors, num_neighbors + 1, device=track.device)
    return track[:, (frames + offsets).clamp(0, track.shape[1] - 1)]
