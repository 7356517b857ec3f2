"""What a face model reads of every clip: its motion in learned codes, kept."""

import itertools
from functools import partial

from torch import Tensor

from emo.data.features import CachedFeature
from emo.data.reader import ClipReader
from emo.motion.vasa import VolumeAnimator

MOTION = "motion"
CHUNK = 32  # frames decoded at a time


def motion_feature(animator: VolumeAnimator) -> dict[str, CachedFeature]:
    """`motion` (T, D) of clips with pictures, which are framed as portraits are; float32."""
    return {MOTION: CachedFeature({"animator": animator}, partial(_codes, animator=animator))}


def _codes(reader: ClipReader, number: int, *, animator: VolumeAnimator) -> Tensor:
    return animator.codes(itertools.chain.from_iterable(reader.batches(number, CHUNK)))
