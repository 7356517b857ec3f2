"""The nodes by ComfyUI's own rules: declared, checked, run, stopped; and what they make."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from executor import check_node, execute, load, problems
from tiny import noise, tiny_pipeline

from emo.comfy import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS
from emo.comfy.fields import option_inputs, option_values
from emo.comfy.values import audio_of, portrait_of, track_of
from emo.errors import AudioError, EmoError, ImageError, OptionError
from emo.media import AudioTrack, VideoReader, read_origin
from emo.motion import MotionTrack
from emo.pipelines import all_options
from emo.ui.form import argument, fields_of

OF_FIVE = {"frames": ["5", 0], "audio": ["5", 1], "fps": ["5", 2], "origin": ["5", 3]}
CPU = {"device": "cpu", "dtype": "float32"}


def talking(model: str, **options) -> dict:
    """A prompt: model, portrait, text, options, frames, file."""
    kind = "EMO_VASAOptions" if "vasa" in model else "EMO_EMOOptions"
    return {
        "1": load("EMO_LoadModel", model=model, **CPU),
        "2": load("LoadImage", image="portrait.png"),
        "3": load("LoadAudio", audio="speech.wav"),
        "4": load(kind, steps="1", **options),
        "5": load("EMO_Generate", model=["1", 0], image=["2", 0], audio=["3", 0], options=["4", 0], seed=3),
        "6": load("EMO_SaveVideo", **OF_FIVE, filename_prefix="video/me"),
    }


@pytest.mark.parametrize("name", NODE_CLASS_MAPPINGS)
def test_nodes_are_declared_as_comfyui_asks(name):
    check_node(NODE_CLASS_MAPPINGS[name])
    assert NODE_DISPLAY_NAME_MAPPINGS[name].startswith("EMO: ")


def test_the_folder_for_custom_nodes_offers_them():
    path = Path(__file__).parents[2] / "comfyui" / "__init__.py"
    spec = importlib.util.spec_from_file_location("custom_nodes_emo", path, submodule_search_locations=[])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.NODE_CLASS_MAPPINGS is NODE_CLASS_MAPPINGS
    assert module.NODE_DISPLAY_NAME_MAPPINGS.keys() == NODE_CLASS_MAPPINGS.keys()


@pytest.mark.parametrize("kind", all_options().values())
def test_every_option_is_an_input_and_left_alone_means_the_default(kind):
    inputs = option_inputs(kind)
    assert list(inputs) == [argument(entry) for entry in fields_of(kind)]
    untouched = {name: about.get("default") for name, (_, about) in inputs.items()}
    assert kind(**option_values(kind, untouched)) == kind()


def test_an_option_that_is_wrong_is_named():
    with pytest.raises(OptionError, match=r"Steps is 0"):
        option_values(all_options()["EMOPipeline"], {"steps": "0"})


def test_frames_are_those_of_the_pipeline_and_the_file_tells_its_origin(comfy, models, nodes, portrait):
    outputs, told = execute(talking(models["emo"], audio_guidance="1", strength="0.5"), nodes)
    frames, audio, fps, _ = outputs["5"]
    assert (frames.shape, frames.dtype, fps) == ((10, 64, 64, 3), torch.float32, 25.0)
    assert audio["waveform"].shape == (1, 1, 6400)
    pipe = tiny_pipeline()
    pipe.set_progress_bar_config(disable=True)
    quick = {"num_inference_steps": 1, "audio_guidance_scale": 1, "strength": 0.5}
    generator = torch.Generator().manual_seed(3)
    same = pipe(portrait, noise(0.4), **quick, generator=generator, output_type="np").frames
    np.testing.assert_allclose(frames.numpy(), same, atol=1e-5)
    assert told["6"]["images"] == [{"filename": "me_00001_.mp4", "subfolder": "video", "type": "output"}]
    path = comfy.outputs / "video" / "me_00001_.mp4"
    assert outputs["6"] == (str(path),)
    origin = read_origin(path)
    assert (origin["seed"], origin["options"]["strength"], origin["model"]["name"]) == (3, 0.5, "emo")
    with VideoReader(path) as video:
        assert (video.num_frames, video.has_audio) == (10, True)


def test_progress_moves_and_ends(comfy, models, nodes):
    execute(talking(models["emo"], audio_guidance="1"), nodes)
    [(total, steps)] = comfy.bars
    assert steps[-1] == total == 3
    assert steps == sorted(steps)


def test_a_stop_ends_the_work_and_leaves_no_file(comfy, models, nodes):
    comfy.stop_after = 2
    with pytest.raises(BaseException) as caught:  # noqa: PT011 (ComfyUI's own)
        execute(talking(models["emo"], audio_guidance="1"), nodes)
    assert type(caught.value).__name__ == "Interrupted"
    assert [steps for _, steps in comfy.bars] == [[1]] or len(comfy.bars[0][1]) < 3
    assert not list(comfy.outputs.rglob("*.mp4*"))


def test_motion_is_made_saved_loaded_and_drawn(comfy, models, nodes):
    prompt = talking(models["vasa"])
    made = {
        **{number: prompt[number] for number in ("1", "2", "3", "4")},
        "5": load("EMO_GenerateMotion", model=["1", 0], audio=["3", 0], options=["4", 0], seed=3),
        "6": load("EMO_SaveMotion", motion=["5", 0], filename_prefix="motion/me"),
    }
    outputs, _ = execute(made, nodes)
    motion = outputs["5"][0]
    assert isinstance(motion, MotionTrack)
    name = "motion/me_00001_.safetensors [output]"
    assert NODE_CLASS_MAPPINGS["EMO_LoadMotion"].INPUT_TYPES()["required"]["file"][0] == [name]
    drawn = {
        **{number: prompt[number] for number in ("1", "2", "3")},
        "5": load("EMO_LoadMotion", file=name),
        "6": load("EMO_DrawMotion", model=["1", 0], image=["2", 0], motion=["5", 0], audio=["3", 0]),
        "7": load("EMO_SaveVideo", frames=["6", 0], fps=["6", 2], filename_prefix="x"),
    }
    drawings, _ = execute(drawn, nodes)
    assert drawings["5"][0] == motion
    whole, _ = execute(prompt, nodes)
    torch.testing.assert_close(drawings["6"][0], whole["5"][0])
    with VideoReader(drawings["7"][0]) as video:
        assert not video.has_audio


def test_a_portrait_follows_a_video(comfy, models, nodes, image):
    prompt = {
        "1": load("EMO_LoadModel", model=models["vasa"], **CPU),
        "2": load("LoadImage", image="portrait.png"),
        "3": load("LoadVideo", file="driver.mp4"),
        "4": load("GetVideoComponents", video=["3", 0]),
        "5": load("EMO_Drive", model=["1", 0], image=["2", 0], frames=["4", 0], fps=["4", 2], seed=0, audio=["4", 1]),
        "6": load("EMO_SaveVideo", frames=["5", 0], fps=["5", 2], filename_prefix="x"),
    }
    outputs, _ = execute(prompt, nodes)
    assert len(outputs["5"][0]) == 10  # of the sound
    prompt["5"]["inputs"]["parts"] = "legs"
    with pytest.raises(OptionError, match="legs"):
        execute(prompt, nodes)


def test_speech_is_told_of_in_the_file(comfy, models, nodes, hum):
    prompt = talking(models["emo"], audio_guidance="1")
    prompt["3"] = load("EMO_Speak", text="Hi all", speaker="hum:high")
    outputs, _ = execute(prompt, nodes)
    assert read_origin(outputs["6"][0])["speech"]["voice"] == "high"


def test_what_does_not_go_together_is_said(comfy, models, nodes):
    prompt = talking(models["emo"])
    prompt["4"] = load("EMO_VASAOptions")
    with pytest.raises(OptionError, match=r"options: these are VASA's, and the model is of EMO"):
        execute(prompt, nodes)
    prompt = talking(models["emo"])
    prompt["5"] = load("EMO_GenerateMotion", model=["1", 0], audio=["3", 0], seed=3)
    prompt["6"] = load("EMO_SaveMotion", motion=["5", 0], filename_prefix="x")
    with pytest.raises(OptionError, match="EMO makes pictures and no motion"):
        execute(prompt, nodes)


def test_values_go_there_and_back(image):
    with pytest.raises(ImageError, match="2 pictures came"):
        portrait_of(image.repeat(2, 1, 1, 1))
    np.testing.assert_array_equal(portrait_of(torch.cat([image, image[..., :1]], -1)), portrait_of(image))
    samples = torch.rand(1, 2, 4000) - 0.5
    audio = audio_of(track_of({"waveform": samples, "sample_rate": 8000}, 16000))
    torch.testing.assert_close(audio["waveform"], samples)
    assert audio["sample_rate"] == 8000
    assert audio.keys() == {"waveform", "sample_rate"}
    with pytest.raises(AudioError, match=r"\(2, 1, 10\) came; give one"):
        track_of({"waveform": torch.zeros(2, 1, 10), "sample_rate": 8000}, 16000)
    assert audio_of(AudioTrack.open((np.zeros(100, np.int16), 8000)))["waveform"].dtype == torch.float32


def test_files_need_comfyui(image):
    save = NODE_CLASS_MAPPINGS["EMO_SaveVideo"]()
    with pytest.raises(EmoError, match="is not run by ComfyUI"):
        save.save(image, 25.0, "x")
    assert NODE_CLASS_MAPPINGS["EMO_LoadMotion"].INPUT_TYPES()["required"]["file"][0] == []


def test_the_executor_refuses_what_comfyui_refuses(nodes, models):
    prompt = talking(models["emo"])
    assert problems(prompt, nodes) == []
    prompt["5"]["inputs"] |= {"image": ["3", 0], "seed": -1}
    del prompt["5"]["inputs"]["model"]
    prompt["1"]["inputs"]["dtype"] = "float64"
    assert len(problems(prompt, nodes)) == 4
