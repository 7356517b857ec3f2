"""Two videos side by side, frame by frame; kept with the generated one."""

from collections.abc import Iterator

import numpy as np

from emo.evaluation.compare.measured import MeasuredVideo, Part, Unavailable
from emo.metrics.extractors import Extractor
from emo.metrics.pictures import compare_frames, perceptual_distance, psnr
from emo.metrics.sync import SLACK

SHAPES_APART = 0.02  # relative difference of aspect ratios up to which pictures are scaled to one size


def picture_measures(generated: MeasuredVideo, reference: MeasuredVideo) -> dict[str, float]:
    """PSNR in dB and SSIM of all frames that both have.

    Raises:
        Unavailable: the videos are not of one length, rate and shape.
    """

    def compute(clip: MeasuredVideo) -> dict[str, np.ndarray]:
        found = [compare_frames(*chunks) for chunks in _chunks(clip, reference)]
        return {name: np.concatenate([getattr(f, name) for f in found]) for name in ("squared_error", "ssim")}

    check_pair(generated, reference)
    kept = generated.part(Part(f"pictures-{reference.digest[:16]}", compute))
    return {"psnr": psnr(kept["squared_error"]), "ssim": float(kept["ssim"].mean())}


def lpips(generated: MeasuredVideo, reference: MeasuredVideo, network: Extractor) -> float:
    """Mean LPIPS of all frames that both have.

    Raises:
        Unavailable: the videos are not of one length, rate and shape.
    """

    def compute(clip: MeasuredVideo) -> dict[str, np.ndarray]:
        distances = [perceptual_distance(*chunks, network) for chunks in _chunks(clip, reference)]
        return {"lpips": np.concatenate(distances)}

    check_pair(generated, reference)
    name = f"lpips-{network.fingerprint[:16]}-{reference.digest[:16]}"
    return float(generated.part(Part(name, compute))["lpips"].mean())


def check_pair(one: MeasuredVideo, other: MeasuredVideo) -> None:
    """See that two videos can be compared frame by frame.

    Raises:
        Unavailable: they are not of one length, rate and shape.
    """
    if one.fps != other.fps:
        raise Unavailable(f"the videos have {float(one.fps):g} and {float(other.fps):g} frames per second")
    if abs(one.num_frames - other.num_frames) > SLACK:
        raise Unavailable(f"the videos have {one.num_frames} and {other.num_frames} frames; cut both to one length")
    ratio = (one.width * other.height) / (one.height * other.width)
    if abs(np.log(ratio)) > SHAPES_APART:
        raise Unavailable(
            f"frames of {one.width} x {one.height} and {other.width} x {other.height} pixels; crop both alike"
        )


def _chunks(one: MeasuredVideo, other: MeasuredVideo) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frames of both, (n, H, W, 3) each, the second's scaled to the first's size."""
    import cv2

    size = (one.width, one.height)
    for first, second in zip(one.frames(), other.frames(), strict=False):  # as many chunks as both have
        count = min(len(first), len(second))
        first, second = first[:count], second[:count]
        if second.shape != first.shape:
            second = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in second])
        yield first, second
