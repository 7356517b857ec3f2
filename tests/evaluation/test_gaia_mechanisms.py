"""GAIA's videos to measure: what is asked of a motion is what is drawn, and what true people do beside."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_faces import made_face
from made_motion import drawn_motion, made_generator, quick_clip, quick_track, still_video
from PIL import Image
from tiny import tiny_gaia

from emo.cli.main import main
from emo.data.synthetic.held_out import HELD_OUT, HeldOut
from emo.data.synthetic.motion.instructions import INSTRUCTIONS
from emo.evaluation.mechanisms.gaia import videos
from emo.evaluation.mechanisms.gaia.plan import POSES, GAIAClip, plan_clips, wanted_clip
from emo.evaluation.mechanisms.gaia.table import FAMILY
from emo.evaluation.mechanisms.gaia.videos import VideoMaker, forgetful, wanted_error
from emo.evaluation.mechanisms.generator import FPS
from emo.evaluation.mechanisms.plan import EvaluationSize
from emo.evaluation.mechanisms.subjects import Subject
from emo.face import FaceTrack
from emo.motion import MotionTrack
from emo.motion.framed_landmarks import framed_points
from emo.motion.gaia import encode_landmarks

SECONDS = 0.8  # 20 frames, 3 windows of the tiny model
TALK = GAIAClip("talk", SECONDS, person=1)
EXTENT = EvaluationSize(talks=2, few=2, gallery=4, seconds=1.0, brief=1.0)
SENTENCES = ("please smile", "open your mouth")
TOLD = replace(TALK, told="smile", options={"instruction": "please smile"})


@pytest.fixture(scope="module")
def whole():
    return tiny_gaia(landmarks=True, sentences=SENTENCES)


@pytest.fixture
def open_maker(whole, tmp_path):
    """`open_maker(seed=1)`: what makes videos by other settings."""
    return lambda pipe=whole, **changes: VideoMaker(made_generator(FAMILY, tmp_path, tmp_path, pipe, **changes))


@pytest.fixture(autouse=True)
def quick_portraits(monkeypatch):
    """Without a search for faces in portraits: their mouths are as open as pictures are bright."""
    monkeypatch.setattr("emo.motion.gaia.animator.portrait_face", lambda picture: None)
    monkeypatch.setattr(
        "emo.motion.gaia.animator.track_face",
        lambda shown, name: FaceTrack(
            np.stack([made_face(opening=p.mean() / 999) for p in shown]), np.ones(len(shown))
        ),
    )


@pytest.fixture
def quick(monkeypatch):
    """Without drawing of true clips, and search for their faces: a number per frame is what they show."""
    faces = [made_face(opening=0.02 * n, size=40) for n in range(9)]
    monkeypatch.setattr(HeldOut, "controls", lambda self, person, seconds: seen(person, seconds))
    monkeypatch.setattr(HeldOut, "draw", lambda self, person, frames: frames + 4 * person)
    monkeypatch.setattr(
        videos, "track_face", lambda f: FaceTrack(np.stack([faces[n[0, 0, 0]] for n in f]), np.ones(len(f), bool))
    )
    return faces


def seen(voice: int, seconds: float) -> np.ndarray:
    return np.full((round(seconds * FPS), 128, 128, 3), voice, np.uint8)


def test_a_clip_is_drawn_with_the_poses_that_are_predicted(open_maker):
    maker = open_maker()
    video = maker(TALK)
    assert video.frames.shape == (20, 128, 128, 3)
    assert video.pose.shape == (20, 3)
    assert np.ptp(video.pose, 0).min() > 0
    track = MotionTrack.rest(20, FPS).set(
        **dict(zip(("yaw", "pitch", "roll"), torch.from_numpy(video.pose).T, strict=True))
    )
    told = replace(TALK, options={"pose": track})
    assert drawn_motion(maker, told) == pytest.approx(drawn_motion(maker, TALK), abs=1e-4)
    assert maker(told).pose == pytest.approx(video.pose, abs=1e-4)


def test_poses_that_are_given_are_told(open_maker):
    maker = open_maker()
    held = replace(TALK, options={"pose": POSES["left"]})
    assert maker(held).pose == pytest.approx(np.tile(POSES["left"], (20, 1)))
    turned = replace(TALK, turns=2)
    acts = HeldOut(HELD_OUT, 4).controls(2, SECONDS).track(FPS)
    assert maker(turned).pose == pytest.approx(acts.values[:, acts.space.index("yaw", "pitch", "roll")].numpy())
    motions = [drawn_motion(maker, clip) for clip in (TALK, held, turned)]
    assert not np.array_equal(motions[0], motions[1])
    assert not np.array_equal(motions[1], motions[2])


def test_one_voice_is_one_motion_unless_its_noise_is_another(open_maker):
    maker = open_maker()
    own = drawn_motion(maker, TALK)
    assert np.array_equal(own, drawn_motion(maker, replace(TALK, name="same")))
    assert not np.array_equal(own, drawn_motion(maker, replace(TALK, voice=2)))
    assert not np.array_equal(own, drawn_motion(maker, replace(TALK, person=2, voice=1)))  # another's reference
    assert not np.array_equal(own, drawn_motion(maker, replace(TALK, seed=1)))
    assert not np.array_equal(own, drawn_motion(open_maker(seed=1), TALK))
    assert not np.array_equal(own, drawn_motion(maker, TOLD))
    other = replace(TOLD, options={"instruction": "open your mouth"})
    assert not np.array_equal(drawn_motion(maker, TOLD), drawn_motion(maker, other))


def test_a_clip_is_followed_as_a_portrait_is_framed(open_maker, quick, monkeypatch, whole):
    monkeypatch.setattr(VideoMaker, "_acts", lambda self, person, clip: MotionTrack.rest(20, FPS))
    clip = replace(TALK, follows=(1, 2))
    points = framed_points(np.stack([quick[6]] * 20), (128, 128))
    assert drawn_motion(open_maker(), clip) == pytest.approx(encode_landmarks(whole.vae, points).numpy(), abs=1e-5)


def test_sequences_that_know_nothing_of_the_one_before(open_maker, whole):
    maker = open_maker()
    own, apart = drawn_motion(maker, TALK), drawn_motion(maker, replace(TALK, known=False))
    assert own.shape == apart.shape
    assert np.array_equal(own[:8], apart[:8])
    assert not np.array_equal(own[8:16], apart[8:16])


def test_windows_that_remember_nothing_are_as_short_as_a_first(open_maker, whole):
    maker, heard = open_maker(), []
    sound = maker._generator.voice(TALK).waveform, 16000
    hook = whole.speech_encoder.register_forward_hook(lambda network, inputs, made: heard.append(made.shape[1]))
    motion = forgetful(whole, sound, {**maker.call(TALK), "image": maker.picture(TALK)})
    hook.remove()
    assert len(motion) == 20
    assert heard == [8, 12, 8, 8, 8, 4]  # as it is; from the second window on; the third


def test_wanted_landmarks_are_had(open_maker, quick, monkeypatch):
    monkeypatch.setattr(VideoMaker, "_acts", lambda self, person, clip: MotionTrack.rest(20, FPS))
    generator = open_maker()._generator
    clip = wanted_clip(Subject("1", 1, None, 1, 2), SECONDS)
    assert wanted_error(generator, clip) < 1e-5
    wanted = videos.wanted_landmarks
    monkeypatch.setattr(videos, "wanted_landmarks", lambda *given: wanted(*given) + 0.01)
    assert wanted_error(generator, clip) == pytest.approx(0.01, abs=1e-4)


def true_motion(maker, **asked) -> MotionTrack:
    return maker.true_motion(GAIAClip("true", SECONDS, person=1, truth=True, **asked))


def test_true_people_do_what_is_asked(open_maker):
    maker = open_maker()
    plain, other = true_motion(maker), true_motion(maker, voice=2)
    assert true_motion(maker, still="all") == MotionTrack.rest(20, FPS)
    assert true_motion(maker, closed=True) == MotionTrack.rest(20, FPS).set(blink=1.0)
    assert true_motion(maker, follows=(1, 2)) == other
    part = true_motion(maker, follows=(1, 2), whole=False)
    assert torch.equal(part["jaw"], plain["jaw"])
    assert torch.equal(part["pose"], other["pose"])
    assert torch.equal(part["blink"], other["blink"])
    turned = true_motion(maker, turns=2)
    assert torch.equal(turned["pose"], other["pose"])
    assert torch.equal(turned["jaw"], plain["jaw"])
    held = true_motion(maker, options={"pose": POSES["left"]})
    assert [float(held[name][3]) for name in ("yaw", "pitch", "roll")] == list(POSES["left"])
    assert torch.equal(held["jaw"], plain["jaw"])


def test_true_people_obey():
    people = HeldOut(HELD_OUT, 4)
    calm, turned = (people.obeying(1, 4.0, told) for told in (None, "turn left"))
    change = turned.yaw - calm.yaw
    assert change.min() == pytest.approx(-12.5, abs=2.6)
    assert torch.equal(calm.jaw, turned.jaw)
    assert calm.jaw.max() == 0
    assert calm.yaw.std() < 2


def test_shut_eyes_are_animated(open_maker):
    maker = open_maker()
    shut, opened = (maker.picture(replace(TALK, closed=closed)).astype(float) for closed in (True, False))
    apart = np.abs(shut - opened).mean((1, 2))
    assert apart[80:140].mean() > 3 * apart[160:].mean()  # eyes, and what is below


def test_true_clips_are_made_small(open_maker, monkeypatch):
    picture = np.random.default_rng(0).integers(0, 255, (20, 128, 128, 3), np.uint8)
    monkeypatch.setattr(HeldOut, "draw", lambda self, person, controls: picture)
    clip = GAIAClip("small", SECONDS, truth=True, small=32)
    small = open_maker()(clip).frames
    assert small.shape == picture.shape
    assert (
        np.abs(np.diff(small.astype(float), axis=2)).mean()
        < 0.3 * np.abs(np.diff(picture.astype(float), axis=2)).mean()
    )


def test_plan_has_all_videos_of_all_rows(open_maker):
    planned = plan_clips(EXTENT, open_maker()._generator, {"a": "a.png"})
    clips = {clip.name: clip for clip in planned}
    assert len(clips) == len(planned)
    for name in (*(f"posed-{p}" for p in POSES), "turned", "portrait"):
        assert {f"{name}-0", f"{name}-0-truth", f"{name}-real-a"} <= set(clips)
        assert f"{name}-real-a-truth" not in clips
    assert [clips[f"sound-{seed}-1"].seed for seed in range(3)] == [0, 1, 2]
    assert clips["driven-1"].follows == (0, 0)  # one of those who are measured
    assert clips["driven-real-a"].follows == (1, 1)
    assert clips["shared-1-on-2"].follows == (1, 1)
    assert (clips["wanted-1"].voice, clips["wanted-1"].follows, clips["wanted-1"].whole) == (1, (1, 2), False)
    assert clips["small-0-truth"].small == 64
    assert clips["long-0"].seconds == pytest.approx(2.4 * 8 / FPS)
    for number, key in enumerate(INSTRUCTIONS):
        name, said = f"{key.replace(' ', '-')}-{number % 2}", INSTRUCTIONS[key]
        assert any(phrase in clips[f"template-{name}"].options["instruction"] for phrase in said.training)
        assert any(phrase in clips[f"paraphrase-{name}"].options["instruction"] for phrase in said.held_out)
        assert clips[f"told-{name}-truth"].told == key


@pytest.mark.parametrize("optional", [False, True])
def test_the_table_is_made_of_what_is_planned(open_maker, whole, monkeypatch, optional):
    monkeypatch.setattr("emo.evaluation.mechanisms.gaia.table.wanted_error", lambda generator, clip: 0.0)
    generator = open_maker(whole if optional else tiny_gaia())._generator
    generator.__dict__["gallery"] = np.eye(4)
    clips = plan_clips(EXTENT, generator, {"a": "a.png", "b": "b.png"})
    assert any(clip.name.startswith(("wanted", "template")) for clip in clips) == optional
    still = {seconds: still_video(seconds) for seconds in {clip.seconds for clip in clips}}
    table = FAMILY.rows({clip.name: still[clip.seconds] for clip in clips}, EXTENT, generator)
    passed = {row.mechanism: row.passed for row in table}
    assert len(passed) == len(table) == (24 if optional else 22)
    assert {type(value) for value in passed.values()} <= {bool, type(None)}
    assert passed["real portraits"]  # a face in every frame
    for row in ("diversity", "poses, people", "poses, real portraits", "audio drives the mouth"):
        assert passed[row] is False  # none of whom move
    assert passed["a Conformer"] is None
    assert passed["shut eyes open"]
    if optional:
        assert not passed["sentences"]
        assert not passed["wanted landmarks"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--long", "12"], "--long does nothing for models of GAIA"),
        (["--pose-guidance", "1"], "--pose-guidance does nothing for models of GAIA"),
        (["--reference-guidance", "2"], "--reference-guidance does nothing for models of GAIA"),
        (["--gallery", "2"], "--gallery 2: must be at least 3"),
    ],
)
def test_bad_options_are_named(whole, options, said, tmp_path, capsys):
    model = tmp_path / "tiny"
    whole.save_pretrained(model)
    few = ["--talks", "2", "--few", "2", "--model", str(model)]
    assert main(["evaluate", "mechanisms", "--out", str(tmp_path / "out"), *few, *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_report(tmp_path, capsys, portrait, monkeypatch):
    monkeypatch.setattr(HeldOut, "draw", quick_clip)
    for place in ("observation", "gaia.videos"):
        monkeypatch.setattr(f"emo.evaluation.mechanisms.{place}.track_face", lambda f, *more: quick_track(f, None))
    model, out = tmp_path / "tiny", tmp_path / "report"
    tiny_gaia(landmarks=True).save_pretrained(model)
    (tmp_path / "faces").mkdir()
    Image.fromarray(portrait).save(tmp_path / "faces" / "a.png")
    arguments = ["evaluate", "mechanisms", "--model", model, "--out", out, "--portraits", tmp_path / "faces"]
    arguments += ["--talks", 2, "--few", 2, "--gallery", 4, "--seconds", 1, "--brief", 1, "--steps", 1]
    arguments += ["--size", 128, "--audio-guidance", 1.5, "--workers", 1, "--no-compile"]
    assert main([str(argument) for argument in arguments]) == 0
    report = json.loads((out / "mechanisms.json").read_text())
    passed = {row["mechanism"]: row["passed"] for row in report["rows"]}
    assert len(passed) == len(report["rows"]) == 22  # one real portrait has no motion in common with another
    assert report["about"]["settings"]["options"] == {"num_inference_steps": 1, "audio_guidance_scale": 1.5}
    assert not passed["audio drives the mouth"]  # which holds still
    assert passed["wanted landmarks"] is False
    assert len(list((out / "plots").glob("*.png"))) == 22
    capsys.readouterr()
