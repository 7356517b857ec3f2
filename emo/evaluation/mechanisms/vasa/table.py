"""VASA-1's table of mechanisms, made of what was measured of all videos."""

from collections.abc import Mapping, Sequence

from emo.evaluation.mechanisms.family import Family
from emo.evaluation.mechanisms.generator import Generator
from emo.evaluation.mechanisms.motion_rows import common_motion, known_people, real_faces, real_subjects, talking
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.plan import EvaluationSize
from emo.evaluation.mechanisms.study import Study
from emo.evaluation.mechanisms.subjects import Subject, people, window_frames
from emo.evaluation.mechanisms.vasa import control_rows, part_rows, sampling_rows
from emo.evaluation.mechanisms.vasa.plan import known_emotions, plan_clips
from emo.evaluation.mechanisms.vasa.videos import VideoMaker
from emo.evaluation.row import Row


def make_rows(found: Mapping[str, Observation], extent: EvaluationSize, generator: Generator) -> list[Row]:
    """The table; see `Family`."""
    pipe, voice = generator.pipe(), generator.held_out.voice
    drawn, gallery, real = people(extent), generator.gallery, real_subjects(found)
    study = Study(found, lambda number: voice(number, extent.brief))

    def talks(end: str = "") -> list[Observation]:
        return [found[f"talk-{p:02d}{end}"] for p in range(extent.talks)]

    def few(kind: str) -> list[Observation]:
        return [found[f"{kind}-{p}"] for p in range(extent.few)]

    def of(subjects: Sequence[Subject], who: str) -> list[Row]:
        """Rows of portraits of one kind."""
        known = known_people(study, subjects, extent, gallery)
        usual = pipe.options_class().gaze_guidance_scale - 1
        emotions = known_emotions(pipe)
        return [
            *common_motion(found, subjects, extent, known, who),
            part_rows.still_pose(study, subjects, drawn, who),
            part_rows.still_dynamics(study, subjects, drawn, who),
            part_rows.driven(study, subjects, drawn, known.owners, known.gallery, who),
            control_rows.gaze(study, subjects, drawn, usual, who),
            control_rows.distance(study, subjects, drawn, who),
            *([control_rows.emotion(study, subjects, drawn, emotions, who)] if emotions else []),
        ]

    voices = [voice(p, extent.seconds) for p in range(extent.talks)]
    table = [
        *talking(talks(), talks("-truth"), voices, "3.2"),
        *of(drawn, "people"),
        sampling_rows.audio_guidance(study, drawn),
        sampling_rows.steps(study, drawn),
        sampling_rows.borders(talks(), few("unbent"), few("unchained"), talks("-truth"), window_frames(pipe)),
    ]
    if real:
        jaw = voice(real[0].voice, extent.brief).jaw
        table += [*of(real, "real portraits"), real_faces(study, real, "gaze-ahead", jaw)]
    return table


FAMILY = Family(
    options=("size", "audio_guidance"),
    guidance=("audio_guidance_scale",),
    steps=10,
    size=192,
    plan=plan_clips,
    maker=VideoMaker,
    rows=make_rows,
    on_sheet=(
        "gaze-ahead-real-",
        "shared-0-",
        "gaze-left-0",
        "gaze-right-0",
        "distance-0.8-0",
        "distance-1.25-0",
        "emotion-",
        "driven-all-0",
        "talk-",
    ),
)
