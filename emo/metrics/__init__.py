"""Measures of talking faces: those that need no learned weights, and those that look through a network.

OpenCV, MediaPipe and the networks' libraries load at first use. How true the measures are: docs/measures.md.
"""

from emo.face.measures import blink, brow, eye_opening, eye_openings, gaze, mouth_opening, mouth_width
from emo.metrics.align import align_face
from emo.metrics.continuity import (
    Drift,
    FrameMeasures,
    clip_border_ratio,
    color,
    drift,
    measure_frames,
    relative_change,
    sharpness,
)
from emo.metrics.expression import blink_rate, eye_and_brow_points
from emo.metrics.extractors import Extractor, MissingExtractor, open_extractor
from emo.metrics.frechet import Moments, frechet_distance
from emo.metrics.head_motion import HeadAngles, head_angles, pose_change, rotation_speed
from emo.metrics.identity import identity_descriptor, identity_distance, nearest
from emo.metrics.pictures import PictureMeasures, compare_frames, psnr
from emo.metrics.sequences import sequence_similarity, sequence_variance
from emo.metrics.similarity import face_similarity
from emo.metrics.stability import keypoint_distance, motion_stability
from emo.metrics.sync import Sync, common_lag, lagged_correlation, mouth_sound_correlation

__all__ = [
    "Drift",
    "Extractor",
    "FrameMeasures",
    "HeadAngles",
    "MissingExtractor",
    "Moments",
    "PictureMeasures",
    "Sync",
    "align_face",
    "blink",
    "blink_rate",
    "brow",
    "clip_border_ratio",
    "color",
    "common_lag",
    "compare_frames",
    "drift",
    "eye_and_brow_points",
    "eye_opening",
    "eye_openings",
    "face_similarity",
    "frechet_distance",
    "gaze",
    "head_angles",
    "identity_descriptor",
    "identity_distance",
    "keypoint_distance",
    "lagged_correlation",
    "measure_frames",
    "motion_stability",
    "mouth_opening",
    "mouth_sound_correlation",
    "mouth_width",
    "nearest",
    "open_extractor",
    "pose_change",
    "psnr",
    "relative_change",
    "rotation_speed",
    "sequence_similarity",
    "sequence_variance",
    "sharpness",
]
