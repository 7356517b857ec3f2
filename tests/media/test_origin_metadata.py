"""What a video says of its origin: written, read back, and refused where there is nothing."""

import json
import subprocess

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from media_helpers import patches

from emo.errors import VideoError
from emo.media import AudioTrack, VideoReader, VideoWriter, read_origin

ORIGIN = {"emo": "9.9", "model": {"name": "org/näme"}, "options": {"text": "a=b;c#d\\e\nf 'g' \"h\"", "none": None}}


def write(path, origin, sound=False):
    with VideoWriter(path, 25) as writer:
        writer.write(patches(5, 32, 32))
        with AudioTrack.open((np.full(3200, 0.1, np.float32), 16000)) as track:
            writer.finish(track if sound else None, origin)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("sound", [False, True])
def test_what_is_written_is_read_back(tmp_path, suffix, sound):
    path = write(tmp_path / f"a{suffix}", ORIGIN, sound)
    record = read_origin(path)
    assert ORIGIN.items() <= record.items()
    assert record["ai_generated"] is True
    assert record["digital_source_type"].endswith("/trainedAlgorithmicMedia")
    with av.open(str(path)) as container:
        assert container.metadata["comment"].startswith("AI-generated video, made with EMO 9.9.")
    with VideoReader(path) as video:
        assert (video.num_frames, video.has_audio) == (5, sound)
    plain = write(tmp_path / f"b{suffix}", None, sound)
    for stream in ("video", "audio")[: 1 + sound]:
        assert packets(path, stream) == packets(plain, stream)


def packets(path, kind):
    with av.open(str(path)) as container:
        [stream] = getattr(container.streams, kind)
        return [(packet.pts, bytes(packet)) for packet in container.demux(stream)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_long_record(tmp_path, suffix):
    """As an hour of speeds makes it."""
    origin = {"options": {"speed": np.random.default_rng(0).uniform(0, 2, 90_000).tolist()}}
    assert origin.items() <= read_origin(write(tmp_path / f"a{suffix}", origin)).items()


def test_it_survives_another_container_with_the_same_streams(tmp_path):
    write(tmp_path / "a.mp4", ORIGIN)
    copy = [get_ffmpeg_exe(), "-v", "error", "-i", tmp_path / "a.mp4", "-c", "copy", tmp_path / "b.mkv"]
    subprocess.run(copy, check=True)
    assert ORIGIN.items() <= read_origin(tmp_path / "b.mkv").items()


def test_the_same_origin_makes_the_same_bytes(tmp_path):
    first, second = (write(tmp_path / name, ORIGIN, sound=True).read_bytes() for name in ("a.mp4", "b.mp4"))
    assert first == second
    assert str(tmp_path).encode() not in first


@pytest.mark.parametrize("kind", ["none", "other", "list", "later", "text", "missing"])
def test_nothing_to_read_is_said(tmp_path, kind):
    path = tmp_path / "a.mp4"
    if kind == "text":
        path.write_text("no video")
    elif kind != "missing":
        write(path, {"emo_origin": 99} if kind == "later" else None)
    if kind in ("other", "list"):
        text = json.dumps({"something": "else"} if kind == "other" else [1])
        command = [get_ffmpeg_exe(), "-v", "error", "-i", path, "-c", "copy", "-metadata", f"description={text}"]
        subprocess.run([*command, tmp_path / "b.mp4"], check=True)
        path = tmp_path / "b.mp4"
    words = {"text": "not a video", "missing": "does not exist", "later": "later version"}
    with pytest.raises(VideoError, match=words.get(kind, "says nothing of its origin")) as caught:
        read_origin(path)
    assert path.name in str(caught.value)
