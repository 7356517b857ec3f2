"""GAIA's table of mechanisms, made of what was measured of all videos."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from emo.evaluation.mechanisms import rows
from emo.evaluation.mechanisms.family import Family
from emo.evaluation.mechanisms.gaia import drive_rows, landmark_rows, pose_rows, talk_rows, told_rows
from emo.evaluation.mechanisms.gaia.plan import LONG, driver, plan_clips, told_clips, wanted_clip
from emo.evaluation.mechanisms.gaia.videos import VideoMaker, wanted_error
from emo.evaluation.mechanisms.generator import Generator
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

UNKNOWN = "without what came before"
TRAINED = "measured in training: docs/gaia.md"
ELSEWHERE = "`emo evaluate --generated OUT/videos`"
TRAININGS = {
    "disentanglement": ("Table 6", "G2: FID and Sync-D without it"),
    "a diffusion model": ("Table 6", "G3: diversity, Sync-D and MSI of one that regresses"),
    "latents": ("Table 6", "G5: Sync-D, MSI and FID of coordinates in their place"),
    "speech is added": ("Table 6", "G6: Sync-D of speech that is attended to"),
    "a Conformer": ("Table 6", "G7: MSI of a Transformer"),
    "more data, more parameters": ("Tables 4, 5", "G11: FID, Sync-D"),
}
"""What takes two trainings."""


def make_rows(found: Mapping[str, Observation], extent: EvaluationSize, generator: Generator) -> list[Row]:
    """The table; see `Family`."""
    pipe, held_out, size = generator.pipe(), generator.held_out, generator.size
    drawn, gallery, real = people(extent), generator.gallery, real_subjects(found)
    study = Study(found, lambda number: held_out.voice(number, extent.brief))
    talks, truths = ([found[f"talk-{p:02d}{end}"] for p in range(extent.talks)] for end in ("", "-truth"))

    def of(subjects: Sequence[Subject], who: str) -> list[Row]:
        """Rows of portraits of one kind."""
        known = known_people(study, subjects, extent, gallery)
        drivers = {subject.name: drawn[driver(subject, extent)] for subject in subjects}
        return [
            *common_motion(found, subjects, extent, known, who),
            drive_rows.another(study, subjects, drivers, known.owners, known.gallery, size, who),
            pose_rows.poses(study, subjects, drawn, who),
        ]

    long = {"generated": "long-{}", UNKNOWN: "unknown-{}", "truth": "long-{}-truth"}
    lengthy = {kind: [found[name.format(p)] for p in range(LONG)] for kind, name in long.items()}
    table = [
        *talking(talks, truths, [held_out.voice(p, extent.seconds) for p in range(extent.talks)], "4.2"),
        replace(rows.identity(talks, truths, gallery), section="4.1"),
        talk_rows.stability(talks, truths, size),
        rows.unmeasured("Sync-D, FID", "Table 3", "of networks", ELSEWHERE),
        drive_rows.own_motion(study, drawn, size),
        *of(drawn, "people"),
        talk_rows.diversity(study, drawn, size),
        talk_rows.open_eyes(study, drawn),
        *_optional(study, drawn, extent, generator),
        *(rows.unmeasured(name, *where, TRAINED) for name, where in TRAININGS.items()),
        borders(lengthy, window_frames(pipe), "4.2", UNKNOWN),
    ]
    if real:
        jaw = held_out.voice(real[0].voice, extent.brief).jaw
        table += [*of(real, "real portraits"), replace(real_faces(study, real, "sound-0", jaw), section="Fig. 2")]
    return table


def _optional(study: Study, drawn: Sequence[Subject], extent: EvaluationSize, generator: Generator) -> list[Row]:
    """Rows of networks that not every model has."""
    pipe = generator.pipe()
    table = []
    if pipe.landmark_denoiser is not None:
        error = wanted_error(generator, wanted_clip(drawn[0], extent.brief))
        table.append(landmark_rows.wanted(study, drawn, generator.size, error))
    if pipe.text_denoiser is not None:
        table.append(told_rows.sentences(study, list(told_clips(extent)), drawn))
    return table


FAMILY = Family(
    options=("size", "audio_guidance"),
    guidance=("audio_guidance_scale",),
    steps=None,
    size=192,
    plan=plan_clips,
    maker=VideoMaker,
    rows=make_rows,
    on_sheet=(
        "sound-0-real-",
        "self-0",
        "driven-0",
        "posed-left-0",
        "posed-right-0",
        "closed-0",
        "wanted-0",
        "template-",
        "talk-",
    ),
)
