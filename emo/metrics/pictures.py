"""How near generated frames are to the true ones, frame by frame: PSNR, SSIM and, through a network, LPIPS."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np

from emo.errors import EmoError
from emo.metrics.checks import check_track, each_frame
from emo.metrics.extractors import Extractor

SSIM_SIDE = 11  # pixels of SSIM's window


@dataclass(frozen=True)
class PictureMeasures:
    """What `compare_frames` takes from T pairs of frames.

    Attributes:
        squared_error: (T,), mean over pixels and channels, in squared gray levels.
        ssim: (T,), 1 where equal.
        lpips: (T,), 0 where equal, or None where no network was given.
    """

    squared_error: np.ndarray = field(repr=False)
    ssim: np.ndarray = field(repr=False)
    lpips: np.ndarray | None = field(repr=False)

    def __len__(self) -> int:
        return len(self.squared_error)

    @property
    def psnr(self) -> float:
        """`psnr` of all frames, dB."""
        return psnr(self.squared_error)


def compare_frames(
    generated: Iterable[np.ndarray], reference: Iterable[np.ndarray], *, lpips: Extractor | None = None
) -> PictureMeasures:
    """PSNR, SSIM and LPIPS of a video against the true one, in one pass that keeps a few pairs of frames at a time.

    SSIM is Wang et al.'s: a Gaussian of 1.5 px, means over the whole windows inside the picture and over R, G and B
    (scikit-image's, in float32; torchmetrics 1.9 also counts the border, which it mirrors). LPIPS is that of `lpips`,
    an extractor of that kind, for frames as they are: figures are to be compared at one size of frames.

    Args:
        generated: uint8 (H, W, 3) RGB each: an array, any iterable of frames, or of chunks (n, H, W, 3).
        reference: the true video's, in the same way.
        lpips: an extractor of that kind; without, LPIPS is left out.

    Raises:
        EmoError: no frames, frames of another type, more of one video than of the other, frames of different sizes or
            less than 11 px to a side; or scikit-image is not there.
    """
    errors = []
    similarities = []
    distances = []
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    for one, other in _pairs(generated, reference):
        errors.append(np.square(one.astype(np.int32) - other).mean())
        similarities.append(_ssim(one, other))
        if lpips is not None:
            waiting.append((one, other))
            if len(waiting) == lpips.batch:
                distances.append(_perceptual_distances(waiting, lpips))
                waiting = []
    if not errors:
        raise EmoError("there are no frames to compare")
    if waiting and lpips is not None:
        distances.append(_perceptual_distances(waiting, lpips))
    return PictureMeasures(
        np.array(errors), np.array(similarities), np.concatenate(distances) if lpips is not None else None
    )


def psnr(squared_error: np.ndarray) -> float:
    """Peak signal to noise ratio in dB of frames with these mean squared errors (T,), in squared gray levels.

    It is that of the mean error, not the mean of the frames' own ratios: a clip of which some frames are equal to the
    truth (a first frame that is the reference picture, say) has a finite one, and only one that is equal throughout is
    at infinity. For several videos give the errors of all their frames.

    Raises:
        EmoError: there are none, or they are not finite.
    """
    mean = check_track(squared_error, "the squared errors").mean()
    return float(10 * np.log10(255.0**2 / mean)) if mean > 0 else float("inf")


def perceptual_distance(one: np.ndarray, other: np.ndarray, extractor: Extractor) -> np.ndarray:
    """LPIPS of pairs of pictures, uint8 (N, H, W, 3) twice -> float64 (N,): the squared distance of their features."""
    distances = []
    for start in range(0, len(one), extractor.batch):  # the features of one picture may take 100 MB
        span = slice(start, start + extractor.batch)
        apart = extractor(one[span]) - extractor(other[span])
        distances.append(np.square(apart, out=apart).sum(1, dtype=np.float64))
    return np.concatenate(distances)


def _perceptual_distances(pairs: list[tuple[np.ndarray, np.ndarray]], lpips: Extractor) -> np.ndarray:
    return perceptual_distance(np.stack([one for one, _ in pairs]), np.stack([other for _, other in pairs]), lpips)


def _ssim(one: np.ndarray, other: np.ndarray) -> float:
    try:
        from skimage.metrics import structural_similarity
    except ImportError as error:
        raise EmoError("SSIM needs scikit-image: pip install 'emo[eval]'") from error
    if min(one.shape[:2]) < SSIM_SIDE:
        raise EmoError(f"SSIM needs frames of {SSIM_SIDE} px or more to a side, not {one.shape[:2]}: give larger ones")
    similarity: Any = structural_similarity(  # a number; declared as what other arguments would bring as well
        one.astype(np.float32),
        other.astype(np.float32),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
    )
    return float(similarity)


def _pairs(
    generated: Iterable[np.ndarray], reference: Iterable[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for index, (one, other) in enumerate(zip_longest(each_frame(generated), each_frame(reference))):
        if one is None or other is None:
            ended = "generated" if one is None else "reference"
            raise EmoError(
                f"the {ended} video ends after {index} frames and the other goes on: cut both to one length"
            )
        if one.shape != other.shape:
            raise EmoError(
                f"generated frames are {one.shape[1]} x {one.shape[0]} px and reference frames {other.shape[1]} x "
                f"{other.shape[0]}: scale one video to the size of the other before they are compared"
            )
        yield one, other
