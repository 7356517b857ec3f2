"""How generated motion does against that of the clip whose sound it was made from, on tracks alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from emo.data.synthetic.motion.gaze import main_gaze
from emo.errors import EmoError
from emo.metrics import continuity
from emo.metrics.head_motion import HeadAngles, pose_change
from emo.motion import CONTROLS, FaceControls, MotionTrack
from emo.motion.reading import ANGLES
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
        "border": [ratio for m in motions for ratio in _border(m.made, window_length)],
        "border, true": [ratio for m in motions for ratio in _border(m.true, window_length)],
        "gaze error": [_gaze_error(m.made, m.label.gaze) for m in known if m.label.gaze is not None],
        "distance error": [
            abs(float(FaceControls.from_track(m.made).distance.mean()) - m.label.distance)
            for m in known
            if m.label.distance is not None
        ],
    }
    means = {name: float(np.mean(values)) for name, values in found.items() if values}
    return means | {f"deviation {part}": _spread(motions, part) for part in motions[0].made.space.parts}


def correlation(one: MotionTrack, other: MotionTrack, name: str) -> float:
    """Pearson's r of a column over the frames that both have, or of all of a part's columns together, each normalized
    and about its own mean; 0 where one of them stands still."""
    frames = min(len(one), len(other))
    columns = one.space.index(name)
    pair = [one.space.normalize(track.values[:frames])[:, columns] for track in (one, other)]
    centered = torch.stack([(values - values.mean(0)).flatten() for values in pair])
    return float(torch.nan_to_num(torch.corrcoef(centered)[0, 1]))


def _pose_change(track: MotionTrack) -> float:
    return pose_change(HeadAngles(*(track.values[:, track.space.index(name)[0]].numpy() for name in ANGLES)))


def _border(track: MotionTrack, window_length: int) -> list[float]:
    """The ratio, or nothing where no windows meet."""
    change = track.space.normalize(track.values).diff(dim=0).abs().mean(1).numpy()
    try:
        return [continuity.clip_border_ratio(change, window_length)]
    except EmoError:
        return []


def _gaze_error(track: MotionTrack, asked: tuple[float, float]) -> float:
    controls = FaceControls.from_track(track)
    return float(np.hypot(*np.subtract(main_gaze(controls.gaze_x.numpy(), controls.gaze_y.numpy()), asked)))


def _spread(motions: Sequence[Generated], part: str) -> float:
    """Deviation over time of a part's normalized columns, of what was made over the clips' own."""
    space = motions[0].made.space
    columns = space.index(part)

    def deviation(tracks: Sequence[MotionTrack]) -> torch.Tensor:
        return torch.stack([space.normalize(track.values)[:, columns].std(0) for track in tracks]).mean()

    return float(deviation([m.made for m in motions]) / deviation([m.true for m in motions]).clamp(min=1e-6))
