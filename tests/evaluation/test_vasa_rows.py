"""VASA-1's rows: reached by videos that do what the mechanism should, missed by those that do not."""

from functools import partial
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
from made_faces import made_face, turn
from test_rows import drawn

from emo.evaluation.mechanisms import motion_rows
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.study import Study, agreement, moves, spread
from emo.evaluation.mechanisms.subjects import GAZES, Subject
from emo.evaluation.mechanisms.vasa import control_rows, part_rows, sampling_rows
from emo.evaluation.mechanisms.vasa.plan import AUDIO_SCALES, DISTANCES, GAZE_SCALES, STEPS
from emo.face.mesh import MOUTH_CORNERS
from emo.motion.reading import FULL_LOOK, FULL_RAISE, LIFT

FRAMES = 60
SHARES = (1.0, 0.6, 0.4)  # of a turn, in yaw, pitch and roll
RNG = np.random.default_rng(5)
PEOPLE = [Subject("0", 0, None, 0, 1), Subject("1", 1, None, 1, 2)]
WAVES = [np.sin(np.arange(FRAMES) / (5 + voice)) for voice in range(3)]
JAWS = [0.5 + 0.5 * np.sin(np.arange(FRAMES) * (0.5 + 0.13 * voice)) for voice in range(3)]


def video(
    *, jaw=0.0, turned=0.0, gaze=(0.0, 0.0), size=1.0, brow=0.0, smile=0.0, told=None, person=0, change=2.0, noise=0.0
) -> Observation:
    """Measurements of a made-up face that does as told, in the controls' units; numbers, or (FRAMES,) each."""
    every = lambda value: np.broadcast_to(value, FRAMES)
    aside, raised = np.array(FULL_LOOK), 0.2 + FULL_RAISE * brow
    faces = []
    for t in range(FRAMES):
        look = tuple((np.array(gaze) + noise * RNG.normal(size=2)) * aside)
        face = made_face(
            opening=0.01 + 0.18 * every(jaw)[t],
            rotation=turn(*(every(turned)[t] * np.array(SHARES) + noise * RNG.normal(size=3))),
            size=80 * every(size)[t],
            gaze=look,
            brow=raised,
        )
        faces.append(face)
    landmarks = np.stack(faces)
    landmarks[:, MOUTH_CORNERS, 1] -= smile * LIFT * 80 * 0.6
    angles = every(turned if told is None else told)
    return Observation(
        landmarks=landmarks.astype(np.float32),
        found=np.ones(FRAMES, np.uint8),
        sharpness=np.ones(FRAMES),
        change=np.broadcast_to(change, FRAMES - 1).astype(float),
        rgb=np.ones((FRAMES, 3)),
        descriptors=np.stack([np.eye(4)[person]] * 5).astype(np.float32),
        described=np.arange(0, FRAMES, 12),
        shown=np.zeros((8, 8, 8, 3), np.uint8),
        pose=angles[:, None] * SHARES,
        seconds=np.array(1.0),
    )


class MadeWhenAsked(dict):
    """Videos by name."""

    def __init__(self, makers):
        super().__init__()
        self._makers = makers

    def __missing__(self, name):
        self[name] = self._makers[name]()
        return self[name]


def study(truth=MappingProxyType({}), **kinds) -> Study:
    """Videos by kind: what makes one of a subject. True clips are the same, unless `truth` has others."""
    found = {}
    made = {"portrait": lambda s: video(person=s.person), **kinds}
    for end, makers in (("", made), ("-truth", {**made, **truth})):
        for kind, make in makers.items():
            found |= {f"{kind.replace('_', '-')}-{s.name}{end}": partial(make, s) for s in PEOPLE}
    return Study(MadeWhenAsked(found), lambda voice: SimpleNamespace(jaw=JAWS[voice]))


def talking(subject, **what):
    return video(jaw=JAWS[subject.voice], turned=8 * WAVES[subject.voice], person=subject.person, **what)


def test_readings_are_against_the_portrait():
    aside = video(gaze=(0.5, 0.0), turned=np.linspace(-10, 10, FRAMES), brow=0.4)
    read = moves(aside, video())
    assert np.median(read["gaze_x"]) == pytest.approx(0.5, abs=0.02)
    assert np.median(read["brow"]) == pytest.approx(0.4, abs=0.05)
    assert np.ptp(read["yaw"]) == pytest.approx(20, abs=1)
    assert np.median(moves(aside)["gaze_x"]) == pytest.approx(0, abs=1e-6)  # of its own median
    lost = Observation(**{**vars(aside), "found": np.zeros(FRAMES, np.uint8)})
    assert not any(values.any() for values in moves(lost, video()).values())


def test_agreement_and_spread():
    wave = WAVES[0]
    assert agreement([(wave, 2 * wave + 3), (WAVES[1], 2 * WAVES[1] - 5)]) == pytest.approx(1)
    assert agreement([(wave, -wave)]) == pytest.approx(-1)
    assert agreement([(wave, 0 * wave)]) == 0
    assert spread([wave, wave + 9]) == pytest.approx(wave.std())


def test_one_motion_is_the_same_on_every_portrait():
    groups = [[shared(WAVES[voice], person) for person in range(3)] for voice in range(2)]
    owners = [0, 1, 2, 0, 1, 2]
    good = drawn(motion_rows.one_motion(groups, groups, owners, np.eye(4), "people"))
    assert good.passed
    assert good.value == "1.00, 1.00, 1.00; 100%"
    assert not motion_rows.one_motion(groups, [], [1, 0, 2, 0, 1, 2], np.eye(4), "people").passed
    apart = [[shared(WAVES[person], person) for person in range(3)]] * 2
    assert not motion_rows.one_motion(apart, [], owners, np.eye(4), "people").passed


def shared(wave: np.ndarray, person: int) -> Observation:
    """Head, mouth and lids go with a wave."""
    faces = [
        made_face(opening=0.1 + 0.05 * w, eyes=0.25 + 0.05 * w, rotation=turn(yaw=9 * w, pitch=5 * w, roll=4 * w))
        for w in wave
    ]
    return Observation(**{**vars(video(person=person)), "landmarks": np.stack(faces).astype(np.float32)})


def test_a_pose_that_is_held_still():
    judge = lambda made: part_rows.still_pose(made, PEOPLE, PEOPLE, "people")
    held = lambda s: video(jaw=JAWS[s.voice], noise=0.2)
    assert drawn(judge(study(still_pose=held))).passed
    assert not judge(study({"still_pose": held}, still_pose=talking)).passed
    assert not judge(study(still_pose=lambda s: video(noise=0.2))).passed  # and no lips


def test_dynamics_that_are_held_still():
    judge = lambda made: part_rows.still_dynamics(made, PEOPLE, PEOPLE, "people")
    held = lambda s: video(turned=8 * WAVES[s.voice], noise=0.2)
    assert drawn(judge(study(still_dynamics=held))).passed
    assert not judge(study({"still_dynamics": held}, still_dynamics=talking)).passed
    stuck = study(still_dynamics=lambda s: video(told=8 * WAVES[s.voice], noise=0.2))
    assert not judge(stuck).passed


def test_another_persons_motion_leaves_who_it_is():
    by_driver = lambda s: video(jaw=JAWS[s.driver], turned=8 * WAVES[s.driver], person=s.person)
    pose = lambda s: video(jaw=JAWS[s.voice], turned=8 * WAVES[s.driver], person=s.person)
    kinds = {"driven_all": by_driver, "driven_pose": pose, "driven_dynamics": by_driver, "gaze_ahead": talking}
    judge = lambda made, owners=(0, 1): part_rows.driven(made, PEOPLE, PEOPLE, owners, np.eye(4), "people")
    good = drawn(judge(study(**kinds)))
    assert good.passed
    assert good.numbers["head"] > 0.95
    assert not judge(study(**kinds), owners=(1, 0)).passed
    assert not judge(study(**{**kinds, "driven_pose": by_driver})).passed  # lips are the driver's, too
    assert not judge(study(**{**kinds, "driven_pose": lambda s: video(jaw=JAWS[s.voice], told=WAVES[0])})).passed
    assert not judge(study(**{**kinds, "driven_dynamics": talking})).passed


def gazing(strength=1.0, guided=(0.5, 1.2), **what):
    """Kinds of videos that look where they are asked, more or less so under other guidance."""
    kinds = {}
    for name, where in GAZES.items():
        looks = {f"gaze_{name}": strength}
        looks |= {
            f"guided_{scale:g}_{name}": far for scale, far in zip(GAZE_SCALES, guided, strict=True) if any(where)
        }
        for kind, far in looks.items():
            kinds[kind] = lambda s, at=tuple(far * v for v in where): talking(s, gaze=at, **what)
    return kinds


def test_eyes_look_where_they_are_asked():
    judge = lambda kinds: control_rows.gaze(study(**kinds), PEOPLE, PEOPLE, 1.0, "people")
    good = drawn(judge(gazing(strength=0.8, guided=(0.5, 1.0))))
    assert good.passed
    assert list(good.numbers["errors"]) == ["0", "1", "2"]
    assert good.numbers["errors"]["0"] == pytest.approx(0.3, abs=0.03)
    assert not judge(gazing(strength=-0.8, guided=(0.5, 1.0))).passed  # the other way
    assert not judge(gazing(strength=0.8, guided=(1.0, 0.5))).passed  # guidance makes it worse
    mute = {**gazing(strength=0.8, guided=(0.5, 1.0)), "gaze_left": lambda s: video(gaze=(-0.48, 0), person=s.person)}
    assert judge(mute).numbers["lost"] > 0.2
    assert not judge(mute).passed


def test_faces_are_as_large_as_asked():
    def kinds(power):
        return {f"distance_{d:g}": lambda s, d=d: talking(s, size=d**power) for d in DISTANCES}

    judge = lambda made: control_rows.distance(made, PEOPLE, PEOPLE, "people")
    good = drawn(judge(study(**kinds(-1))))
    assert good.passed
    assert good.numbers["slopes"] == pytest.approx([1, 1], abs=0.02)
    assert not judge(study(**kinds(-0.5))).passed
    assert not judge(study(**kinds(1))).passed


def test_emotions_move_what_they_are_named_for():
    shifted = {"happy": ("smile", 1), "angry": ("brow", -1)}
    plain = {"gaze_ahead": talking, "emotion_angry": lambda s: talking(s, brow=-0.5)}
    happy = {"emotion_happy": lambda s: talking(s, smile=0.5)}
    judge = lambda made: control_rows.emotion(made, PEOPLE, PEOPLE, shifted, "people")
    good = drawn(judge(study(**plain, **happy)))
    assert good.passed
    assert good.numbers["shifts"]["angry"] == pytest.approx([-0.5, -0.5], abs=0.05)
    sad = judge(study(**plain, emotion_happy=lambda s: talking(s, smile=-0.5)))
    assert sad.numbers["right"] == 0.5
    assert not sad.passed
    mute = judge(study(**plain, emotion_happy=lambda s: video(smile=0.5)))
    assert not mute.passed


def moving(far, lips):
    """A head that swings so far, and lips that follow their sound by a share."""

    def make(s):
        jaw = lips * JAWS[s.voice] + (1 - lips) * JAWS[(s.voice + 1) % 3]
        return video(jaw=jaw, turned=far * WAVES[s.voice])

    return make


def test_guidance_by_the_sound_and_steps():
    scales = [f"audio_{scale:g}" for scale in AUDIO_SCALES]
    judge = lambda *made: sampling_rows.audio_guidance(
        study(**dict(zip(scales, made, strict=True)), gaze_ahead=talking), PEOPLE
    )
    good = drawn(judge(moving(4, 0.5), moving(5, 0.9), moving(7, 0.9)))
    assert good.passed
    assert list(good.numbers["lips"]) == ["0", "0.5", "2"]
    assert not judge(moving(4, 0.9), moving(5, 0.5), moving(7, 0.9)).passed
    assert not judge(moving(4, 0.5), moving(5, 0.9), moving(4.5, 0.9)).passed
    steps = lambda few, many: sampling_rows.steps(
        study(gaze_ahead=talking, **{f"steps_{STEPS[0]}": few, f"steps_{STEPS[1]}": many}), PEOPLE
    )
    assert drawn(steps(moving(4, 0.9), moving(5, 0.9))).passed
    assert not steps(moving(4, 0.5), moving(5, 0.9)).passed
    assert not steps(moving(6, 0.9), moving(5, 0.9)).passed


def test_windows_join_because_they_see_the_one_before():
    window = 15
    at = (np.arange(1, FRAMES) % window == 0).astype(float)
    jumping = lambda factor: [video(change=2 + 2 * (factor - 1) * at)]
    judge = lambda own, apart: sampling_rows.borders(jumping(own), jumping(2), jumping(apart), jumping(1), window)
    good = drawn(judge(1.1, 4))
    assert good.passed
    assert good.value == "1.10; 2.00; 4.00"
    assert not judge(1.5, 4).passed
    assert not judge(1.1, 1.2).passed
