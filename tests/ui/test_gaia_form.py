"""The page of a GAIA model: its fields, a generation, and live video."""

import pytest
from tiny import tiny_gaia

from emo.pipelines import GAIAOptions
from emo.ui import Limits
from emo.ui.form import argument, fields_of, first_value, read_options
from emo.ui.frames import VideoPreview
from emo.ui.jobs import JobResult, Jobs
from emo.ui.request import Request
from emo.ui.words import FieldError

FREE = Limits()


def test_an_untouched_page_means_the_defaults_and_has_no_field_of_others():
    contents = {argument(entry): first_value(entry, FREE) for entry in fields_of(GAIAOptions)}
    assert {"audio_guidance", "eta", "pose"} <= contents.keys()
    assert not {"gaze", "motion"} & contents.keys()
    assert read_options(GAIAOptions, contents, FREE) == GAIAOptions()


def test_the_page_is_built_for_files_and_live():
    pytest.importorskip("gradio")
    from emo.ui.page import build_page

    shown = {block.elem_id for block in build_page(Jobs(tiny_gaia(), FREE)).blocks.values()}
    assert {"eta", "pose", "live-start"} <= shown
    assert not {"gaze", "region-view"} & shown


def test_a_generation_is_told_step_by_step(image, sound):
    news = list(Jobs(tiny_gaia(), FREE).generate(Request(image, sound(), 0, {"steps": "2", "pose": "10,0,0"})))
    assert [item.num_frames for item in news if isinstance(item, VideoPreview)] == [8, 10]
    steps = [item.done for item in news if not isinstance(item, VideoPreview | JobResult)]
    assert (steps == sorted(steps), steps[-1]) == (True, 4)
    with pytest.raises(FieldError, match="must lie between 0 and 1") as caught:
        list(Jobs(tiny_gaia(), FREE).generate(Request(image, sound(), 0, {"eta": 2})))
    assert caught.value.field == "eta"
