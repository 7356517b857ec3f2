"""GAIA's rows: reached by videos that do what the mechanism should, missed by those that do not."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from made_faces import made_face, turn
from test_rows import drawn
from test_vasa_rows import FRAMES, JAWS, PEOPLE, WAVES, study, video

from emo.data.synthetic.motion.instructions import INSTRUCTIONS
from emo.evaluation.mechanisms import motion_rows
from emo.evaluation.mechanisms.gaia import drive_rows, landmark_rows, pose_rows, talk_rows, told_rows
from emo.evaluation.mechanisms.gaia.plan import POSES, WORDINGS
from emo.evaluation.mechanisms.gaia.table import UNKNOWN
from emo.motion.reading import ANGLES

SIZE = 128
STILL = video()


def placed(clip, shift=0.0, points=slice(None)):
    """A video whose face is where a model that follows the clip has to have it, or some of it beside."""
    landmarks = drive_rows.framed(clip, SIZE)
    landmarks[:, points, 0] += shift
    return replace(clip, landmarks=landmarks.astype(np.float32))


def in_front_of(clip, gray):
    return replace(clip, shown=np.full((8, 24, 24, 3), gray, np.uint8))


def clips(subject):
    return video(turned=20 * WAVES[subject.voice], jaw=JAWS[subject.voice], person=subject.person)


def test_own_motion_comes_out_as_it_was():
    def judge(shift, portrait=lambda s: placed(video(), 0)):
        kinds = {"self": lambda s: placed(clips(s), shift), "portrait": portrait}
        return drive_rows.own_motion(study({"self": clips, "small": clips}, small=clips, **kinds), PEOPLE, SIZE)

    good = drawn(judge(0.1))
    assert good.passed
    assert good.numbers["own"] == pytest.approx(0.2, abs=1e-4)  # pixels of 256
    assert good.numbers["floor"] == pytest.approx(0)
    assert good.numbers["still"].min() > 1
    assert not judge(5).passed
    assert not judge(0.1, lambda s: placed(clips(s))).passed  # who need not move


def test_a_portrait_that_holds_still_is_as_long_as_a_clip():
    short = replace(STILL, landmarks=STILL.landmarks[:5], found=STILL.found[:5])
    assert drive_rows.distance(placed(short), clips(PEOPLE[0]), SIZE) > 1


def test_anothers_motion_leaves_face_and_background():
    def judge(person=None, shift=0.0, gray=lambda s: 100 * s.person):
        def driven(s):
            made = placed(clips(drivers[s.name]), shift)
            shown = in_front_of(made, gray(s))
            return replace(shown, descriptors=video(person=s.person if person is None else person).descriptors)

        kinds = {"driven": driven, "portrait": lambda s: in_front_of(video(person=s.person), 100 * s.person)}
        made = study({"self": lambda s: in_front_of(clips(s), 100 * s.person)}, self=clips, **kinds)
        return drive_rows.another(made, PEOPLE, drivers, [0, 1], np.eye(4), SIZE, "people")

    drivers = {"0": PEOPLE[1], "1": PEOPLE[0]}
    good = drawn(judge())
    assert good.passed, good.value
    assert good.numbers["driver"] == pytest.approx(100)
    assert not judge(person=2).passed
    assert not judge(shift=30).passed
    assert not judge(gray=lambda s: 100 * (1 - s.person)).passed  # the driver's


def posing(scale=1.0, track=1.0, lips=lambda s: s.voice, predicted=1.0):
    kinds = {f"posed_{name}": lambda s, pose=pose: held(scale, pose, lips(s)) for name, pose in POSES.items()}
    turns = {
        "turned": lambda s: turning(track, s.voice, lips(s)),
        "sound_0": lambda s: turning(predicted, s.voice, lips(s)),
    }
    return {**kinds, **turns}


@cache
def held(scale, pose, voice):
    """A head that is held, at some of what it was told to."""
    faces = [made_face(opening=0.01 + 0.18 * j, rotation=turn(*(scale * np.array(pose)))) for j in JAWS[voice]]
    return replace(STILL, landmarks=np.stack(faces).astype(np.float32))


@cache
def turning(sign, voice, lips):
    """A head that turns to and fro, one way or the other."""
    return video(jaw=JAWS[lips], turned=sign * 8 * WAVES[voice], told=8 * WAVES[voice])


def test_poses_are_followed_and_lips_go_on():
    judge = lambda **how: pose_rows.poses(study(posing(), **posing(**how)), PEOPLE, PEOPLE, "people")
    good = drawn(judge())
    assert good.passed, good.value
    assert good.numbers["slopes"] == pytest.approx(np.ones(len(ANGLES)), abs=0.05)
    assert not judge(scale=0.5).passed
    assert not judge(scale=-1).passed
    assert not judge(track=-1).passed
    assert not judge(predicted=-1).passed
    assert not judge(lips=lambda s: 2).passed


def test_other_noise_makes_other_blinks_and_lips_stay_in_time(monkeypatch):
    reading = lambda v, rest: {"jaw": v.opening, "blink": v.rgb[:, 0]}
    monkeypatch.setattr("emo.evaluation.mechanisms.study.moves", reading)

    def judge(lids, jaw=lambda s, k: s.voice, shift=lambda k: 0.1 * k):
        def face(s, k):
            made = video(jaw=JAWS[jaw(s, k)])
            blinks = np.sin(np.arange(FRAMES) / (2 + lids(k)))
            return replace(made, rgb=np.repeat(blinks[:, None], 3, 1), landmarks=made.landmarks + np.float32(shift(k)))

        kinds = {f"sound_{k}": lambda s, k=k: face(s, k) for k in range(3)}
        return talk_rows.diversity(study(self=clips, **kinds), PEOPLE, SIZE)

    good = drawn(judge(lambda k: k))
    assert good.passed, good.value
    assert good.numbers["spread"] == pytest.approx(np.sqrt(2) * 2 * np.std([0, 0.1, 0.2]), rel=1e-3)
    assert not judge(lambda k: 0).passed
    assert not judge(lambda k: k, jaw=lambda s, k: k).passed
    assert not judge(lambda k: k, shift=lambda k: 0).passed


def test_motion_is_as_steady_as_truth():
    smooth, shaky = video(turned=8 * WAVES[0]), video(turned=8 * WAVES[0], noise=1.0)
    assert drawn(talk_rows.stability([smooth], [smooth], SIZE)).passed
    assert not talk_rows.stability([shaky], [smooth], SIZE).passed


def test_shut_eyes_open():
    def eyes(lids):
        return replace(STILL, landmarks=np.stack([made_face(eyes=0.3 * (1 - 0.9 * lids))] * FRAMES).astype(np.float32))

    judge = lambda lids: talk_rows.open_eyes(
        study({"closed": lambda s: eyes(1.0)}, closed=lambda s: eyes(lids)), PEOPLE
    )
    good = drawn(judge(0.1))
    assert good.passed
    assert good.numbers["pictures"].min() > 0.9
    assert not judge(0.8).passed


def test_wanted_landmarks_stay_and_lips_go_with_their_sound():
    def judge(error=1e-7, shift=0.1, own=0.1, lips=lambda s: s.voice):
        follow = lambda s: video(jaw=JAWS[s.driver], turned=8 * WAVES[s.driver])

        def wanted(s):
            moved = placed(follow(s), shift, landmark_rows.FIXED)
            mouth = drive_rows.framed(video(jaw=JAWS[lips(s)], turned=8 * WAVES[s.driver]), SIZE)
            points = [p for p in range(478) if p not in landmark_rows.FIXED]
            moved.landmarks[:, points] = mouth[:, points]
            return moved

        truth = {"followed": follow, "wanted": lambda s: video(jaw=JAWS[s.voice], turned=8 * WAVES[s.driver])}
        made = study(truth, wanted=wanted, followed=lambda s: placed(follow(s), own))
        return landmark_rows.wanted(made, PEOPLE, SIZE, error)

    good = drawn(judge())
    assert good.passed, good.value
    assert good.numbers["akd"] == pytest.approx(0.2, abs=1e-3)
    assert not judge(error=1e-3).passed
    assert not judge(shift=1.0).passed
    assert not judge(lips=lambda s: s.driver).passed  # the clip's own


TOLD = [(key, PEOPLE[number % 2]) for number, key in enumerate(INSTRUCTIONS)]
NOISE = np.sin(np.arange(FRAMES) / 2)


def obeying(read, key, amount=1.0, other=0.0):
    """What a face does that obeys: held from the middle on, or to and fro; all else as much of what it may do."""
    ((name, far),) = INSTRUCTIONS[key].targets.items()
    act = np.sin(np.arange(FRAMES) / 3) if INSTRUCTIONS[key].cycles else np.arange(FRAMES) > 20
    return {each: other * told_rows.ASKED[each] + (amount * far * act if each == name else 0 * act) for each in read}


def judged(monkeypatch, words=None, **how):
    """The row of faces that obey, in sentences of some wording otherwise."""

    def moves(self, kind, subject, truth=False):
        if kind == "calm":
            return {name: 0.05 * asked * NOISE for name, asked in told_rows.ASKED.items()}
        key = next(k for k in INSTRUCTIONS if kind.endswith("-" + k.replace(" ", "-")))
        return obeying(told_rows.ASKED, key, **(how if words in (None, kind.split("-")[0]) and not truth else {}))

    monkeypatch.setattr("emo.evaluation.mechanisms.study.Study.moves", moves)
    return told_rows.sentences(study(), TOLD, PEOPLE)


def test_what_a_sentence_names_is_moved_alone(monkeypatch):
    good = drawn(judged(monkeypatch))
    assert good.passed, good.value
    assert good.value == "100%, 100%; 100%, 100%"
    assert not judged(monkeypatch, amount=0.3).passed
    assert not judged(monkeypatch, amount=-1.0).passed  # the wrong way
    assert not judged(monkeypatch, other=0.5).passed
    for words in WORDINGS:
        assert not judged(monkeypatch, words, amount=0.0).passed


def test_acts_are_looked_for_and_signed():
    deviations = dict.fromkeys(told_rows.ASKED, 0.1)
    read = obeying(told_rows.ASKED, "turn left")
    assert told_rows.acts(read, "turn left", deviations)["yaw"] == pytest.approx(150)
    assert told_rows.acts(read, "turn right", deviations)["yaw"] == pytest.approx(-150)
    swing = told_rows.acts(obeying(told_rows.ASKED, "nod"), "nod", deviations)["pitch"]
    assert swing == pytest.approx(70, rel=0.1)  # its amplitude
    assert not any(name.startswith("gaze") for name in told_rows.acts(read, "close eyes", deviations))


def test_windows_know_what_came_before():
    at = (np.arange(1, FRAMES) % 15 == 0).astype(float)
    jumping = lambda factor: [video(change=2 + 2 * (factor - 1) * at)]
    judge = lambda own, apart: drawn(
        motion_rows.borders(
            {"generated": jumping(own), UNKNOWN: jumping(apart), "truth": jumping(1)}, 15, "4.2", UNKNOWN
        )
    )
    assert judge(1.1, 4).passed
    assert not judge(1.5, 4).passed
    assert not judge(1.1, 1.2).passed
