"""The record of a generated video: complete, without paths, and enough to generate the same again."""

import json

import numpy as np
import pytest
import torch
from diffusers import UniPCMultistepScheduler
from tiny import noise, tiny_pipeline

import emo
from emo.errors import VideoError
from emo.generation import fingerprint, repeat_options, write_video
from emo.generation.fingerprint import weights_fingerprint
from emo.generation.origin import begin_origin
from emo.media import VideoReader, read_origin
from emo.pipelines import EMOOptions, EMOPipeline


def stream(pipe, portrait, seed=0, **options):
    options = {"num_inference_steps": 1, "audio_guidance_scale": 1, "output_type": "uint8", **options}
    return pipe.stream(portrait, noise(0.2), generator=torch.Generator().manual_seed(seed), **options)


def frames_of(path):
    with VideoReader(path) as video:
        return video.read(range(video.num_frames))


def test_a_saved_video_tells_all(pipe, portrait, tmp_path):
    options = {"num_inference_steps": 1, "eta": 0.5, "fps": "30000/1001", "face_region": (150, 40, 330, 260)}
    output = pipe(portrait, noise(0.2), generator=torch.Generator().manual_seed(7), speed=0.5, **options)
    output.save(tmp_path / "a.mp4")
    origin = read_origin(tmp_path / "a.mp4")
    assert output.origin.items() <= origin.items()
    assert origin["emo"] == emo.__version__
    assert (origin["seed"], origin["dtype"], origin["device"]) == (7, "float32", "cpu")
    assert origin["model"] == {"name": None, "revision": None, "fingerprint": weights_fingerprint(pipe)}
    assert origin["scheduler"] == "DDIMScheduler"
    assert origin["options"] == {
        "height": None,
        "width": None,
        "fps": "30000/1001",
        "num_inference_steps": 1,
        "audio_guidance_scale": 1.5,
        "reference_guidance_scale": 1.0,
        "guidance_every": 1,
        "cache_interval": 1,
        "noise_correlation": None,
        "strength": None,
        "noise_mirroring": 0.9,
        "eta": 0.5,
        "face_region": [150.0, 40.0, 330.0, 260.0],
        "face": None,
        "speed": 0.5,
        "paste_back": False,
    }


def test_every_option_is_in_the_record(pipe, portrait):
    """But for inputs, and for what frames do not depend on."""
    import inspect

    others = {"self", "image", "audio", "generator", "output_type", "resume_from"}
    others |= {"callback_on_step_end", "callback_on_step_end_tensor_inputs"}
    recorded = stream(pipe, portrait).origin["options"]
    assert set(inspect.signature(EMOPipeline.stream).parameters) - others == set(recorded)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"speed": [0.1, 0.2, 0.3, 1.3, 0.7], "face_region": "full"},
        {"speed": torch.tensor([0.1] * 5), "height": np.int64(96), "eta": np.float32(0.5), "paste_back": True},
        {"face_region": (np.indices((512, 512))[0] < 300), "reference_guidance_scale": np.float64(1.2)},
    ],
    ids=["defaults", "speeds", "numpy", "mask"],
)
def test_the_record_repeats_the_video(pipe, portrait, tmp_path, options):
    first = stream(pipe, portrait, seed=3, **options)
    write_video(first, tmp_path / "a.mp4", fingerprint=fingerprint(first, 3))
    origin = read_origin(tmp_path / "a.mp4")
    again = repeat_options(origin, "a.mp4", EMOOptions)
    second = stream(pipe, portrait, seed=origin["seed"], **again)
    write_video(second, tmp_path / "b.mp4", fingerprint=fingerprint(second, 3))
    assert read_origin(tmp_path / "b.mp4") == origin
    np.testing.assert_array_equal(frames_of(tmp_path / "b.mp4"), frames_of(tmp_path / "a.mp4"))


def test_a_mask_comes_back_as_it_was(pipe, portrait):
    mask = np.random.default_rng(0).random((512, 512)) < 0.5
    origin = json.loads(json.dumps(stream(pipe, portrait, face_region=mask).origin))
    np.testing.assert_array_equal(repeat_options(origin, "a.mp4", EMOOptions)["face_region"], mask)


def test_a_seed_is_told_only_where_it_gives_the_same(pipe, portrait):
    used = torch.Generator().manual_seed(3)
    torch.rand(1, generator=used)
    seed = lambda generator: pipe.stream(portrait, noise(0.2), generator=generator).origin["seed"]
    assert seed(torch.Generator().manual_seed(3)) == 3
    assert seed(used) is None
    assert seed(None) is None


def test_the_models_name_tells_no_path_of_this_machine(portrait, tmp_path, monkeypatch):
    tiny_pipeline().save_pretrained(tmp_path / "models" / "mine")
    monkeypatch.chdir(tmp_path)
    for name, shown in {tmp_path / "models" / "mine": "mine", "models/mine": "models/mine"}.items():
        pipe = EMOPipeline.from_pretrained(name)
        assert stream(pipe, portrait).origin["model"] == {"name": shown, "revision": None}
    monkeypatch.chdir(tmp_path / "models")
    pipe = EMOPipeline.from_pretrained("../models/mine")
    assert stream(pipe, portrait).origin["model"]["name"] == "mine"


def test_scheduler_and_attention_are_told(pipe, portrait, attention_backend):
    pipe.scheduler = UniPCMultistepScheduler.from_config(pipe.scheduler.config)
    pipe.set_attention_backend("_native_math")
    origin = stream(pipe, portrait).origin
    assert (origin["scheduler"], origin["attention"]) == ("UniPCMultistepScheduler", "_native_math")


def test_networks_that_are_offloaded_piece_by_piece_have_a_fingerprint_too(pipe):
    pipe.unet.to("meta")
    assert len(weights_fingerprint(pipe)) == 16


@pytest.mark.parametrize("damage", ["steps", "missing", "kind", "mask", "none"])
def test_a_damaged_record_is_refused(pipe, portrait, damage):
    origin = json.loads(json.dumps(stream(pipe, portrait).origin))
    changes = {"steps": {"num_inference_steps": "many"}, "kind": {"speed": {}}, "mask": {"face_region": {"mask": "?"}}}
    origin["options"] |= changes.get(damage, {})
    if damage == "missing":
        del origin["options"]["eta"]
    if damage == "none":
        origin = {}
    with pytest.raises(VideoError, match=r"a\.mp4"):
        repeat_options(origin, "a.mp4", EMOOptions)


def test_begin_origin_is_ready_for_json(pipe):
    given = {"fps": 25, "num_inference_steps": 1, "paste_back": 0}
    numbers = "audio_guidance_scale", "reference_guidance_scale", "noise_correlation", "noise_mirroring", "eta"
    given |= dict.fromkeys(numbers, np.float32(0.5))
    given |= {"speed": np.float32([0.5]), "face": np.int64(1)}
    assert json.dumps(begin_origin(pipe, EMOOptions.from_values(given), None))
