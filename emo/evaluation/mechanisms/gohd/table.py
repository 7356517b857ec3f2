"""GoHD's table of mechanisms, made of what was measured of all videos."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from emo.evaluation.mechanisms import rows
from emo.evaluation.mechanisms.family import Family
from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.gohd import animator_rows, control_rows, expression_rows, pose_rows
from emo.evaluation.mechanisms.gohd.plan import plan_clips, sources
from emo.evaluation.mechanisms.gohd.videos import VideoMaker
from emo.evaluation.mechanisms.motion_rows import (
    borders,
    common_motion,
    known_people,
    real_faces,
    real_subjects,
    talking,
)
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.plan import EvaluationSize
from emo.evaluation.mechanisms.study import Study
from emo.evaluation.mechanisms.subjects import Subject, people, window_frames
from emo.evaluation.row import Row
from emo.motion import CONTROLS

TRAINED = "measured in training: docs/gohd.md"


def make_rows(found: Mapping[str, Observation], extent: EvaluationSize, generator: Generator) -> list[Row]:
    """The table; see `Family`."""
    pipe, held_out = generator.pipe(), generator.held_out
    drawn, gallery, real = people(extent), generator.gallery, real_subjects(found)
    study = Study(found, lambda number: held_out.voice(number, extent.brief))
    window = window_frames(pipe)
    talks, truths = ([found[f"talk-{p:02d}{end}"] for p in range(extent.talks)] for end in ("", "-truth"))
    plain = [found[name] for p in range(extent.few) if (name := f"plain-{p}") in found]

    @lru_cache(None)
    def acts(person: int) -> Mapping[str, np.ndarray]:
        track = held_out.controls(person, extent.brief).track(FPS)
        return dict(zip(CONTROLS.names, track.values.numpy().T.astype(np.float64), strict=True))

    def of(subjects: Sequence[Subject], who: str) -> list[Row]:
        """Rows of portraits of one kind."""
        known = known_people(study, subjects, extent, gallery)
        mixed = {subject.name: sources(subject, extent) for subject in (*subjects, *drawn)}
        return [
            *common_motion(found, subjects, extent, known, who),
            control_rows.strength(study, subjects, drawn, who),
            control_rows.gaze(study, subjects, drawn, who),
            control_rows.mixed(study, subjects, drawn, mixed, acts, who),
        ]

    voices = [held_out.voice(p, extent.seconds) for p in range(extent.talks)]
    table = [
        *talking(talks, truths, voices, "3.2"),
        animator_rows.resemblance(talks, truths, gallery),
        pose_rows.beside_truth(talks, truths, window),
        expression_rows.beside_truth(talks, truths),
        animator_rows.neutral(study, drawn, pipe),
        *of(drawn, "people"),
        pose_rows.gamma(study, drawn),
        pose_rows.attention(talks[: extent.few], plain, truths[: extent.few]),
        expression_rows.apart(study, drawn, acts),
        rows.unmeasured("stage 2, and an LSTM in it", "Table 3", "SSIM_e and MLD with and without", TRAINED),
        rows.unmeasured("distilled lips", "Table 3", "r of jaws, MLD with and without", TRAINED),
        expression_rows.noise(study, drawn),
        animator_rows.directions(pipe),
        borders({"generated": talks, "truth": truths}, window, "3.1"),
    ]
    if real:
        jaw = held_out.voice(real[0].voice, extent.brief).jaw
        table += [*of(real, "real portraits"), real_faces(study, real, "gaze-ahead", jaw)]
    return table


FAMILY = Family(
    options=("size", "pose_guidance", "no_attention"),
    guidance=("pose_guidance",),
    steps=None,
    size=192,
    plan=plan_clips,
    maker=VideoMaker,
    rows=make_rows,
    on_sheet=(
        "gaze-ahead-real-",
        "shared-0-",
        "turned-left-0",
        "strength-0.5-0",
        "strength-1-0",
        "gaze-left-0",
        "gaze-right-0",
        "mixed-0",
        "talk-",
    ),
)
