"""Noise that is correlated from frame to frame: as asked for, saved with the model, and only for videos."""

import json
import shutil

import pytest
import torch
from random_clips import RandomClips, make_stage
from tiny import FRAMES, MOTION_FRAMES

from emo.training.emo.draws import draw


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_noise_is_correlated_along_frames_alone(correlation):
    noise = draw(range(500), 0, (4, 2, 4, 4), 1, {}, noise_correlation=correlation).noise
    along_frames = torch.corrcoef(noise.transpose(0, 1).flatten(1))
    expected = correlation ** (torch.arange(4)[:, None] - torch.arange(4)).abs()
    torch.testing.assert_close(along_frames, expected.float(), rtol=0, atol=0.06)
    pixels = torch.corrcoef(noise.transpose(0, 3).flatten(1))
    assert (pixels - torch.eye(4)).abs().max() < 0.03
    assert noise.std(dim=(0, 2, 3, 4)).tolist() == pytest.approx([1] * 4, abs=0.03)


def test_the_noise_of_clips_is_correlated_as_asked_and_saved_for_what_follows(init, tmp_path):
    batch, seen = RandomClips(video=True).batch([0, 1]), {}
    shutil.copytree(init, tmp_path / "older")
    config = json.loads((path := tmp_path / "older" / "unet" / "config.json").read_text())
    path.write_text(json.dumps({key: value for key, value in config.items() if key != "noise_correlation"}))
    stage = make_stage(2, tmp_path / "older", objective__noise_correlation=0.8)
    stage.save(tmp_path / "new", stage.networks.state_dict())
    for later in (stage, make_stage(3, tmp_path / "new"), make_stage(2, tmp_path / "new")):
        later.loss(lambda **inputs: seen.update(inputs) or inputs["sample"], later.encode(batch))
        noises = draw(
            [0, 1], 0, (FRAMES, 4, 16, 16), MOTION_FRAMES, later.drop_probabilities(), noise_correlation=0.8
        ).noise
        expected = later.pipe.scheduler.add_noise(batch.latents[:, MOTION_FRAMES:], noises, seen["timestep"])
        torch.testing.assert_close(seen["sample"], expected)
    assert make_stage(2, tmp_path / "new", objective__noise_correlation=0.0).pipe.unet.config.noise_correlation == 0
