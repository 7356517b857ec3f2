"""`emo synthesize`, `emo inspect` and `emo cache`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from cli_files import write_wav
from made_clips import made_dataset
from PIL import Image
from tiny import tiny_pipeline

from emo.cli.portraits import NEW_SHARES
from emo.data.cache import check_cache
from emo.data.dataset import ClipDataset
from emo.data.features import cache_path
from emo.data.format import METADATA, read_metadata
from emo.data.samples.emo_features import emo_features
from emo.data.synthesize import RECIPE
from emo.data.synthetic.avatar import AvatarRenderer
from emo.data.synthetic.identity import draw_identities
from emo.motion.controls import FaceControls

QUICK = ("--identities", 3, "--seconds", 0.2, "--fps", 10, "--size", 64, "--workers", 1, "--no-compile")
TWO_CLIPS = 0.4 / 3600  # hours


@pytest.fixture
def synthesize(command, tmp_path):
    """`synthesize(*options)`: two quick clips in `tmp_path / "made"`."""
    return lambda *options: command("synthesize", "--out", tmp_path / "made", "--hours", TWO_CLIPS, *QUICK, *options)


@pytest.fixture
def refused(synthesize, tmp_path):
    """Run with bad options; checks what holds for all of them and returns the one line."""

    def run(*options):
        status, out, err = synthesize(*options)
        line = err.strip().splitlines()[-1]
        assert (status, out) == (2, ""), err
        assert line.startswith("emo: ")
        assert len(line) < 300
        assert "Traceback" not in err
        assert not list((tmp_path / "made").glob("*/*"))
        return line

    return run


def test_a_second_run_has_nothing_to_do_and_says_so(synthesize, tmp_path):
    status, out, _ = synthesize()
    assert status == 0
    assert "2 clips" in out
    assert f"emo inspect {tmp_path / 'made'}" in out
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (tmp_path / "made").glob("*/0*")}
    assert len(before) == 4
    status, out, _ = synthesize()
    assert status == 0
    assert "all 2 clips were there" in out
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before
    status, out, _ = synthesize("--hours", 2 * TWO_CLIPS)
    assert status == 0
    assert "4 clips, 2 of them from before" in out
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before


def test_tracks_have_no_pictures_and_a_folder_keeps_its_edition(synthesize, tmp_path):
    assert synthesize("--tracks", "--edition", 1)[0] == 0
    assert len(list((tmp_path / "made").glob("*/*.wav"))) == 2
    recipe = json.loads((tmp_path / "made" / RECIPE).read_text())
    assert (recipe["edition"], recipe["pictures"]) == (1, False)
    assert synthesize("--tracks", "--hours", 2 * TWO_CLIPS)[0] == 0
    assert len(list((tmp_path / "made").glob("*/*.wav"))) == 4
    status, _, err = synthesize("--tracks", "--edition", 2)
    assert status == 2
    assert "made was made with edition = 1, not 2" in err


def test_new_datasets_are_of_the_second_edition(synthesize, tmp_path):
    assert synthesize("--tracks", "--instructed-share", 1, "--test-share", 0)[0] == 0
    assert json.loads((tmp_path / "made" / RECIPE).read_text())["edition"] == 2
    assert all(clip.motion and clip.motion.text for clip in read_metadata(tmp_path / "made", "train"))


@pytest.mark.parametrize(("hours", "clips"), [(1e-12, 1), (0.2 / 3600, 1), (0.21 / 3600, 2), (0.6 / 3600, 3)])
def test_hours_are_rounded_up_to_clips(synthesize, tmp_path, hours, clips):
    assert synthesize("--hours", hours, "--test-share", 0)[0] == 0
    assert len(read_metadata(tmp_path / "made", "train")) == clips


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--identities", -1], "--identities -1"),
        (["--identities", 2_000_000], "identities 2000000"),
        (["--identities", 0], "--portraits"),
        (["--samples", 0], "--samples 0"),
        (["--seed", -1], "--seed -1"),
        (["--workers", 0], "--workers 0"),
        (["--size", 100], "--size 100"),
        (["--size", 56], "--size 56"),
        (["--test-share", 1], "--test-share 1"),
        (["--test-share", "nan"], "--test-share nan"),
        (["--instructed-share", 1.5], "--instructed-share 1.5"),
        (["--edition", 1, "--instructed-share", 0.5], "first edition of motion knows no instructions"),
        (["--hours", 0], "--hours 0"),
        (["--hours", "inf"], "--hours inf"),
        (["--seconds", 0.1], "--seconds 0.1"),
        (["--seconds", "nan"], "--seconds nan"),
        (["--fps", 0], "--fps 0"),
        (["--fps", 500], "--fps 500"),
        (["--portrait-share", 0.5], "--portrait-share 0.5: give --portraits"),
        (["--morph-share", 0.5], "--morph-share 0.5: give --portraits"),
        (["--people", "people.csv"], "--people people.csv: give --portraits"),
        (["--speech-share", 0.5], "--speech-share 0.5: give --speech"),
        (["--portraits", "/none"], "--portraits /none"),
        (["--speech", "/none"], "--speech /none"),
        (["--device", "gpu"], "--device gpu"),
        (["--device", "meta"], "--device meta"),
        (["--device", "cuda:99"], "--device cuda:99"),
        (["--out", os.devnull], f"{os.devnull} is a file"),
        (["--out", f"{__file__}/below"], "below cannot be written to"),
    ],
)
def test_bad_options_are_named(refused, options, word):
    assert word in refused(*options)


@pytest.mark.parametrize("options", [["--hours", "many"], ["--identities", 1.5], ["--color", "red"]])
def test_what_is_no_option_shows_the_usage(synthesize, options, capfd):
    with pytest.raises(SystemExit) as status:
        synthesize(*options)
    assert status.value.code == 2
    assert str(options[0]) in capfd.readouterr().err


@pytest.mark.parametrize("value", [-0.1, 1.1, "nan"])
def test_shares_are_from_0_to_1(refused, tmp_path, value):
    (tmp_path / "voices").mkdir()
    write_wav(tmp_path / "voices" / "a.wav", 0.4)
    assert f"--speech-share {value}" in refused("--speech", tmp_path / "voices", f"--speech-share={value}")


def test_other_options_in_the_same_folder_are_refused_by_name(synthesize, tmp_path):
    assert synthesize()[0] == 0
    recipe = (tmp_path / "made" / RECIPE).read_bytes()
    for option, value, name in (("--seed", 1, "seed"), ("--size", 72, "size"), ("--identities", 4, "identities")):
        status, out, err = synthesize(option, value)
        assert (status, out) == (2, "")
        assert f"made was made with {name} = " in err.splitlines()[-1]
    assert (tmp_path / "made" / RECIPE).read_bytes() == recipe


def test_portraits_without_a_face_are_left_out_with_a_message(synthesize, tmp_path, image):
    folder = tmp_path / "faces"
    folder.mkdir()
    Image.new("RGB", (300, 300), "gray").save(folder / "blank.png")
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    (folder / "text.jpg").write_text("no picture")
    (folder / "notes.txt").write_text("no picture either")
    assert image.rename(folder / "portrait.png").is_file()
    status, _, err = synthesize("--portraits", folder, "--identities", 0, "--test-share", 0)
    assert status == 0
    for name in ("blank.png", "dot.png", "text.jpg"):
        assert sum(line.startswith("emo: left out:") and name in line for line in err.splitlines()) == 1
    assert "notes.txt" not in err
    clips = read_metadata(tmp_path / "made", "train")
    assert {(clip.source, clip.person) for clip in clips} == {("portrait", "portrait-portrait-0")}


@pytest.fixture
def faces(tmp_path, image) -> Path:
    """A folder with two pictures of one person and one of another, as its table says."""
    folder = tmp_path / "faces"
    folder.mkdir()
    person = AvatarRenderer(256, batch=1).render(draw_identities([104]), FaceControls.rest(1))[0].numpy()
    Image.fromarray(person).save(folder / "avatar.png")
    for name in ("one.png", "two.png"):
        shutil.copyfile(image, folder / name)
    (folder / "people.csv").write_text("file,person\none.png,Eileen\ntwo.png,Eileen\navatar.png,Ava\n")
    return folder


def test_portraits_of_several_people_are_altered_and_old_datasets_are_not(synthesize, tmp_path, faces):
    options = ("--portraits", faces, "--identities", 0, "--test-share", 0)
    recipe = tmp_path / "made" / RECIPE
    assert synthesize(*options)[0] == 0
    made = json.loads(recipe.read_text())
    assert made["people"] == ["Ava", "Eileen", "Eileen"]
    assert made["alterations"] == NEW_SHARES
    shutil.rmtree(tmp_path / "made")
    assert synthesize(*options, "--mirror-share", 1, "--people", faces / "people.csv")[0] == 0
    assert json.loads(recipe.read_text())["alterations"] == NEW_SHARES | {"mirror": 1}
    assert all(", mirrored" in clip.origin for clip in read_metadata(tmp_path / "made", "train"))
    before = {name: value for name, value in made.items() if name not in ("people", "alterations", "landmarks")}
    (faces / "people.csv").unlink()
    recipe.write_text(json.dumps(before))
    assert synthesize(*options)[0] == 0  # everybody was somebody else, and nothing was altered
    status, _, err = synthesize(*options, "--morph-share", 0.5)
    assert (status, "alterations" in err) == (2, True)


def test_one_person_is_left_as_they_are(synthesize, tmp_path, image):
    assert synthesize("--portraits", image, "--identities", 0, "--test-share", 0)[0] == 0
    assert set(json.loads((tmp_path / "made" / RECIPE).read_text())["alterations"].values()) == {0}


def test_nobody_left_to_draw_is_refused(refused, tmp_path, image):
    options = ("--portraits", image, "--identities", 0, "--portrait-share", 0.5)
    assert "nobody" in refused(*options)
    Image.new("RGB", (300, 300), "gray").save(image)
    assert "--portraits: nothing there can be used" in refused("--portraits", image)


@pytest.mark.data
def test_a_cat_is_left_out(refused, synthesize, tmp_path, data, image, capfd):
    cat = data / "bad_input" / "noface_cat.png"
    assert "nothing there can be used" in refused("--portraits", cat)
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / cat.name).symlink_to(cat)
    (tmp_path / "faces" / image.name).symlink_to(image)
    status, _, err = synthesize("--portraits", tmp_path / "faces", "--portrait-share", 1)
    assert status == 0
    assert [line for line in err.splitlines() if "left out" in line and cat.name in line]


def test_recordings_are_known_by_their_content(synthesize, tmp_path):
    folder = tmp_path / "voices"
    folder.mkdir()
    samples = np.random.default_rng(0).normal(0, 0.1, (9600, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.mp3", samples, 48000)
    (tmp_path / "a.mp3").rename(folder / "really_mp3.wav")
    write_wav(folder / "short.wav", 0.05)  # half a frame at 10 frames per second
    (folder / "text.flac").write_text("no recording")
    (folder / "empty.ogg").touch()
    status, _, err = synthesize("--speech", folder, "--speech-share", 1, "--test-share", 0)
    assert status == 0
    left_out = [line for line in err.splitlines() if line.startswith("emo: left out:")]
    assert [any(name in line for line in left_out) for name in ("short.wav", "text.flac", "empty.ogg")] == [True] * 3
    assert len(left_out) == 3
    for clip in read_metadata(tmp_path / "made", "train"):
        assert "really_mp3.wav" in clip.origin
        assert clip.has_audio


def test_no_recording_that_can_be_used_is_refused(refused, tmp_path):
    (tmp_path / "a.wav").write_text("no recording")
    assert "--speech: nothing there can be used" in refused("--speech", tmp_path / "a.wav")


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_ctrl_c_leaves_a_dataset_and_the_same_command_continues(tmp_path, synthesize, workers):
    """SIGINT to the whole group, as a terminal sends it: after two clips, or while two workers are starting."""
    root = tmp_path / "made"
    hours = 60 / 3600  # 300 clips
    arguments = ["synthesize", "--out", root, "--hours", hours, *QUICK, "--workers", workers]
    process = subprocess.Popen(
        [sys.executable, "-m", "emo", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        # A shell that starts tests in the background has SIGINT ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    begun = lambda: (
        len(list(root.glob("*/*.safetensors"))) >= 2
        if workers == 1
        else len(psutil.Process(process.pid).children()) >= 3  # with the one that watches over shared resources
    )
    while not begun() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(workers - 1)  # amid the second worker's imports
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "the same command continues" in err
    assert out == ""
    made = {path.stem for path in root.glob("*/*.safetensors")}
    listed = [clip for table in root.glob(f"*/{METADATA}") for clip in read_metadata(root, table.parent.name)]
    assert {Path(clip.file_name).stem for clip in listed} == made
    count = max(map(int, made), default=0) + 2
    status, out, err = synthesize("--hours", count * 0.2 / 3600)
    assert status == 0
    assert f"{count} clips, {len(made)} of them from before" in out
    assert len(list(root.glob("*/*.mp4"))) == len(list(root.glob("*/*.safetensors"))) == count


def test_inspect_shows_a_dataset(command, tmp_path):
    made_dataset(tmp_path / "made", {"frames": 4}, {"frames": 4, "split": "test"})
    status, out, err = command("inspect", tmp_path / "made")
    assert (status, err) == (0, "")
    assert "train: 1 clips" in out
    assert (tmp_path / "made" / "inspect.png").is_file()
    assert "Dataset made" in (tmp_path / "made" / "inspect.html").read_text()
    for name in ("report", "other.png", "third.html"):
        assert command("inspect", tmp_path / "made", "--out", tmp_path / name)[0] == 0
        for ending in (".png", ".html"):
            assert (tmp_path / name).with_suffix(ending).is_file()


def test_inspect_names_what_is_wrong(command, tmp_path):
    made_dataset(tmp_path / "made", {"frames": 4})
    cases = {
        ("--frames", 0): "--frames 0",
        ("--out", tmp_path / "none" / "report"): "none/report.png cannot be written",
        ("--out", f"{__file__}/report"): "report.png cannot be written",
    }
    for options, word in cases.items():
        status, out, err = command("inspect", tmp_path / "made", *options)
        assert (status, out) == (2, "")
        assert word in err
        assert err.count("\n") == 1
    status, _, err = command("inspect", tmp_path)
    assert status == 2
    assert METADATA in err


def test_cache_is_what_training_looks_for(command, model, tmp_path):
    made_dataset(tmp_path / "made", {"frames": 4}, {"frames": 5, "split": "test"})
    pipe = tiny_pipeline()
    features = emo_features(pipe.vae, pipe.audio_encoder, pipe.feature_extractor)
    for options, size in (((), 64), (("--size", 32, "--batch-size", 3, "--dtype", "bfloat16"), 32)):
        status, out, _ = command("cache", tmp_path / "made", "--model", model, "--device", "cpu", *options)
        assert status == 0
        folder = check_cache(cache_path(tmp_path / "made", features, size))
        assert out.startswith(f"{folder}: 0.")
        dataset = ClipDataset(tmp_path / "made", video=False, size=size, cache=folder)
        assert dataset[0].latents.shape == (1, 1, 4, size // 4, size // 4)


def test_cache_names_what_is_wrong(command, model, tmp_path):
    made_dataset(tmp_path / "made", {"frames": 4})
    cases = {
        ("--size", 30): "--size 30",
        ("--size", 0): "--size 0",
        ("--size", -4): "--size -4",
        ("--batch-size", 0): "--batch-size 0",
        ("--device", "gpu"): "--device gpu",
        ("--model", "/none"): "/none",
    }
    for options, word in cases.items():
        status, out, err = command("cache", tmp_path / "made", "--model", model, *options)
        assert (status, out) == (2, "")
        assert word in err.splitlines()[-1]
    status, _, err = command("cache", tmp_path / "none", "--model", model)
    assert status == 2
    assert METADATA in err
    assert not (tmp_path / "made" / ".cache").exists()


def test_the_recipe_tells_the_options(synthesize, tmp_path):
    assert synthesize("--seed", 5, "--test-share", 0.5)[0] == 0
    recipe = json.loads((tmp_path / "made" / RECIPE).read_text())
    expected = {"seed": 5, "identities": 3, "test_share": 0.5, "seconds": 0.2, "fps": 10.0, "size": 64}
    assert expected.items() <= recipe.items()
