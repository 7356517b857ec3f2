"""Samples: the same for the same number, cut where they say, and equal to what lies in the files."""

import pickle
import shutil
from dataclasses import fields
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from made_clips import FPS, made_clip, made_dataset
from tiny import tiny_pipeline
from torch.utils.data import DataLoader

from emo.data.batch import Batch
from emo.data.dataset import ClipDataset
from emo.data.format import METADATA, load_labels, read_metadata
from emo.data.sampler import StepSampler
from emo.errors import DatasetError
from emo.generation.audio_features import AudioFeatures
from emo.media import AudioTrack, VideoReader, as_fps

F, N, M = 4, 2, 2
LENGTHS = {"num_frames": F, "num_motion_frames": N, "num_neighbors": M}


def open_dataset(root, video: bool, **options) -> ClipDataset:
    return ClipDataset(root, video=video, **LENGTHS | options)


def equal(a: Batch, b: Batch) -> bool:
    """Whether two batches agree in everything."""

    def same(x, y) -> bool:
        if isinstance(x, torch.Tensor):
            return x.dtype == y.dtype and torch.equal(x, y)
        if isinstance(x, tuple):
            return len(x) == len(y) and all(map(same, x, y))
        return x == y

    return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(Batch))


def place(sample: Batch, root: Path) -> tuple[Path, int]:
    """The clip that a sample shows, and the first frame shown."""
    name, _, start = sample.clips[0].partition(" from frame ")
    return root / name, int(start)


def pictures_of(path: Path) -> np.ndarray:
    with VideoReader(path) as video:
        return video.read(range(video.num_frames)).transpose(0, 3, 1, 2)


def labels_of(path: Path) -> dict[str, np.ndarray]:
    clip = next(clip for clip in read_metadata(path.parents[1], path.parent.name) if clip.file_name == path.name)
    return load_labels(path.with_suffix(".safetensors"), clip.frames)


def number_in(pictures: np.ndarray, picture: torch.Tensor) -> int:
    """Which of the pictures this one is."""
    (found,) = np.flatnonzero((pictures == picture.numpy()).all((1, 2, 3)))
    return int(found)


@pytest.mark.parametrize("video", [False, True])
def test_a_sample_depends_on_its_number_alone(clips, video):
    dataset = open_dataset(clips, video)
    numbers = [5, 0, 17, 5, 3, 1000]
    samples = {g: dataset[g] for g in numbers}
    fresh = open_dataset(clips, video)
    for g in reversed(numbers):
        assert equal(fresh[g], samples[g])
        assert samples[g].index.tolist() == [g]
    assert equal(pickle.loads(pickle.dumps(dataset))[17], samples[17])
    other = open_dataset(clips, video, seed=1)
    assert not all(equal(other[g], samples[g]) for g in numbers)


@pytest.mark.parametrize("video", [False, True])
def test_workers_change_nothing(clips, video):
    batches = []
    for workers in (0, 1, 2):
        options = {"prefetch_factor": 2} if workers else {}
        loader = DataLoader(
            open_dataset(clips, video),
            batch_sampler=StepSampler(3),
            collate_fn=Batch.collate,
            num_workers=workers,
            **options,
        )
        batches.append(list(islice(loader, 3)))
    for alone, one, two in zip(*batches, strict=True):
        assert equal(alone, one)
        assert equal(alone, two)


def test_two_ranks_see_together_what_one_process_sees(clips):
    dataset = open_dataset(clips, True)
    batches = lambda sampler: [Batch.collate([dataset[g] for g in numbers]) for numbers in islice(sampler, 3)]
    whole = batches(StepSampler(4))
    first, second = (batches(StepSampler(2, 2, rank)) for rank in (0, 1))
    for both, a, b in zip(whole, first, second, strict=True):
        assert not set(a.index.tolist()) & set(b.index.tolist())
        assert equal(both, Batch.collate([a, b]))


def test_a_round_shows_every_clip_once_and_the_next_in_another_order(avatars):
    dataset = open_dataset(avatars, False)
    count = len(dataset.clips)
    rounds = [[place(dataset[r * count + k], avatars)[0].name for k in range(count)] for r in range(6)]
    for names in rounds:
        assert sorted(names) == sorted(clip.file_name for clip in dataset.clips)
    assert len({tuple(names) for names in rounds}) > 3
    other = open_dataset(avatars, False, seed=8)
    assert [place(other[g], avatars)[0].name for g in range(3 * count)] != list(chain(*rounds[:3]))


def test_an_image_sample_is_two_frames_of_a_clip(clips):
    """Of this clip the file tells every frame from every other."""
    dataset, seen, differences = open_dataset(clips, False), set(), set()
    of = lru_cache(pictures_of)
    for g in range(80):
        sample = dataset[g]
        path, start = place(sample, clips)
        assert sample.frames.shape == (1, 1, 3, 48, 64)
        assert sample.reference.shape == (1, 3, 48, 64)
        assert sample.frames.dtype == sample.reference.dtype == torch.uint8
        target, reference = (number_in(of(path), x) for x in (sample.frames[0, 0], sample.reference[0]))
        assert target == start != reference
        differences.add(int(np.sign(target - reference)))
        seen |= {(path.name, "target", target), (path.name, "reference", reference)}
        assert (sample.speed, sample.audio, sample.sound) == (None, None, None)
        assert (sample.latents, sample.reference_latents) == (None, None)
    assert differences == {-1, 1}
    for kind in ("target", "reference"):  # the shortest clip has four frames: all of them turn up
        assert {(name, k, n) for name, k, n in seen if name == "000002.mp4" and k == kind} == {
            ("000002.mp4", kind, number) for number in range(4)
        }


def test_targets_are_different_frames_under_one_mask(clips):
    dataset, chosen = open_dataset(clips, False, targets=5), set()
    for g in range(30):
        sample = dataset[g]
        path, first = place(sample, clips)
        pictures, boxes = pictures_of(path), labels_of(path)["face_box"]
        targets = [number_in(pictures, frame) for frame in sample.frames[0]]
        assert targets[0] == first
        assert len({*targets, number_in(pictures, sample.reference[0])}) == 6
        assert sample.mouth.shape == (1, 5, 3)
        for x0, y0, x1, y1 in boxes[targets].clip(0).astype(int):
            assert sample.face_mask[0, 0, y0 + 1 : y1, x0 + 1 : x1].all()
        chosen.add(tuple(np.diff(targets)))
    assert len(chosen) > 20


def test_a_video_sample_is_a_run_of_frames_as_in_the_file(clips):
    dataset, starts = open_dataset(clips, True), {}
    of = lru_cache(pictures_of)
    for g in range(60):
        sample = dataset[g]
        path, start = place(sample, clips)
        pictures = of(path)
        assert sample.frames.shape == (1, N + F, 3, 48, 64)
        assert np.array_equal(sample.frames[0].numpy(), pictures[start : start + N + F])
        starts.setdefault(path.name, set()).add(start)
        assert number_in(pictures, sample.reference[0]) in range(len(pictures))
    assert {name: (min(s), max(s)) for name, s in starts.items()} == {
        "000000.mp4": (0, 14), "000001.mp4": (0, 10), "000005.mp4": (0, 11),
    }  # fmt: skip


def test_any_frame_can_be_the_reference(tmp_path):
    made_dataset(tmp_path, {"frames": 7})
    dataset, pictures = open_dataset(tmp_path, True), pictures_of(tmp_path / "train" / "000000.mp4")
    assert {number_in(pictures, dataset[g].reference[0]) for g in range(40)} == set(range(7))


@pytest.mark.parametrize("video", [False, True])
@pytest.mark.parametrize("size", [None, 40])
def test_labels_are_those_of_the_frames_shown(clips, video, size):
    dataset = open_dataset(clips, video, size=size)
    height, width = (48, 64) if size is None else (size, size)
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    wider = 0
    for g in range(12):
        sample = dataset[g]
        path, start = place(sample, clips)
        labels, pictures = labels_of(path), pictures_of(path)
        window = range(start, start + (N + F if video else 1))
        shape = np.array([width / 64, height / 48] * 2, np.float32)
        inside = [
            (x0 <= x) & (x < x1) & (y0 <= y) & (y < y1)
            for x0, y0, x1, y1 in labels["face_box"][: len(pictures)] * shape
        ]
        spans = [(a, b) for a in range(start + 1) for b in range(window.stop, len(pictures) + 1)]
        found = sample.face_mask[0, 0].numpy()
        assert sample.face_mask.dtype == torch.float32
        fitting = {(a, b) for a, b in spans if np.array_equal(found, np.any(inside[a:b], axis=0))}
        assert fitting
        wider += (start, window.stop) not in fitting

        shown = list(window) if video else [number_in(scaled(pictures, width, height), sample.frames[0, 0])]
        assert np.array_equal(sample.frames[0].numpy(), scaled(pictures, width, height)[shown])
        for frame, mouth, eyes in zip(shown, sample.mouth[0].numpy(), sample.eyes[0].numpy(), strict=True):
            one, other, _, left, right, upper, lower = labels["points"][frame] * (width / 64, height / 48)
            expected = [*((upper + lower) / 2), np.hypot(*(left - right))]
            np.testing.assert_allclose(mouth, expected, rtol=1e-5)
            apart = np.hypot(*(one - other))
            np.testing.assert_allclose(eyes, [[*one, apart], [*other, apart]], rtol=1e-5)
    assert wider  # the frames shown are not all that the mask is made of


def scaled(pictures: np.ndarray, width: int, height: int) -> np.ndarray:
    """Pictures (T, 3, h, w) at another size."""
    if pictures.shape[2:] == (height, width):
        return pictures
    resize = lambda picture: cv2.resize(picture.transpose(1, 2, 0), (width, height), interpolation=cv2.INTER_AREA)
    return np.stack([resize(picture).transpose(2, 0, 1) for picture in pictures])


def test_speed_windows_repeat_the_clips_ends(clips):
    dataset, seen = open_dataset(clips, True), set()
    for g in range(40):
        sample = dataset[g]
        path, start = place(sample, clips)
        speed = labels_of(path)["rotation_speed"]
        assert sample.speed.shape == (1, F, 2 * M + 1)
        for k in range(F):
            for j in range(-M, M + 1):
                frame = min(max(start + N + k + j, 0), len(speed) - 1)
                assert sample.speed[0, k, j + M] == speed[frame]
        seen |= {"first"} if start == 0 else {"last"} if start + N + F == len(speed) else set()
    assert seen == {"first", "last"}


def test_windows_reach_beyond_the_first_frame_where_there_are_no_motion_frames(clips):
    dataset = open_dataset(clips, True, num_motion_frames=0)
    sample = next(sample for sample in map(dataset.__getitem__, range(200)) if place(sample, clips)[1] == 0)
    speed = labels_of(place(sample, clips)[0])["rotation_speed"]
    assert sample.speed[0, 0].tolist() == speed[[0, 0, 0, 1, 2]].tolist()


def test_sound_is_the_clips_whole_sound(clips):
    dataset = open_dataset(clips, True)
    for g in range(6):
        sample = dataset[g]
        path, start = place(sample, clips)
        clip = next(clip for clip in dataset.clips if clip.file_name == path.name)
        (sound,) = sample.sound
        with AudioTrack.open(path, 16000) as track:
            assert np.array_equal(sound.waveform.numpy(), track.read(0, track.length))
        assert sound[1:] == (16000, clip.fps, clip.frames, start + N)


@torch.no_grad()
def test_sound_gives_the_features_of_the_frames(clips):
    """As generation computes them from the file, for the F frames that follow the motion frames."""
    pipe, dataset = tiny_pipeline(), open_dataset(clips, True)
    encode = lambda track, fps, frames: AudioFeatures(
        track, pipe.audio_encoder, pipe.feature_extractor, as_fps(fps), frames
    )
    for g in range(3):
        sample = dataset[g]
        path, start = place(sample, clips)
        (sound,) = sample.sound
        with AudioTrack.open((sound.waveform.numpy(), sound.sampling_rate)) as track:
            windows = encode(track, sound.fps, sound.num_frames).windows(sound.start, sound.start + F, M)
        with AudioTrack.open(path) as track:
            every = encode(track, sound.fps, sound.num_frames).windows(0, sound.num_frames, 0)[0, :, 0]
        for k in range(F):
            for j in range(-M, M + 1):
                frame = min(max(start + N + k + j, 0), len(every) - 1)
                torch.testing.assert_close(windows[0, k, j + M], every[frame])


def test_clips_too_short_or_silent_are_left_out(clips):
    names = lambda dataset: [int(clip.file_name[:6]) for clip in dataset.clips]
    image, video = open_dataset(clips, False), open_dataset(clips, True)
    assert (names(image), image.reader.left_out) == ([0, 1, 2, 3, 5], 1)
    assert (names(video), video.reader.left_out) == ([0, 1, 5], 3)
    longer = open_dataset(clips, True, num_frames=15)
    assert (names(longer), longer.reader.left_out) == ([0, 5], 4)
    assert place(longer[0], clips)[1] in range(4)
    test = open_dataset(clips, True, split="test")
    assert (names(test), test.reader.left_out) == ([6], 0)
    with pytest.raises(DatasetError, match=r"train: none of 6 clips is usable \(with sound, 31 frames or more\)"):
        open_dataset(clips, True, num_frames=29)


def test_a_missing_dataset_is_named(tmp_path, clips):
    for root, split in ((tmp_path / "none", "train"), (clips, "valid")):
        with pytest.raises(DatasetError, match=f"{root}/{split}/{METADATA} does not exist"):
            open_dataset(root, False, split=split)


def test_clips_of_different_sizes_need_one_to_scale_to(tmp_path):
    made_dataset(tmp_path, {"frames": 3}, {"frames": 3, "height": 48, "width": 96})
    with pytest.raises(DatasetError, match=r"\(48, 96\), \(64, 64\).*size"):
        open_dataset(tmp_path, False)
    dataset = open_dataset(tmp_path, False, size=32)
    batch = Batch.collate([dataset[0], dataset[1]])
    assert batch.frames.shape == (2, 1, 3, 32, 32)


@pytest.mark.parametrize("file", ["mp4", "safetensors"])
@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "other length"])
def test_damaged_files_are_named(tmp_path, file, damage):
    made_dataset(tmp_path, {"frames": 12})
    dataset, path = open_dataset(tmp_path, True), tmp_path / "train" / f"000000.{file}"
    content = path.read_bytes()
    if damage == "other length":
        made_clip(tmp_path / "other", 0, 8)
        shutil.copy(tmp_path / "other" / "train" / path.name, path)
    elif damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "text": b"not a clip" * 99, "cut": content[: len(content) // 2]}[damage])
    with pytest.raises(DatasetError, match=rf"train/000000\.{file}"):
        dataset[0]


def test_a_clip_whose_sound_is_lost_is_named(tmp_path):
    made_dataset(tmp_path, {"frames": 12})
    dataset = open_dataset(tmp_path, True)
    made_clip(tmp_path / "other", 0, sound=False)
    shutil.copy(tmp_path / "other" / "train" / "000000.mp4", tmp_path / "train" / "000000.mp4")
    with pytest.raises(DatasetError, match=r"train/000000\.mp4 has no sound"):
        dataset[0]


def test_shapes_of_a_batch(clips):
    dataset = open_dataset(clips, True, size=32)
    batch = Batch.collate([Batch.collate([dataset[0], dataset[1]]), dataset[2]])
    assert len(batch) == 3
    assert batch.index.tolist() == [0, 1, 2]
    assert batch.reference.shape == (3, 3, 32, 32)
    assert batch.frames.shape == (3, N + F, 3, 32, 32)
    assert batch.face_mask.shape == (3, 1, 32, 32)
    assert batch.mouth.shape == (3, N + F, 3)
    assert batch.eyes.shape == (3, N + F, 2, 3)
    assert batch.speed.shape == (3, F, 2 * M + 1)
    assert batch.speed.dtype == batch.mouth.dtype == batch.face_mask.dtype == torch.float32
    assert len(batch.sound) == len(batch.clips) == 3
    assert equal(batch.to("cpu"), batch)
    assert batch.to("meta").frames.device.type == "meta"
    assert batch.to("meta").sound is batch.sound


def test_frame_rates_stay_exact(clips):
    rates = {dataset_clip.fps for dataset_clip in open_dataset(clips, True).clips}
    assert rates == {FPS, 29.97}
