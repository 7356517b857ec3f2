"""Frames of synthetic clips beside a reference of the same person, with exact flow between them: what a decoder that
is given the portrait learns from. Frames are kept as they are drawn: a video's compression would blur what it is to
keep."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from torch import Tensor
from torch.nn.functional import avg_pool2d

from emo.data.synthetic.config import ClipSpec
from emo.data.synthetic.find_landmarks import find_landmarks
from emo.data.synthetic.flow import Flow
from emo.data.synthetic.renderer import Renderer
from emo.errors import DatasetError
from emo.face import FaceDetector
from emo.files import write_whole
from emo.motion import CONTROLS, MotionTrack
from emo.motion.controls import FaceControls

COARSER = 4  # pixels of the frames in a row or column of what is kept of their flow, which is smooth
REACH = 13  # frames before and after a frame, whose motion is kept with it (GoHD's code)
SHOWN = 0.05  # of such a pixel, that must be visible for its flow to be known
ACTED = {"gaze_x": -1.0, "gaze_y": -1.0, "brow": -1.0, "smile": 0.0}
"""What faces do that act, from these values to 1."""


@dataclass(frozen=True)
class ReferencePairs:
    """A reference and N frames of one person; even frames are followed by the clip's next one.

    Attributes:
        reference: (S, S, 3) uint8 RGB.
        frames: (N, S, S, 3) uint8 RGB.
        points: (N, 7, 2) float32, `emo.data.format.FACE_POINTS` of the frames in their pixels.
        flow: (N, 2, s, s) float16, where what frames show stands in the reference, x and y in half sides from there;
            0 where it is not known.
        visible: (N, 1, s, s) float16, the share of each such pixel that the reference shows.
        motion: (N, 2 REACH + 1, 14) float32, controls of each frame and of those around it, a clip's ends repeated.
        parts: (N, S, S) uint8, places in `emo.data.synthetic.parts.PARTS`. Files of before have neither of both.
        source: (14,) float32, controls of the reference, or None, as above.
        landmarks: (1 + N, 478, 2) float32, FaceMesh's in the reference and the frames, in their pixels; NaN where it
            finds no face. None where they were not wanted.
        error: (N, L, h, w) float16, what a diffusion model's latents of the frames have beside the true ones, in the
            scheduler's scale; None where none has drawn them.
    """

    reference: np.ndarray
    frames: np.ndarray
    points: np.ndarray
    flow: np.ndarray
    visible: np.ndarray
    motion: np.ndarray | None = None
    parts: np.ndarray | None = None
    source: np.ndarray | None = None
    landmarks: np.ndarray | None = None
    error: np.ndarray | None = None

    def with_landmarks(self, detector: FaceDetector) -> "ReferencePairs":
        """The same with `landmarks`; frames are strangers to each other, each looked at for itself."""
        pictures = [self.reference, *self.frames]
        found = np.concatenate([find_landmarks(picture[None], detector) for picture in pictures])
        return replace(self, landmarks=np.ascontiguousarray(found[..., :2]))

    def write(self, path: Path) -> None:
        """One file, whole or not at all."""
        arrays = {name: np.ascontiguousarray(array) for name, array in vars(self).items() if array is not None}
        write_whole(path, save(arrays))


def read_pairs(path: Path) -> ReferencePairs:
    """What `ReferencePairs.write` wrote.

    Raises:
        DatasetError: it did not write this file.
    """
    try:
        return ReferencePairs(**load_file(path))
    except (OSError, SafetensorError, TypeError) as error:
        raise DatasetError(f"{path} was not written by train/reference_decoder_data.py ({error})") from error


def draw_pairs(
    renderer: Renderer, clip: ClipSpec, frames: int, at_rest: int = 0, acting: float = 0.0
) -> ReferencePairs:
    """A reference and N frames out of a clip.

    Args:
        renderer: of the clip's configuration.
        clip: the clip.
        frames: N, even: pairs of neighbors.
        at_rest: of these, the first ones, even: heads that look straight ahead and do nothing.
        acting: share of the others' pairs that are `acted`.

    Raises:
        EmoError: the portrait or the recording cannot be used.
    """
    rng = np.random.default_rng((0x9A125, clip.seed))
    controls = renderer.act(clip).controls
    starts = rng.choice(len(controls) - 1, (frames - at_rest) // 2, replace=False)
    return draw_frames(renderer, clip, controls, int(rng.integers(len(controls))), starts, at_rest, acting)


def draw_frames(
    renderer: Renderer,
    clip: ClipSpec,
    controls: FaceControls,
    reference: int,
    starts: np.ndarray,
    at_rest: int = 0,
    acting: float = 0.0,
) -> ReferencePairs:
    """A reference and frames of a clip whose controls are known.

    Args:
        renderer: of the clip's configuration.
        clip: the clip.
        controls: of all its frames.
        reference: place of the reference.
        starts: places of frames that are drawn with their next ones.
        at_rest: frames before them, of a head that looks straight ahead and does nothing.
        acting: share of these pairs that are `acted`.
    """
    places = torch.from_numpy(np.stack([starts, starts + 1], 1).ravel())
    values = controls.track(renderer.config.fps).values
    around = (places[:, None] + torch.arange(-REACH, REACH + 1)).clamp(0, len(values) - 1)
    around_each = acted(values[around], acting, np.random.default_rng((0xAC7, clip.seed)))
    motion = torch.cat([CONTROLS.rest.expand(at_rest, 2 * REACH + 1, -1), around_each])
    commanded = torch.cat([values[[reference]], motion[:, REACH]])
    shown = FaceControls.from_track(MotionTrack(commanded, renderer.config.fps, CONTROLS))
    drawn = renderer.draw(clip, shown)
    labels = renderer.labels(clip, shown)
    flow, visible = _coarsened(renderer.flow(clip, shown[1:], shown[:1]))
    points = labels.points[1:].float().cpu().numpy()
    parts = renderer.parts(clip, shown[1:]).cpu().numpy()
    source = values[reference].numpy()
    return ReferencePairs(drawn[0], drawn[1:], points, flow, visible, motion.numpy(), parts, source)


def acted(motion: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """Motion of pairs of neighbors of which some do what talk seldom has: eyes look anywhere, brows go up or down,
    corners of the mouth up, and lids shut and open.

    Args:
        motion: of 2 N frames and those around each, (2 N, 2 REACH + 1, 14); it stays as it is.
        share: of the pairs, 0 to 1.
        rng: of the draws.
    """
    motion, column = motion.clone(), CONTROLS.names.index
    for first in range(0, len(motion), 2):
        if rng.random() >= share:
            continue
        pair = motion[first : first + 2]
        for name, lowest in ACTED.items():
            pair[..., column(name)] = rng.uniform(lowest, 1)
        shut, middle, half = rng.uniform(0, 1), rng.integers(-1, 3), rng.integers(3, 7)
        away = (torch.arange(2)[:, None] + torch.arange(-REACH, REACH + 1) - middle).abs()
        pair[..., column("blink")] = shut * (1 - away / half).clamp(min=0)
    return motion


def _coarsened(flow: Flow) -> tuple[np.ndarray, np.ndarray]:
    """Flow (N, 2, s, s) of what is visible, in half sides, and its share (N, 1, s, s)."""
    side = flow.visible.shape[-1]
    visible = flow.visible[:, None].float()
    share = avg_pool2d(visible, COARSER)
    offset = avg_pool2d(visible * flow.offset.movedim(-1, 1), COARSER) / share.clamp(min=SHOWN) * (2 / side)
    known = share >= SHOWN
    return (offset * known).half().numpy(), (share * known).half().numpy()
