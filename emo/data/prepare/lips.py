"""Whether a mouth is to be seen: FaceMesh puts lips on masks and hands as well."""

import cv2
import numpy as np

from emo.face.mesh import INNER_LIPS, OUTER_LIPS

RING = (1.3, 1.7)  # the skin around the lips, in sizes of their outline


def lip_contrast(frame: np.ndarray, landmarks: np.ndarray) -> float:
    """Distance in color (CIELAB) of the lips from the skin around them.

    18 and more on six GRID speakers, 3 to 14 on small, soft or painted faces; 0 where a cloth or hand of one color
    covers the mouth. What has a pattern is not told from lips.

    frame: uint8 (H, W, 3) RGB; landmarks: (478, 3) in its pixels. 0 where the mouth is outside of the picture.
    """
    outer, inner = landmarks[OUTER_LIPS, :2], landmarks[INNER_LIPS, :2]
    middle = outer.mean(0)
    reach = middle + (outer - middle) * RING[1]
    x0, y0 = np.maximum(np.floor(reach.min(0)), 0).astype(int)
    x1, y1 = np.ceil(np.maximum(reach.max(0), 0)).astype(int) + 1
    part = frame[y0:y1, x0:x1]
    if not part.size:
        return 0.0
    lab = cv2.cvtColor(part.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)

    def filled(points: np.ndarray) -> np.ndarray:
        mask = np.zeros(part.shape[:2], np.uint8)
        return cv2.fillPoly(mask, [np.round(points - (x0, y0)).astype(np.int32)], 1) > 0

    lips = filled(outer) & ~filled(inner)
    skin = filled(reach) & ~filled(middle + (outer - middle) * RING[0])
    if not lips.any() or not skin.any():
        return 0.0
    return float(np.linalg.norm(np.median(lab[lips], 0) - np.median(lab[skin], 0)))
