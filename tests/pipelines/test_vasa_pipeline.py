"""VASA-1's pipeline at tiny size: sound to motion to pictures, in one or in parts, streamed and resumed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DiffusionPipeline
from pipeline_fixtures import SECONDS
from tiny import noise, tiny_vasa

from emo.errors import AudioError, ConfigError, EmoError, MotionError, OptionError
from emo.generation import fingerprint
from emo.motion import CONTROLS, MotionTrack
from emo.pipelines import VASAPipeline
from emo.pipelines.pipeline_vasa import CPU_STEPS


@pytest.fixture(scope="module")
def pipe() -> VASAPipeline:
    return tiny_vasa()


@pytest.fixture
def motion(pipe):
    def make(**options) -> MotionTrack:
        options = {"generator": torch.Generator().manual_seed(0), "num_inference_steps": 2} | options
        return pipe.generate_motion(options.pop("audio", noise(SECONDS)), **options)

    return make


@pytest.mark.parametrize("fps", [25, 30, "30000/1001"])
def test_resumed_equals_uninterrupted(pipe, given, fps):
    stream = pipe.stream(**given(fps=fps))
    clips = list(stream)
    assert (len(clips), stream.num_clips) == (3, 3)
    whole = np.concatenate([clip.frames for clip in clips])
    assert len(whole) == stream.num_frames == -(-SECONDS * stream.fps // 1)
    for stopped in range(3):
        rest = pipe(**given(fps=fps, resume_from=clips[stopped].state)).frames
        np.testing.assert_array_equal(rest, whole[len(whole) - len(rest) :])
        assert len(rest) == sum(len(clip) for clip in clips[stopped + 1 :])


def test_a_call_is_the_whole_stream(pipe, given):
    streamed = np.concatenate([clip.frames for clip in pipe.stream(**given())])
    output = pipe(**given())
    np.testing.assert_array_equal(output.frames, streamed)
    assert (output.frames.shape, output.fps) == ((20, 128, 128, 3), 25)
    assert (streamed[0] != streamed[-1]).any()


def test_drawing_the_motion_is_the_call(pipe, given, motion, portrait):
    drawn = pipe.render(portrait, motion(), noise(SECONDS), output_type="uint8").frames
    np.testing.assert_array_equal(drawn, pipe(**given()).frames)


def test_latents_are_the_motion(pipe, given, motion):
    torch.testing.assert_close(pipe(**given(output_type="latent")).frames, motion().values)


@pytest.mark.parametrize(("fps", "frames"), [(50, 40), ("25/2", 10), (30, 24)])
def test_other_rates_are_read_between_frames_of_the_motion(pipe, given, motion, fps, frames):
    """Whatever windows it was made in."""
    made = pipe(**given(output_type="latent", fps=fps)).frames
    expected = motion().resample(fps)
    assert len(made) == len(expected) == frames
    torch.testing.assert_close(made, expected.values)


def test_a_given_pose_is_taken_and_nothing_else_changes(pipe, motion):
    free, posed = motion(), motion(pose=(10, -5, 2))
    for name, value in {"yaw": 10, "pitch": -5, "roll": 2, "tx": 0, "scale": 1}.items():
        assert torch.equal(posed[name], torch.full((20,), float(value))), name
    for part in ("mouth", "eyes", "brows"):
        assert torch.equal(posed[part], free[part])
    nod = MotionTrack.rest(14, 50).set(pitch=torch.linspace(0, 10, 14))
    assert torch.equal(motion(pose=nod)["pitch"], nod.resample(25).fit(20)["pitch"])


def test_a_given_motion_is_drawn_back_and_forth_and_none_is_generated(pipe, given, monkeypatch):
    monkeypatch.setattr(VASAPipeline, "windows", lambda *_: pytest.fail("it is generated"))
    track = MotionTrack.rest(5, 25).set(jaw=[0, 0.1, 0.2, 0.3, 0.4])
    made = pipe(**given(motion=track, output_type="latent")).frames
    places = [0, 1, 2, 3, 4, 3, 2, 1] * 3
    assert torch.equal(made, track.values[places[:20]])


@pytest.mark.parametrize(
    "options", [{"gaze": "free"}, {"gaze": (0.5, 0)}, {"distance": 1.5}, {"emotion": {"happy": 1}}]
)
def test_controls_change_the_motion(motion, options):
    assert not torch.equal(motion(**options).values, motion().values)


def test_a_portrait_is_driven_by_parts(pipe, given, motion, portrait):
    nod = MotionTrack.rest(10, 50).set(pitch=torch.linspace(0, 10, 10), jaw=0.5)
    driven = pipe.driven_by(nod, noise(SECONDS), ("pose", "gaze"), **given_options(given))
    expected = motion().with_parts(replace(nod.resample(25).fit(20), space=pipe.space), "pose", "gaze")
    assert driven["motion"] == expected
    frames = pipe.drive(portrait, nod, noise(SECONDS), parts=("pose", "gaze"), **given_options(given)).frames
    np.testing.assert_array_equal(frames, pipe.render(portrait, expected, noise(SECONDS), output_type="uint8").frames)
    whole = pipe.drive(portrait, nod, output_type="latent")
    assert torch.equal(whole.frames, nod.values)
    assert whole.fps == 50


def given_options(given):
    return {name: value for name, value in given().items() if name not in ("image", "audio")}


def test_driving_draws_nothing_of_the_given_generator(pipe, given):
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    pipe.driven_by(MotionTrack.rest(10, 25), noise(0.4), ("pose",), generator=generator, num_inference_steps=1)
    assert torch.equal(generator.get_state(), before)


def test_saved_and_loaded(pipe, given, tmp_path):
    pipe.save_pretrained(tmp_path / "tiny")
    frames = pipe(**given()).frames
    loaded = VASAPipeline.from_pretrained(tmp_path / "tiny")
    generic = DiffusionPipeline.from_pretrained(tmp_path / "tiny", trust_remote_code=True)
    for other in (loaded, generic):
        other.set_progress_bar_config(disable=True)
        np.testing.assert_array_equal(other(**given()).frames, frames)


def test_under_cpu_offload_nobody_asks_where_the_denoiser_lies(given, monkeypatch):
    """Between windows it lies on the CPU; hooks are real ones, with this machine's CPU in the GPU's place."""
    pipe = tiny_vasa()
    frames = pipe(**given()).frames
    pipe.enable_model_cpu_offload(device="cpu")
    asked = property(lambda _: pytest.fail("the denoiser is asked where it lies"))
    monkeypatch.setattr(type(pipe.denoiser), "device", asked)
    np.testing.assert_array_equal(pipe(**given()).frames, frames)
    monkeypatch.setattr(VASAPipeline, "_execution_device", torch.device("meta"))
    assert pipe.sampler(pipe.completed(pipe.options_class())).device == torch.device("meta")


def test_the_record_tells_the_steps_that_were_taken(pipe, given):
    told = pipe.stream(**given(num_inference_steps=None)).origin["options"]
    assert (told["num_inference_steps"], told["distance"], told["height"]) == (CPU_STEPS, None, None)


def test_the_fingerprint_knows_motion_and_pose(pipe, given):
    def marks(**options):
        return fingerprint(pipe.stream(**given(**options)), 0)

    plain, rest = marks(), MotionTrack.rest(5, 25)
    changed = {"motion": {"motion": rest}, "pose": {"pose": rest}, "gaze": {"gaze": (0.1, 0)}, "fps": {"fps": 30}}
    for name, options in changed.items():
        assert {key for key, value in marks(**options).items() if plain[key] != value} == {name}


def test_another_prediction_is_refused(pipe):
    for kind in ("epsilon", "v_prediction"):
        with pytest.raises(ConfigError, match=f"prediction_type is {kind}, but this model predicts the sample"):
            VASAPipeline(**pipe.components | {"scheduler": DDIMScheduler(prediction_type=kind)})


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"emotion": {"sad": 1}}, OptionError, "no emotion 'sad'; it knows happy, angry"),
        ({"num_inference_steps": 2000}, OptionError, "num_inference_steps"),
        ({"num_inference_steps": 0}, OptionError, "num_inference_steps"),
        ({"distance": 5}, OptionError, "distance is 5"),
        ({"height": 127}, OptionError, "height is 127"),
        ({"speed": 1}, OptionError, "speed is no option of this model"),
        ({"audio": noise(0.01)}, AudioError, "less than one frame"),
        ({"motion": "none.safetensors"}, OptionError, "motion none.safetensors: no such file"),
        ({"output_type": "latent", "paste_back": True}, OptionError, "paste_back needs pictures"),
    ],
)
def test_what_cannot_be_used_is_named_in_a_line(pipe, given, options, error, words):
    with pytest.raises(error, match=words) as caught:
        pipe.stream(**given(**options))
    assert len(str(caught.value).splitlines()) == 1


def test_motions_that_do_not_fit_are_named(pipe, given):
    other = MotionTrack(torch.zeros(4, 2), 25, replace(CONTROLS, columns=CONTROLS.columns[:2], parts={}))
    for name in ("motion", "pose"):
        with pytest.raises(MotionError, match=f"{name}: a motion of another space"):
            pipe.stream(**given(**{name: other}))
    with pytest.raises(EmoError, match="no sound for the others"):
        pipe.driven_by(MotionTrack.rest(4, 25), None, ("pose",))
    with pytest.raises(OptionError, match="motion has no 'ears'"):
        pipe.driven_by(MotionTrack.rest(4, 25), noise(0.4), ("ears",))


def test_pictures_are_pasted_back(pipe, given, portrait):
    frames = pipe(**given(paste_back=True)).frames
    assert frames.shape == (20, *portrait.shape)
    np.testing.assert_array_equal(frames[0, -1], portrait[-1])
