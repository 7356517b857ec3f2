"""Clips by number, under any sampler; and a cache of anything."""

import numpy as np
import pytest
import torch
from made_clips import made_dataset

from emo.data import CachedFeature, ClipReader, SampledClips, build_cache, cache_path, check_cache
from emo.errors import DatasetError


class Pairs:
    """Two frames of a clip: what another model might train on."""

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator):
        places = sorted(rng.choice(reader.clips[number].frames, 2, replace=False).tolist())
        return index, reader.clips[number].file_name, places, reader.frames(number, places)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Three clips, one of them silent. Do not change it."""
    root = tmp_path_factory.mktemp("clips")
    made_dataset(root, {"frames": 6}, {"frames": 4, "sound": False}, {"frames": 5})
    return root


def test_any_sampler_draws_by_number(root):
    dataset = SampledClips(ClipReader(root, size=32), Pairs(), seed=7)
    for g in (0, 1, 2, 50):
        index, name, places, frames = dataset[g]
        assert index == g
        again = dataset[g]
        assert (again[1], again[2]) == (name, places)
        assert torch.equal(frames, again[3])
        assert frames.shape == (2, 3, 32, 32)
    assert {dataset[g][1] for g in range(3)} == {clip.file_name for clip in dataset.clips}
    assert [SampledClips(ClipReader(root, size=32), Pairs(), seed=8)[g][1:3] for g in range(6)] != [
        dataset[g][1:3] for g in range(6)
    ]


def test_what_is_left_out(root):
    reader = ClipReader(root, min_frames=5)
    assert ([clip.frames for clip in reader.clips], reader.left_out) == ([6, 5], 1)
    assert len(ClipReader(root, with_sound=True)) == 2
    with pytest.raises(DatasetError, match=r"none of 3 clips is usable \(with sound, 7 frames or more\)"):
        ClipReader(root, min_frames=7, with_sound=True)
    with pytest.raises(DatasetError, match=r"none of 3 clips is usable \(7 frames or more\)"):
        ClipReader(root, min_frames=7)


def test_batches_are_all_frames_in_order(root):
    reader = ClipReader(root, size=32)
    batches = list(reader.batches(0, 4))
    assert [len(batch) for batch in batches] == [4, 2]
    frames = torch.from_numpy(np.concatenate(batches)).permute(0, 3, 1, 2)
    assert torch.equal(frames, reader.frames(0, range(6)))


def test_a_label_that_is_not_there_is_named(root):
    reader = ClipReader(root)
    assert reader.label(0, "points").shape == (6, 7, 2)
    assert reader.labels(0).get("gaze_x") is None
    with pytest.raises(DatasetError, match=r"000000\.safetensors has no label gaze_x: .*make the dataset again"):
        reader.label(0, "gaze_x")


def test_a_cache_of_anything(root):
    """Brightness of the frames by one network, loudness of the sound by another; the silent clip has the first."""
    scale, gain = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    for module in (scale, gain):
        module.config = {"kind": "linear"}

    def brightness(reader, number):
        return torch.cat([torch.from_numpy(batch).float().mean((1, 2, 3)) for batch in reader.batches(number, 3)])

    def loudness(reader, number):
        clip = reader.clips[number]
        if not clip.has_audio:
            return None
        return reader.waveform(number).abs().mean().expand(clip.frames)

    features = {
        "brightness": CachedFeature({"scale": scale}, brightness),
        "loudness": CachedFeature({"gain": gain}, loudness),
    }
    assert list(build_cache(root, features, 16)) == [(1, 3), (2, 3), (3, 3)]
    folder = check_cache(cache_path(root, features, 16))
    reader = ClipReader(root, size=16, cache=folder)
    for number, clip in enumerate(reader.clips):
        assert torch.equal(reader.cached(number, ["brightness"])["brightness"], brightness(reader, number))
        if clip.has_audio:
            assert reader.cached(number, ["loudness"])["loudness"].shape == (clip.frames,)
        else:
            with pytest.raises(DatasetError, match="emo cache"):
                reader.cached(number, ["loudness"])
    with torch.no_grad():
        gain.weight += 1
    assert cache_path(root, features, 16) != folder  # either network's weights tell caches apart


def test_fast_clips_are_left_out_where_heads_are_to_be_calm(tmp_path):
    clips = made_dataset(tmp_path, {}, {}, {})
    slowest, middle, _ = sorted(clip.speed for clip in clips)
    reader = ClipReader(tmp_path, max_speed=middle)
    assert sorted(clip.speed for clip in reader.clips) == [slowest, middle]
    assert reader.left_out == 1
    with pytest.raises(DatasetError, match=r"none of 3 clips is usable \(1 frames or more, at most 0.001 degrees"):
        ClipReader(tmp_path, max_speed=0.001)
