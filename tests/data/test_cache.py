"""The cache: what the frozen networks make of every clip, by these weights and no others."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from made_clips import made_clip, made_dataset
from tiny import tiny_pipeline
from torch import Tensor

from emo.data.cache import check_cache, load_cached
from emo.data.dataset import ClipDataset
from emo.data.encode import build_cache
from emo.data.features import cache_path
from emo.data.format import ClipInfo, read_metadata, write_metadata
from emo.data.samples.emo_features import emo_features
from emo.errors import DatasetError, OutputError
from emo.generation.audio_features import AudioFeatures
from emo.generation.latents import encode_pictures
from emo.media import AudioTrack, VideoReader
from emo.pipelines import EMOPipeline

LENGTHS = {"num_frames": 4, "num_motion_frames": 2, "num_neighbors": 2}
CLOSE = {"rtol": 2e-3, "atol": 2e-3}  # float16


@pytest.fixture(scope="module")
def pipe() -> EMOPipeline:
    return tiny_pipeline()


def build(root: Path, pipe: EMOPipeline, size: int = 32, batch_size: int = 5, **options):
    return build_cache(root, features_of(pipe, batch_size=batch_size, **options), size)


def features_of(pipe: EMOPipeline, **options):
    return emo_features(pipe.vae, pipe.audio_encoder, pipe.feature_extractor, **options)


def names_of(clip: ClipInfo) -> list[str]:
    return ["latents", "audio"] if clip.has_audio else ["latents"]


def folder_of(root: Path, pipe: EMOPipeline, size: int = 32) -> Path:
    return cache_path(root, features_of(pipe), size)


@pytest.fixture(scope="module")
def cached(clips, pipe, tmp_path_factory) -> tuple[Path, Path]:
    """The clips made by hand and their cache, at 32 pixels."""
    root = shutil.copytree(clips, tmp_path_factory.mktemp("cached") / "dataset")
    assert list(build(root, pipe)) == [(number, 7) for number in range(1, 8)]
    return root, check_cache(folder_of(root, pipe))


def test_a_cache_that_somebody_else_is_writing(cached, pipe):
    root, cache = cached
    with ThreadPoolExecutor(1) as elsewhere:
        mine = build(root, pipe)
        next(mine)
        with pytest.raises(OutputError, match="is being written by this very process"):
            elsewhere.submit(lambda: list(build(root, pipe))).result()
        mine.close()
        assert len(elsewhere.submit(lambda: list(build(root, pipe))).result()) == 7
    assert not list(cache.glob("*.lock"))


@pytest.mark.parametrize("video", [False, True])
def test_samples_with_cache_are_those_without_encoded(cached, pipe, video):
    root, cache = cached
    plain = ClipDataset(root, video=video, size=32, **LENGTHS)
    quick = ClipDataset(root, video=video, size=32, cache=cache, **LENGTHS)
    for g in range(8):
        a, b = plain[g], quick[g]
        assert (b.reference, b.frames, b.sound) == (None, None, None)
        assert (a.clips, a.index) == (b.clips, b.index)
        assert torch.equal(a.face_mask, b.face_mask)
        assert torch.equal(a.mouth, b.mouth)
        torch.testing.assert_close(b.latents[0].float(), encode_pictures(pipe.vae, a.frames[0]), **CLOSE)
        torch.testing.assert_close(b.reference_latents.float(), encode_pictures(pipe.vae, a.reference), **CLOSE)
        if video:
            assert torch.equal(a.speed, b.speed)
            assert b.audio.shape == (1, 4, 5, 2, 32)
            torch.testing.assert_close(b.audio.float(), features(pipe, a.sound[0]), **CLOSE)
        else:
            assert b.audio is None


@torch.no_grad()
def features(pipe: EMOPipeline, sound) -> Tensor:
    """What training computes of an uncached sample's sound."""
    from emo.media import as_fps

    with AudioTrack.open((sound.waveform.numpy(), sound.sampling_rate)) as track:
        encoder = AudioFeatures(track, pipe.audio_encoder, pipe.feature_extractor, as_fps(sound.fps), sound.num_frames)
        return encoder.windows(sound.start, sound.start + 4, 2)


def test_every_clip_is_there_with_every_frame(cached, pipe):
    root, cache = cached
    files = {str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file()}
    clips = [clip for split in ("train", "test") for clip in read_metadata(root, split)]
    assert files == {f"{clip.split}/{clip.labels}" for clip in clips} | {"complete"}
    for clip in clips:
        tensors = load_cached(cache, clip, names_of(clip))
        assert tensors["latents"].shape == (clip.frames, 4, 8, 8)
        assert tensors["latents"].dtype == torch.float16
        if clip.has_audio:
            assert tensors["audio"].shape == (clip.frames, 2, 32)
            assert tensors["audio"].dtype == torch.float16


def test_a_silent_clip_has_latents_alone(cached):
    root, cache = cached
    silent = next(clip for clip in read_metadata(root, "train") if not clip.has_audio)
    assert set(load_cached(cache, silent, names_of(silent))) == {"latents"}
    with pytest.raises(DatasetError, match="emo cache"):
        load_cached(cache, silent, ["latents", "audio"])
    quick = ClipDataset(root, video=False, size=32, cache=cache, **LENGTHS)
    assert any(silent.file_name in quick[g].clips[0] for g in range(len(quick.clips)))


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_batches_change_nothing(tmp_path, pipe, batch_size):
    made_dataset(tmp_path, {"frames": 7})
    clip = read_metadata(tmp_path, "train")[0]
    assert list(build(tmp_path, pipe, batch_size=batch_size)) == [(1, 1)]
    with VideoReader(tmp_path / "train" / clip.file_name) as video:
        pictures = torch.from_numpy(video.read(range(7))).permute(0, 3, 1, 2)
    pictures = pictures.unflatten(-1, (32, 2)).unflatten(-3, (32, 2)).float().mean((-1, -3))  # the size is halved
    latents = load_cached(folder_of(tmp_path, pipe), clip, ["latents"])["latents"].float()
    torch.testing.assert_close(
        latents, encode_pictures(pipe.vae, pictures.round().to(torch.uint8)), rtol=0.02, atol=0.02
    )


def test_an_interrupted_run_goes_on(tmp_path, pipe):
    made_dataset(tmp_path, *[{"frames": 3}] * 4)
    steps, folder = build(tmp_path, pipe), folder_of(tmp_path, pipe)
    assert [next(steps), next(steps)] == [(1, 4), (2, 4)]
    steps.close()
    with pytest.raises(DatasetError, match=rf"{folder}.*emo cache"):
        check_cache(folder)
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    assert len(stamps) == 2
    assert list(build(tmp_path, pipe)) == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert check_cache(folder) == folder
    made_clip(tmp_path, 4, 3)
    write_metadata(tmp_path)
    dataset = ClipDataset(tmp_path, video=False, size=32, cache=folder)
    with pytest.raises(DatasetError, match=r"train/000004\.safetensors.*emo cache"):
        [dataset[g] for g in range(5)]
    assert list(build(tmp_path, pipe))[-1] == (5, 5)
    assert len({dataset[g].clips[0].split()[0] for g in range(5)}) == 5


def test_it_belongs_to_the_weights_and_the_size(cached, pipe):
    root, cache = cached
    assert folder_of(root, tiny_pipeline()) == cache
    assert len({folder_of(root, p, size) for p in (pipe, tiny_pipeline(1)) for size in (32, 64)}) == 4
    for name in ("vae", "audio_encoder"):
        other = tiny_pipeline()
        tensor = next(t for t in getattr(other, name).parameters() if t.ndim > 1)
        with torch.no_grad():
            tensor.flatten()[0] += 1
        assert folder_of(root, other) != cache
        with pytest.raises(DatasetError, match="no complete cache for these weights"):
            check_cache(folder_of(root, other))


def test_half_precision_arithmetic_keeps_the_name(cached, pipe, tmp_path):
    """On a GPU the cache is made in bfloat16, and training looks for it with the weights as they were saved."""
    root, cache = cached
    copy = shutil.copytree(root, tmp_path / "dataset", ignore=shutil.ignore_patterns(".cache"))
    list(build(copy, pipe, dtype=torch.bfloat16))
    half = check_cache(folder_of(copy, pipe))
    for clip in read_metadata(root, "train"):
        exact, rounded = (load_cached(folder, clip, names_of(clip)) for folder in (cache, half))
        assert not torch.equal(exact["latents"], rounded["latents"])
        assert (exact["latents"].float() - rounded["latents"].float()).abs().mean() < 0.02
        if clip.has_audio:
            assert torch.equal(exact["audio"], rounded["audio"])


def test_damaged_files_and_those_of_other_clips_are_named(tmp_path, pipe):
    made_dataset(tmp_path, {"frames": 3})
    list(build(tmp_path, pipe))
    folder = folder_of(tmp_path, pipe)
    dataset = ClipDataset(tmp_path, video=False, size=32, cache=folder)
    file = folder / "train" / "000000.safetensors"
    whole = file.read_bytes()
    for content in (whole[:-20], b"", b"no tensors"):
        file.write_bytes(content)
        with pytest.raises(DatasetError, match=r"000000\.safetensors cannot be read"):
            dataset[0]
    file.write_bytes(whole)
    made_clip(tmp_path, 0, 5)
    write_metadata(tmp_path)
    with pytest.raises(DatasetError, match=r"another clip than 000000\.mp4"):
        ClipDataset(tmp_path, video=False, size=32, cache=folder)[0]


def test_damaged_datasets_are_named(tmp_path, pipe):
    with pytest.raises(DatasetError, match=r"metadata\.jsonl does not exist"):
        next(build(tmp_path, pipe))
    made_dataset(tmp_path, {"frames": 3}, {"frames": 3})
    (tmp_path / "train" / "000001.mp4").write_bytes(b"no video")
    steps = build(tmp_path, pipe)
    assert next(steps) == (1, 2)
    with pytest.raises(DatasetError, match=r"000001\.mp4"):
        next(steps)
    assert not np.any([path.name == "complete" for path in folder_of(tmp_path, pipe).iterdir()])
