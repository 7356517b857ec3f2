"""A motion on paper: a curve for every column, one plot for each part."""

import io

from emo.motion.track import MotionTrack

WIDTH, HEIGHT = 10.0, 1.6  # inches, of the picture and of a plot


def plot(track: MotionTrack) -> bytes:
    """A PNG picture of a track; columns that belong to several parts are in the first, those of none in the last."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    groups, left = [], list(track.space.names)
    for part, names in [*track.space.parts.items(), ("others", track.space.names)]:
        if own := [name for name in names if name in left]:
            groups.append((part, own))
            left = [name for name in left if name not in own]
    figure = Figure(figsize=(WIDTH, HEIGHT * len(groups)), dpi=100, layout="constrained")
    seconds = [(frame + 0.5) / float(track.fps) for frame in range(len(track))]
    axes = figure.subplots(len(groups), sharex=True, squeeze=False)[:, 0]
    for axis, (part, names) in zip(axes, groups, strict=True):
        for name in names:
            axis.plot(seconds, track[name], label=name, linewidth=1)
        axis.set_ylabel(part, fontsize=8)
        axis.tick_params(labelsize=7)
        axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes[-1].set_xlabel("seconds", fontsize=8)
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()
