"""The core of generation: it knows no model; its guidance, clips and waveforms by themselves."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import noise

import emo.generation
from emo.errors import AudioError
from emo.generation.audio_features import AudioFeatures, SampleWaveform
from emo.generation.guidance import guidance_rows, guided
from emo.generation.hearing import receptive_field
from emo.generation.windows import ClipSpan, plan_clips
from emo.media import AudioTrack
from emo.media.audio import BLOCK


def test_the_core_knows_no_model():
    for file in Path(emo.generation.__file__).parent.glob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        names += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        assert not [name for name in names if name.startswith(("emo.unets", "emo.pipelines"))], file.name
        attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        assert not attributes & {"unet", "reference_unet", "face_locator", "speed_encoder"}, file.name


def test_guidance_weights_sum_to_one_and_a_scale_of_one_needs_no_row():
    assert guidance_rows({"audio": 1.0, "gaze": 1}) == {None: 1.0}
    rows = guidance_rows({"audio": 1.5, "gaze": 1, "distance": 3.0})
    assert rows == {None: 3.5, "audio": -0.5, "distance": -2.0}
    assert next(iter(rows)) is None


def test_guided_is_the_weighted_sum():
    predictions = torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(0))
    expected = 3.5 * predictions[:1] - 0.5 * predictions[1:2] - 2 * predictions[2:]
    torch.testing.assert_close(guided(predictions, torch.tensor([3.5, -0.5, -2.0])), expected)
    assert guided(predictions.half(), torch.ones(3)).dtype == torch.float32


@pytest.mark.parametrize(
    ("num_frames", "first", "expected"),
    [
        (8, 0, [ClipSpan(0, 0, 4, 4), ClipSpan(1, 4, 8, 4)]),
        (9, 1, [ClipSpan(1, 4, 8, 4), ClipSpan(2, 8, 12, 1)]),
        (9, 3, []),
    ],
)
def test_a_video_in_clips(num_frames, first, expected):
    assert list(plan_clips(num_frames, 4, first)) == expected


@pytest.mark.parametrize("length", [1, 16000, BLOCK + 77])
def test_samples_in_memory_are_the_waveform_that_a_track_of_them_is(length):
    samples = noise(length / 16000)[0] + np.float32(0.01)
    waveform = SampleWaveform(samples, 16000)
    with AudioTrack.open((samples, 16000)) as track:
        assert (waveform.length, waveform.mean, waveform.variance) == (track.length, track.mean, track.variance)
        np.testing.assert_array_equal(waveform.read(length // 3, length), track.read(length // 3, length))


def test_a_waveform_of_another_rate_is_refused(pipe):
    with pytest.raises(AudioError, match="8000 samples a second"):
        AudioFeatures(SampleWaveform(noise(1)[0], 8000), pipe.audio_encoder, pipe.feature_extractor, 25, 25)


def test_the_receptive_field_is_what_an_encoder_needs_for_one_state(pipe):
    hop, size = receptive_field(pipe.audio_encoder.config)
    convolutions = pipe.audio_encoder.feature_extractor
    with torch.no_grad():
        lengths = [convolutions(torch.zeros(1, samples)).shape[-1] for samples in (size, size + hop - 1, size + hop)]
    assert lengths == [1, 1, 2]
    with pytest.raises(RuntimeError):
        convolutions(torch.zeros(1, size - 1))
