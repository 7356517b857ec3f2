"""VASA-1's videos to measure: what is asked of a motion is what is drawn, of named controls and of learned codes."""

import json
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from made_motion import drawn_motion, made_generator, quick_clip, quick_track
from PIL import Image
from tiny import tiny_vasa
from zero_init import fill_zero_init

from emo.cli.main import main
from emo.data.synthetic.held_out import HELD_OUT, HeldOut
from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.plan import EvaluationSize
from emo.evaluation.mechanisms.subjects import GAZES
from emo.evaluation.mechanisms.vasa.plan import DISTANCES, VASAClip, plan_clips
from emo.evaluation.mechanisms.vasa.table import FAMILY
from emo.evaluation.mechanisms.vasa.videos import VideoMaker, as_asked
from emo.motion import CONTROLS, MotionTrack
from emo.motion.vasa import HolisticMotionTransformer, VolumeAnimator
from emo.pipelines import VASAPipeline

SECONDS = 0.8  # 20 frames, 3 windows of the tiny model
TALK = VASAClip("talk", SECONDS, person=1)
POSE = CONTROLS.index("pose")
OTHERS = [n for n in range(len(CONTROLS)) if n not in POSE]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny"
    tiny_vasa().save_pretrained(path)
    return path


def volume_pipeline() -> VASAPipeline:
    """A tiny pipeline whose motion is learned codes."""
    torch.manual_seed(0)
    animator = VolumeAnimator(32, 8, 4, (8, 8, 16), 1, 1, (8, 16), 5, 6, (8, 8), 4).eval()
    fill_zero_init(animator)
    mesh = tiny_vasa()
    config = {**mesh.denoiser.config, "space": animator.space.to_dict()}
    denoiser = HolisticMotionTransformer.from_config(config).eval()
    fill_zero_init(denoiser)
    return VASAPipeline(**mesh.components | {"animator": animator, "denoiser": denoiser})


@pytest.fixture
def open_maker(model, tmp_path):
    """`open_maker(seed=1, pipe=...)`: what makes videos by other settings, on the same folder."""
    for name in ("observations", "videos"):
        (tmp_path / name).mkdir()

    def make(pipe=None, **changes) -> VideoMaker:
        options = {"num_inference_steps": 1, "audio_guidance_scale": 1.0}
        return VideoMaker(
            made_generator(FAMILY, model, tmp_path, pipe, **{"options": options, "people": 3, **changes})
        )

    return make


def test_a_clip_is_drawn_and_its_pose_is_kept(open_maker):
    maker = open_maker()
    video = maker(TALK)
    assert video.frames.shape == (20, 128, 128, 3)
    assert video.pose.shape == (20, 3)
    assert np.array_equal(video.frames, maker(TALK).frames)
    assert not np.array_equal(video.frames, open_maker(seed=1)(TALK).frames)
    kept = maker._generator.generate(TALK)
    assert np.array_equal(kept.pose, video.pose)
    with patch.object(Generator, "make", side_effect=AssertionError("made again")):
        assert np.array_equal(open_maker()._generator.generate(TALK).landmarks, kept.landmarks)
        with pytest.raises(AssertionError, match="made again"):
            open_maker()._generator.generate(replace(TALK, options={"gaze": (0.5, 0.0)}))


def test_one_voice_is_one_motion_on_whatever_portrait(open_maker):
    maker = open_maker()
    own = drawn_motion(maker, TALK)
    assert np.array_equal(own, drawn_motion(maker, VASAClip("other", SECONDS, person=2, voice=1)))
    assert not np.array_equal(own, drawn_motion(maker, replace(TALK, voice=2)))


@pytest.mark.parametrize(
    "options",
    [
        {"gaze": (0.6, 0.0)},
        {"distance": 0.8},
        {"emotion": {"happy": 1.0}},
        {"num_inference_steps": 3},
        {"border_frames": 0},
    ],
)
def test_what_a_clip_asks_for_changes_its_motion(open_maker, options):
    pipe = tiny_vasa()
    fill_zero_init(pipe.denoiser)
    maker = open_maker(pipe)
    assert not np.array_equal(drawn_motion(maker, TALK), drawn_motion(maker, replace(TALK, options=options)))


def test_windows_without_the_one_before(open_maker):
    pipe = tiny_vasa()
    fill_zero_init(pipe.denoiser)
    maker, plain = open_maker(pipe), replace(TALK, options={"border_frames": 0})
    chained, apart = drawn_motion(maker, plain), drawn_motion(maker, replace(plain, previous=False))
    window = pipe.window_length
    assert np.array_equal(chained[:window], apart[:window])  # the first has none anyway
    assert not np.array_equal(chained[window : 2 * window], apart[window : 2 * window])
    assert np.array_equal(chained, drawn_motion(maker, plain))  # and given back


def test_a_part_that_is_held_still_is_still(open_maker):
    maker = open_maker()
    own = drawn_motion(maker, TALK)
    pose, dynamics = (drawn_motion(maker, replace(TALK, still=part)) for part in ("pose", "dynamics"))
    assert np.array_equal(pose[:, POSE], MotionTrack.rest(20, FPS)["pose"].numpy())
    assert np.array_equal(pose[:, OTHERS], own[:, OTHERS])
    assert np.ptp(dynamics[:, OTHERS], axis=0).max() == 0
    assert np.array_equal(dynamics[:, POSE], own[:, POSE])


def test_a_portrait_as_it_is(open_maker):
    frames = open_maker()(replace(TALK, still="all", seconds=0.2)).frames
    assert frames.shape == (5, 128, 128, 3)
    assert np.ptp(frames, axis=0).max() == 0
    assert np.abs(frames[0].astype(float) - 128).mean() > 10


@pytest.mark.parametrize("learned", [False, True])
def test_another_persons_motion_whole_and_in_part(open_maker, monkeypatch, learned):
    pipe = volume_pipeline() if learned else tiny_vasa()
    space, rng = pipe.space, np.random.default_rng(1)
    theirs = rng.normal(size=(20, len(space))).astype(np.float32)
    monkeypatch.setattr(HeldOut, "clip", lambda self, person, seconds: np.full((20, 8, 8, 3), person, np.uint8))
    seen = []
    monkeypatch.setattr(
        type(pipe.animator), "motion", lambda self, pictures: (seen.append(pictures), torch.from_numpy(theirs))[1]
    )
    maker = open_maker(pipe)
    pose = space.index("pose")
    others = [n for n in range(len(space)) if n not in pose]
    own = drawn_motion(maker, TALK)
    by = {part: drawn_motion(maker, replace(TALK, driver=2, driven=part)) for part in ("all", "pose", "dynamics")}
    assert np.array_equal(by["all"], theirs)
    assert np.array_equal(by["pose"][:, pose], theirs[:, pose])
    assert np.array_equal(by["pose"][:, others], own[:, others])
    assert np.array_equal(by["dynamics"][:, others], theirs[:, others])
    assert np.array_equal(by["dynamics"][:, pose], own[:, pose])
    assert len(seen) == 1  # read once
    assert seen[0][0][0, 0, 0] == 2


def test_learned_codes_are_drawn_and_held_still(open_maker):
    maker = open_maker(volume_pipeline())
    video = maker(TALK)
    assert video.frames.shape == (20, 128, 128, 3)
    assert np.ptp(drawn_motion(maker, replace(TALK, still="dynamics"))[:, 6:], axis=0).max() == 0


def true_motion(**asked) -> MotionTrack:
    controls = HeldOut(HELD_OUT, 3).controls(1, 2.0)
    return as_asked(controls.track(FPS), VASAClip("true", 2.0, person=1, truth=True, **asked))


def test_true_people_do_what_is_asked():
    plain = true_motion()
    assert [float(plain[name].median()) for name in ("gaze_x", "gaze_y")] == pytest.approx([0, 0], abs=1e-6)
    aside = true_motion(options={"gaze": (0.5, -0.4)})
    assert [float(aside[name].median()) for name in ("gaze_x", "gaze_y")] == pytest.approx([0.5, -0.4], abs=1e-6)
    assert float(true_motion(options={"distance": 0.8})["scale"].median()) == pytest.approx(1.25)
    happy = true_motion(options={"emotion": {"happy": 1.0}})
    assert float((happy["smile"] - plain["smile"]).mean()) > 0.5
    still = true_motion(still="pose")
    assert torch.equal(still["pose"], MotionTrack.rest(50, FPS)["pose"])
    assert torch.equal(still["jaw"], plain["jaw"])
    held = true_motion(still="dynamics")
    assert float(held["mouth"].std(0).max()) == 0
    assert torch.equal(held["pose"], plain["pose"])
    assert true_motion(still="all") == MotionTrack.rest(50, FPS)


def test_plan_has_all_videos_of_all_rows(open_maker):
    maker = open_maker()
    extent = EvaluationSize(talks=2, few=2, gallery=3, seconds=1.0)
    clips = {clip.name: clip for clip in plan_clips(extent, maker._generator, {"a": "a.png"})}
    assert len(clips) == len(plan_clips(extent, maker._generator, {"a": "a.png"}))
    for name, gaze in GAZES.items():
        for subject in ("0", "1", "real-a"):
            assert clips[f"gaze-{name}-{subject}"].options == {"gaze": gaze}
    assert clips["guided-2-left-1"].options == {"gaze": GAZES["left"], "gaze_guidance_scale": 3.0}
    assert {clips[f"distance-{d:g}-0-truth"].options["distance"] for d in DISTANCES} == set(DISTANCES)
    assert "gaze-left-real-a-truth" not in clips
    shared = [clips[f"shared-1-on-{person}"] for person in (1, 2, 0)]
    assert {(clip.person, clip.voice) for clip in shared} == {(0, 1), (1, 1), (2, 1)}
    assert (clips["driven-pose-1"].voice, clips["driven-pose-1"].driver) == (1, 2)
    assert (clips["driven-all-1"].voice, clips["driven-all-1"].driver) == (2, 2)
    assert not clips["unchained-1"].previous
    assert clips["audio-0-1"].options == {"audio_guidance_scale": 1.0}
    assert "emotion-happy-0" in clips
    assert "emotion-surprised-0" not in clips  # the tiny model knows none


@pytest.mark.slow
def test_the_whole_report(model, tmp_path, capsys, portrait, monkeypatch):
    monkeypatch.setattr(HeldOut, "draw", quick_clip)
    monkeypatch.setattr("emo.evaluation.mechanisms.observation.track_face", quick_track)
    (tmp_path / "faces").mkdir()
    for name in "ab":
        Image.fromarray(portrait).save(tmp_path / "faces" / f"{name}.png")
    out = tmp_path / "report"
    arguments = ["evaluate", "mechanisms", "--model", model, "--out", out, "--portraits", tmp_path / "faces"]
    arguments += ["--talks", 2, "--few", 2, "--gallery", 3, "--seconds", 1, "--brief", 1, "--steps", 1]
    arguments += ["--size", 128, "--workers", 1, "--no-compile"]
    assert main([str(argument) for argument in arguments]) == 0
    shown = capsys.readouterr()
    report = json.loads((out / "mechanisms.json").read_text())
    mechanisms = [row["mechanism"] for row in report["rows"]]
    assert len(mechanisms) == len(set(mechanisms)) == 20
    passed = {row["mechanism"]: row["passed"] for row in report["rows"]}
    assert passed["real portraits"]  # a face in every frame
    assert not passed["audio drives the mouth"]  # which holds still
    assert not any(passed[f"gaze, {who}"] for who in ("people", "real portraits"))
    assert (out / "mechanisms.md").read_text() == "\n".join(shown.out.splitlines()[:22]) + "\n"
    assert len(list((out / "plots").glob("*.png"))) == 20
    with patch.object(Generator, "make", side_effect=AssertionError("made again")):
        assert main([str(argument) for argument in arguments]) == 0
    assert json.loads((out / "mechanisms.json").read_text()) == report
