"""Large frames: refused before any work where no video holds them, and else made one by one."""

import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import noise

from emo.errors import OutputError
from emo.face import prepare_portrait
from emo.generation import fingerprint, write_video
from emo.generation.frames import each_frame, finish_frames
from emo.media import VideoReader, encoder


def no_work(*_):
    raise AssertionError("generation began")


def stream(pipe, picture, **options):
    options = dict(num_inference_steps=1, audio_guidance_scale=1, output_type="uint8", paste_back=True) | options
    return pipe.stream(picture, noise(0.2), face_region="full", **options)


@pytest.mark.parametrize("shape", [(64, 16386), (17001, 64), (64, 16385)])
def test_a_picture_too_large_for_a_video_is_refused_before_any_work(pipe, tmp_path, monkeypatch, shape):
    wide = stream(pipe, np.full((*shape, 3), 90, np.uint8))
    monkeypatch.setattr(pipe.unet, "forward", no_work)
    with pytest.raises(OutputError, match=rf"a\.mp4: frames of {shape[1]} x {shape[0]} pixels .*16384") as caught:
        write_video(wide, tmp_path / "a.mp4", fingerprint={})
    assert "leave paste-back out" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_largest_side_that_fits_is_written(pipe, tmp_path):
    wide = stream(pipe, np.full((64, 16383, 3), 90, np.uint8))
    write_video(wide, tmp_path / "a.mp4", fingerprint=fingerprint(wide, 0))
    with VideoReader(tmp_path / "a.mp4") as video:
        assert (video.width, video.height) == (16384, 64)


def test_of_a_size_that_few_players_show_there_is_a_warning(pipe, portrait, tmp_path, monkeypatch):
    monkeypatch.setattr(encoder, "SHOWN_PIXELS", 500 * 500)
    large = stream(pipe, portrait)
    with pytest.warns(UserWarning, match="few players show frames of 512 x 512 pixels"):
        write_video(large, tmp_path / "a.mp4", fingerprint=fingerprint(large, 0))
    with VideoReader(tmp_path / "a.mp4") as video:
        assert video.num_frames == 5


@pytest.mark.parametrize("paste_back", [True, False])
def test_frames_one_by_one_are_those_of_the_clip(pipe, portrait, paste_back):
    clip = next(iter(stream(pipe, portrait, paste_back=paste_back)))
    np.testing.assert_array_equal(np.stack(list(clip.each())), clip.frames)
    assert (len(clip), clip.frames.shape[1:3]) == (4, (512, 512) if paste_back else (64, 64))


def test_pasting_takes_the_memory_of_one_picture_not_of_all(portrait):
    """Peaks of what is allocated, in pictures."""
    picture = np.asarray(Image.fromarray(portrait).resize((2000, 2000)))
    prepared = prepare_portrait(Image.fromarray(picture), height=64, width=64)
    pictures = torch.zeros(12, 3, 64, 64)
    tracemalloc.start()
    try:
        for _ in each_frame(pictures, prepared):
            pass
        peak = tracemalloc.get_traced_memory()[1] / picture.nbytes
        tracemalloc.reset_peak()
        finish_frames(pictures, "uint8", prepared)
        assert tracemalloc.get_traced_memory()[1] / picture.nbytes > 12
    finally:
        tracemalloc.stop()
    assert peak < 3.5  # the one before, this one, and the enlarged frame
