"""A learned articulation: how lips move for any voice, ready to stream; see docs/articulation.md."""

from emo.articulation.articulator import ArticulationStream, Articulator, shared_articulator
from emo.articulation.mouth import MEASURES, Mouth, measure_mouth, mouth_at
from emo.articulation.network import ArticulationNetwork, load_articulation
from emo.articulation.sounds import SOUNDS

__all__ = [
    "MEASURES",
    "SOUNDS",
    "ArticulationNetwork",
    "ArticulationStream",
    "Articulator",
    "Mouth",
    "load_articulation",
    "measure_mouth",
    "mouth_at",
    "shared_articulator",
]
