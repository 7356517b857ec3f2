"""Faces: landmarks, tracking, head pose, crop, face region. MediaPipe and OpenCV are imported at the first use."""

from emo.face.box import Box, landmark_box, mask_box
from emo.face.crop import FACE_SHARE, Crop
from emo.face.detector import Face, FaceDetector, largest
from emo.face.portrait import MAX_CUT, MAX_ROLL, MAX_TURN, MIN_FACE, Portrait, prepare_portrait
from emo.face.pose import HeadPose, head_pose, rotation_speed, rotations, smooth
from emo.face.quiet import quiet_stderr
from emo.face.region import REGION_SCALE, Region, check_region, face_region_mask, plain_region, union_mask
from emo.face.tracker import FaceTrack, track_face

__all__ = [
    "FACE_SHARE",
    "MAX_CUT",
    "MAX_ROLL",
    "MAX_TURN",
    "MIN_FACE",
    "REGION_SCALE",
    "Box",
    "Crop",
    "Face",
    "FaceDetector",
    "FaceTrack",
    "HeadPose",
    "Portrait",
    "Region",
    "check_region",
    "face_region_mask",
    "head_pose",
    "landmark_box",
    "largest",
    "mask_box",
    "plain_region",
    "prepare_portrait",
    "quiet_stderr",
    "rotation_speed",
    "rotations",
    "smooth",
    "track_face",
    "union_mask",
]
