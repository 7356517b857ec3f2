"""A portrait that talks while it is spoken: the same frames as of the whole sound, soon, and no memory."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
import torch
from tiny import noise, tiny_config, tiny_gaia

from emo.errors import AudioError, OptionError
from emo.generation.origin import repeat_options
from emo.generation.run import Run
from emo.generation.running_features import RunningFeatures, live_features
from emo.hub.build import build_audio_encoder
from emo.media import LiveSound
from emo.motion import CONTROLS, MeshAnimator, MotionTrack
from emo.motion.idle import IdleMotion
from emo.motion.vasa import HolisticMotionTransformer
from emo.pipelines.motion_options import VASAOptions
from emo.pipelines.pipeline_vasa import CPU_STEPS, VASAPipeline
from emo.pipelines.vasa_motion import motion_scheduler

RATE, SIZE, CHUNK = 16000, 96, 640


@pytest.fixture(scope="module")
def live_pipe() -> VASAPipeline:
    from transformers import Wav2Vec2FeatureExtractor

    torch.manual_seed(0)
    encoder = build_audio_encoder(tiny_config().audio_encoder)
    denoiser = HolisticMotionTransformer(
        space=CONTROLS.measured(CONTROLS.rest + torch.randn(50, len(CONTROLS)) * 0.05).to_dict(),
        audio_dim=encoder.config.num_hidden_layers * encoder.config.hidden_size,
        emotions=["happy"],
        window_length=12,
        prefix_length=10,
        dim=16,
        layers=1,
        heads=2,
    )
    pipe = VASAPipeline(MeshAnimator(), denoiser, encoder, Wav2Vec2FeatureExtractor(), motion_scheduler())
    pipe.set_progress_bar_config(disable=True)
    return pipe


def chunks(samples: np.ndarray, size: int = CHUNK):
    return (samples[start : start + size] for start in range(0, len(samples), size))


def live(pipe, portrait, sound, seed: int = 0, **options):
    options = {"height": SIZE, "width": SIZE, "num_inference_steps": 2, "output_type": "uint8"} | options
    return pipe.live(portrait, sound, generator=torch.Generator().manual_seed(seed), **options)


def frames(stream) -> np.ndarray:
    return np.concatenate([clip.frames for clip in stream])


def test_frames_do_not_depend_on_how_sound_is_cut(live_pipe, portrait):
    samples, _ = noise(1.5)
    whole = frames(live(live_pipe, portrait, [samples]))
    assert whole.shape == (38, SIZE, SIZE, 3)
    np.testing.assert_array_equal(frames(live(live_pipe, portrait, chunks(samples, 333))), whole)
    other = frames(live(live_pipe, portrait, chunks(samples), seed=1))
    assert (other != whole).any()


@pytest.mark.parametrize("fps", [24, "30000/1001", 50])
def test_the_video_is_as_long_as_its_sound_at_every_rate(live_pipe, portrait, fps):
    samples, _ = noise(1.31, 44100)
    stream = live(live_pipe, portrait, ((chunk, 44100) for chunk in chunks(samples, 1024)), fps=fps)
    assert len(frames(stream)) == -(-len(samples) * Fraction(fps) // 44100)


def test_a_clip_comes_when_half_a_second_from_its_beginning_was_heard(live_pipe, portrait):
    given = 0

    def listened():
        nonlocal given
        for chunk in chunks(noise(2)[0], 160):
            given += len(chunk)
            yield chunk

    shown, delays = 0, []
    for clip in live(live_pipe, portrait, listened()):
        delays.append(given / RATE - shown / 25)
        shown += len(clip)
    assert delays[:-2] == pytest.approx([0.5] * (len(delays) - 2), abs=0.011)
    assert shown == 50


def test_nothing_is_made_up_while_no_sound_comes(live_pipe, portrait):
    samples, _ = noise(1)
    clips = iter(live(live_pipe, portrait, iter([samples[:8000], samples[:0], samples[8000:]])))
    assert len(next(clips)) == 8
    assert sum(len(clip) for clip in clips) == 25 - 8
    with pytest.raises(AudioError, match="ended before it began"):
        frames(live(live_pipe, portrait, []))


def test_windows_go_on_from_each_other_though_they_are_shorter_than_what_is_remembered(live_pipe, portrait):
    states = [clip.state for clip in live(live_pipe, portrait, chunks(noise(1.5)[0]))]
    assert all(len(state.tensors[name]) == 10 for state in states for name in ("motion", "audio"))
    first, second = (state.tensors["motion"] for state in states[:2])
    torch.testing.assert_close(first[:2], first[2:3].expand(2, -1))
    torch.testing.assert_close(second[:2], first[-2:])


def test_a_stream_of_an_iterator_is_live(live_pipe, portrait):
    samples, _ = noise(0.7)
    options = {"height": SIZE, "width": SIZE, "num_inference_steps": 2, "output_type": "uint8"}
    generator = torch.Generator().manual_seed(0)
    stream = live_pipe.stream(portrait, chunks(samples), generator=generator, **options)
    np.testing.assert_array_equal(frames(stream), frames(live(live_pipe, portrait, [samples])))


def test_a_recording_may_be_heard_as_live_sound_is(live_pipe):
    samples, _ = noise(2)

    def motion(**options) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        options = {"num_inference_steps": 1, "generator": generator} | options
        return live_pipe.generate_motion((samples, RATE), **options).values

    assert not torch.equal(motion(running_normalization=True), motion())
    sound = LiveSound()
    features = RunningFeatures(sound, live_pipe.audio_encoder, live_pipe.feature_extractor, live_pipe.motion_fps)
    heard = torch.cat(list(live_features(sound, features, chunks(samples)))).flatten(1)
    options = live_pipe.options_class(num_inference_steps=1, running_normalization=True)
    request = live_pipe._request((samples, RATE), options, Run())
    first = next(iter(live_pipe.windows(request)))
    torch.testing.assert_close(first.state.tensors["audio"], heard[2:12], rtol=1e-4, atol=1e-4)


def test_controls_hold_in_live_video(live_pipe, portrait):
    samples, _ = noise(1)
    turned = live(live_pipe, portrait, chunks(samples), pose=(20.0, 0.0, 0.0))
    assert (frames(turned) != frames(live(live_pipe, portrait, chunks(samples)))).any()
    track = MotionTrack.rest(3, 25).set(yaw=[1.0, 2.0, 3.0])
    poses = live(live_pipe, portrait, [samples], pose=track).pose
    assert poses is not None
    assert poses[:, 0].tolist() == [1, 2, 3, 2]
    with pytest.raises(OptionError, match="border_frames is 4, but of a window of live sound 3 are bent at most"):
        live(live_pipe, portrait, [samples], border_frames=4)
    for option, value in {"motion": track, "running_normalization": False, "output_type": "latent"}.items():
        with pytest.raises(OptionError, match=f"{option}.* is not for live sound"):
            live(live_pipe, portrait, [samples], **{option: value})


def test_a_face_idles_in_live_silence(live_pipe, portrait):
    stream = live(live_pipe, portrait, chunks(np.zeros(RATE, np.float32)), idle=True, seed=4)
    appearance = live_pipe.animator.appearance(stream.portrait.image)
    expected = live_pipe.animator.render(appearance, IdleMotion(4).frames(0, 25, 25))
    np.testing.assert_array_equal(frames(stream), expected)


def test_who_cannot_idle_is_told(live_pipe):
    with pytest.raises(OptionError, match="idle: this model's motion is in no named controls"):
        tiny_gaia().generate_motion(noise(0.4), idle=True, num_inference_steps=1)
    with pytest.raises(OptionError, match="idle does nothing where motion is given"):
        live_pipe.generate_motion(noise(0.4), idle=True, motion=MotionTrack.rest(5, 25))


def test_the_record_repeats_a_live_video_and_knows_what_was_heard(live_pipe, portrait):
    samples, _ = noise(0.4)
    stream = live(live_pipe, portrait, [samples], seed=3, gaze=(0.2, 0.0), num_inference_steps=None)
    origin = stream.origin_of([samples])
    assert (origin["seed"], origin["dtype"], origin["scheduler"]) == (3, "float32", "UniPCMultistepScheduler")
    repeated = repeat_options(origin, "it", VASAOptions)
    expected = {"gaze": (0.2, 0.0), "running_normalization": True, "motion": None, "num_inference_steps": CPU_STEPS}
    assert {name: repeated[name] for name in expected} == expected
    other = live(live_pipe, portrait, [samples], seed=3).origin_of([samples[:-1]])
    assert origin["inputs"]["image"] == other["inputs"]["image"]
    assert origin["inputs"]["audio"] != other["inputs"]["audio"]


@pytest.mark.slow
def test_ten_minutes_take_no_more_memory(live_pipe, portrait):
    chunk, _ = noise(0.5)
    peaks = []
    tracemalloc.start()
    try:
        for index, clip in enumerate(live(live_pipe, portrait, (chunk for _ in range(1200)), num_inference_steps=1)):
            del clip
            if index % 300 == 299:
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert len(peaks) == 6
    assert peaks[-1] < peaks[1] + 2**19  # a clip of pictures is 400 KB, and there were 1,200 since
