"""The page of a model that makes motion: its fields, what they mean, and a generation."""

import pytest
from tiny import tiny_vasa

from emo.pipelines.motion_options import VASAOptions
from emo.ui import Limits
from emo.ui.form import argument, fields_of, first_value, read_options
from emo.ui.frames import VideoPreview
from emo.ui.jobs import JobResult, Jobs
from emo.ui.request import Request
from emo.ui.words import FieldError

FREE = Limits()


def test_every_option_has_a_field_but_the_one_that_only_files_hold():
    assert {entry.name for entry in fields_of(VASAOptions)} == set(VASAOptions.names()) - {"motion"}


def test_an_untouched_page_means_the_defaults():
    contents = {argument(entry): first_value(entry, FREE) for entry in fields_of(VASAOptions)}
    assert contents["gaze"] == "0,0"
    assert read_options(VASAOptions, contents, FREE) == VASAOptions()


def test_what_fields_mean():
    contents = {"gaze": "-0.4,0.2", "emotion": "happy:0.6", "distance": "1.5", "pose": "10,0,-3", "steps": "4"}
    read = read_options(VASAOptions, contents, FREE)
    expected = {"gaze": (-0.4, 0.2), "emotion": {"happy": 0.6}, "distance": 1.5, "pose": (10.0, 0.0, -3.0)}
    assert {name: getattr(read, name) for name in expected} == expected
    assert read.num_inference_steps == 4
    assert read_options(VASAOptions, {"gaze": "free", "emotion": "none"}, FREE) == VASAOptions(gaze="free")


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("gaze", "up"),
        ("gaze", "1"),
        ("emotion", "happy:2"),
        ("distance", "9"),
        ("pose", "a.mp4"),
        ("steps", "101"),
    ],
)
def test_a_wrong_field_is_named(field, content):
    with pytest.raises(FieldError) as caught:
        read_options(VASAOptions, {field: content}, FREE)
    assert caught.value.field == field


def test_no_field_takes_a_motion_or_names_a_file(tmp_path):
    assert read_options(VASAOptions, {"motion": str(tmp_path)}, FREE) == VASAOptions()


def test_the_page_is_built_with_sliders_for_the_gaze():
    pytest.importorskip("gradio")
    from emo.ui.page import build_page

    page = build_page(Jobs(tiny_vasa(), FREE))
    shown = {block.elem_id: block for block in page.blocks.values() if getattr(block, "elem_id", None)}
    assert {"gaze", "gaze-x", "gaze-y", "distance-slider", "emotion", "distance", "pose"} <= shown.keys()
    assert not {"motion", "region-view"} & shown.keys()


def test_a_generation_is_told_step_by_step(image, sound):
    request = Request(image, sound(), 0, {"steps": "2", "gaze": "0.5,0", "emotion": "happy:0.5"})
    news = list(Jobs(tiny_vasa(), FREE).generate(request))
    previews = [item.num_frames for item in news if isinstance(item, VideoPreview)]
    steps = [item.done for item in news if not isinstance(item, VideoPreview | JobResult)]
    assert previews == [8, 10]
    assert steps == sorted(steps)
    assert steps[-1] == 4
    assert isinstance(news[-1], JobResult)
    with pytest.raises(FieldError, match="knows no emotion 'sad'") as caught:
        list(Jobs(tiny_vasa(), FREE).generate(Request(image, sound(), 0, {"emotion": "sad"})))
    assert caught.value.field == "emotion"
