"""Videos to measure: the same for the same settings, kept, made again when what they depend on changes."""

import json
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from diffusers import DPMSolverMultistepScheduler
from made_faces import made_face
from PIL import Image
from tiny import tiny_pipeline

from emo.cli.main import main
from emo.data.synthetic.held_out import HELD_OUT, PORTRAIT, HeldOut
from emo.evaluation.mechanisms.emo.plan import SHIFT, SPEEDS, EMOClip, face_box, plan_clips
from emo.evaluation.mechanisms.emo.table import FAMILY
from emo.evaluation.mechanisms.generator import GenerationSettings, Generator
from emo.evaluation.mechanisms.plan import EvaluationSize
from emo.face import FaceTrack
from emo.media import VideoReader

TALK = EMOClip("talk", 0.32, person=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny"
    tiny_pipeline().save_pretrained(path)
    return path


@pytest.fixture
def settings(model):
    return GenerationSettings(
        models={"model": str(model), "no_speed": str(model)}, options=asked(), seed=0, people=3, held_out=HELD_OUT,
        size=None, device="cpu", dtype="float32", compile=False,
    )  # fmt: skip


def asked(steps=1, audio=1.0, reference=1.0):
    """Options of the pipeline's call."""
    return {"num_inference_steps": steps, "audio_guidance_scale": audio, "reference_guidance_scale": reference}


@pytest.fixture
def open_generator(settings, tmp_path):
    """`open_generator(seed=2, ...)`: a generator of other settings, on the same folder."""
    for name in ("observations", "videos"):
        (tmp_path / name).mkdir()
    return lambda **changes: Generator(replace(settings, **changes), FAMILY, tmp_path)


def frames_of(generator, clip):
    return generator.make(clip).frames


def test_people_and_voices_are_their_own():
    people = HeldOut(HELD_OUT, 3)
    one, other = people.portrait(0), people.portrait(1)
    assert one.shape == (PORTRAIT, PORTRAIT, 3)
    assert not np.array_equal(one, other)
    assert np.array_equal(one, HeldOut(HELD_OUT, 3).portrait(0))
    assert not np.array_equal(one, HeldOut(HELD_OUT + 1, 3).portrait(0))
    x0, y0, x1, y1 = face_box(one, "one")
    assert 0.4 < max(x1 - x0, y1 - y0) / PORTRAIT < 0.56  # framed as training data is
    voice = people.voice(0, 2.0)
    assert len(voice.jaw) == len(voice.loudness) == 50
    assert len(voice.waveform) == 32000
    assert np.corrcoef(voice.jaw, voice.loudness)[0, 1] > 0.6
    assert np.corrcoef(voice.jaw, people.voice(1, 2.0).jaw)[0, 1] < 0.5


def test_true_clips_move_at_the_speed_asked_for(open_generator):
    slow, fast = (open_generator().generate(EMOClip(f"{v}", 1.0, 0, truth=True, speed=v)) for v in (0.1, 1.6))
    assert fast.rotation_speed.mean() > 3 * slow.rotation_speed.mean()
    voice = HeldOut(HELD_OUT, 3).voice(0, 1.0)
    for clip in (slow, fast):
        assert clip.found.all()
        assert np.corrcoef(clip.opening, voice.jaw)[0, 1] > 0.7


def test_the_same_clip_gives_the_same_video(open_generator):
    first = frames_of(open_generator(), TALK)
    assert first.shape[0] == 8
    assert np.array_equal(first, frames_of(open_generator(), TALK))
    changed = {
        "another name": (open_generator(), replace(TALK, name="other")),
        "another seed": (open_generator(seed=1), TALK),
        "another person": (open_generator(), replace(TALK, person=2)),
        "speed": (open_generator(), replace(TALK, speed=1.0)),
        "audio guidance": (open_generator(options=asked(audio=3.0)), TALK),
        "reference guidance": (open_generator(options=asked(reference=3.0)), TALK),
        "region": (open_generator(), replace(TALK, region=(20.0, 20.0, 230.0, 230.0))),
    }
    for what, (generator, clip) in changed.items():
        assert not np.array_equal(first, frames_of(generator, clip)), what


def test_motion_frames_can_be_taken_away(open_generator):
    generator, length = open_generator(), open_generator().pipe().unet.config.num_frames
    chained = frames_of(generator, TALK)
    unchained = frames_of(generator, replace(TALK, chained=False))
    assert np.array_equal(chained[:length], unchained[:length])  # the first clip has none anyway
    assert not np.array_equal(chained[length : 2 * length], unchained[length : 2 * length])
    assert np.array_equal(chained, frames_of(generator, TALK))  # and given back


def test_what_is_there_is_not_made_again(open_generator, tmp_path):
    first = open_generator().generate(TALK)
    with VideoReader(tmp_path / "videos" / "talk.mp4") as video:
        assert len(video) == len(first) == 8
        assert video.has_audio
    with patch.object(Generator, "make", side_effect=AssertionError("made again")):
        kept = open_generator().generate(TALK)
        assert np.array_equal(kept.landmarks, first.landmarks)
        assert kept.seconds.shape == ()
        assert kept.seconds == first.seconds
        others = asked(steps=2), asked(audio=1.5), asked(reference=1.5)
        for changes in ({"seed": 1}, {"held_out": HELD_OUT + 1}, *({"options": options} for options in others)):
            with pytest.raises(AssertionError, match="made again"):
                open_generator(**changes).generate(TALK)
        other = open_generator()
        other.pipe().scheduler = DPMSolverMultistepScheduler.from_config(other.pipe().scheduler.config)
        with pytest.raises(AssertionError, match="made again"):
            other.generate(TALK)
        with pytest.raises(AssertionError, match="made again"):
            open_generator().generate(replace(TALK, speed=1.0))
    path = tmp_path / "observations" / "talk.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert np.array_equal(open_generator().generate(TALK).landmarks, first.landmarks)  # damaged, so made again


def test_another_picture_under_the_same_name(open_generator, tmp_path, portrait):
    picture = tmp_path / "face.png"
    Image.fromarray(portrait).save(picture)
    clip = EMOClip("real", 0.2, picture=str(picture), voice=0)
    first = open_generator().generate(clip)
    Image.fromarray(255 - portrait[:, ::-1] // 2).save(picture)
    assert not np.array_equal(open_generator().generate(clip).rgb, first.rgb)


def test_plan_has_every_row_and_regions_lie_where_they_should():
    people = HeldOut(HELD_OUT, 3)
    clips = {
        clip.name: clip for clip in plan_clips(EvaluationSize(talks=3, few=2, gallery=3), people, {"a": "a.png"}, True)
    }
    assert clips["long"].seconds == 60
    assert clips["speed-none-1"].model == "no_speed"
    assert {clips[f"speed-{speed:g}-1"].speed for speed in SPEEDS} == set(SPEEDS)
    assert not clips["unchained-0"].chained
    assert clips["real-a"].picture == "a.png"
    boxes = {name: np.array(clips[f"region-{name}-0"].region) for name in ("left", "right", "tight", "wide")}
    assert boxes["tight"] == pytest.approx(face_box(people.portrait(0), "0"), abs=1e-6)
    assert (boxes["right"] - boxes["left"])[[0, 2]] == pytest.approx(2 * SHIFT * PORTRAIT)
    assert boxes["wide"][0] < boxes["left"][0]
    assert boxes["wide"][2] > boxes["right"][2]


def quick_clip(held_out, person, seconds, speed=None):
    """In place of the drawing, which takes its time and is tested above."""
    still = np.asarray(Image.fromarray(held_out.portrait(person)).resize((128, 128)))
    return np.stack([np.roll(still, t % 3, axis=1) for t in range(round(25 * seconds))])


def quick_track(frames, detector):
    """In place of the search for faces in noise."""
    return FaceTrack(np.stack([made_face()] * len(frames)), np.ones(len(frames), bool))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(HeldOut, "clip", quick_clip)
    monkeypatch.setattr("emo.evaluation.mechanisms.observation.track_face", quick_track)
    monkeypatch.setattr("emo.evaluation.mechanisms.emo.plan.SPEEDS", (0.1, 1.9))


@pytest.mark.slow
def test_the_whole_report(model, tmp_path, capsys, portrait, quick):
    (tmp_path / "faces").mkdir()
    Image.fromarray(portrait).save(tmp_path / "faces" / "astronaut.png")
    Image.fromarray(portrait[:60, :60]).save(tmp_path / "faces" / "corner.png")
    out = tmp_path / "report"
    arguments = ["evaluate", "mechanisms", "--model", model, "--out", out, "--portraits", tmp_path / "faces"]
    arguments += ["--talks", 2, "--few", 2, "--gallery", 3, "--seconds", 1, "--brief", 1, "--long", 2.4, "--steps", 1]
    arguments += ["--workers", 1, "--audio-guidance", 1]
    assert main([str(argument) for argument in arguments]) == 0
    shown = capsys.readouterr()
    assert "corner.png" in shown.err
    report = json.loads((out / "mechanisms.json").read_text())
    mechanisms = [row["mechanism"] for row in report["rows"]]
    assert len(mechanisms) == 10
    assert mechanisms[-1] == "real portraits"
    passed = {row["mechanism"]: row["passed"] for row in report["rows"]}
    assert passed["real portraits"]  # a face in every frame
    assert not passed["audio drives the mouth"]  # which holds still
    assert not passed["picture quality"]  # of random weights
    assert all(line.split(" | ")[0][2:] in mechanisms for line in shown.out.splitlines()[2:12])
    assert (out / "mechanisms.md").read_text() == "\n".join(shown.out.splitlines()[:12]) + "\n"
    assert len(list((out / "plots").glob("*.png"))) == 10
    with Image.open(out / "mechanisms.png") as sheet:
        assert min(sheet.size) > 200
    with patch.object(Generator, "make", side_effect=AssertionError("made again")):
        assert main([str(argument) for argument in arguments]) == 0
    assert json.loads((out / "mechanisms.json").read_text()) == report


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--talks", "1"], "--talks 1"),
        (["--few", "7", "--talks", "5"], "--few 7"),
        (["--gallery", "3"], "--gallery 3"),
        (["--long", "1"], "--long 1.0"),
        (["--size", "100"], "--size 100: must be a multiple of 8"),
        (["--size", "128"], "--size does nothing for models of EMO"),
        (["--model", "vasa-mesh", "--long", "12"], "--long does nothing for models of VASA-1"),
        (["--model", "vasa-mesh", "--no-speed", "emo-tiny"], "--no-speed does nothing for models of VASA-1"),
        (["--model", "vasa-mesh", "--reference-guidance", "2"], "--reference-guidance does nothing"),
        (["--model", "vasa-mesh", "--seconds", "2"], "--seconds 2: must be longer than a window of 50 frames"),
        (["--model", "vasa-mesh", "--talks", "2", "--few", "2", "--gallery", "2"], "--gallery 2"),
        (["--no-speed", "vasa-mesh"], "--no-speed vasa-mesh is of VASA-1, not EMO"),
        (["--seconds", "nan"], "--seconds nan"),
        (["--audio-guidance", "inf"], "--audio-guidance"),
        (["--reference-guidance", "nan"], "--reference-guidance"),
        (["--portraits", "/nowhere"], "/nowhere"),
        (["--model", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_bad_options_are_named(options, said, tmp_path, capsys):
    assert main(["evaluate", "mechanisms", "--out", str(tmp_path / "out"), *options]) == 2
    message = capsys.readouterr().err.strip()
    assert said in message
    assert "\n" not in message
