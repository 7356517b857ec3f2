"""The measures of one clip: where each comes from, which way is better, and how it is read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from emo.evaluation.compare.both import check_pair, lpips, picture_measures
from emo.evaluation.compare.measured import MeasuredVideo, Unavailable, try_measure
from emo.evaluation.compare.networks import Networks
from emo.evaluation.compare.portrait import ReferencePortrait
from emo.metrics import (
    HeadAngles,
    blink_rate,
    eye_and_brow_points,
    head_angles,
    keypoint_distance,
    motion_stability,
    mouth_opening,
    mouth_sound_correlation,
    pose_change,
    rotation_speed,
    sequence_similarity,
    sequence_variance,
)
from emo.metrics.lip_sync import LipSync
from emo.metrics.similarity import face_similarity
from emo.metrics.sync import Sync

EXPRESSION_SPAN = 0.1  # distances of the outer corners: lids and brows of one face move about so far
POSE_SPAN = np.radians(30.0)
LONGEST_LAG = 10  # frames
RATE = 25  # frames per second for which speeds are given


@dataclass(frozen=True)
class Measure:
    """A number per clip.

    Attributes:
        name: short, as in `--metrics`.
        title: of its column.
        family: what it belongs to.
        better: "higher", "lower", or "truth" where the real clips' own value is the aim.
        paper: where it comes from.
        of: reads it from a case, or raises an EmoError that says why it cannot.
        pair: whether it compares with the real clip, so that there is no truth of it.
        network: the kind of network it needs, if any.
    """

    name: str
    title: str
    family: str
    better: str
    paper: str
    of: Callable[["Case"], float]
    pair: bool = False
    network: str = ""


@dataclass(frozen=True)
class Case:
    """What a clip's measures are made of.

    Attributes:
        generated: the clip that is measured.
        reference: the real one, or None.
        portrait: the picture it was made from.
        networks: those at hand.
    """

    generated: MeasuredVideo
    reference: MeasuredVideo | None
    portrait: ReferencePortrait
    networks: Networks

    def truth(self) -> "Case | None":
        """The real clip in the generated one's place."""
        return self.reference and Case(self.reference, self.reference, self.portrait, self.networks)

    @property
    def other(self) -> MeasuredVideo:
        """The real clip.

        Raises:
            Unavailable: there is none.
        """
        if self.reference is None:
            raise Unavailable("no reference video of the same name")
        return self.reference

    @cached_property
    def angles(self) -> HeadAngles:
        return head_angles(self.generated.landmarks)

    @cached_property
    def speed(self) -> np.ndarray:
        """Degrees per frame at RATE frames per second, (T,)."""
        return rotation_speed(self.generated.landmarks) * self.pace

    @property
    def pace(self) -> float:
        """Frames per frame at RATE: what turns per frame in one video is so comparable with another's."""
        return float(self.generated.fps) / RATE

    @cached_property
    def sync(self) -> Sync:
        """The mouth's opening against the loudness of the speech band."""
        clip = self.generated
        return mouth_sound_correlation(mouth_opening(clip.landmarks), clip.waveform(), clip.fps, max_lag=LONGEST_LAG)

    @cached_property
    def pictures(self) -> dict[str, float]:
        return picture_measures(self.generated, self.other)

    @cached_property
    def lips(self) -> LipSync:
        """SyncNet's view of mouth and sound."""
        return self.networks.lip_sync(self.generated)


def _likeness(case: Case) -> float:
    return face_similarity(case.portrait.descriptor[None], case.generated.descriptors)


def _face_similarity(case: Case) -> float:
    return face_similarity(case.networks.portrait(case.portrait), case.networks.faces(case.generated))


def _expression_similarity(case: Case) -> float:
    check_pair(case.generated, case.other)
    own, other = (eye_and_brow_points(clip.landmarks) for clip in (case.generated, case.other))
    return sequence_similarity(own, other, EXPRESSION_SPAN)


def _pose(angles: HeadAngles) -> np.ndarray:
    """(T, 3) in radians."""
    return np.radians(np.stack(angles, 1))


def _pose_similarity(case: Case) -> float:
    check_pair(case.generated, case.other)
    return sequence_similarity(
        _pose(case.angles), _pose(Case(case.other, case.other, case.portrait, case.networks).angles), POSE_SPAN
    )


def _keypoints(case: Case) -> float:
    other = case.other
    check_pair(case.generated, other)
    return keypoint_distance(case.generated.landmarks, other.landmarks, case.generated.height, other.height)


MEASURES = (
    Measure("psnr", "PSNR, dB", "picture", "higher", "GAIA", lambda c: c.pictures["psnr"], pair=True),
    Measure("ssim", "SSIM", "picture", "higher", "Wang et al. 2004", lambda c: c.pictures["ssim"], pair=True),
    Measure("lpips", "LPIPS", "picture", "lower", "GAIA",
            lambda c: lpips(c.generated, c.other, c.networks.open("lpips")), pair=True, network="lpips"),
    Measure("lse_c", "LSE-C (SyncNet confidence)", "sync", "higher", "EMO, GoHD", lambda c: c.lips.confidence,
            network="lips"),
    Measure("lse_d", "LSE-D (SyncNet distance)", "sync", "lower", "GAIA, GoHD", lambda c: c.lips.distance,
            network="lips"),
    Measure("lse_offset", "|SyncNet offset|, frames", "sync", "lower", "SyncNet", lambda c: abs(c.lips.offset),
            network="lips"),
    Measure("lse_d0", "LSE-D at lag 0", "sync", "lower", "SyncNet", lambda c: c.lips.distance_unshifted,
            network="lips"),
    Measure("mouth_r", "r of mouth and loudness", "sync", "higher", "model-free", lambda c: c.sync.correlation),
    Measure("f_sim", "F-SIM (CSIM)", "identity", "truth", "EMO", _face_similarity, network="faces"),
    Measure("likeness", "likeness of the portrait", "identity", "truth", "model-free", _likeness),
    Measure("face_found", "frames with a face", "identity", "higher", "", lambda c: float(c.generated.found.mean())),
    Measure("var_e", "Var_e x 10^4", "expression", "truth", "GoHD",
            lambda c: 1e4 * sequence_variance(eye_and_brow_points(c.generated.landmarks))),
    Measure("ssim_e", "SSIM_e", "expression", "higher", "GoHD, eq. 26", _expression_similarity, pair=True),
    Measure("blinks", "blinks per minute", "expression", "truth", "",
            lambda c: blink_rate(c.generated.landmarks, float(c.generated.fps))),
    Measure("velocity", "mean velocity, degrees/frame", "motion", "truth", "EMO, Table 2", lambda c: c.speed.mean()),
    Measure("velocity_variance", "velocity variance", "motion", "truth", "EMO, Table 2", lambda c: c.speed.var()),
    Measure("delta_p", "Delta P, degrees", "motion", "truth", "VASA-1", lambda c: pose_change(c.angles) * c.pace),
    Measure("var_p", "Var_p x 10^3", "motion", "truth", "GoHD", lambda c: 1e3 * sequence_variance(_pose(c.angles))),
    Measure("ssim_p", "SSIM_p", "motion", "higher", "GoHD", _pose_similarity, pair=True),
    Measure("akd", "AKD, px of 256", "motion", "lower", "GAIA", _keypoints, pair=True),
    Measure("msi", "MSI", "motion", "higher", "GAIA",
            lambda c: motion_stability(c.generated.landmarks, c.generated.height)),
)  # fmt: skip


def mouth_correlations(case: Case) -> list[float]:
    """Of mouth and loudness, at every lag."""
    return case.sync.correlations.tolist()


def read(measure: Measure, case: Case) -> float | str:
    """A measure of a case, or why there is none."""
    return try_measure(lambda: float(measure.of(case)))
