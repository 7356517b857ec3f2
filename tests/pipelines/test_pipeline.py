"""The pipeline as a diffusers user sees it: outputs, options, schedulers, precision, errors."""

import copy
import inspect
import io
import json
import pickle
import threading
from fractions import Fraction

import numpy as np
import PIL.Image
import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    UniPCMultistepScheduler,
)
from tiny import SIZE, noise, tiny_pipeline

from emo.errors import AudioError, ConfigError, FaceError, OptionError, OutputError
from emo.generation import ClipState, fingerprint
from emo.generation.fingerprint import weights_fingerprint
from emo.media import VideoReader
from emo.pipelines import EMOPipeline

STATE = {"motion_latents": torch.zeros(1, 2, 4, 16, 16), "noise": torch.zeros(1, 4, 4, 16, 16)}


@pytest.mark.parametrize(
    ("seconds", "fps", "frames"), [(0.4, 25, 10), (0.401, 25, 11), (0.04, 25, 1), (0.5, "30000/1001", 15)]
)
def test_frames_cover_the_sound_exactly(generate, seconds, fps, frames):
    """ceil(seconds · fps) frames; the last clip is padded and cut, never dropped."""
    video = generate(seconds, fps=fps)
    assert video.shape == (frames, SIZE, SIZE, 3)


def test_output_types(pipe, portrait, generate):
    array = generate(output_type="np")
    assert array.dtype == np.float32
    assert 0 <= array.min() < array.max() <= 1
    pictures = generate(output_type="pil")
    assert isinstance(pictures, list)
    assert isinstance(pictures[0], PIL.Image.Image)
    np.testing.assert_allclose(np.stack(pictures) / 255, array, atol=0.003)
    tensor = generate(output_type="pt")
    np.testing.assert_allclose(tensor.permute(0, 2, 3, 1).numpy(), array, atol=1e-6)
    eight_bits = generate(output_type="uint8")
    assert eight_bits.dtype == np.uint8
    np.testing.assert_array_equal(eight_bits, np.stack(pictures))
    latents = generate(output_type="latent")
    assert latents.shape == (10, 4, 16, 16)
    output = pipe(portrait, noise(0.2), num_inference_steps=1)
    assert (output.fps, output.audio.num_samples, len(output.frames)) == (Fraction(25), 3200, 5)
    frames, fps, audio = pipe(portrait, noise(0.2), num_inference_steps=1, return_dict=False)
    assert (len(frames), fps, audio.num_samples) == (5, Fraction(25), 3200)


def test_same_seed_same_video(generate):
    first = generate()
    np.testing.assert_array_equal(first, generate())
    assert np.abs(first - generate(generator=torch.Generator().manual_seed(1))).max() > 0.01


def test_every_input_matters(pipe, generate, portrait):
    base = generate()
    changes = {
        "portrait": dict(image=portrait[:, ::-1].copy()),
        "sound": dict(audio=noise(0.4, seed=1)),
        "speed": dict(speed=0.5),
        "speed level": dict(speed=1.5),
        "face region": dict(face_region="full"),
        "audio guidance": dict(audio_guidance_scale=3),
        "reference guidance": dict(reference_guidance_scale=3),
        "steps": dict(num_inference_steps=3),
        "eta": dict(eta=1.0),
        "noise correlation": dict(noise_correlation=0.5),
        "noise mirroring": dict(noise_mirroring=0.5),
    }
    videos = {name: generate(**options) for name, options in changes.items()}
    assert {name for name, video in videos.items() if np.abs(video - base).max() < 1e-4} == set()
    assert np.abs(videos["speed"] - videos["speed level"]).max() > 1e-4


def test_a_speed_per_frame(generate):
    same, rising = generate(speed=[0.5] * 10), generate(speed=list(np.linspace(0, 2, 10)))
    np.testing.assert_array_equal(same, generate(speed=0.5))
    assert np.abs(same - rising).max() > 1e-4


def test_without_a_speed_the_condition_is_dropped_as_in_training(pipe, generate):
    seen = []
    hook = pipe.unet.register_forward_pre_hook(lambda _, args, given: seen.append(given["speed"]), with_kwargs=True)
    generate()
    hook.remove()
    assert all(speed.shape[1:] == (4, 16) for speed in seen)
    assert not any(speed.any() for speed in seen)
    layers = [layer for name, layer in pipe.unet.named_modules() if name.endswith("speed_attn.to_out.0")]
    before = [{name: value.clone() for name, value in layer.state_dict().items()} for layer in layers]
    for layer in layers:  # as before stage 3: then it is Table 2's "No Speed"
        torch.nn.init.zeros_(layer.weight), torch.nn.init.zeros_(layer.bias)
    without = generate()
    np.testing.assert_array_equal(without, generate(speed=1.0))
    for layer, weights in zip(layers, before, strict=True):
        layer.load_state_dict(weights)
    assert np.abs(without - generate()).max() > 1e-4


def test_size_other_than_the_models(generate):
    assert generate(height=96, width=64).shape == (10, 96, 64, 3)


def test_paste_back_keeps_the_rest_of_the_picture(generate, portrait):
    video = generate(paste_back=True)
    assert video.shape == (10, *portrait.shape)
    changed = (np.abs(video - portrait / 255) > 0.01).any(axis=(0, 3))
    assert changed.any()
    assert not changed[:, :60].any()
    assert not changed[300:].any()


@pytest.mark.parametrize(
    "scheduler",
    [EulerDiscreteScheduler, EulerAncestralDiscreteScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler],
)
def test_other_schedulers_take_its_place(pipe, generate, scheduler):
    """Against the scheduler driven by hand, with a network whose output is a known function of its input."""
    pipe.scheduler = scheduler.from_config(pipe.scheduler.config)
    pipe.unet.forward = lambda sample, timestep, *args, **kwargs: sample * 0.5 + timestep.view(-1, 1, 1, 1, 1) / 1000
    latents = generate(0.16, num_inference_steps=3, output_type="latent")

    by_hand, generator = scheduler.from_config(pipe.scheduler.config), torch.Generator().manual_seed(0)
    by_hand.set_timesteps(3)
    expected = torch.randn(1, 4, 4, 16, 16, generator=generator) * by_hand.init_noise_sigma
    extra = {"generator": generator} if "generator" in inspect.signature(by_hand.step).parameters else {}
    for timestep in by_hand.timesteps:
        prediction = by_hand.scale_model_input(expected, timestep) * 0.5 + timestep / 1000
        expected = by_hand.step(prediction, timestep, expected, **extra).prev_sample
    torch.testing.assert_close(latents, expected[0], rtol=1e-4, atol=1e-5)
    with pytest.raises(OptionError, match=r"eta is 0\.5, but"):
        generate(0.16, eta=0.5)


def test_pictures_and_latents_are_scaled_as_in_stable_diffusion(pipe, portrait, generate):
    seen = []
    forward = pipe.reference_unet.forward
    pipe.reference_unet.forward = lambda *args, **kwargs: seen.append(args) or forward(*args, **kwargs)
    crop = pipe.stream(portrait, noise(0.16)).portrait.image
    latents, frames = generate(0.16, output_type="latent"), generate(0.16, output_type="pt")
    with torch.no_grad():
        picture = torch.from_numpy(crop).permute(2, 0, 1)[None] / 127.5 - 1
        encoded = pipe.vae.encode(picture).latent_dist.mode() * pipe.vae.config.scaling_factor
        decoded = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample
    torch.testing.assert_close(seen[0][0], encoded)
    torch.testing.assert_close(frames, (decoded / 2 + 0.5).clamp(0, 1))


def test_latents_follow_ddim(pipe, generate):
    """One step from pure noise at zero SNR: x₀ = −v, and as much noise as the first trained timestep has (4.1)."""
    seen = []
    forward = pipe.unet.forward
    pipe.unet.forward = lambda *args, **kwargs: seen.append(forward(*args, **kwargs)) or seen[-1]
    latents = generate(0.16, num_inference_steps=1, output_type="latent")
    alpha = pipe.scheduler.alphas_cumprod[0]
    noise = torch.randn(1, 4, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        latents, (1 - alpha).sqrt() * noise[0] - alpha.sqrt() * seen[0][0], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_close(portrait, dtype):
    run = lambda pipe: (
        pipe(
            portrait, noise(0.2), num_inference_steps=2, output_type="np", generator=torch.Generator().manual_seed(0)
        ).frames
    )
    assert np.abs(run(tiny_pipeline()) - run(tiny_pipeline().to(dtype))).mean() < 0.02


def test_attention_backends(pipe, generate, attention_backend):
    base = generate()
    pipe.set_attention_backend("_native_math")
    backends = {m.processor._attention_backend.value for m in pipe.unet.modules() if hasattr(m, "processor")}
    assert backends == {"_native_math"}
    np.testing.assert_allclose(generate(), base, atol=2e-3)


def test_vae_slicing(pipe, generate):
    base = generate()
    pipe.vae.enable_slicing()
    np.testing.assert_allclose(generate(), base, atol=1e-4)


def test_callback_sees_every_step_and_may_change_the_latents(pipe, generate):
    steps = []

    def callback(owner, step, timestep, tensors):
        assert owner is pipe
        steps.append((step, int(timestep)))
        return {"latents": tensors["latents"] * 0}

    latents = generate(output_type="latent", callback_on_step_end=callback)
    assert [step for step, _ in steps] == [0, 1, 2, 3, 4, 5]
    assert [timestep for _, timestep in steps] == [999, 499] * 3
    assert not latents.any()


def test_progress_bar_counts_all_steps(pipe, generate, capsys):
    pipe.set_progress_bar_config(disable=False, ascii=True)
    generate()
    shown = capsys.readouterr().err
    assert "clip 3/3" in shown
    assert "6/6" in shown


def test_components_follow_the_offload_order(pipe):
    """Every network is in the sequence, and works when only a hook brings it to the device."""
    networks = {name for name, part in pipe.components.items() if isinstance(part, torch.nn.Module)}
    assert set(pipe.model_cpu_offload_seq.split("->")) == networks


def test_cpu_offload_keeps_little_awake_and_lets_all_go(pipe, generate, monkeypatch):
    """`enable_model_cpu_offload` with this machine's CPU in the GPU's place: hooks as real, moves only recorded."""
    from accelerate.hooks import CpuOffload, UserCpuOffloadHook

    base, names = generate(speed=0.5), {id(getattr(pipe, n)): n for n in pipe.model_cpu_offload_seq.split("->")}
    awake, most, ever = set(), [], set()

    def wake(self, module, *args, **kwargs):
        if self.prev_module_hook is not None:
            self.prev_module_hook.offload()
        awake.add(names[id(module)])
        ever.add(names[id(module)])
        most.append(set(awake))
        return args, kwargs

    monkeypatch.setattr(CpuOffload, "pre_forward", wake)
    monkeypatch.setattr(UserCpuOffloadHook, "offload", lambda self: awake.discard(names[id(self.model)]))
    to = pipe.to
    monkeypatch.setattr(pipe, "to", lambda *args, **kwargs: awake.clear() or to(*args, **kwargs))
    pipe.enable_model_cpu_offload(device="cpu")
    np.testing.assert_array_equal(generate(speed=0.5), base)
    assert ever == set(names.values())
    assert awake == set(), "something was left on the device"
    assert not any({"unet", "reference_unet", "vae"} <= together for together in most)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(height=60), "multiples of 8"),
        *(({side: bad}, f"{side} is") for side in ("height", "width") for bad in (0, -64, 64.0, "64", True)),
        (dict(height=16392), "16384"),
        (dict(num_inference_steps=True), "num_inference_steps is True"),
        (dict(num_inference_steps="2"), "num_inference_steps is '2'"),
        (dict(face=1.5), "face is"),
        (dict(face=True), "face is"),
        (dict(eta="0"), "eta is '0'; it must be a number"),
        (dict(eta=False), "eta is False"),
        (dict(noise_mirroring=None), "noise_mirroring is None"),
        (dict(audio_guidance_scale=np.ones(2)), "audio_guidance_scale is"),
        (dict(reference_guidance_scale=1j), "reference_guidance_scale is"),
        (dict(speed=[1.0, "2"]), "speed, .* is '2'"),
        (dict(speed=True), "speed, .* is True"),
        (dict(paste_back="no"), "paste_back is 'no'"),
        (dict(callback_on_step_end=3), "callback_on_step_end is a int"),
        (dict(resume_from={}), "resume_from is a dict"),
        (dict(num_inference_steps=0), "1 to 1000"),
        (dict(num_inference_steps=1001), "1 to 1000"),
        (dict(num_inference_steps=2.5), "whole number"),
        (dict(eta=1.5), "eta"),
        (dict(noise_correlation=1.1), "noise_correlation"),
        (dict(noise_correlation=float("nan")), "noise_correlation"),
        (dict(noise_mirroring=1.1), "noise_mirroring"),
        (dict(noise_mirroring=float("nan")), "noise_mirroring"),
        (dict(audio_guidance_scale=float("nan")), "finite"),
        (dict(reference_guidance_scale=float("inf")), "finite"),
        (dict(generator=[torch.Generator()]), "generator"),
        (dict(speed="fast"), "speed"),
        (dict(resume_from=ClipState(1, STATE, torch.Generator().get_state())), "resume_from"),
        (dict(output_type="gif"), "gif"),
        (dict(output_type="latent", paste_back=True), "paste_back"),
        (dict(speed=[1.0, 2.0]), "2 values"),
        (dict(speed=-1.0), "not negative"),
        (dict(speed=float("nan")), "finite"),
        (dict(callback_on_step_end_tensor_inputs=["noise"]), "noise"),
    ],
)
def test_bad_options_are_named_before_any_work(pipe, portrait, options, message):
    with pytest.raises(OptionError, match=message):
        pipe.stream(portrait, noise(0.2), **options)


def test_what_is_not_given_is_the_model_s_own(portrait):
    """In the options, the record, the fingerprint and the page's defaults; what is given wins."""
    own = {"num_inference_steps": 3, "audio_guidance_scale": 1.25, "reference_guidance_scale": 1.75}
    pipe = tiny_pipeline()
    before = weights_fingerprint(pipe)
    pipe.unet.register_to_config(**own, noise_correlation=0.5)
    stream = pipe.stream(portrait, noise(0.2))
    shown = pipe.own_options().values()
    for name, value in own.items():
        assert getattr(stream.options, name) == stream.origin["options"][name] == shown[name] == value
        assert fingerprint(stream, 0)[name] == str(value)
    assert (shown["noise_correlation"], shown["speed"]) == (0.5, None)
    given = dict.fromkeys(own, 2)
    assert given.items() <= pipe.stream(portrait, noise(0.2), **given).options.values().items()
    pipe.unet.register_to_config(noise_correlation=0.0)
    assert weights_fingerprint(pipe) == before  # options are told apart from weights


@pytest.mark.parametrize("wrap", [np.asarray, torch.as_tensor, lambda value: np.asarray(value)[()]])
def test_numbers_of_any_kind_are_taken_and_recorded_as_plain_ones(pipe, portrait, wrap):
    given = dict(height=64, width=96, num_inference_steps=2, face=1, audio_guidance_scale=1.5, eta=0.0, fps=12.5)
    given |= dict(reference_guidance_scale=2.0, noise_correlation=0.25, noise_mirroring=0.5, speed=0.75)
    plain, wrapped = (
        pipe.stream(portrait, noise(0.2), **{key: kind(value) for key, value in given.items()}, face_region=region)
        for kind, region in ((lambda value: value, (90, 20, 360, 250)), (wrap, wrap([90, 20, 360, 250])))
    )
    assert wrapped.origin == plain.origin
    assert json.dumps(wrapped.origin)
    assert fingerprint(wrapped, 0) == fingerprint(plain, 0)


@pytest.mark.parametrize(
    "speed",
    [[0.5] * 5, (Fraction(1, 2),) * 5, np.full(5, 0.5), torch.full((5,), 0.5), [np.float32(0.5)] * 5, Fraction(1, 2)],
)
def test_speeds_of_any_kind(pipe, portrait, speed):
    assert pipe.stream(portrait, noise(0.2), speed=speed).controls["speed"].tolist() == [[0.5] * 5]


def test_no_face(pipe):
    with pytest.raises(FaceError, match="full"):
        pipe.stream(np.zeros((128, 128, 3), np.uint8), noise(0.2))


def test_sound_shorter_than_a_frame(pipe, portrait):
    with pytest.raises(AudioError, match="less than one frame"):
        pipe.stream(portrait, noise(0.039))


def test_epsilon_with_zero_terminal_snr_is_an_error(pipe):
    pipe.scheduler.register_to_config(prediction_type="epsilon")
    with pytest.raises(ConfigError, match="v_prediction"):
        EMOPipeline(**pipe.components)


def test_epsilon_with_zero_terminal_snr_in_a_swapped_scheduler(pipe, portrait):
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config, prediction_type="epsilon")
    with pytest.raises(ConfigError, match="v_prediction"):
        pipe.stream(portrait, noise(0.2))


def test_the_call_shows_the_streams_arguments():
    call, stream = inspect.signature(EMOPipeline.__call__), inspect.signature(EMOPipeline.stream)
    assert set(call.parameters) == {*stream.parameters, "return_dict"}


@pytest.mark.parametrize("output_type", ["pil", "np", "pt", "uint8"])
def test_saving_the_output(pipe, portrait, tmp_path, output_type):
    options = dict(num_inference_steps=1, output_type=output_type, generator=torch.Generator().manual_seed(0))
    output = pipe(portrait, noise(0.2), **options)
    output.save(tmp_path / "out.mp4")
    with VideoReader(tmp_path / "out.mp4") as video:
        assert (video.num_frames, video.has_audio) == (5, True)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_latents_cannot_be_saved_as_video(pipe, portrait, tmp_path):
    with pytest.raises(OutputError, match="latent"):
        pipe(portrait, noise(0.2), num_inference_steps=1, output_type="latent").save(tmp_path / "out.mp4")


def saved_and_loaded(output):
    file = io.BytesIO()
    torch.save(output, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("output_type", ["pil", "uint8", "pt"])
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda output: pickle.loads(pickle.dumps(output)), saved_and_loaded]
)
def test_an_output_can_be_copied_and_kept(pipe, portrait, tmp_path, output_type, copied):
    output = pipe(portrait, noise(0.2), num_inference_steps=1, output_type=output_type)
    other = copied(output)
    output.save(tmp_path / "a.mp4")
    expected = output.audio.read(0, output.audio.length)
    output.audio.close()
    assert (other.fps, other.origin) == (output.fps, output.origin)
    np.testing.assert_array_equal(other.audio.read(0, other.audio.length), expected)
    other.save(tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("scheduler", [None, UniPCMultistepScheduler])
def test_threads_and_interleaved_streams_share_a_pipeline(pipe, portrait, scheduler):
    """Each generation with another number of steps: what one left in the scheduler would break the others."""
    if scheduler:
        pipe.scheduler = scheduler.from_config(pipe.scheduler.config)
    before, options = pipe.scheduler.num_inference_steps, dict(audio_guidance_scale=1, output_type="latent")
    jobs = [
        pipe.stream(
            portrait,
            noise(0.24),
            num_inference_steps=steps,
            generator=torch.Generator().manual_seed(steps),
            **options,
        )
        for steps in (2, 5)
    ]
    latents = lambda clips: torch.cat([clip.frames for clip in clips])
    alone = [latents(job) for job in jobs]
    for one, interleaved in zip(alone, zip(*zip(*jobs, strict=True), strict=True), strict=True):
        assert torch.equal(one, latents(interleaved))

    found, start = {}, threading.Barrier(len(jobs))

    def run(number: int):
        start.wait()
        found[number] = latents(jobs[number])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(torch.equal(one, found[number]) for number, one in enumerate(alone))
    assert pipe.scheduler.num_inference_steps == before
