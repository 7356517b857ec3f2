"""GoHD's videos to measure: what is asked of a motion is what is drawn, and what is told what is heard."""

import json
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from made_motion import drawn_motion, made_generator, quick_clip, quick_track, still_video
from PIL import Image
from tiny import tiny_gohd

from emo.cli.main import main
from emo.data.synthetic.held_out import HELD_OUT, HeldOut
from emo.evaluation.mechanisms.generator import FPS, Generator
from emo.evaluation.mechanisms.gohd.plan import GAMMAS, MIXED, STRENGTHS, TURNED, GoHDClip, plan_clips
from emo.evaluation.mechanisms.gohd.table import FAMILY
from emo.evaluation.mechanisms.gohd.videos import VideoMaker, told_eyes
from emo.evaluation.mechanisms.plan import EvaluationSize
from emo.motion import CONTROLS, MotionTrack
from emo.pipelines import GoHDPipeline

SECONDS = 0.8  # 20 frames, 3 windows of the tiny model
TALK = GoHDClip("talk", SECONDS, person=1)
EXTENT = EvaluationSize(talks=2, few=2, gallery=4, seconds=1.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny"
    calm_gohd().save_pretrained(path)
    return path


def calm_gohd() -> GoHDPipeline:
    """A tiny pipeline whose heads, of random weights, stay in the picture."""
    pipe = tiny_gohd()
    for network in (pipe.denoiser, pipe.gaze_denoiser):
        network.register_to_config(reach=[0.02 * reach for reach in network.config["reach"]])
    return pipe


@pytest.fixture
def open_maker(model, tmp_path):
    """`open_maker(seed=1)`: what makes videos by other settings."""
    pipe = calm_gohd()
    return lambda **changes: VideoMaker(made_generator(FAMILY, model, tmp_path, pipe, **changes))


def columns(*parts: str) -> list[int]:
    return CONTROLS.index(*parts)


def test_a_clip_is_drawn_and_its_controls_are_kept(open_maker):
    maker = open_maker()
    video = maker(TALK)
    assert video.frames.shape == (20, 128, 128, 3)
    assert np.array_equal(video.controls.astype(np.float32), drawn_motion(maker, TALK))
    assert np.array_equal(video.controls[:, columns("yaw", "pitch", "roll")], video.pose)


def test_one_voice_is_one_motion_unless_its_noise_is_another(open_maker):
    maker = open_maker()
    own = drawn_motion(maker, TALK)
    assert np.array_equal(own, drawn_motion(maker, replace(TALK, person=2, voice=1)))
    assert not np.array_equal(own, drawn_motion(maker, replace(TALK, voice=2)))
    assert not np.array_equal(own, drawn_motion(maker, replace(TALK, seed=1)))
    assert not np.array_equal(own, drawn_motion(open_maker(seed=1), TALK))
    assert not np.array_equal(own, drawn_motion(maker, replace(TALK, options={"pose_guidance": 1.0})))


def test_a_mesh_is_told_weaker_motion(open_maker):
    maker = open_maker()
    own, half = (drawn_motion(maker, replace(TALK, options={"motion_strength": s})) for s in (1.0, 0.5))
    rest = CONTROLS.rest.numpy()
    assert half == pytest.approx(rest + 0.5 * (own - rest), abs=1e-6)


def test_an_animator_of_a_latent_is_told_the_strength(open_maker):
    maker = open_maker()
    with patch.object(type(maker._generator.pipe()), "render", side_effect=StopIteration) as render:
        for clip in (replace(TALK, options={"motion_strength": 0.5}), TALK):
            with pytest.raises(StopIteration):
                maker(clip)
    assert [call.kwargs.get("motion_strength") for call in render.call_args_list] == [0.5, None]


def test_lids_and_brows_that_are_told_are_heard_by_stage_1(open_maker):
    maker = open_maker()
    pipe = maker._generator.pipe()
    mapper, heard = pipe.lip_mapper, []
    hook = mapper.register_forward_hook(lambda network, inputs, made: heard.append(inputs[2][0]))
    drawn_motion(maker, replace(TALK, eyes=2))
    hook.remove()
    acts = HeldOut(HELD_OUT, 4).controls(2, SECONDS).track(FPS)
    told = mapper.space.normalize(acts.values[:, acts.space.index(*mapper.space.names)])[:, mapper.eyes]
    assert torch.equal(torch.cat(heard), told)
    own = drawn_motion(maker, TALK)
    with told_eyes(pipe, None):
        assert np.array_equal(own, drawn_motion(maker, TALK))  # and given back


def test_parts_of_three_people(open_maker, monkeypatch):
    theirs = {person: np.random.default_rng(person).normal(size=(20, 14)).astype(np.float32) for person in (0, 2, 3)}
    monkeypatch.setattr(HeldOut, "clip", lambda self, person, seconds: np.full((20, 8, 8, 3), person, np.uint8))
    maker = open_maker()
    animator = type(maker._generator.pipe().animator)
    monkeypatch.setattr(animator, "motion", lambda self, seen: torch.from_numpy(theirs[int(seen[0][0, 0, 0])]))
    mixed = drawn_motion(maker, replace(TALK, parts=dict(zip(MIXED, (2, 3, 0), strict=True))))
    for names, person in zip(MIXED.values(), (2, 3, 0), strict=True):
        assert np.array_equal(mixed[:, columns(*names)], theirs[person][:, columns(*names)])


def test_turned_pictures_are_animated(open_maker):
    maker, clip = open_maker(), replace(TALK, turned=TURNED["right"])
    rendered = patch.object(type(maker._generator.pipe()), "render", side_effect=StopIteration)
    with rendered as render, pytest.raises(StopIteration):
        maker(clip)
    source = render.call_args.args[0]
    assert source.shape == (128, 128, 3)
    assert np.array_equal(source, maker(replace(clip, truth=True)).frames[0])


def true_motion(maker, **asked) -> MotionTrack:
    return maker.true_motion(GoHDClip("true", SECONDS, person=1, truth=True, **asked))


def test_true_people_do_what_is_asked(open_maker):
    maker = open_maker()
    plain, other = true_motion(maker), true_motion(maker, voice=2)
    aside = true_motion(maker, options={"gaze": (0.5, -0.4)})
    assert [float(aside[name].median()) for name in ("gaze_x", "gaze_y")] == pytest.approx([0.5, -0.4], abs=1e-6)
    weak, rest = true_motion(maker, options={"motion_strength": 0.5}), CONTROLS.rest
    torch.testing.assert_close(weak.values, rest + 0.5 * (plain.values - rest))
    still = true_motion(maker, eyes=2, options={"pose": (0.0, 0.0, 0.0)})
    assert torch.equal(still["blink"], other["blink"])
    assert torch.equal(still["jaw"], plain["jaw"])
    assert torch.equal(still["pose"], MotionTrack.rest(20, FPS)["pose"])
    mixed = true_motion(maker, parts={"pose": 2})
    assert torch.equal(mixed["pose"], other["pose"])
    assert torch.equal(mixed["jaw"], plain["jaw"])
    assert true_motion(maker, still="all") == MotionTrack.rest(20, FPS)
    turned = true_motion(maker, turned=(15.0, -6.0, 0.5))
    assert [float(turned[name][3]) for name in ("yaw", "pitch", "jaw", "roll")] == [15, -6, 0.5, 0]


def test_plan_has_all_videos_of_all_rows(open_maker):
    maker = open_maker()
    planned = plan_clips(EXTENT, maker._generator, {"a": "a.png"})
    clips = {clip.name: clip for clip in planned}
    assert len(clips) == len(planned)
    for name in (*(f"strength-{s:g}" for s in STRENGTHS), "mixed", "gaze-left", "portrait"):
        assert {f"{name}-0", f"{name}-0-truth", f"{name}-real-a"} <= set(clips)
        assert f"{name}-real-a-truth" not in clips
    assert {clips[f"gamma-{g:g}-{seed}-1"].seed for g in GAMMAS for seed in range(3)} == {0, 1, 2}
    assert clips["gamma-0.4-2-1"].options == {"pose_guidance": 0.4}
    assert clips["mixed-1"].parts == {"pose": 2, "expression": 3, "gaze": 0}
    assert clips["mixed-1"].voice == 3
    told = [(clips[f"told-{kind}-1"].voice, clips[f"told-{kind}-1"].eyes) for kind in ("own", "eyes", "sound")]
    assert told == [(1, 1), (1, 2), (2, 1)]
    assert not {"turned-left-0", "plain-0"} & set(clips)  # of a mesh, and of one model alone


def test_plan_of_a_learned_animator_and_of_two_models(open_maker, model, monkeypatch):
    maker = open_maker(models={"model": str(model), "no_attention": str(model)})
    animator = type(maker._generator.pipe().animator)
    monkeypatch.setattr(animator, "directions", lambda self: torch.eye(2), raising=False)
    clips = {clip.name: clip for clip in plan_clips(EXTENT, maker._generator, {})}
    assert clips["turned-left-0"].turned == TURNED["left"]
    assert clips["turned-left-0"].options == {"motion_strength": 0.0}
    assert "turned-left-0-truth" in clips
    assert clips["plain-1"].model == "no_attention"


@pytest.mark.parametrize("learned", [False, True])
def test_the_table_is_made_of_what_is_planned(open_maker, model, monkeypatch, learned):
    generator = open_maker(models={"model": str(model), "no_attention": str(model)})._generator
    generator.__dict__["gallery"] = np.eye(4)
    if learned:
        animator = type(generator.pipe().animator)
        monkeypatch.setattr(animator, "directions", lambda self: torch.eye(20, 512), raising=False)
    clips = plan_clips(EXTENT, generator, {"a": "a.png", "b": "b.png"})
    table = FAMILY.rows({clip.name: still_video(clip.seconds) for clip in clips}, EXTENT, generator)
    passed = {row.mechanism: row.passed for row in table}
    assert len(passed) == len(table) == 23
    assert {type(value) for value in passed.values()} <= {bool, type(None)}
    assert passed["real portraits"]  # a face in every frame
    for row in ("gaze", "mixed driving", "strength of motion"):
        assert not any(passed[f"{row}, {who}"] for who in ("people", "real portraits"))  # none of whom move
    for row in ("attention of poses", "lids and brows apart from lips", "knowledge of the first pose"):
        assert passed[row] is False
    of_latents = [passed[row] for row in ("without motion frontal and neutral", "directions of motion")]
    assert of_latents == [True if learned else None] * 2
    assert passed["distilled lips"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--audio-guidance", "2"], "--audio-guidance does nothing for models of GoHD"),
        (["--long", "12"], "--long does nothing for models of GoHD"),
        (["--pose-guidance", "2"], "pose_guidance is 2.0; it must lie between 0 and 1"),
        (["--gallery", "3"], "--gallery 3: must be at least 4"),
        (["--no-attention", "vasa-mesh"], "--no-attention vasa-mesh is of VASA-1, not GoHD"),
        (["--model", "vasa-mesh", "--pose-guidance", "1"], "--pose-guidance does nothing for models of VASA-1"),
    ],
)
def test_bad_options_are_named(model, options, said, tmp_path, capsys):
    few = ["--talks", "2", "--few", "2", "--model", str(model)]
    assert main(["evaluate", "mechanisms", "--out", str(tmp_path / "out"), *few, *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_report(model, tmp_path, capsys, portrait, monkeypatch):
    monkeypatch.setattr(HeldOut, "draw", quick_clip)
    monkeypatch.setattr("emo.evaluation.mechanisms.observation.track_face", quick_track)
    monkeypatch.setattr("emo.motion.controlled.track_face", lambda pictures, name: quick_track(pictures, None))
    (tmp_path / "faces").mkdir()
    for name in "ab":
        Image.fromarray(portrait).save(tmp_path / "faces" / f"{name}.png")
    out = tmp_path / "report"
    arguments = ["evaluate", "mechanisms", "--model", model, "--out", out, "--portraits", tmp_path / "faces"]
    arguments += ["--talks", 2, "--few", 2, "--gallery", 4, "--seconds", 1, "--brief", 1, "--steps", 1]
    arguments += ["--size", 128, "--workers", 1, "--no-compile", "--no-attention", model]
    assert main([str(argument) for argument in arguments]) == 0
    shown = capsys.readouterr()
    report = json.loads((out / "mechanisms.json").read_text())
    passed = {row["mechanism"]: row["passed"] for row in report["rows"]}
    assert len(passed) == len(report["rows"]) == 23
    assert passed["real portraits"]  # a face in every frame
    assert not passed["audio drives the mouth"]  # which holds still
    assert not any(
        passed[f"{row}, {who}"] for row in ("gaze", "mixed driving") for who in ("people", "real portraits")
    )
    assert not passed["attention of poses"]  # of the same model
    for unknown in ("without motion frontal and neutral", "distilled lips", "directions of motion"):
        assert passed[unknown] is None
    assert (out / "mechanisms.md").read_text() == "\n".join(shown.out.splitlines()[:25]) + "\n"
    assert len(list((out / "plots").glob("*.png"))) == 23
    with patch.object(Generator, "make", side_effect=AssertionError("made again")):
        assert main([str(argument) for argument in arguments]) == 0
    assert json.loads((out / "mechanisms.json").read_text()) == report
