"""Rows on GoHD's head poses: beside true ones, what gamma and attention do."""

from collections.abc import Sequence

import numpy as np

from emo.evaluation.mechanisms.gohd.plan import GAMMAS, SEEDS, USUAL_GAMMA
from emo.evaluation.mechanisms.gohd.tracks import normalized, paired, variance
from emo.evaluation.mechanisms.motion_rows import JOINED
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.rows import unmeasured
from emo.evaluation.mechanisms.study import Study
from emo.evaluation.mechanisms.subjects import Subject
from emo.evaluation.row import Row
from emo.motion import CONTROLS
from emo.training.gohd.figures import pose_figures, similarity


def beside_truth(talks: Sequence[Observation], truths: Sequence[Observation], window: int) -> Row:
    """Tables 1 and 2: how like true poses those are that were made, and how lively; windows have so many frames."""
    figures = pose_figures(paired(talks, truths), window)
    other = np.mean([similarity(each, "pose") for each in paired(talks, [*truths[1:], truths[0]])])
    own, true = (variance(videos, "pose") for videos in (talks, truths))
    rhythm, others = figures["rhythm r"], figures["rhythm r, another's"]

    def draw(axes) -> None:
        axes.plot(normalized(talks[0], "yaw"), label="generated")
        axes.plot(normalized(truths[0], "yaw"), ":", label="truth")
        axes.set(xlabel="frame", ylabel="deviations", title="yaw of the first clip")
        axes.legend()

    return Row(
        mechanism="poses beside true ones",
        section="Tables 1, 2",
        measure=f"tracks of {len(talks)} clips: SSIM_p (with another clip's); Var_p in squared deviations; r of nods "
        "(with another's)",
        value=f"{figures['ssim p']:.3f} ({other:.3f}); {own:.3f}; {rhythm:.2f} ({others:.2f})",
        truth=f"1; {true:.3f}; 1",
        bar="",
        passed=None,
        numbers={**figures, "ssim p, another's": other, "variance": own, "truth_variance": true},
        draw=draw,
    )


def gamma(study: Study, subjects: Sequence[Subject]) -> Row:
    """H5: poses go on from the first one, and the less they know of it, the more they vary."""

    def poses(value: float, subject: Subject) -> np.ndarray:
        return np.stack([normalized(study.video(f"gamma-{value:g}-{seed}", subject), "pose") for seed in SEEDS])

    made = {value: [poses(value, subject) for subject in subjects] for value in GAMMAS}
    spreads = {g: float(np.sqrt(np.mean([each.var(0).mean() for each in own]))) for g, own in made.items()}
    first = CONTROLS.normalize(CONTROLS.rest)[CONTROLS.index("pose")].numpy()
    usual = made[USUAL_GAMMA]
    step = np.mean([np.abs(each[:, 0] - first).mean() for each in usual])
    inside = np.mean([np.abs(np.diff(each, axis=1)).mean() for each in usual])
    jump = float(step / max(inside, 1e-9))

    def draw(axes) -> None:
        for value, own in made.items():
            axes.plot(own[0].std(0).mean(1), label=f"gamma {value:g}")
        axes.set(xlabel="frame", ylabel="deviations", title="spread of poses over seeds, of the first voice")
        axes.legend()

    return Row(
        mechanism="knowledge of the first pose",
        section="3.1",
        measure=f"tracks: spread over {len(SEEDS)} seeds, in deviations, at gamma "
        f"{', '.join(f'{value:g}' for value in GAMMAS)}; step from p0 over change inside at {USUAL_GAMMA:g}",
        value=f"{', '.join(f'{value:.3f}' for value in spreads.values())}; {jump:.2f}",
        truth="",
        bar=f"falls; at most {JOINED:g}",
        passed=bool((np.diff(list(spreads.values())) < 0).all() and jump <= JOINED),
        numbers={"spread": {f"{g:g}": value for g, value in spreads.items()}, "first_step": jump},
        draw=draw,
    )


def attention(talks: Sequence[Observation], plain: Sequence[Observation], truths: Sequence[Observation]) -> Row:
    """H6: poses of a denoiser that attends are more like true ones than those of one that does not."""
    name, section = "attention of poses", "Table 3"
    measure = "tracks: SSIM_p with attention, without"
    if not plain:
        return unmeasured(name, section, measure, "not measured: give --no-attention MODEL")
    own, without = (
        np.array([similarity(each, "pose") for each in paired(videos, truths)]) for videos in (talks, plain)
    )

    def draw(axes) -> None:
        axes.plot(without, own, "o")
        axes.axline((own.min(), own.min()), slope=1, color="0.8")
        axes.set(xlabel="without", ylabel="with attention", title="SSIM_p, a point per clip")

    return Row(
        mechanism=name,
        section=section,
        measure=f"{measure}, {len(own)} clips",
        value=f"{own.mean():.3f}, {without.mean():.3f}",
        truth="",
        bar="higher with",
        passed=bool(own.mean() > without.mean()),
        numbers={"with": own, "without": without},
        draw=draw,
    )
