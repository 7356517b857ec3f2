"""`emo prepare` from videos to a dataset: what is kept, what is not and why; interrupted, repeated, added to."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from made_videos import HEIGHT, SMALL, WIDTH, background, in_turn, pasted, talker, write_video

from emo.data.dataset import ClipDataset
from emo.data.format import SPLITS, load_labels, read_metadata
from emo.data.prepare.config import PrepareConfig
from emo.data.prepare.engines import ray_engine
from emo.data.prepare.filters import Reason
from emo.data.prepare.probe import ProbedVideo
from emo.data.prepare.run import PrepareProgress, plan_segments, prepare_dataset
from emo.data.prepare.segment import Segment, SegmentResult, process_segment
from emo.data.prepare.store import Store
from emo.errors import DatasetError, OutputError
from emo.media import AudioTrack, VideoReader
from emo.metrics import mouth_sound_correlation


def prepare(out: Path, inputs, config=SMALL, engine=in_turn) -> dict:
    """The report of a run."""
    *_, last = prepare_dataset(list(inputs), out, config, engine)
    report = json.loads((out / "report.json").read_text())
    assert last.totals == report["totals"]
    return report


def by_name(report: dict) -> dict[str, dict]:
    return {Path(row["file"]).name: row for row in report["inputs"]}


def content(root: Path) -> dict[str, bytes]:
    """All that comes out."""
    return {
        str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file() and ".prepare" not in p.parts
    }


@pytest.fixture(scope="session")
def videos(tmp_path_factory) -> Path:
    """Talk and another scene; talk without sound; two people; a still face; nobody; text; and a copy of the first.
    Do not change it."""
    folder = tmp_path_factory.mktemp("videos")
    frames, sound, _ = talker()
    black = np.zeros((8, HEIGHT, WIDTH, 3), np.uint8)
    empty = np.repeat(background(3)[None], 12, 0)
    talk = np.concatenate([black, pasted(frames), empty])
    quiet = np.zeros(20 * 640)
    write_video(folder / "talk.mp4", talk, np.concatenate([quiet[: 8 * 640], sound, quiet[: 12 * 640]]))
    write_video(folder / "silent.mp4", pasted(talker(person=1)[0]))
    two = pasted(frames[:15], x=0)
    two[:, 20:180, WIDTH - 160 :] = talker(person=1)[0][:15]
    write_video(folder / "two.mp4", two)
    still = np.repeat(pasted(frames[:1]), 45, 0)
    write_video(folder / "still.mp4", still, np.resize(sound, 45 * 640))
    write_video(folder / "nobody.mp4", empty)
    (folder / "text.mp4").write_bytes(b"no video\n" * 50)
    (folder / "z-copy.mov").write_bytes((folder / "talk.mp4").read_bytes())
    return folder


@pytest.fixture(scope="session")
def prepared(videos, tmp_path_factory) -> Path:
    """The dataset of `videos`. Do not change it."""
    out = tmp_path_factory.mktemp("prepared") / "dataset"
    prepare(out, videos.iterdir(), replace(SMALL, test_share=0.4))
    return out


def test_every_input_is_in_the_report_with_its_reason(videos, prepared):
    report = json.loads((prepared / "report.json").read_text())
    rows = by_name(report)
    assert sorted(rows) == sorted(path.name for path in videos.iterdir())
    reasons = {name: row.get("reason") for name, row in rows.items()}
    assert reasons == {
        "talk.mp4": None,
        "silent.mp4": None,
        "two.mp4": Reason.SEVERAL,
        "still.mp4": Reason.QUIET,
        "nobody.mp4": Reason.NO_FACE,
        "text.mp4": "unreadable",
        "z-copy.mov": "copy of another file",
    }
    assert rows["talk.mp4"]["kept_seconds"] == 1.2
    assert rows["talk.mp4"]["dropped"] == {Reason.NO_FACE: 0.8}
    assert "not a video" in rows["text.mp4"]["fault"]
    assert rows["z-copy.mov"]["fault"].endswith("talk.mp4")
    totals = report["totals"]
    assert (totals["inputs"], totals["inputs_kept"], totals["clips"], totals["without_sound"]) == (7, 2, 2, 1)
    assert totals["kept_seconds"] == 2.4
    assert totals["people"] == {"train": 1, "test": 1}


def test_clips_are_whole_and_in_step(prepared):
    rows = {row.has_audio: row for split in SPLITS for row in read_metadata(prepared, split)}
    assert rows[True].split != rows[False].split
    for sound, row in rows.items():
        assert (row.frames, row.width, row.height, row.fps, row.source) == (30, 96, 96, 25.0, "video")
        path = prepared / row.split / row.file_name
        labels = load_labels(path.with_suffix(".safetensors"), 30)
        assert {
            "face_box",
            "points",
            "rotation_speed",
            "yaw",
            "pitch",
            "roll",
            "tx",
            "ty",
            "scale",
            "mouth_open",
        } < set(labels)
        assert all(values.dtype == np.float32 for values in labels.values())
        assert row.speed == pytest.approx(labels["rotation_speed"].mean(), abs=1e-3)
        with VideoReader(path) as video:
            assert (video.num_frames, video.has_audio) == (30, sound)
            picture = video.read([15])[0].astype(int)
        truth = talker(person=0 if sound else 1)
        x0, y0, x1, y1 = map(int, row.origin.rsplit(" ", 1)[1].split(","))
        assert (x1 - x0, y1 - y0) == (x1 - x0, x1 - x0)
        nose = (truth[2]["points"][:, 2] + (80 - x0, 20 - y0)) * 96 / (x1 - x0)
        assert np.linalg.norm(labels["points"][:, 2] - nose, axis=1).mean() < 3
        assert picture.std() > 20
    path = prepared / rows[True].split / rows[True].file_name
    with AudioTrack.open(path, 16000) as track:
        heard = track.read(0, 30 * 640)
    assert np.corrcoef(heard[400:-400], talker()[1][400 : 30 * 640 - 400])[0, 1] > 0.9
    labels = load_labels(path.with_suffix(".safetensors"), 30)
    assert mouth_sound_correlation(labels["mouth_open"], heard, 25).best_lag in (-1, 0, 1)


def test_clips_without_sound_are_for_stage_one_only(videos, tmp_path):
    prepare(tmp_path / "out", [videos / "talk.mp4", videos / "silent.mp4"], replace(SMALL, test_share=0.0))
    assert len(ClipDataset(tmp_path / "out", video=False).clips) == 2
    dataset = ClipDataset(tmp_path / "out", video=True)
    assert [clip.has_audio for clip in dataset.clips] == [True]
    assert dataset.reader.left_out == 1
    sample = dataset[0]
    assert sample.frames.shape[-2:] == (96, 96)
    assert sample.speed.isfinite().all()


def test_inaudible_sound_is_none(tmp_path):
    write_video(tmp_path / "mute.mp4", pasted(talker()[0]), np.zeros(30 * 640))
    report = prepare(tmp_path / "out", [tmp_path / "mute.mp4"])
    assert report["totals"]["without_sound"] == report["totals"]["clips"] == 1


def test_a_voice_from_elsewhere_is_dubbing(tmp_path):
    frames, other = talker(2.0)[0], talker(2.0, seed=5)[1]
    write_video(tmp_path / "dubbed.mp4", pasted(frames), other[::-1].copy())
    row = prepare(tmp_path / "out", [tmp_path / "dubbed.mp4"])["inputs"][0]
    assert row["reason"] == Reason.DUBBED


def test_long_stretches_are_divided_and_pieces_are_apart(videos, tmp_path):
    """The 30 frames of talk: two parts of at most 20; and two pieces, of which the first ends after 14 of them."""
    any_lips = replace(SMALL.filters, min_lip_match=-1.0, max_lip_lag=1.0)  # too short to be judged by them
    short = replace(SMALL, test_share=0.0, min_seconds=0.4, filters=any_lips)
    for config, expected in (
        (replace(short, max_seconds=0.8), [(8, 15), (23, 15)]),
        (replace(short, max_seconds=0.8, piece_seconds=0.88), [(8, 14), (22, 16)]),
    ):
        out = tmp_path / str(config.piece_seconds)
        report = prepare(out, [videos / "talk.mp4"], config)
        rows = read_metadata(out, "train")
        assert [(int(row.file_name[-11:-4]), row.frames) for row in rows] == expected
        assert report["inputs"][0]["kept_seconds"] == 1.2


def test_the_second_run_has_nothing_to_do(videos, prepared):
    before, asked = content(prepared), []

    def watched(work, items):
        asked.extend(items)
        return in_turn(work, items)

    prepare(prepared, videos.iterdir(), replace(SMALL, test_share=0.4), watched)
    assert asked == []
    assert content(prepared) == before


@pytest.mark.parametrize("stop", [1, 9])
def test_a_run_cut_short_ends_like_a_whole_one(videos, prepared, tmp_path, stop):
    """The run stops in its first phase, or after some segments; the second goes through the files in another order."""
    steps = iter(range(stop))

    def stops(work, items):
        for outcome in in_turn(work, items):
            if next(steps, None) is None:
                raise KeyboardInterrupt
            yield outcome

    config = replace(SMALL, test_share=0.4)
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path / "out", videos.iterdir(), config, stops)
    assert not list((tmp_path / "out").glob("*/metadata.jsonl"))
    prepare(tmp_path / "out", sorted(videos.iterdir(), reverse=True), config)
    assert content(tmp_path / "out") == content(prepared)


def test_other_videos_are_added_and_a_lost_clip_is_made_again(videos, prepared, tmp_path):
    config = replace(SMALL, test_share=0.4)
    prepare(tmp_path / "out", [videos / "silent.mp4"], config)
    prepare(tmp_path / "out", [path for path in videos.iterdir() if path.name != "silent.mp4"], config)
    assert content(tmp_path / "out") == content(prepared)
    next(iter((tmp_path / "out").glob("train/*.mp4"))).unlink()
    prepare(tmp_path / "out", [videos / "silent.mp4"], config)
    assert content(tmp_path / "out") == content(prepared)


def test_a_file_that_changes_takes_its_clips_along(videos, tmp_path):
    (tmp_path / "a.mp4").write_bytes((videos / "talk.mp4").read_bytes())
    assert prepare(tmp_path / "out", [tmp_path / "a.mp4"])["totals"]["clips"] == 1
    (tmp_path / "a.mp4").write_bytes((videos / "nobody.mp4").read_bytes())
    report = prepare(tmp_path / "out", [tmp_path / "a.mp4"])
    assert report["totals"]["clips"] == 0
    assert report["inputs"][0]["reason"] == Reason.NO_FACE
    assert not list((tmp_path / "out").glob("*/*.mp4"))


def test_what_fails_is_told_and_tried_again(videos, tmp_path):
    def fails(work, items):
        for outcome in in_turn(work, items):
            yield (
                outcome if "silent" not in str(outcome.item) else outcome._replace(result=None, failure="KeyError: 3")
            )

    both = [videos / "silent.mp4", videos / "nobody.mp4"]
    row = by_name(prepare(tmp_path / "out", both, engine=fails))["silent.mp4"]
    assert row["reason"] == "unreadable"
    assert row["fault"] == "it cannot be read (KeyError: 3); the same command tries again"
    assert by_name(prepare(tmp_path / "out", [videos / "silent.mp4"]))["silent.mp4"]["kept_seconds"] == 1.2
    late = lambda work, items: (
        in_turn(work, items) if isinstance(next(iter(items), None), Path) else fails(work, items)
    )
    row = by_name(prepare(tmp_path / "late", [videos / "silent.mp4"], engine=late))["silent.mp4"]
    assert (row["reason"], row["fault"]) == ("failed", "KeyError: 3; the same command tries again")
    assert by_name(prepare(tmp_path / "late", [videos / "silent.mp4"]))["silent.mp4"]["kept_seconds"] == 1.2


def test_a_file_that_is_gone_keeps_what_was_made_of_it(videos, tmp_path):
    (tmp_path / "a.mp4").write_bytes((videos / "talk.mp4").read_bytes())
    before = prepare(tmp_path / "out", [tmp_path / "a.mp4"])
    (tmp_path / "a.mp4").unlink()
    assert prepare(tmp_path / "out", []) == before
    next(iter((tmp_path / "out").glob("*/*.mp4"))).unlink()
    row = prepare(tmp_path / "out", [])["inputs"][0]
    assert (row["kept_seconds"], row["reason"]) == (0.0, "failed")
    assert "not there any more" in row["fault"]


def test_a_full_disk_stops_the_run(videos, tmp_path, monkeypatch):
    def full(self, name, text):
        raise OutputError("disk full")

    monkeypatch.setattr(Store, "save_result", full)
    with pytest.raises(OutputError):
        prepare(tmp_path / "out", [videos / "nobody.mp4"])


def test_another_configuration_is_refused(prepared, videos):
    with pytest.raises(DatasetError, match="size = 96, not 128"):
        prepare(prepared, videos.iterdir(), replace(SMALL, test_share=0.4, size=128))


def test_the_voice_alone_is_listened_to_and_kept(videos, tmp_path):
    store = Store(tmp_path / "out")
    store.open(asdict(SMALL))
    segment = Segment("0" * 32, str(videos / "talk.mp4"), 0, 50)
    quieter = process_segment(segment, SMALL, store, separator=lambda sound: sound / 2)
    with AudioTrack.open(store.staged(quieter.clips[0].file_name), 16000) as track:
        level = np.abs(track.read(0, 30 * 640)).mean()
    assert level == pytest.approx(np.abs(talker()[1]).mean() / 2, rel=0.1)
    nothing = process_segment(segment, SMALL, store, separator=np.zeros_like)
    assert [info.has_audio for info in nothing.clips] == [False]
    again = SegmentResult.from_json(quieter.to_json())
    assert (again.clips, again.dropped, again.kept) == (quieter.clips, quieter.dropped, 30)
    assert np.allclose(again.faces[0], quieter.faces[0], atol=1e-3)


def test_segments_cover_every_file_once():
    probes = {f"/{k}": ProbedVideo(key, frames, frames / 25, fault) for k, key, frames, fault in (
        ("b", "x", 7001, ""), ("a", "y", 1, ""), ("c", "x", 7001, ""), ("d", "z", 0, "broken"))}  # fmt: skip
    segments = plan_segments(probes, PrepareConfig())
    assert [(p.path, p.start, p.stop) for p in segments] == [
        ("/a", 0, 1), ("/b", 0, 3000), ("/b", 3000, 6000), ("/b", 6000, 7001)
    ]  # fmt: skip
    assert len({segment.name for segment in segments}) == 4


def test_progress_counts_what_earlier_runs_did(videos, prepared):
    steps = list(prepare_dataset([videos / "talk.mp4"], prepared, replace(SMALL, test_share=0.4), in_turn))
    assert steps[0] == PrepareProgress(0, 0)
    assert steps[-1].seconds == steps[-1].all_seconds == pytest.approx(2 + 1.2 + 0.6 + 1.8 + 0.48)
    assert steps[1].clips == steps[-1].clips == 2


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_like_a_whole_one(videos, tmp_path):
    settings = tmp_path / "small.yaml"
    settings.write_text(yaml.safe_dump(asdict(SMALL)))
    command = [sys.executable, "-m", "emo", "prepare", videos, "--config", settings, "--workers", 2, "--out"]
    run = lambda out: subprocess.Popen(
        [str(part) for part in (*command, out)], env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert run(tmp_path / "whole").wait() == 0
    killed = run(tmp_path / "out")
    pieces = random.Random(0).choice([1, 2])
    while len(list((tmp_path / "out").glob(".prepare/pieces/*.json"))) < pieces:
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert run(tmp_path / "out").wait() == 0
    assert content(tmp_path / "out") == content(tmp_path / "whole")


@pytest.mark.slow
def test_a_ray_cluster_of_two_workers_makes_the_same(videos, prepared, tmp_path):
    ray = pytest.importorskip("ray")
    path = os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": path}})
    try:
        prepare(tmp_path / "out", videos.iterdir(), replace(SMALL, test_share=0.4), ray_engine())
        assert content(tmp_path / "out") == content(prepared)
        dies = {outcome.item: outcome[1:] for outcome in ray_engine()(_maybe_die, [1, 0, 2])}
        assert dies == {1: (1, ""), 0: (None, "its decoder crashed"), 2: (2, "")}
        with pytest.raises(OutputError, match="full"):
            list(ray_engine()(_full, [1]))
    finally:
        ray.shutdown()


def _maybe_die(item: int) -> int:
    return item or os._exit(1)


def _full(item: int) -> None:
    raise OutputError("disk full")


@pytest.mark.data
def test_real_videos(data, tmp_path):
    """Talking people are kept; turned heads and pairs are not."""
    names = ["video/grid_bbaf2n.mp4", "video/grid_sbwe5n.mp4"]
    names += [f"bad_input/{name}.mp4" for name in ("twofaces_headturn_silent", "headturn_profile_silent")]
    rows = by_name(prepare(tmp_path / "out", [data / name for name in names], PrepareConfig(size=64)))
    assert [rows[f"grid_{name}.mp4"]["kept_seconds"] for name in ("bbaf2n", "sbwe5n")] == [3.0, 3.0]
    assert rows["twofaces_headturn_silent.mp4"]["reason"] == Reason.SEVERAL
    assert rows["headturn_profile_silent.mp4"]["dropped"][Reason.TURNED] > 1
    people = {rows[f"grid_{name}.mp4"]["person"] for name in ("bbaf2n", "sbwe5n")}
    assert len(people) == 2
