"""GoHD's rows: reached by videos that do what the mechanism should, missed by those that do not."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_faces import made_face, turn
from test_rows import drawn
from test_vasa_rows import FRAMES, JAWS, PEOPLE, SHARES, WAVES, gazing, study, video

from emo.evaluation.mechanisms import motion_rows
from emo.evaluation.mechanisms.gohd import animator_rows, control_rows, expression_rows, pose_rows
from emo.evaluation.mechanisms.gohd.plan import GAMMAS, MIXED, SEEDS, STRENGTHS, TURNED
from emo.evaluation.mechanisms.observation import Observation
from emo.evaluation.mechanisms.rows import unmeasured
from emo.evaluation.mechanisms.subjects import GAZES
from emo.face.measures import SHUT
from emo.motion import CONTROLS
from emo.motion.reading import ANGLES, FULL_LOOK

BLINKS = [(np.arange(FRAMES) % (17 + 4 * voice) < 4).astype(float) for voice in range(3)]
LOOKS = [0.6 * np.sin(np.arange(FRAMES) / (3 + 0.7 * voice)) for voice in range(3)]
STILL = video()
LEARNED = SimpleNamespace(animator=SimpleNamespace(directions=lambda: torch.eye(20, 512)))
MESH = SimpleNamespace(animator=SimpleNamespace())


def controls(**told) -> np.ndarray:
    """Named controls (FRAMES, 14), at rest but for those that are told."""
    values = CONTROLS.rest.repeat(FRAMES, 1).double().numpy()
    for name, track in told.items():
        values[:, CONTROLS.names.index(name)] = track
    return values


def acting(*, jaw=0.0, lids=0.0, yaw=0.0, gaze=0.0, told=None) -> Observation:
    """A face whose jaw, lids, head and eyes, both ways, do so, numbers or (FRAMES,) each, and that was drawn to do it
    or something else, controls by name."""
    faces = [
        made_face(
            opening=0.01 + 0.18 * j,
            eyes=0.3 * (1 - SHUT * b),
            rotation=turn(*(y * np.array(SHARES))),
            gaze=(g * FULL_LOOK[0], g * FULL_LOOK[1]),
        )
        for j, b, y, g in zip(*(np.broadcast_to(value, FRAMES) for value in (jaw, lids, yaw, gaze)), strict=True)
    ]
    own = {"jaw": jaw, "blink": lids, "gaze_x": gaze, "gaze_y": gaze, **angles(yaw)}
    made = controls(**(own if told is None else told))
    return replace(STILL, landmarks=np.stack(faces).astype(np.float32), controls=made)


def angles(turned) -> dict[str, np.ndarray]:
    return {name: turned * share for name, share in zip(ANGLES, SHARES, strict=True)}


def acts(person: int) -> dict[str, np.ndarray]:
    """What a person does in truth."""
    looks = {"gaze_x": LOOKS[person], "gaze_y": LOOKS[person]}
    return {"jaw": JAWS[person], "blink": BLINKS[person], "brow": BLINKS[person], **looks, **angles(8 * WAVES[person])}


def test_what_is_not_measured_says_why():
    row = drawn(unmeasured("a", "3", "b", "measured elsewhere"))
    assert (row.value, row.passed) == ("measured elsewhere", None)


def test_without_motion_faces_are_frontal_and_neutral():
    turned = {f"turned_{name}": lambda s, t=t: video(turned=t[0], jaw=t[2]) for name, t in TURNED.items()}
    still = {f"turned_{name}": lambda s: video(turned=1.0) for name in TURNED}
    judge = lambda kinds, pipe=LEARNED: animator_rows.neutral(study(turned, **kinds), PEOPLE, pipe)
    good = drawn(judge(still))
    assert good.passed
    assert good.numbers["pictures"][:, 0] == pytest.approx(15, abs=0.5)
    assert not judge(turned).passed
    assert not judge({**still, "turned_left": lambda s: video(jaw=0.3)}).passed
    assert not judge({**still, "turned_left": lambda s: video(turned=-5.0)}).passed
    assert drawn(judge(still, MESH)).value == "not applicable: rest is the portrait"


def test_directions_are_orthonormal():
    assert drawn(animator_rows.directions(LEARNED)).passed
    slanted = torch.eye(20, 512) + 0.01
    assert not animator_rows.directions(SimpleNamespace(animator=SimpleNamespace(directions=lambda: slanted))).passed
    assert animator_rows.directions(MESH).passed is None


def test_resemblance_is_to_the_own_portrait():
    videos = [video(person=p) for p in (0, 1)]
    assert drawn(animator_rows.resemblance(videos, videos, np.eye(4))).value == "1.000"
    assert animator_rows.resemblance(videos[::-1], videos, np.eye(4)).value == "0.000"
    lost = replace(videos[0], descriptors=np.zeros((0, 1), np.float32))
    assert animator_rows.resemblance([lost, videos[1]], videos, np.eye(4)).value == "0.500"


def test_stronger_motion_goes_further():
    def kinds(yaws, jaws):
        return {
            f"strength_{value:g}": lambda s, y=y, j=j: video(turned=y * WAVES[s.voice], jaw=j * JAWS[s.voice])
            for value, y, j in zip(STRENGTHS, yaws, jaws, strict=True)
        }

    judge = lambda *far: control_rows.strength(study(**kinds(*far)), PEOPLE, PEOPLE, "people")
    rising = np.array(STRENGTHS)
    good = drawn(judge(8 * rising, rising))
    assert good.passed
    assert good.numbers["yaw"][-1] == pytest.approx(8 * WAVES[0].std(), rel=0.1)
    assert not judge(8 * rising[[0, 1, 3, 2, 4]], rising).passed
    assert not judge(8 * rising, rising[[0, 1, 2, 4, 3]]).passed
    assert not judge(0 * rising, rising).passed


def test_eyes_look_aside_and_the_head_goes_on():
    judge = lambda kinds: control_rows.gaze(study(**kinds), PEOPLE, PEOPLE, "people")
    good = drawn(judge(gazing(0.8)))
    assert good.passed
    assert good.numbers["head"] > 0.95
    assert not judge(gazing(-0.8)).passed
    aside = {f"gaze_{name}": where for name, where in GAZES.items() if any(where)}

    def other(**does):
        """All who look aside do something else, numbers of voices by name."""
        made = lambda s, at: video(
            jaw=JAWS[does.get("lips", s.voice)], turned=8 * WAVES[does.get("head", s.voice)], gaze=at
        )
        return {kind: lambda s, at=at: made(s, at) for kind, at in aside.items()}

    assert judge({**gazing(0.8), **other()}).passed
    assert not judge({**gazing(0.8), **other(head=2)}).passed
    assert not judge({**gazing(0.8), **other(lips=2)}).passed


def test_parts_of_three_people_go_each_with_its_own():
    sources = {s.name: dict(zip(MIXED, (0, 1, 2), strict=True)) for s in PEOPLE}

    def judge(pose=0, expression=1, gaze=2):
        told = {**angles(8 * WAVES[0]), "jaw": JAWS[1], "gaze_x": LOOKS[2], "gaze_y": LOOKS[2]}
        face = acting(jaw=JAWS[expression], yaw=8 * WAVES[pose], gaze=LOOKS[gaze], told=told)
        return control_rows.mixed(study(mixed=lambda s: face), PEOPLE, PEOPLE, sources, acts, "people")

    good = drawn(judge())
    assert good.passed, good.value
    assert not judge(pose=1).passed
    assert not judge(expression=2).passed
    assert not judge(gaze=0).passed


def wandering(spread: float, jump: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A head that turns by chance, from where it begins on."""
    return {"yaw": jump + spread * np.cumsum(rng.normal(size=FRAMES))}


def test_poses_vary_more_the_less_they_know_of_the_first():
    def judge(spreads, jump=0.0):
        rng = np.random.default_rng(0)  # whatever tests ran before
        kinds = {
            f"gamma_{g:g}_{seed}": lambda s, f=f: replace(STILL, controls=controls(**wandering(f, jump, rng)))
            for g, f in zip(GAMMAS, spreads, strict=True)
            for seed in SEEDS
        }
        return pose_rows.gamma(study(**kinds), PEOPLE)

    good = drawn(judge((3.0, 1.0, 0.2)))
    assert good.passed
    assert good.numbers["first_step"] < 1.3
    assert not judge((1.0, 1.0, 3.0)).passed
    assert not judge((3.0, 1.0, 0.2), jump=9.0).passed


def test_poses_and_expressions_beside_true_ones():
    truths = [acting(jaw=JAWS[v], lids=BLINKS[v], yaw=8 * WAVES[v]) for v in range(3)]
    weak = [acting(jaw=0.5 * JAWS[v], lids=0.5 * BLINKS[v], yaw=4 * WAVES[v]) for v in range(3)]
    poses = drawn(pose_rows.beside_truth(weak, truths, 20))
    assert poses.numbers["variance"] == pytest.approx(poses.numbers["truth_variance"] / 4)
    assert poses.numbers["ssim p, another's"] < poses.numbers["ssim p"] < 1
    assert pose_rows.beside_truth(truths, truths, 20).numbers["ssim p"] == pytest.approx(1)
    faces = drawn(expression_rows.beside_truth(weak, truths))
    assert faces.numbers["jaw r"] == pytest.approx(1)
    assert faces.numbers["ssim e, another's"] < faces.numbers["ssim e"] < 1
    assert faces.numbers["variance"] == pytest.approx(faces.numbers["truth_variance"] / 4)
    assert expression_rows.beside_truth(truths, truths).numbers["mld"] == 0


def test_attention_is_judged_by_what_is_without():
    truths = [acting(yaw=8 * WAVES[v]) for v in range(2)]
    other = [acting(yaw=8 * WAVES[2])] * 2
    assert drawn(pose_rows.attention(truths, other, truths)).passed
    assert not pose_rows.attention(other, truths, truths).passed
    assert "--no-attention" in pose_rows.attention(truths, [], truths).value


def test_windows_join():
    at = (np.arange(1, FRAMES) % 15 == 0).astype(float)
    jumping = lambda factor: [video(change=2 + 2 * (factor - 1) * at)]
    judge = lambda factor: motion_rows.borders({"generated": jumping(factor), "truth": jumping(1)}, 15, "3.1")
    assert drawn(judge(1.1)).passed
    assert not judge(1.5).passed


def telling(**others):
    """Kinds of videos with told lids and other sounds, whose lids and lips do as they should, or do not."""

    def face(lips: int, lids: int) -> Observation:
        told = {"jaw": JAWS[lips], "blink": BLINKS[lids], "brow": BLINKS[lids]}
        return replace(acting(jaw=JAWS[lips], lids=BLINKS[lids]), controls=controls(**told))

    own = {
        "own": lambda s: (s.voice, s.voice),
        "eyes": lambda s: (s.voice, s.driver),
        "sound": lambda s: (s.driver, s.voice),
    }
    return {f"told_{kind}": lambda s, does=does: face(*does(s)) for kind, does in {**own, **others}.items()}


def test_lids_and_lips_are_apart(monkeypatch):
    monkeypatch.setattr(expression_rows, "DOES", ("blink",))  # brows are read as lids are
    judge = lambda **others: expression_rows.apart(study(**telling(**others)), PEOPLE, acts)
    good = drawn(judge())
    assert good.passed, good.value
    assert not judge(eyes=lambda s: (s.voice, s.voice)).passed  # lids do not follow
    assert not judge(eyes=lambda s: (s.driver, s.driver)).passed  # lips go with them
    assert not judge(sound=lambda s: (s.voice, s.voice)).passed
    assert not judge(sound=lambda s: (s.driver, s.driver)).passed


def test_other_noise_makes_other_blinks_alone():
    def judge(jaw, lids):
        kinds = {
            f"gamma_0.4_{seed}": lambda s, k=seed: acting(jaw=JAWS[jaw(k)], lids=BLINKS[lids(k)]) for seed in SEEDS
        }
        return expression_rows.noise(study(**kinds), PEOPLE)

    assert drawn(judge(lambda k: 0, lambda k: k)).passed
    assert not judge(lambda k: k, lambda k: k).passed
    assert not judge(lambda k: 0, lambda k: 0).passed
