"""`emo generate` from the outside: the file it writes, what the terminal shows, interruption and resumption."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from cli_files import frames_of, write_wav
from PIL import Image

from emo.media import AudioTrack, VideoReader
from emo.pipelines import EMOPipeline


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("out.mp4"))


def test_writes_the_video_and_says_so(emo, tmp_path):
    status, out, err = emo()
    assert status == 0, err
    assert re.fullmatch(
        rf"{re.escape(str(tmp_path))}/out\.mp4: 10 frames, 0\.40 s of video; took [\d.]+ s, [\d.]+ s per frame\n", out
    )
    with VideoReader(tmp_path / "out.mp4") as video:
        assert (video.num_frames, video.fps, video.height, video.width, video.has_audio) == (10, 25, 64, 64, True)
    with AudioTrack.open(tmp_path / "out.mp4") as track:
        assert abs(track.duration - 10 / 25) < 1 / 25
    assert leftovers(tmp_path) == ["out.mp4"]


def test_the_terminal_shows_progress_and_nothing_of_the_libraries(model, image, sound, tmp_path):
    """In a process of its own, where native libraries write to the file descriptors as they like."""
    command = [sys.executable, "-m", "emo", "generate", image, sound, "-o", tmp_path / "out.mp4", "--model", model]
    result = subprocess.run(
        [str(part) for part in [*command, "--steps", "1", "--audio-guidance", "1"]], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 1
    lines = [line for line in re.split(r"[\r\n]+", result.stderr) if line.strip()]
    assert lines
    assert all(re.match(r"(clip \d/3: +\d+%| +0%)", line) for line in lines), result.stderr
    assert re.search(r"clip 3/3: 100%.*3/3 \[[\d:]+<[\d:]+, .*step", lines[-1])


def test_same_seed_same_file(emo, tmp_path):
    emo("--seed", 5)
    first = (tmp_path / "out.mp4").read_bytes()
    emo("--seed", 5)  # a second run over the first
    assert (tmp_path / "out.mp4").read_bytes() == first
    emo("--seed", 6)
    assert (tmp_path / "out.mp4").read_bytes() != first


def test_every_option_reaches_the_pipeline(emo, tmp_path, portrait, monkeypatch, attention_backend):
    """The command line has every argument of `EMOPipeline.stream`."""
    import inspect

    seen = {}
    stream = EMOPipeline.stream
    monkeypatch.setattr(
        EMOPipeline, "stream", lambda self, *args, **kwargs: seen.update(kwargs) or stream(self, *args, **kwargs)
    )
    (tmp_path / "speeds.txt").write_text(" ".join(["0.5"] * 12))
    Image.fromarray((np.arange(512)[:, None] < 300).repeat(512, 1)).save(tmp_path / "mask.png")
    status, _, err = emo(
        *("--height", 96, "--width", 64, "--fps", "30000/1001", "--steps", 3, "--audio-guidance", 1.2, "--eta", 0.5),
        *("--reference-guidance", 1.3, "--noise-correlation", 0.25, "--noise-mirroring", 0.3, "--strength", 0.9),
        *("--guidance-every", 2, "--cache-interval", 3),
        *("--face", 1, "--face-region", tmp_path / "mask.png"),
        *("--speed", tmp_path / "speeds.txt", "--paste-back", "--dtype", "bfloat16", "--attention", "_native_math"),
    )
    assert status == 0, err
    assert seen["height"] == 96
    assert seen["width"] == 64
    assert seen["fps"] == "30000/1001"
    assert seen["num_inference_steps"] == 3
    assert (seen["audio_guidance_scale"], seen["reference_guidance_scale"], seen["eta"]) == (1.2, 1.3, 0.5)
    assert (seen["noise_correlation"], seen["noise_mirroring"], seen["strength"]) == (0.25, 0.3, 0.9)
    assert (seen["guidance_every"], seen["cache_interval"]) == (2, 3)
    assert seen["face"] == 1
    assert np.asarray(seen["face_region"]).shape[:2] == portrait.shape[:2]
    assert seen["speed"] == [0.5] * 12
    assert seen["paste_back"] is True
    python_only = {
        "self",
        "image",
        "audio",
        "output_type",
        "callback_on_step_end",
        "callback_on_step_end_tensor_inputs",
    }
    assert set(inspect.signature(stream).parameters) - python_only == set(seen) - python_only
    assert frames_of(tmp_path / "out.mp4").shape == (12, *portrait.shape)


@pytest.mark.parametrize("region", ["full", "150,40,330,260"])
def test_face_regions(emo, region):
    status, _, err = emo("--face-region", region, "--speed", 0.7)
    assert status == 0, err


def kill_after_clip(command, resume_point, signal_number):
    # A shell that starts tests in the background has SIGINT ignored, which children inherit.
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed)
    deadline = time.monotonic() + 120
    while not resume_point.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal_number)
    return process.wait(), process.stderr.read()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX")
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_and_resumed_equals_uninterrupted(emo, model, image, tmp_path, signal_number):
    sound = write_wav(tmp_path / "long.wav", 2.0)  # 13 clips
    options = ["--steps", "2", "--audio-guidance", "1.5", "--eta", "0.5"]
    assert emo(*options, audio=sound, output=tmp_path / "whole.mp4")[0] == 0
    output = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "emo", "generate", image, sound, "-o", output, "--model", model, *options]
    command = [str(part) for part in command]
    status, err = kill_after_clip(command, tmp_path / "out.mp4.resume", signal_number)
    assert not output.exists(), "a half file under the final name"
    if signal_number == signal.SIGINT:
        assert status == 130
        assert "--resume" in err
        assert "Traceback" not in err
    status, out, err = emo(*options, audio=sound)
    assert status == 2
    assert "--resume" in err
    assert "--restart" in err
    status, _, err = emo(*options, "--seed", 1, "--resume", audio=sound)
    assert status == 2
    assert "seed" in err
    status, out, err = emo(*options, "--resume", audio=sound)
    assert status == 0, err
    assert "50 frames" in out
    np.testing.assert_array_equal(frames_of(output), frames_of(tmp_path / "whole.mp4"))
    assert output.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert leftovers(tmp_path) == ["out.mp4"]


def test_resume_with_nothing_to_resume_starts(emo):
    assert emo("--resume")[0] == 0


def test_restart_discards_what_was_there(emo, tmp_path, interrupted):
    with interrupted():
        status, _, err = emo()
    assert status == 130
    assert "--resume" in err
    assert leftovers(tmp_path) == ["out.mp4.part", "out.mp4.resume"]
    kept = (tmp_path / "out.mp4.part").read_bytes()
    for wrong in ({"image": tmp_path / "typo.png"}, {"audio": tmp_path / "typo.wav"}):
        assert emo("--restart", **wrong)[0] == 2
    assert emo("--restart", "--model", tmp_path / "typo")[0] == 2
    assert (tmp_path / "out.mp4.part").read_bytes() == kept, "a mistyped command destroyed what was there"
    assert emo("--restart")[0] == 0
    assert leftovers(tmp_path) == ["out.mp4"]


def test_interrupted_before_the_first_clip_leaves_nothing(emo, tmp_path, monkeypatch):
    monkeypatch.setattr(EMOPipeline, "decode", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert emo()[0] == 130
    assert leftovers(tmp_path) == []
