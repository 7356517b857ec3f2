"""GAIA's pipeline at tiny size: sound and poses to latents to pictures, in one or in parts, streamed and resumed."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DiffusionPipeline, UniPCMultistepScheduler
from made_videos import talker, write_video
from pipeline_fixtures import SECONDS
from tiny import noise, tiny_gaia

from emo import GAIAPipeline
from emo.errors import ConfigError, MotionError, OptionError
from emo.generation import fingerprint
from emo.generation.origin import repeat_options
from emo.motion import CONTROLS, MotionTrack
from emo.motion.gaia import latent_space
from emo.pipelines import GAIAOptions


@pytest.fixture(scope="module")
def pipe() -> GAIAPipeline:
    return tiny_gaia()


@pytest.fixture
def motion(pipe, portrait):
    def make(**options) -> MotionTrack:
        seeded = {"generator": torch.Generator().manual_seed(0), "num_inference_steps": 2, "image": portrait}
        options = seeded | options
        return pipe.generate_motion(options.pop("audio", noise(SECONDS)), **options)

    return make


def test_resumed_equals_uninterrupted(pipe, given):
    stream = pipe.stream(**given(eta=1.0))
    clips = list(stream)
    assert (len(clips), stream.num_clips) == (3, 3)
    whole = np.concatenate([clip.frames for clip in clips])
    assert len(whole) == stream.num_frames == 20
    for stopped in range(3):
        rest = pipe(**given(eta=1.0, resume_from=clips[stopped].state)).frames
        np.testing.assert_array_equal(rest, whole[len(whole) - len(rest) :])
        assert len(rest) == sum(len(clip) for clip in clips[stopped + 1 :])
    with pytest.raises(OptionError, match="it has no audio, motion, pose"):
        pipe.stream(**given(resume_from=replace(clips[0].state, tensors={"drawn_motion": torch.zeros(1)})))


def test_a_call_is_the_whole_stream_at_the_models_size(pipe, given):
    streamed = np.concatenate([clip.frames for clip in pipe.stream(**given())])
    output = pipe(**given())
    np.testing.assert_array_equal(output.frames, streamed)
    assert (output.frames.shape, output.fps) == ((20, 64, 64, 3), 25)
    assert (streamed[0] != streamed[-1]).any()
    assert pipe(**given(height=96, width=96, fps=30)).frames.shape == (24, 96, 96, 3)


def test_drawing_the_motion_is_the_call(pipe, given, motion, portrait):
    drawn = pipe.render(portrait, motion(), noise(SECONDS), output_type="uint8").frames
    np.testing.assert_array_equal(drawn, pipe(**given()).frames)
    torch.testing.assert_close(pipe(**given(output_type="latent")).frames, motion().values)


def test_the_portraits_motion_is_the_reference(pipe, motion, portrait):
    turned = cv2.warpAffine(portrait, cv2.getRotationMatrix2D((256, 128), 12, 1), (512, 512))
    nobody = motion(image=None)
    assert not torch.allclose(motion(image=turned).values, motion().values)
    assert not torch.allclose(nobody.values, motion().values)
    torch.testing.assert_close(motion(image=None).values, nobody.values)


def test_poses_that_are_given_go_into_what_generates(pipe, motion):
    free, posed = motion(), motion(pose=(20, -10, 5))
    assert not torch.allclose(posed.values, free.values)
    track = MotionTrack.rest(40, 50).set(yaw=20.0, pitch=-10.0, roll=5.0)
    torch.testing.assert_close(motion(pose=track).values, posed.values)
    nod = MotionTrack.rest(20, 25).set(pitch=torch.cat([torch.zeros(10), torch.full((10,), 20.0)]))
    flat = motion(pose=MotionTrack.rest(20, 25))
    torch.testing.assert_close(motion(pose=nod).values[:8], flat.values[:8])  # the first window, which is flat in both
    assert not torch.allclose(motion(pose=nod).values[8:], flat.values[8:])


def test_where_none_are_given_they_are_predicted_from_the_sound(pipe, motion, monkeypatch):
    free = motion()
    monkeypatch.setattr(type(pipe.pose_predictor), "forward", lambda self, audio, mask=None: audio[..., :3] * 0 + 3)
    assert not torch.allclose(motion().values, free.values)


@pytest.mark.parametrize("options", [{"audio_guidance_scale": 2.0}, {"eta": 1.0}, {"running_normalization": True}])
def test_options_change_the_motion(motion, options):
    assert not torch.equal(motion(**options).values, motion().values)


def test_a_video_drives_in_the_latents_of_its_landmarks(pipe, given, portrait, tmp_path):
    path = write_video(tmp_path / "talk.mp4", talker(0.8)[0])
    track = pipe.animator.track(path)
    options = {"output_type": "uint8"}
    driven = pipe.drive(portrait, path, **options).frames
    np.testing.assert_array_equal(driven, pipe.render(portrait, track, **options).frames)
    assert (driven[0] != driven[-1]).any()
    with pytest.raises(OptionError, match="parts: a motion of this model is one latent of the whole face") as caught:
        pipe.driven_by(tmp_path / "none.mp4", None, ("mouth",))
    assert caught.value.option == "parts"
    with pytest.raises(OptionError, match="pose does nothing where a motion is given"):
        pipe.drive(portrait, track, pose=(10, 0, 0))


def test_saved_and_loaded(pipe, given, tmp_path):
    pipe.save_pretrained(tmp_path / "tiny")
    frames = pipe(**given()).frames
    loaded = GAIAPipeline.from_pretrained(tmp_path / "tiny")
    generic = DiffusionPipeline.from_pretrained(tmp_path / "tiny", trust_remote_code=True)
    for other in (loaded, generic):
        other.set_progress_bar_config(disable=True)
        again = other(**given()).frames.astype(int)
        assert np.abs(again - frames).max() <= 1  # where sums are rounded differs with where weights lie


def test_live_frames_do_not_depend_on_how_sound_is_cut(pipe, given, portrait):
    samples, _ = noise(1.0)
    options = {name: value for name, value in given().items() if name not in ("image", "audio")}

    def live(size: int, **more) -> np.ndarray:
        chunks = (samples[start : start + size] for start in range(0, len(samples), size))
        generator = torch.Generator().manual_seed(0)
        stream = pipe.live(portrait, chunks, **options | {"generator": generator} | more)
        return np.concatenate([clip.frames for clip in stream])

    whole = live(len(samples))
    assert whole.shape == (25, 64, 64, 3)
    np.testing.assert_array_equal(live(333), whole)
    assert (live(len(samples), pose=(20.0, 0.0, 0.0)) != whole).any()


def test_under_cpu_offload_nobody_asks_where_the_denoiser_lies(given, monkeypatch):
    """Between windows it lies on the CPU; hooks are real ones, with this machine's CPU in the GPU's place."""
    pipe = tiny_gaia()
    frames = pipe(**given()).frames
    pipe.enable_model_cpu_offload(device="cpu")
    asked = property(lambda _: pytest.fail("a network is asked where it lies"))
    for network in (pipe.denoiser, pipe.speech_encoder, pipe.pose_predictor):
        monkeypatch.setattr(type(network), "device", asked)
    np.testing.assert_array_equal(pipe(**given()).frames, frames)


def test_the_record_repeats_a_video(pipe, given):
    stream = pipe.stream(**given(num_inference_steps=None, eta=0.5, pose=(5, 0, 0)))
    repeated = repeat_options(stream.origin, "it", GAIAOptions)
    expected = {"num_inference_steps": 20, "eta": 0.5, "pose": (5.0, 0.0, 0.0), "audio_guidance_scale": 1.0}
    assert {name: repeated[name] for name in expected} == expected
    plain = fingerprint(pipe.stream(**given()), 0)
    changed = {"motion": MotionTrack.rest(5, 25, pipe.space), "pose": (1, 0, 0), "eta": 0.5}
    for name, value in changed.items():
        marks = fingerprint(pipe.stream(**given(**{name: value})), 0)
        assert {key for key, mark in marks.items() if plain[key] != mark} == {name}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"gaze": (0, 0)}, OptionError, "gaze is no option of this model"),
        ({"num_inference_steps": 2000}, OptionError, "num_inference_steps"),
        ({"eta": 2}, OptionError, "eta is 2"),
        ({"height": 96}, OptionError, "96 pixels: GAIA's autoencoder draws square ones"),
        ({"motion": MotionTrack.rest(4, 25)}, MotionError, "motion: a motion of another space"),
        ({"pose": MotionTrack.rest(4, 25, latent_space((1, 1, 2)))}, MotionError, "pose: a motion without yaw"),
    ],
)
def test_what_cannot_be_used_is_named_in_a_line(pipe, given, options, error, words):
    with pytest.raises(error, match=words) as caught:
        pipe(**given(**options))
    assert len(str(caught.value).splitlines()) == 1


def test_parts_that_do_not_fit_are_refused(pipe):
    with pytest.raises(ConfigError, match="prediction_type is epsilon, but this model predicts the sample"):
        GAIAPipeline(**pipe.components | {"scheduler": DDIMScheduler()})
    other = type(pipe.denoiser).from_config(pipe.denoiser.config, space=CONTROLS.to_dict(), token_channels=2)
    with pytest.raises(ConfigError, match="other latents than those of the vae"):
        GAIAPipeline(**pipe.components | {"denoiser": other})
    solver = UniPCMultistepScheduler(prediction_type="sample")
    unlike = GAIAPipeline(**pipe.components | {"scheduler": solver})
    with pytest.raises(OptionError, match=r"eta is 0.5, but the model's scheduler has none"):
        unlike.generate_motion(noise(0.4), eta=0.5, num_inference_steps=1)
