"""`emo evaluate --generated --reference` as a whole: perfect scores, ladders, order, broken files, going on."""

import json
import shutil
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from ladder import EXPECTED, FPS, RATE, RUNGS, degrade, write, write_networks, wrong_way
from PIL import Image

from emo.cli.main import main
from emo.data.synthetic.held_out import HeldOut
from emo.errors import OutputError
from emo.evaluation.compare.measured import MeasuredVideo
from emo.media import AudioTrack, VideoReader, VideoWriter

PEOPLE, SECONDS = 2, 1.4
ALL = "psnr,ssim,sync,likeness,face_found,face_points,var_e,ssim_e,blinks,motion"  # that need no network
QUICK = "psnr,ssim,likeness,mouth_r,velocity,msi,face_points,vmv"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A folder of two people who talk, at 128 px."""
    root, people = tmp_path_factory.mktemp("real"), HeldOut(900, PEOPLE)
    for person in range(PEOPLE):
        write(root / f"{person}.mp4", people.clip(person, SECONDS), people.voice(person, SECONDS).waveform)
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Options that name small random networks for every kind, as TorchScript."""
    root = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    images = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, 2), torch.nn.Tanh(), torch.nn.Conv2d(8, 6, 5, 2), torch.nn.AdaptiveAvgPool2d(2)
    )
    videos = torch.nn.Sequential(torch.nn.Conv3d(3, 6, (3, 5, 5), 2), torch.nn.Tanh(), torch.nn.AdaptiveAvgPool3d(1))
    return ["--no-fetch", *write_networks(root, images, videos)]


def run(generated: Path, reference: Path, out: Path, *options: str) -> dict:
    """The report's JSON."""
    arguments = ["--generated", str(generated), "--reference", str(reference), "--out", str(out), "--workers", "1"]
    assert main(["evaluate", *arguments, *options]) == 0
    return json.loads((out / "report.json").read_text())


def values(report: dict) -> dict[str, float | None]:
    return {line["name"]: line["value"] for line in report["measures"]}


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with VideoReader(path) as video, AudioTrack.open(path, RATE) as sound:
        return video.read(range(len(video))), sound.read(0, sound.length)


def test_a_video_beside_itself_has_the_perfect_score(real, cache, networks, tmp_path, capsys):
    report = run(real, real, tmp_path, "--cache", str(cache), *networks)
    found = values(report)
    assert None not in found.values(), [line for line in report["measures"] if line["value"] is None]
    assert found["psnr"] == "inf"
    for name in ("ssim", "ssim_e", "ssim_p", "face_found"):
        assert found[name] == pytest.approx(1), name
    for name in ("lpips", "akd", "fid", "fvd16", "fvd25", "e_fid", "face_points"):
        assert found[name] == pytest.approx(0, abs=1e-4), name
    for line in report["measures"]:
        if line["truth"] is not None:
            assert line["value"] == line["truth"], line["name"]
    assert found["mouth_r"] > 0.5
    assert found["mouth_lag"] <= 1

    page, table = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    assert table == capsys.readouterr().out.split("\n" + str(tmp_path))[0] + "\n"
    assert page.count("data:image/png;base64,") == 7  # five families, best, worst
    assert "http://" not in page.replace("http://www.robots", "")
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.html", "report.json", "report.md", "best.png", "worst.png", "plots",
    }  # fmt: skip


@pytest.mark.parametrize("kind", RUNGS)
def test_measures_move_the_right_way_at_every_rung(kind, real, cache, networks, tmp_path):
    clips = [load(real / f"{person}.mp4") for person in range(PEOPLE)]
    stranger = HeldOut(900, PEOPLE + 1).clip(PEOPLE, SECONDS) if kind == "another person" else clips[0][0]
    track = {name: [] for name in EXPECTED[kind]}
    for number, rung in enumerate(RUNGS[kind]):
        for person, (frames, waveform) in enumerate(clips):
            path = tmp_path / f"{kind}-{number}" / f"{person}.mp4"
            if number == 0:
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(real / path.name, path)
            else:
                write(path, *degrade(kind, rung, frames, waveform, stranger))
        options = ("--metrics", ",".join(track), "--cache", str(cache))
        found = values(run(tmp_path / f"{kind}-{number}", real, tmp_path / f"out-{number}", *options, *networks))
        for name, entries in track.items():
            entries.append(float(found[name]))
    wrong = {name: entries for name, entries in track.items() if wrong_way(kind, name, entries)}
    assert not wrong


@pytest.mark.slow
def test_order_and_processes_change_nothing(real, tmp_path):
    first = run(real, real, tmp_path / "one", "--metrics", QUICK)
    listed = tmp_path / "list.csv"
    listed.write_text("generated,reference\n" + "".join(f"{real}/{p}.mp4,{real}/{p}.mp4\n" for p in (1, 0)))
    second = run(listed, real, tmp_path / "two", "--metrics", QUICK, "--workers", "2")
    assert values(first) == values(second)
    assert [clip["values"] for clip in first["clips"]] == [clip["values"] for clip in second["clips"]]


def test_what_cannot_be_read_is_said_and_the_rest_goes_on(real, tmp_path, capsys):
    generated = tmp_path / "generated"
    shutil.copytree(real, generated)
    (generated / "broken.mp4").write_bytes(b"no video")
    frames, _ = load(real / "0.mp4")
    write(generated / "short.mp4", frames[:20], np.zeros(20 * RATE // FPS, np.float32))
    write(generated / "gray.mp4", np.full_like(frames[:30], 90), np.zeros(30 * RATE // FPS, np.float32))
    report = run(generated, real, tmp_path / "out", "--metrics", ALL)
    clips = {clip["name"]: clip for clip in report["clips"]}
    assert "is not a video" in clips["broken"]["error"]
    assert clips["gray"]["values"]["velocity"] == "no face is found in the video"
    assert clips["short"]["values"]["psnr"] == "no reference video of the same name"
    assert isinstance(clips["short"]["values"]["velocity"], float)
    lines = {line["name"]: line for line in report["measures"]}
    assert "1 generated videos left out: no face" in lines["face_points"]["note"]
    whole = run(real, real, tmp_path / "whole", "--metrics", ALL)
    assert clips["0"]["values"] == next(clip["values"] for clip in whole["clips"] if clip["name"] == "0")
    assert "left out" in capsys.readouterr().err
    assert "is not a video" in (tmp_path / "out" / "report.html").read_text()


def test_the_truth_is_the_real_videos_own_and_the_portrait_too(real, cache, tmp_path):
    generated = tmp_path / "generated"
    generated.mkdir()
    shutil.copy(real / "1.mp4", generated / "0.mp4")  # another person in the place of one
    names = ("--metrics", "velocity,likeness", "--cache", str(cache))
    whole = {clip["name"]: clip["values"] for clip in run(real, real, tmp_path / "whole", *names)["clips"]}
    (clip,) = run(generated, real, tmp_path / "out", *names)["clips"]
    assert clip["truths"] == whole["0"]
    assert clip["values"]["velocity"] == whole["1"]["velocity"]
    assert clip["values"]["likeness"] < whole["0"]["likeness"] - 0.2

    picture = tmp_path / "portrait.png"
    Image.fromarray(load(real / "1.mp4")[0][0]).save(picture)
    (tmp_path / "list.csv").write_text(f"generated,reference,portrait\ngenerated/0.mp4,{real}/0.mp4,{picture}\n")
    (clip,) = run(tmp_path / "list.csv", real, tmp_path / "portrait", *names)["clips"]
    assert clip["values"]["likeness"] == pytest.approx(whole["1"]["likeness"], abs=0.02)


def test_videos_of_other_rates_are_not_compared_frame_by_frame_and_their_speeds_are(real, cache, tmp_path):
    frames, waveform = load(real / "0.mp4")
    fast = np.repeat(frames, 2, axis=0)  # the same at 50 frames per second
    with VideoWriter(tmp_path / "fast.mp4", 50) as writer, AudioTrack.open((waveform, RATE)) as sound:
        writer.write(fast)
        writer.finish(sound)
    report = run(tmp_path / "fast.mp4", real / "0.mp4", tmp_path, "--metrics", ALL, "--cache", str(cache))
    found = report["clips"][0]["values"]
    for name in ("psnr", "ssim", "akd", "ssim_e", "ssim_p"):
        assert "50 and 25 frames per second" in found[name], name
    assert found["velocity"] == pytest.approx(report["clips"][0]["truths"]["velocity"], rel=0.15)
    assert found["delta_p"] == pytest.approx(report["clips"][0]["truths"]["delta_p"], rel=0.25)  # frames jump


@pytest.mark.parametrize("late", [0.0, 0.2])
def test_sound_is_taken_from_where_the_pictures_begin(real, tmp_path, late):
    frames, waveform = load(real / "0.mp4")
    path = write(tmp_path / "whole.mp4", frames, waveform)
    shifted = tmp_path / "shifted.mp4"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", str(path), "-itsoffset", str(late)]
    subprocess.run([*ffmpeg, "-i", str(path), "-map", "0:v", "-map", "1:a", "-c", "copy", str(shifted)], check=True)
    heard = MeasuredVideo(shifted, tmp_path).waveform()
    expected = np.concatenate([np.zeros(round(late * RATE), np.float32), MeasuredVideo(path, tmp_path).waveform()])[
        : len(heard)
    ]
    assert len(heard) == round(len(frames) / FPS * RATE)
    lags = range(-400, 401, 20)
    middle = slice(4000, len(heard) - 4000)
    agreement = [np.corrcoef(np.roll(heard, lag)[middle], expected[middle])[0, 1] for lag in lags]
    assert abs(lags[int(np.argmax(agreement))]) <= 40
    assert max(agreement) > 0.9


def test_a_face_that_is_seldom_seen_is_not_measured(real, tmp_path):
    frames, waveform = load(real / "0.mp4")
    frames[10:20] = 90
    path = write(tmp_path / "seldom.mp4", frames, waveform)
    found = run(path, real / "0.mp4", tmp_path, "--metrics", "msi,velocity,face_found")["clips"][0]["values"]
    assert "of the frames show a face" in found["msi"]
    assert "of the frames show a face" in found["velocity"]
    assert found["face_found"] < 0.9


def test_a_real_video_counts_once_however_many_are_made_from_it(real, cache, tmp_path):
    listed = tmp_path / "list.csv"
    shutil.copy(real / "1.mp4", tmp_path / "copy.mp4")
    listed.write_text(f"generated,reference\ncopy.mp4,{real}/0.mp4\n{real}/1.mp4,{real}/../{real.name}/0.mp4\n")
    report = run(listed, real, tmp_path / "out", "--metrics", "vmv,face_points", "--cache", str(cache))
    lines = {line["name"]: line for line in report["measures"]}
    assert lines["vmv"]["truth"] is None  # of one video
    assert f"{2 * round(SECONDS * FPS)} and {2 * round(SECONDS * FPS)} samples" in lines["face_points"]["note"]


def test_a_full_disk_ends_the_run(real, tmp_path, capsys, monkeypatch):
    def full(path, content):
        raise OutputError(f"{path} cannot be written (No space left on device); free space and repeat")

    monkeypatch.setattr("emo.evaluation.compare.measured.write_whole", full)
    arguments = ["--generated", str(real), "--reference", str(real), "--out", str(tmp_path), "--workers", "1"]
    assert main(["evaluate", *arguments, "--metrics", "velocity"]) == 2
    assert "No space left" in capsys.readouterr().err


def test_clips_are_ranked_best_first(real, cache, tmp_path):
    generated = tmp_path / "generated"
    shutil.copytree(real, generated)
    frames, waveform = load(real / "0.mp4")
    write(generated / "0.mp4", *degrade("blur", 4.0, frames, waveform, frames))
    run(generated, real, tmp_path, "--metrics", "psnr,ssim", "--cache", str(cache))
    page = (tmp_path / "report.html").read_text()
    assert page.index("<tr><td>1</td>") < page.index("<tr><td>0</td>")


def test_missing_networks_are_named_and_the_rest_runs(real, cache, tmp_path):
    report = run(real, real, tmp_path, "--cache", str(cache), "--no-fetch", "--metrics", "fid,f_sim,e_fid,velocity",
                 "--network", f"faces={tmp_path}/nowhere.onnx")  # fmt: skip
    lines = {line["name"]: line for line in report["measures"]}
    assert "inception" in lines["fid"]["note"]
    assert "nowhere.onnx" in lines["f_sim"]["note"]
    assert "docs/extractors.md" in lines["e_fid"]["note"]
    assert [lines[name]["value"] for name in ("fid", "f_sim", "e_fid")] == [None] * 3
    assert lines["velocity"]["value"] > 0


def test_a_second_run_reads_what_is_kept_and_a_damaged_file_is_made_again(real, tmp_path, monkeypatch):
    first = run(real, real, tmp_path, "--metrics", QUICK)
    monkeypatch.setattr("emo.evaluation.compare.measured.track_face", lambda *_: pytest.fail("tracked again"))
    assert values(run(real, real, tmp_path, "--metrics", QUICK)) == values(first)
    monkeypatch.undo()
    for path in (tmp_path / "cache").rglob("face.safetensors"):
        path.write_bytes(path.read_bytes()[:100])
    assert values(run(real, real, tmp_path, "--metrics", QUICK)) == values(first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metrics", "fidd"], "--metrics fidd: unknown"),
        (["--metrics", ","], "name a measure"),
        (["--network", "lips"], "--network lips: must be KIND="),
        (["--network", "eyes=x"], "--network eyes=x: must be KIND="),
        (["--workers", "0"], "--workers 0"),
        (["--generated", "/nowhere"], "--generated /nowhere: there is no such"),
        (["--out", "/dev/null/x"], "/dev/null/x cannot be written to"),
    ],
)
def test_options_that_cannot_be_used(real, tmp_path, capsys, options, message):
    arguments = ["--generated", str(real), "--reference", str(real), "--out", str(tmp_path), *options]
    assert main(["evaluate", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_folders_must_be_named(capsys):
    assert main(["evaluate"]) == 2
    assert "--generated is missing" in capsys.readouterr().err
