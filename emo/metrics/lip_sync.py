"""How well lips and sound go together by SyncNet: LSE-C, LSE-D and the offset between the two.

Chung and Zisserman 2016, "Out of time", compare every 0.2 s of picture with the sounds around; Prajwal et al. 2020
(Wav2Lip) call the mean distance at the best lag LSE-D, and how far it lies below the median over lags LSE-C. What is
computed here is what their evaluation computes with syncnet_python, given the same crops and weights.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from emo.errors import EmoError
from emo.face.measures import check_landmarks
from emo.media import SAMPLE_RATE
from emo.metrics.checks import check_track
from emo.metrics.face_crops import FPS, face_crops, frames_at_25
from emo.metrics.mfcc import mfcc
from emo.metrics.sync import SLACK
from emo.metrics.syncnet import FRAMES, STEPS, SyncNet

MAX_LAG = 15  # frames, 0.6 s: what LSE-C and LSE-D are published with
SAMPLES = SAMPLE_RATE // FPS  # of a frame
ROWS = 4  # of coefficients, of a frame


@dataclass(frozen=True)
class LipSync:
    """How lips and sound go together; distances are Euclidean, in the units of a network's embeddings.

    Confidence and distance are of the best lag, as published: a shifted sound changes the offset, and them hardly.

    Attributes:
        confidence: LSE-C, median of the distances over lags less the least; more is better.
        distance: LSE-D, the least of the distances.
        offset: its lag in frames at 25 per second, positive where the mouth is later than its sound.
        lags: (2 max_lag + 1,) int, ascending, with the same sign.
        distances: (2 max_lag + 1,), the mean over frames at each lag.
    """

    confidence: float
    distance: float
    offset: int
    lags: np.ndarray = field(repr=False)
    distances: np.ndarray = field(repr=False)

    @property
    def distance_unshifted(self) -> float:
        """The mean distance at lag 0: what LSE-D would be without the search."""
        return float(self.distances[len(self.distances) // 2])

    @property
    def confidence_unshifted(self) -> float:
        """How far the distance at lag 0 lies below the median: what LSE-C would be without the search; may be < 0."""
        return float(np.median(self.distances)) - self.distance_unshifted


def lip_sync(
    network: SyncNet,
    frames: Iterable[np.ndarray],
    landmarks: np.ndarray,
    waveform: np.ndarray,
    fps: float | Fraction = FPS,
    *,
    max_lag: int = MAX_LAG,
    batch_size: int = 32,
) -> LipSync:
    """How a face goes with its sound.

    The face is cut out as the network was trained on it, at 25 frames per second; other rates are brought to that by
    the nearest frames, as syncnet_python does, which costs up to half a frame of precision. Frames are taken one by
    one, and no more than a batch of crops is held.

    Args:
        network: in evaluation mode, on any device.
        frames: uint8 (H, W, 3) RGB each, of one size; an array, an iterable of frames, or one of chunks.
        landmarks: (T, 478, 3), as `emo.face.track_face` gives them.
        waveform: (N,) mono at 16 kHz, -1...1, of T frames' length, give or take SLACK frames.
        fps: frames per second.
        max_lag: frames to look to either side, at 25 per second.
        batch_size: embeddings at once.

    Raises:
        EmoError: the lengths do not agree, the clip is too short for the lags, or an input cannot be used.
    """
    waveform = check_track(waveform, "the waveform")
    num_frames = len(frames_at_25(len(check_landmarks(landmarks)), fps))
    sound_frames = len(waveform) / SAMPLES
    if abs(sound_frames - num_frames) > SLACK + 1:
        raise EmoError(
            f"{len(waveform)} samples of sound fill {sound_frames:.1f} frames at {FPS} per second, but the face has "
            f"{num_frames}: give the sound of just these frames, mono at {SAMPLE_RATE} Hz"
        )
    # Of as many windows as both have; the last one's 0.2 s of sound would end beyond the last row of coefficients.
    windows = min(num_frames, int(sound_frames)) - FRAMES
    if windows <= max_lag:
        raise EmoError(
            f"{num_frames} frames at {FPS} per second are too few for lags of -{max_lag} to {max_lag}: give at least "
            f"{max_lag + FRAMES + 1}, or a smaller lag"
        )
    crops = face_crops(frames, landmarks, network.crop_size, network.region, fps, batch_size)
    lips = embed_crops(network, crops)[:windows]
    sounds = embed_sound(network, waveform, batch_size)[:windows]
    return lag_distances(lips, sounds, max_lag, zero_ends=network.zero_ends)


@torch.no_grad()
def embed_crops(network: SyncNet, chunks: Iterable[np.ndarray]) -> Tensor:
    """Picture embeddings of a clip, (T - 4, D) float32 on the CPU: row i is of frames i ... i + 4.

    Args:
        chunks: crops, uint8 (n, S, S, 3), of T frames together; each is embedded at once.

    Raises:
        EmoError: there are fewer than five crops, or they are not of the network's size.
    """
    embeddings = []
    held = np.empty((0, network.crop_size, network.crop_size, 3), np.uint8)
    for chunk in chunks:
        if chunk.shape[1:] != held.shape[1:]:
            raise EmoError(f"crops must be (n, *{held.shape[1:]}) for this network, not {chunk.shape}")
        held = np.concatenate([held, chunk])
        if len(held) >= FRAMES:
            embeddings.append(network.lip(torch.from_numpy(held)[None].to(network.device))[0].float().cpu())
            held = held[1 - FRAMES :]
    if not embeddings:
        raise EmoError(f"SyncNet sees {FRAMES} frames at once, but there are only {len(held)}")
    return torch.cat(embeddings)


@torch.no_grad()
def embed_sound(network: SyncNet, waveform: np.ndarray, batch_size: int = 32) -> Tensor:
    """Sound embeddings, (n, D) float32 on the CPU: row i is of 0.2 s from i / 25 s on.

    Args:
        waveform: (N,) mono at 16 kHz, -1...1.

    Raises:
        EmoError: the waveform is of another shape, not finite, or shorter than 0.2 s.
    """
    coefficients = torch.from_numpy(mfcc(waveform))
    count = (len(coefficients) - STEPS) // ROWS + 1
    if count < 1:
        raise EmoError(f"SyncNet hears {STEPS * 10} ms at once, but the sound has only {len(waveform)} samples")
    embeddings = []
    for start in range(0, count, batch_size):
        stop = min(start + batch_size, count)
        rows = coefficients[start * ROWS : (stop - 1) * ROWS + STEPS]
        embeddings.append(network.sound(rows[None].to(network.device))[0].float().cpu())
    return torch.cat(embeddings)


def lag_distances(lips: Tensor, sounds: Tensor, max_lag: int = MAX_LAG, *, zero_ends: bool = True) -> LipSync:
    """Mean distances of embeddings (n, D), (n, D) at every lag; at lag L of frame i from the sound of frame i - L.

    Args:
        zero_ends: whether, beyond the ends, sounds are zeros, as in the published evaluation; else only frames that
            both have at a lag are counted.

    Raises:
        EmoError: the embeddings are not of one shape, or not more than `max_lag`.
    """
    n = len(lips)
    if lips.ndim != 2 or lips.shape != sounds.shape or n <= max_lag or max_lag < 0:
        raise EmoError(
            f"embeddings must be two of one shape (n, D) with n > {max_lag}, not {tuple(lips.shape)} and "
            f"{tuple(sounds.shape)}"
        )
    lags = np.arange(-max_lag, max_lag + 1)
    distances = []
    for lag in lags.tolist():
        first, stop = max(lag, 0), n + min(lag, 0)
        apart = torch.linalg.vector_norm(lips[first:stop] - sounds[first - lag : stop - lag], dim=1).double()
        if zero_ends:
            beyond = torch.cat([lips[:first], lips[stop:]])
            apart = torch.cat([apart, torch.linalg.vector_norm(beyond, dim=1).double()])
        distances.append(float(apart.mean()))
    best = min(range(len(lags)), key=lambda index: (distances[index], abs(lags[index])))
    return LipSync(
        confidence=float(np.median(distances) - distances[best]),
        distance=distances[best],
        offset=int(lags[best]),
        lags=lags,
        distances=np.array(distances),
    )
