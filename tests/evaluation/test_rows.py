"""Each row of the table: reached by videos that do what the mechanism should, missed by those that do not."""

from dataclasses import replace

import numpy as np
import pytest
from made_faces import made_face, turn

from emo.evaluation.mechanisms import rows
from emo.evaluation.mechanisms.emo import rows as emo_rows
from emo.evaluation.mechanisms.observation import SHOWN, Observation

FRAMES, CLIP = 60, 12
RNG = np.random.default_rng(3)


def video(opening=None, *, yaw=None, x=None, change=None, sharpness=100.0, rgb=(90.0, 80.0, 70.0), person=0, found=1):
    """Measurements of a video of FRAMES frames of a made-up face that does as told, (FRAMES,) each."""
    every = lambda values, default: np.broadcast_to(default if values is None else values, FRAMES)
    tracks = zip(every(opening, 0.1), every(yaw, 0.0), every(x, 64.0), strict=True)
    faces = [made_face(opening=o, rotation=turn(yaw=y), place=(p, 64.0, 0.0)) for o, y, p in tracks]
    described = np.arange(0, FRAMES, 5)
    return Observation(
        landmarks=np.stack(faces).astype(np.float32),
        found=np.broadcast_to(found, FRAMES).astype(np.uint8),
        sharpness=every(sharpness, 0).astype(float),
        change=np.broadcast_to(2.0 if change is None else change, FRAMES - 1).astype(float),
        rgb=np.broadcast_to(rgb, (FRAMES, 3)).astype(float),
        descriptors=np.stack([np.eye(4)[person] + 0.1 * RNG.normal(size=4) for _ in described]).astype(np.float32),
        described=described,
        shown=np.zeros((SHOWN, 8, 8, 3), np.uint8),
        pose=np.zeros((0, 3)),
        seconds=np.array(1.0),
    )


def syllables(seed: int) -> np.ndarray:
    """A jaw track (FRAMES,), 0 … 1: syllables with silences between."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.random(6) * (np.arange(6) % 2), FRAMES // 6) * (0.6 + 0.4 * np.sin(np.arange(FRAMES)))


def talking(jaws):
    return [video(0.02 + 0.3 * jaw) for jaw in jaws]


@pytest.fixture(scope="module")
def jaws():
    return [syllables(seed) for seed in range(4)]


def drawn(row):
    """The row, whose plot can be drawn."""
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    row.draw(axes)
    assert axes.has_data()
    assert axes.get_title()
    return row


def test_mouths_that_follow_their_sound_and_mouths_that_do_not(jaws):
    truths = talking(jaws)
    good = drawn(rows.lips(talking(jaws), truths, jaws))
    assert good.passed
    assert min(good.numbers["own"]) > 0.98
    assert good.numbers["other"].mean() < 0.5
    assert not rows.lips(talking(jaws[1:] + jaws[:1]), truths, jaws).passed  # another's sound
    assert not rows.lips([video(0.1)] * 4, truths, jaws).passed  # still
    alike = [jaws[0]] * 4
    same = rows.lips(talking(alike), talking(alike), alike)
    assert same.numbers["own"].mean() > 0.98
    assert not same.passed


def test_mouths_shut_in_silence(jaws):
    truths = talking(jaws)
    good = drawn(rows.silence(truths, truths, jaws))
    assert good.passed
    assert good.numbers["silence"] == pytest.approx(0.02, abs=0.005)
    ajar = [video(0.15 + 0.1 * jaw) for jaw in jaws]
    assert not rows.silence(ajar, truths, jaws).passed
    assert not rows.silence([replace(v, found=0 * v.found) for v in truths], truths, jaws).passed


def test_silence_leaves_the_lips_time_to_shut():
    loud = np.zeros(FRAMES)
    loud[20:40] = 1
    lagging = video(np.roll(loud, 2) * 0.3 + 0.01)  # two frames late
    assert rows.silence([lagging], [lagging], [loud]).numbers["silence"] == pytest.approx(0.01, abs=0.005)


def test_every_video_shows_its_own_person():
    gallery = np.eye(4)
    own = [video(person=p) for p in range(4)]
    good = drawn(rows.identity(own, own, gallery))
    assert good.passed
    assert good.value == "100%"
    swapped = rows.identity([own[1], own[0], *own[2:]], own, gallery)
    assert swapped.value == "50%"
    assert not swapped.passed
    nobody = replace(own[0], descriptors=np.zeros((0, 1), np.float32), described=np.zeros(0, int))
    assert drawn(rows.identity([nobody, *own[1:]], own, gallery)).value == "75%"


def late(value: float, usual: float = 100.0) -> np.ndarray:
    """(FRAMES,): `usual`, but `value` in the last sixth."""
    return np.where(np.arange(FRAMES) >= FRAMES - FRAMES // 6, value, usual)


def test_a_long_video_stays_what_it_was():
    seconds, gallery, steady = FRAMES / rows.FPS, np.eye(4), video()
    judge = lambda long: emo_rows.drifting(long, steady, gallery, 0, seconds)
    assert drawn(judge(steady)).passed
    assert not judge(video(sharpness=late(85.0))).passed
    assert not judge(video(sharpness=late(115.0))).passed
    assert judge(video(sharpness=late(95.0))).passed
    reddened = np.stack([late(80.0, 70.0), *[np.full(FRAMES, 70.0)] * 2], axis=1)
    assert not judge(video(rgb=reddened)).passed
    another = steady.descriptors.copy()
    another[steady.described >= FRAMES - FRAMES // 6] = np.eye(4)[1]
    assert not judge(replace(steady, descriptors=another)).passed
    assert emo_rows.drifting(steady, steady, gallery, 1, seconds).numbers["own"] == 0


def jumping(factor: float) -> Observation:
    """Changes `factor` times as much at the borders of clips of CLIP frames."""
    return video(change=np.where(np.arange(1, FRAMES) % CLIP == 0, 2.0 * factor, 2.0))


def test_clips_join_if_motion_frames_are_what_joins_them():
    judge = lambda chained, unchained: emo_rows.joins([chained], [video()], [unchained], CLIP)
    good = drawn(judge(jumping(1.1), jumping(4)))
    assert good.passed
    assert good.numbers["with"] == pytest.approx(1.1)
    assert not judge(jumping(1.5), jumping(4)).passed
    assert not judge(jumping(1.1), jumping(1.2)).passed  # then they do nothing


def turning(speed: float) -> Observation:
    return video(yaw=10 * np.sin(np.arange(FRAMES) * speed / 10))


def test_speed_rises_and_varies_less_from_clip_to_clip():
    by_speed = {speed: [turning(speed), turning(speed * 1.02)] for speed in (0.3, 0.7, 1.3)}
    free = [turning(0.2), turning(1.6)]
    good = drawn(emo_rows.speeds(by_speed, free, by_speed))
    assert good.passed
    assert good.numbers["no_speed"]["vmv"] > good.numbers["generated"][0.7]["vmv"]
    means = [good.numbers["generated"][speed]["mean"] for speed in by_speed]
    assert means == pytest.approx([0.19, 0.45, 0.83], abs=0.08)  # 2 / pi of the speed at the middle
    stuck = by_speed | {1.3: by_speed[0.3]}
    assert not emo_rows.speeds(stuck, free, by_speed).passed
    assert not emo_rows.speeds(by_speed, [turning(0.7)] * 2, by_speed).passed


def test_the_face_goes_where_its_region_goes():
    wave = np.sin(np.arange(FRAMES) / 5)
    left, right, tight, wide = video(x=56.0), video(x=72.0), video(x=64 + wave), video(x=64 + 4 * wave)
    judge = lambda *regions: emo_rows.locator(*([each] for each in regions), [tight], shift=10.0)
    good = drawn(judge(left, right, tight, wide))
    assert good.passed
    assert good.numbers["follows"] == pytest.approx([0.8], abs=0.01)
    assert not judge(right, left, tight, wide).passed
    assert not judge(tight, tight, tight, wide).passed
    assert not judge(left, right, wide, tight).passed


def test_pictures_as_sharp_as_true_ones():
    truth, blurred = video(), video(sharpness=70.0)
    assert drawn(emo_rows.quality([truth], [truth], np.array([33.0, 30.0]))).passed
    assert not emo_rows.quality([blurred], [truth], np.array([33.0])).passed
    assert not emo_rows.quality([truth], [truth], np.array([30.0])).passed


def test_motion_as_smooth_as_true_motion():
    truth, jitter = video(), video(change=3.0)
    assert drawn(emo_rows.smoothness([jumping(9)], [truth], CLIP)).passed  # borders are another row's
    assert not emo_rows.smoothness([jitter], [truth], CLIP).passed


def test_real_portraits_keep_a_face(jaws):
    whole, lost = video(0.3 * jaws[0]), video(0.3 * jaws[0], found=np.arange(FRAMES) > 0)
    good = drawn(rows.real({"a": whole, "b": whole}, {"a": jaws[0], "b": jaws[0]}))
    assert good.passed
    assert good.numbers["r"]["b"] > 0.98
    assert not rows.real({"a": whole, "b": lost}, {"a": jaws[0], "b": jaws[0]}).passed
