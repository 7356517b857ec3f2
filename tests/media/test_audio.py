"""A recording keeps its length, its timing and its loudness, whatever it comes in."""

import copy
import pickle
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from media_helpers import ffmpeg, patches, write_sound, write_video

from emo.errors import AudioError
from emo.media import AudioTrack

RATES = [8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192_000]


def tone(rate: int, seconds: float = 1.0, hertz: float = 300) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def whole(track: AudioTrack) -> np.ndarray:
    return track.read(0, track.length)


@pytest.mark.parametrize("rate", RATES)
def test_resampling_shifts_nothing_and_keeps_the_length(rate):
    samples = np.zeros(61 * rate + 7, np.float32)
    places = [0, rate // 3, rate * 60 + 11, samples.size - 1]
    samples[places] = 1
    with AudioTrack.open((samples, rate)) as track:
        assert track.length == -(-samples.size * 16000 // rate)
        assert track.num_samples == samples.size
        assert track.duration == Fraction(samples.size, rate)
        for place in places:
            expected = min(round(place * 16000 / rate), track.length - 1)
            start = max(0, expected - 200)
            around = abs(track.read(start, min(expected + 200, track.length)))
            assert abs(start + int(around.argmax()) - expected) <= 1


@pytest.mark.parametrize("rate", RATES)
def test_resampling_is_faithful(rate):
    with AudioTrack.open((tone(rate), rate)) as track:
        assert abs(whole(track) - tone(16000))[50:-50].max() < 5e-3


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(RATES), st.integers(1, 5000), st.integers(1, 8))
def test_length_for_any_number_of_samples(rate, count, channels):
    samples = np.zeros((min(channels, count), count), np.float32)
    with AudioTrack.open((samples, rate)) as track:
        assert (track.num_samples, track.length) == (count, -(-count * 16000 // rate))
        assert len(whole(track)) == track.length
        assert track.num_frames(25) == -(-count * 25 // rate)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_random_access_equals_the_whole(data):
    samples = np.random.default_rng(0).standard_normal(3000).astype(np.float32)
    with AudioTrack.open((samples, 16000)) as track:
        start = data.draw(st.integers(0, 3000))
        stop = data.draw(st.integers(start, 3000))
        assert (track.read(start, stop) == samples[start:stop]).all()


@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_are_averaged(tmp_path, channels):
    samples = np.random.default_rng(1).uniform(-0.9, 0.9, (channels, 4000)).astype(np.float32)
    path = write_sound(tmp_path / "a.wav", samples, 16000)
    for source in (path, (samples, 16000)):
        with AudioTrack.open(source) as track:
            assert abs(whole(track) - samples.mean(axis=0)).max() < 1e-6
    same = np.repeat(tone(16000)[None], channels, axis=0)
    with AudioTrack.open(write_sound(tmp_path / "b.wav", same, 16000)) as track:
        assert abs(whole(track) - tone(16000)).max() < 1e-6


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"])
def test_sample_formats_keep_the_level(tmp_path, codec):
    path = write_sound(tmp_path / "a.wav", tone(16000), 16000, "-c:a", codec)
    with AudioTrack.open(path) as track:
        assert abs(whole(track) - tone(16000)).max() < (1.1 / 128 if codec == "pcm_u8" else 1e-4)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint8, np.float64, np.float16])
def test_integer_arrays_are_full_scale(dtype):
    samples = tone(16000)
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        samples = samples.astype(np.float64) * (info.max // 2 + 1 if info.min == 0 else info.max)
        samples = samples + (128 if info.min == 0 else 0)
    with AudioTrack.open((samples.astype(dtype), 16000)) as track:
        assert abs(whole(track) - tone(16000)).max() < (1.1 / 128 if dtype == np.uint8 else 1e-3)


def test_tensors_and_tracks():
    tensor = torch.from_numpy(np.stack([tone(16000)] * 2)).requires_grad_()
    with AudioTrack.open((tensor, 16000)) as track:
        assert AudioTrack.open(track) is track
        assert abs(whole(track) - tone(16000)).max() < 1e-6


@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_statistics_are_stable(offset):
    samples = (0.01 * np.random.default_rng(2).standard_normal(600_000) + offset).astype(np.float32)
    with AudioTrack.open((samples, 16000)) as track:
        exact = samples.astype(np.float64)
        assert track.mean == pytest.approx(exact.mean(), rel=1e-9, abs=1e-9)
        assert track.variance == pytest.approx(exact.var(), rel=1e-9)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "m4a", "mkv", "webm"])
def test_containers_keep_length_and_timing(tmp_path, suffix):
    samples = np.zeros(3 * 48000, np.float32)
    samples[[4800, 48000, 120_000]] = 0.9
    path = write_sound(tmp_path / f"a.{suffix}", samples, 48000)
    with AudioTrack.open(path) as track:
        assert track.source_rate == 48000
        assert 0 <= track.num_samples - samples.size < (1024 if suffix == "mkv" else 1)
        assert [int(abs(track.read(s, s + 16000)).argmax()) + s for s in (0, 8000, 32000)] == [1600, 16000, 40000]


def test_content_decides_not_the_name(tmp_path):
    path = write_sound(tmp_path / "a.mp3", tone(44100), 44100).rename(tmp_path / "named.wav")
    with AudioTrack.open(str(path)) as track:
        assert track.num_samples == 44100
    strange = path.rename(tmp_path / "-50% of: it's 声音.wav")
    with AudioTrack.open(strange) as track:
        assert track.path == strange


def test_video_files_with_sound(tmp_path):
    wav = write_sound(tmp_path / "a.wav", tone(48000, 2), 48000)
    video = write_video(tmp_path / "silent.mp4", patches(50))
    inputs = ("-i", video, "-itsoffset", "0.4", "-i", wav, "-map", "0:v", "-map", "1:a")
    ffmpeg(*inputs, "-c:v", "copy", "-c:a", "pcm_s16le", tmp_path / "b.mov")
    with AudioTrack.open(tmp_path / "b.mov") as track:
        assert track.num_samples == 96000
        assert track.num_frames(25) == 50
    with pytest.raises(AudioError, match=r"silent\.mp4 has no sound track"):
        AudioTrack.open(video)


def test_silence_works():
    with AudioTrack.open((np.zeros(16000, np.float32), 16000)) as track:
        assert (track.mean, track.variance, track.num_frames("30000/1001")) == (0, 0, 30)


def test_bad_files(tmp_path):
    good = write_sound(tmp_path / "good.wav", tone(16000), 16000).read_bytes()
    flac = write_sound(tmp_path / "good.flac", tone(16000), 16000).read_bytes()
    unknown = bytearray(good)
    unknown[20:22] = b"\xef\xbe"
    bad = tone(16000)
    bad[8000] = np.nan
    rows = {
        "zero.wav": (b"", "0 bytes"),
        "text.wav": (b"not sound\n" * 50, "not a recording"),
        "text.mp3": (b"not sound\n" * 50, "text.mp3"),
        "noise.bin": (np.random.default_rng(0).bytes(5000), "noise.bin"),
        "header.wav": (good[:44], "header.wav"),
        "cut.flac": (flac[:60], "cut.flac"),
        "codec.wav": (bytes(unknown), "unknown codec"),
        "nan.wav": (write_sound(tmp_path / "n.wav", bad, 16000).read_bytes(), r"NaN.*0\.500 s"),
        "inf.wav": (write_sound(tmp_path / "n.wav", np.where(bad > 0.4, np.inf, 0), 16000).read_bytes(), "infinite"),
    }
    for name, (content, message) in rows.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AudioError, match=message) as caught:
            AudioTrack.open(tmp_path / name)
        assert name in str(caught.value)
    with pytest.raises(AudioError, match="does not exist"):
        AudioTrack.open(tmp_path / "missing.wav")
    with pytest.raises(AudioError, match="directory"):
        AudioTrack.open(tmp_path)


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(0, np.float32), 16000, "no sound"),
        (np.zeros((2, 0), np.float32), 16000, "no sound"),
        (np.zeros((100, 2), np.float32), 16000, "samples.T"),
        (np.zeros((2, 2, 100), np.float32), 16000, "shape"),
        (np.array(["a", "b"]), 16000, "numbers"),
        (np.zeros(100, np.float32), 0, "rate"),
        (np.zeros(100, np.float32), 0.5, "rate"),
        (np.array([0, np.inf], np.float32), 16000, "infinite"),
        (np.zeros(100, np.float32), np.nan, "rate"),
        (np.zeros(100, np.float32), 1e12, "rate"),
        (np.zeros(100, np.float32), "16000", "rate"),
        (32767 * tone(16000), 16000, "divide 16-bit samples by 32768"),
        (127 * tone(16000).astype(np.float64), 16000, "within -1 to 1"),
        ((32767 * tone(16000)).astype(np.int64), 16000, "int16"),
        ((32767 * tone(16000)).astype(np.int32), 16000, "int16"),
        (np.abs(32767 * tone(16000)).astype(np.uint32), 16000, "int16"),
    ],
)
def test_bad_arrays(samples, rate, message):
    with pytest.raises(AudioError, match=message):
        AudioTrack.open((samples, rate))


def test_a_damaged_file_keeps_what_decodes(tmp_path, caplog):
    content = bytearray(write_sound(tmp_path / "a.flac", tone(16000, 5), 16000).read_bytes())
    content[len(content) // 2 : len(content) // 2 + 3000] = bytes(3000)
    (tmp_path / "a.flac").write_bytes(content)
    with AudioTrack.open(tmp_path / "a.flac") as track:
        assert 16000 < track.num_samples <= 80000
    content = bytearray(write_sound(tmp_path / "a.m4a", tone(16000, 5), 16000).read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2000] = b"\xff\x00\xaa\x00" * 500
    (tmp_path / "a.m4a").write_bytes(content)
    with AudioTrack.open(tmp_path / "a.m4a") as track:
        assert track.num_samples == 80000  # silence where it is damaged: what follows stays in step
    assert "a.m4a is damaged" in caplog.text
    cut = write_sound(tmp_path / "b.mp3", tone(16000, 5), 16000).read_bytes()
    (tmp_path / "b.mp3").write_bytes(cut[: len(cut) // 2])
    with AudioTrack.open(tmp_path / "b.mp3") as track:
        assert abs(float(track.duration) - 2.5) < 0.2


def test_no_room_for_the_decoded_sound(monkeypatch):
    import emo.media.audio as audio

    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "r+b", buffering=0) as full, monkeypatch.context() as patch:
        patch.setattr(audio.tempfile, "TemporaryFile", lambda: full)
        with pytest.raises(AudioError, match="TMPDIR"):
            AudioTrack.open((np.zeros(16000, np.float32), 16000))


def test_the_video_is_given_the_whole_quality(tmp_path):
    samples = np.stack([tone(48000, hertz=12000), 0.5 * tone(48000)])
    for source in (write_sound(tmp_path / "a.wav", samples, 48000, "-c:a", "pcm_f32le"), (samples, 48000)):
        with AudioTrack.open(source) as track:
            assert (track.channels, track.source_rate) == (2, 48000)
            assert np.abs(np.concatenate([*track.blocks()]).T - samples).max() < 1e-6
    with AudioTrack.open((tone(44100), 44100)) as track:
        assert [block.shape for block in track.blocks()] == [(44100, 1)]


def test_a_file_that_is_another_one_in_the_end_is_told(tmp_path):
    path = write_sound(tmp_path / "a.wav", tone(16000), 16000)
    with AudioTrack.open(path) as track:
        write_sound(path, tone(16000, 0.5), 16000)
        with pytest.raises(AudioError, match=r"a\.wav has changed"):
            list(track.blocks())
        path.unlink()
        with pytest.raises(AudioError, match=r"a\.wav does not exist"):
            list(track.blocks())


def test_a_track_of_another_rate_is_decoded_again(tmp_path):
    for source in (write_sound(tmp_path / "a.wav", tone(44100), 44100), (tone(44100), 44100)):
        with AudioTrack.open(source, 48000) as other, AudioTrack.open(other) as track:
            assert (track.sampling_rate, track.length) == (16000, 16000)
            assert abs(whole(track) - tone(16000))[50:-50].max() < 5e-3
            assert other.length == 48000


def test_tracks_are_pickled_and_copied(tmp_path):
    with AudioTrack.open(write_sound(tmp_path / "a.wav", tone(44100), 44100)) as track:
        copies = [pickle.loads(pickle.dumps(track)), copy.deepcopy(track)]
        samples = whole(track)
    for other in copies:
        assert (whole(other) == samples).all()
        assert (other.num_samples, other.path) == (44100, tmp_path / "a.wav")
        assert sum(len(block) for block in other.blocks()) == 44100


def test_real_recordings(data):
    expected = {"speech_en_1961_inaugural.flac": (44100, 485_100), "ljspeech_LJ001-0001.flac": (22050, 212_893)}
    for path in sorted((data / "audio").iterdir()):
        with AudioTrack.open(path) as track:
            assert expected.get(path.name, (track.source_rate, track.num_samples)) == (
                track.source_rate,
                track.num_samples,
            )
            assert abs(track.length - track.duration * 16000) < 1
            assert 1e-5 < track.variance < 1
    with pytest.raises(AudioError, match="no sound track"):
        AudioTrack.open(data / "bad_input" / "headturn_profile_silent.mp4")


MEMORY = """
import sys, psutil
from emo.media import AudioTrack
AudioTrack.open(sys.argv[1]).close()
before = psutil.Process().memory_info().rss
with AudioTrack.open(sys.argv[2]) as track:
    for start in range(0, track.length - 16000, 160000):
        track.read(start, start + 16000)
    print(float(track.duration), (psutil.Process().memory_info().rss - before) / 2**20)
"""


def test_memory_does_not_grow_with_length(tmp_path):
    pytest.importorskip("psutil")
    minute = np.random.default_rng(0).integers(-8000, 8000, 22050 * 60, np.int16).tobytes()
    raw = ("-f", "s16le", "-ar", 22050, "-ac", 1, "-i", "-", "-c", "copy")
    for minutes in (2, 20):
        ffmpeg(*raw, tmp_path / f"{minutes}.wav", stdin=minute * minutes)
    arguments = [sys.executable, "-c", MEMORY, tmp_path / "2.wav", tmp_path / "20.wav"]
    seconds, growth = map(float, subprocess.run(arguments, capture_output=True, check=True).stdout.split())
    assert seconds == 1200
    assert growth < 8  # MiB; the samples are 73
