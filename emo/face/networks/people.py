"""Where a picture shows a person, by MediaPipe's selfie segmentation."""

import numpy as np

from emo.face.networks.files import PEOPLE, network_file
from emo.face.networks.network import Network
from emo.face.networks.sampling import Roi, sampled


class PersonMask:
    """Tells people from what is behind them."""

    def __init__(self) -> None:
        self.network = Network(network_file(PEOPLE))

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """How far each pixel of a picture, uint8 (h, w, 3) RGB, shows a person: (h, w) float32, 0 to 1."""
        import cv2

        height, width = picture.shape[:2]
        (mask,) = self.network(sampled(picture, Roi.whole(height, width), self.network.size))
        return cv2.resize(mask[0, :, :, 0], (width, height), interpolation=cv2.INTER_LINEAR)

    def close(self) -> None:
        """Nothing is held that would have to be freed."""
