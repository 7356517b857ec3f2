"""VASA-1's table of mechanisms, made of what was measured of all videos."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from emo.evaluation.mechanisms import rows
from emo.evaluation.mechanisms.family import Family
from emo.evaluation.mechanisms.generator import Generator
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.plan import EvaluationSize
from emo.evaluation.mechanisms.vasa import control_rows, part_rows, sampling_rows
from emo.evaluation.mechanisms.vasa.plan import (
    Subject,
    known_emotions,
    people,
    plan_clips,
    real_people,
    shared,
    window_frames,
)
from emo.evaluation.mechanisms.vasa.study import Study
from emo.evaluation.mechanisms.vasa.videos import VideoMaker
from emo.evaluation.row import Row

REAL = "portrait-real-"


def make_rows(found: Mapping[str, Observation], extent: EvaluationSize, generator: Generator) -> list[Row]:
    """The table; see `Family`."""
    pipe, voice = generator.pipe(), generator.held_out.voice
    drawn, gallery = people(extent), generator.gallery
    real = real_people({name.removeprefix(REAL): name for name in sorted(found) if name.startswith(REAL)})
    study = Study(found, lambda number: voice(number, extent.brief))

    def talks(end: str = "") -> list[Observation]:
        return [found[f"talk-{p:02d}{end}"] for p in range(extent.talks)]

    def few(kind: str) -> list[Observation]:
        return [found[f"{kind}-{p}"] for p in range(extent.few)]

    def of(subjects: Sequence[Subject], who: str) -> list[Row]:
        """Rows of portraits of one kind."""
        groups = shared(subjects, extent)
        videos = [[found[name] for name, _ in group] for group in groups]
        truths = [[found[f"{name}-truth"] for name, _ in group] for group in groups] if subjects is drawn else []
        if subjects is drawn:
            known, places = gallery, [subject.person for subject in subjects]
            shared_places = [subject.person for group in groups for _, subject in group]
        else:
            own = [study.video("portrait", subject).descriptors[0] for subject in subjects]
            known, places = np.concatenate([own, gallery]), list(range(len(subjects)))
            shared_places = places
        usual = pipe.options_class().gaze_guidance_scale - 1
        emotions = known_emotions(pipe)
        return [
            *([part_rows.one_motion(videos, truths, shared_places, known, who)] if len(videos[0]) > 1 else []),
            part_rows.still_pose(study, subjects, drawn, who),
            part_rows.still_dynamics(study, subjects, drawn, who),
            part_rows.driven(study, subjects, drawn, places, known, who),
            control_rows.gaze(study, subjects, drawn, usual, who),
            control_rows.distance(study, subjects, drawn, who),
            *([control_rows.emotion(study, subjects, drawn, emotions, who)] if emotions else []),
        ]

    voices = [voice(p, extent.seconds) for p in range(extent.talks)]
    table = [
        replace(rows.lips(talks(), talks("-truth"), [each.jaw for each in voices]), section="3.2"),
        replace(rows.silence(talks(), talks("-truth"), [each.loudness for each in voices]), section="3.2"),
        *of(drawn, "people"),
        sampling_rows.audio_guidance(study, drawn),
        sampling_rows.steps(study, drawn),
        sampling_rows.borders(talks(), few("unbent"), few("unchained"), talks("-truth"), window_frames(pipe)),
    ]
    if real:
        ahead = {subject.name.removeprefix("real-"): study.video("gaze-ahead", subject) for subject in real}
        jaws = {name: voice(real[0].voice, extent.brief).jaw for name in ahead}
        table += [*of(real, "real portraits"), replace(rows.real(ahead, jaws), section="4")]
    return table


FAMILY = Family(
    options=("size",),
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
