"""How generated motion does against that of the clip whose sound it was made from, on tracks alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emo.data.synthetic.motion.gaze import main_gaze
from emo.metrics.head_motion import HeadAngles, pose_change
from emo.motion import CONTROLS, FaceControls, MotionTrack
from emo.motion.reading import ANGLES
from emo.training.motion_figures import border_ratios, correlation, deviation_share, named_means
from emo.training.vasa.samples import MotionLabel


@dataclass(frozen=True)
class Generated:
    """One motion, of T frames as the clip.

    Attributes:
        name: of the clip.
        made: from the clip's sound and label.
        true: the clip's own.
        label: what was asked for.
    """

    name: str
    made: MotionTrack
    true: MotionTrack
    label: MotionLabel


def figures(motions: Sequence[Generated], window_length: int) -> dict[str, float]:
    """Means over motions, of which there are two or more; what no clip tells is left out.

    `jaw r` with the clip's own jaw and `jaw r, another's` with that of the next one, in learned codes `dynamics r` of
    all of them; `delta p`, degrees by which the head's angles change per frame, and the clips' own; `deviation PART`,
    over time, over the clips' own; `border`, change where windows meet over change inside, and the clips' own; of
    named controls `gaze error`, distance of the main directions, and `distance error`, of the mean distances.
    """
    others = [*motions[1:], motions[0]]
    named = motions[0].made.space.names == CONTROLS.names
    lips, known = ("jaw", motions) if named else ("dynamics", [])
    found: dict[str, list[float]] = {
        f"{lips} r": [correlation(m.made, m.true, lips) for m in motions],
        f"{lips} r, another's": [correlation(m.made, o.true, lips) for m, o in zip(motions, others, strict=True)],
        "delta p": [_pose_change(m.made) for m in motions],
        "delta p, true": [_pose_change(m.true) for m in motions],
        "border": [ratio for m in motions for ratio in border_ratios(m.made, window_length)],
        "border, true": [ratio for m in motions for ratio in border_ratios(m.true, window_length)],
        "gaze error": [_gaze_error(m.made, m.label.gaze) for m in known if m.label.gaze is not None],
        "distance error": [
            abs(float(FaceControls.from_track(m.made).distance.mean()) - m.label.distance)
            for m in known
            if m.label.distance is not None
        ],
    }
    made, true = [m.made for m in motions], [m.true for m in motions]
    return named_means(found) | {
        f"deviation {part}": deviation_share(made, true, part) for part in made[0].space.parts
    }


def _pose_change(track: MotionTrack) -> float:
    return pose_change(HeadAngles(*(track.values[:, track.space.index(name)[0]].numpy() for name in ANGLES)))


def _gaze_error(track: MotionTrack, asked: tuple[float, float]) -> float:
    controls = FaceControls.from_track(track)
    return float(np.hypot(*np.subtract(main_gaze(controls.gaze_x.numpy(), controls.gaze_y.numpy()), asked)))
