"""SyncNet: whether a mouth and a sound belong together (Chung and Zisserman 2016, "Out of time").

The network is the one that joonson/syncnet_python publishes (code under the MIT license), with its names, so that its
weights load as they are: http://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model, 53 MB. No license is
stated for the weights. Smaller ones by the same code are trained by train/syncnet.py.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from emo.errors import EmoError, WeightsError, first_line
from emo.metrics.face_crops import REGIONS

FRAMES = 5  # that a picture embedding sees, 0.2 s
STEPS = 20  # of 10 ms, that a sound embedding hears, 0.2 s
LAYERS = 6
ERRORS = (OSError, RuntimeError, ValueError, EOFError, KeyError, AttributeError, pickle.UnpicklingError)


class SyncNet(ModelMixin, ConfigMixin):
    """Embeddings of 0.2 s of picture and of 0.2 s of sound, near each other where both are of the same moment.

    The defaults are the published network: 13.6 million parameters, whole faces of 224 pixels.

    Args:
        audio_widths: of the six convolutions of the sound's stream.
        lip_widths: of those of the picture's; both end in the same width.
        embedding: D.
        crop_size: S, pixels of the square crops; at least 51.
        region: what they show, "face" or "mouth", as `emo.metrics.face_crops` cuts it.
        zero_ends: how `lip_sync` counts frames whose sound at some lag lies beyond the clip's ends: True, as the
            published LSE figures do, as being at the distance of their embedding from zero; False, not at all.

    Raises:
        EmoError: the widths, the crop size or the region cannot be used.
    """

    _supports_gradient_checkpointing = False

    @register_to_config
    def __init__(
        self,
        *,  # diffusers would take arguments by place for defaults, and forget them
        audio_widths: Sequence[int] = (64, 192, 384, 256, 256, 512),
        lip_widths: Sequence[int] = (96, 256, 256, 256, 256, 512),
        embedding: int = 1024,
        crop_size: int = 224,
        region: str = "face",
        zero_ends: bool = True,
    ):
        super().__init__()
        if len(audio_widths) != LAYERS or len(lip_widths) != LAYERS or audio_widths[-1] != lip_widths[-1]:
            raise EmoError(
                f"audio_widths {list(audio_widths)} and lip_widths {list(lip_widths)} must each have {LAYERS} numbers "
                "and end in the same one"
            )
        if region not in REGIONS:
            raise EmoError(f"region {region!r} is unknown; use {' or '.join(REGIONS)}")
        left = _side_left(crop_size)
        if left < 1:
            raise EmoError(f"crop_size {crop_size} leaves nothing to the last layer; use 51 or more")
        self.crop_size = crop_size
        self.region = region
        self.zero_ends = zero_ends
        a = audio_widths
        v = lip_widths
        width = audio_widths[-1]
        self.netcnnaud = nn.Sequential(
            *_layer2d(1, a[0], 3, 1),
            nn.MaxPool2d(1, 1),
            *_layer2d(a[0], a[1], 3, 1),
            nn.MaxPool2d(3, (1, 2)),
            *_layer2d(a[1], a[2], 3, 1),
            *_layer2d(a[2], a[3], 3, 1),
            *_layer2d(a[3], a[4], 3, 1),
            nn.MaxPool2d(3, 2),
            *_layer2d(a[4], a[5], (5, 4), 0),
        )
        self.netfcaud = _head(width, embedding)
        self.netfclip = _head(width, embedding)
        self.netcnnlip = nn.Sequential(
            *_layer3d(3, v[0], FRAMES, 7, 2, 0),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer3d(v[0], v[1], 1, 5, 2, 1),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_layer3d(v[1], v[2], 1, 3, 1, 1),
            *_layer3d(v[2], v[3], 1, 3, 1, 1),
            *_layer3d(v[3], v[4], 1, 3, 1, 1),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer3d(v[4], v[5], 1, left, 1, 0),
        )

    @classmethod
    def from_folder(cls, folder: str | Path) -> "SyncNet":
        """A network that `save_pretrained` has written, from safetensors alone.

        Raises:
            WeightsError: there is none, or it cannot be loaded.
        """
        try:
            return cls.from_pretrained(folder, use_safetensors=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{folder}: no SyncNet could be loaded ({first_line(error)})") from error

    @classmethod
    def from_published(cls, path: str | Path) -> "SyncNet":
        """The published weights, `syncnet_v2.model`, in a network for evaluation.

        The file is read as tensors alone: nothing in it is run.

        Raises:
            WeightsError: there is no such file, it holds no tensors, or others than SyncNet's.
        """
        path = Path(path)
        if not path.is_file():
            raise WeightsError(f"{path}: no such file; download syncnet_v2.model (see docs/syncnet.md)")
        try:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        except ERRORS as error:
            raise WeightsError(f"{path}: not a file of PyTorch tensors ({first_line(error)})") from error
        network = cls()
        try:
            network.load_state_dict(weights, strict=True)
        except (RuntimeError, TypeError, AttributeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise WeightsError(f"{path}: not the weights of SyncNet v2 ({reason})") from error
        return network.eval()

    def lip(self, crops: Tensor) -> Tensor:
        """Picture embeddings: row i is of frames i ... i + 4.

        Args:
            crops: (B, T, S, S, 3) RGB, 0...255, of any type; T at least 5.

        Returns:
            (B, T - 4, D).
        """
        pictures = crops.to(self.dtype).flip(-1)  # the published network learned from OpenCV's BGR
        features = self.netcnnlip(pictures.permute(0, 4, 1, 2, 3)).flatten(2)  # kernels reach over time in one layer
        return self.netfclip(features.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(crops), -1))

    def sound(self, coefficients: Tensor) -> Tensor:
        """Sound embeddings: row i is of rows 4 i ... 4 i + 20, the time of frames i ... i + 4.

        Args:
            coefficients: (B, M, 13), as `emo.metrics.mfcc`; M at least 20.

        Returns:
            (B, (M - 20) // 4 + 1, D).
        """
        windows = coefficients.to(self.dtype).unfold(1, STEPS, 4)  # (B, n, 13, 20)
        features = self.netcnnaud(windows.flatten(0, 1)[:, None]).flatten(1)
        return self.netfcaud(features).unflatten(0, windows.shape[:2])

    def forward(self, crops: Tensor, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """`lip` and `sound`, of equal length: crops (B, T, S, S, 3), coefficients (B, M, 13) -> 2 x (B, n, D)."""
        lip = self.lip(crops)
        sound = self.sound(coefficients)
        n = min(lip.shape[1], sound.shape[1])
        return lip[:, :n], sound[:, :n]


def _layer2d(inputs: int, outputs: int, kernel: int | tuple[int, int], padding: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def _layer3d(inputs: int, outputs: int, time: int, side: int, stride: int, padding: int) -> list[nn.Module]:
    conv = nn.Conv3d(inputs, outputs, (time, side, side), (1, stride, stride), (0, padding, padding))
    return [conv, nn.BatchNorm3d(outputs), nn.ReLU(inplace=True)]


def _head(width: int, embedding: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, embedding))


def _side_left(size: int) -> int:
    """Pixels per side that reach the last convolution of the picture's stream."""
    for kernel, stride, padding in ((7, 2, 0), (3, 2, 0), (5, 2, 1), (3, 2, 1), (3, 2, 0)):
        size = (size + 2 * padding - kernel) // stride + 1
    return size
