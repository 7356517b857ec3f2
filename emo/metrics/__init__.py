"""Measures of talking faces that need no learned weights of their own. OpenCV and MediaPipe load at first use."""

from emo.metrics.continuity import Drift, FrameMeasures, clip_border_ratio, colour, drift, measure_frames, sharpness
from emo.metrics.expression import blink_rate, eye_and_brow_points
from emo.metrics.face_measures import blink, brow, eye_opening, gaze, mouth_opening, mouth_width
from emo.metrics.head_motion import HeadAngles, head_angles, pose_change, rotation_speed
from emo.metrics.identity import identity_descriptor, identity_distance, nearest
from emo.metrics.sequences import sequence_similarity, sequence_variance
from emo.metrics.stability import keypoint_distance, motion_stability
from emo.metrics.sync import Sync, lagged_correlation, mouth_sound_correlation

__all__ = [
    "Drift",
    "FrameMeasures",
    "HeadAngles",
    "Sync",
    "blink",
    "blink_rate",
    "brow",
    "clip_border_ratio",
    "colour",
    "drift",
    "eye_and_brow_points",
    "eye_opening",
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
    "pose_change",
    "rotation_speed",
    "sequence_similarity",
    "sequence_variance",
    "sharpness",
]
