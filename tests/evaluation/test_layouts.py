"""Other systems' folders: which files are results, what belongs to them, and reports of several as one table."""

import csv
import json
from pathlib import Path

import pytest
from ladder import write
from made_layouts import MAKERS, put
from PIL import Image

from emo.cli.main import main
from emo.data.synthetic.held_out import HeldOut
from emo.errors import ConfigError, OptionError
from emo.evaluation.compare.layouts import LAYOUTS, find_results
from emo.evaluation.table import read_report, save_table

SECONDS = 1.0
QUICK = "psnr,likeness,mouth_r,velocity,face_points"
PAIRS = {("anna", "voice_1"): 0, ("jo_hn", "voice_2"): 1}  # a picture and a sound, and whose real video is its truth


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Real videos by the names of their sounds, pictures by those that systems were given, and a shared cache."""
    root, people = tmp_path_factory.mktemp("world"), HeldOut(900, 2)
    for (picture, sound), person in PAIRS.items():
        frames = people.clip(person, SECONDS)
        write(root / "real" / f"{sound}.mp4", frames, people.voice(person, SECONDS).waveform)
        (root / "pictures").mkdir(exist_ok=True)
        Image.fromarray(frames[0]).save(root / "pictures" / f"{picture}.png")
    return root


@pytest.fixture
def folder(world, tmp_path):
    """A system's folder, whose videos are the real ones."""
    return lambda system: MAKERS[system](
        tmp_path / system, {pair: world / "real" / f"{pair[1]}.mp4" for pair in PAIRS}
    )


@pytest.mark.parametrize("system", list(LAYOUTS))
def test_results_find_their_sound_and_their_picture(world, folder, system):
    found = find_results(system, folder(system), world / "real", world / "pictures")
    assert len(found.pairs) == len(PAIRS)
    assert {pair.reference.stem for pair in found.pairs} == {"voice_1", "voice_2"}
    assert len(found.references) == 2
    assert found.unnamed == []
    for pair in found.pairs:
        picture = next(picture for picture, sound in PAIRS if sound == pair.reference.stem)
        known = system != "latentsync" or "__" in pair.generated.name  # its page keeps one name only
        assert pair.portrait == (world / "pictures" / f"{picture}.png" if known else None)


def test_of_several_files_of_one_result_the_last_counts(world, folder):
    names = {
        system: sorted(
            pair.generated.name for pair in find_results(system, folder(system), world / "real", None).pairs
        )
        for system in LAYOUTS
    }
    assert all(name.endswith("_withaudio.mp4") for name in names["echomimic"])
    assert names["sadtalker"] == ["2023_04_05_10.20.30.mp4", "jo_hn##voice_2_full_enhanced.mp4"]
    assert names["latentsync"] == ["anna__voice_1.mp4", "voice_2_20250614_101531.mp4"]
    assert names["hallo"] == ["output.mp4", "output.mp4"]


def test_settings_that_names_say(world, folder):
    found = find_results("echomimic", folder("echomimic"), world / "real", None)
    assert found.settings == {"height x width": ["512x512"], "guidance": ["2"], "seed": ["420"]}


def test_names_of_ones_own_and_runs_of_one_name(world, tmp_path):
    video = world / "real" / "voice_1.mp4"
    put(
        video,
        tmp_path / "a" / "anna##voice_1.mp4",
        tmp_path / "b" / "anna##voice_1.mp4",
        tmp_path / "c" / "output.mp4",
    )
    found = find_results("hallo", tmp_path, world / "real", world / "pictures")
    assert [pair.name for pair in found.pairs] == ["a/anna##voice_1", "b/anna##voice_1", "c"]
    assert [pair.reference and pair.reference.stem for pair in found.pairs] == ["voice_1", "voice_1", None]
    assert found.unnamed == ["c"]


def test_the_longest_name_counts(world, tmp_path):
    for name in ("1", "voice_1"):
        put(world / "real" / "voice_1.mp4", tmp_path / "real" / f"{name}.mp4")
    put(world / "real" / "voice_1.mp4", tmp_path / "made" / "anna__voice_1.mp4")
    found = find_results("latentsync", tmp_path / "made", tmp_path / "real", None)
    assert found.pairs[0].reference.stem == "voice_1"


def test_anothers_sound_has_no_truth(world, tmp_path):
    """The real video of that sound shows somebody else."""
    video = world / "real" / "voice_1.mp4"
    put(video, tmp_path / "voice_1__voice_2.mp4", tmp_path / "voice_2__voice_2.mp4")
    found = find_results("latentsync", tmp_path, world / "real", None)
    assert [pair.reference and pair.reference.stem for pair in found.pairs] == [None, "voice_2"]
    assert (found.crossed, found.unnamed) == (["voice_1__voice_2"], [])


def test_folders_without_results_say_what_helps(world, tmp_path):
    (tmp_path / "empty").mkdir()
    for system, word in (("hallo", "--output"), ("echomimic", "withaudio"), ("sadtalker", "--verbose")):
        with pytest.raises(OptionError, match=word):
            find_results(system, tmp_path / "empty", world / "real", None)
    with pytest.raises(OptionError, match="does not exist"):
        find_results("hallo", tmp_path / "none", world / "real", None)


@pytest.fixture(scope="module")
def reports(world, tmp_path_factory):
    """Report folders by system."""
    root = tmp_path_factory.mktemp("reports")
    made = {pair: world / "real" / f"{pair[1]}.mp4" for pair in PAIRS}
    for system, make in MAKERS.items():
        arguments = [f"--from-{system}", str(make(root / "made" / system, made)), "--reference", str(world / "real")]
        options = ["--portraits", str(world / "pictures"), "--metrics", QUICK, "--cache", str(root / "cache")]
        version = ["--system-version", "1.0"] if system == "hallo" else []
        out = ["--out", str(root / system), "--workers", "1", "--no-fetch"]
        assert main(["evaluate", *arguments, *options, *version, *out]) == 0
    return {system: root / system for system in MAKERS}


def test_a_systems_videos_are_measured(reports):
    for system, folder in reports.items():
        report = json.loads((folder / "report.json").read_text())
        about = report["about"]
        assert about["system"] == LAYOUTS[system].title
        assert about["conditions"]["generated"]["count"] == about["conditions"]["pairs"] == 2
        assert about["conditions"]["generated"]["fps"] == ["25"]
        assert about["conditions"]["generated"]["frames"] == 2 * 25 * SECONDS
        assert about["conditions"]["versions"]["emo"] == about["version"]
        psnr = next(line for line in report["measures"] if line["name"] == "psnr")
        assert psnr["value"] == "inf"


def test_reports_become_a_table(reports, tmp_path, capfd):
    assert main(["evaluate", "table", *map(str, reports.values()), "--out", str(tmp_path / "table")]) == 0
    shown = capfd.readouterr().out
    text = (tmp_path / "table" / "table.md").read_text()
    assert text in shown
    for word in ("hallo", "EchoMimic", "LatentSync", "SadTalker", "real videos", "mouth and loudness", "FaceMesh"):
        assert word in text
    content = json.loads((tmp_path / "table" / "table.json").read_text())
    assert content["format"] == 1
    assert [row["system"] for row in content["systems"]] == [*(each.title for each in LAYOUTS.values()), "real videos"]
    assert content["systems"][0]["version"] == "1.0"
    assert content["systems"][1]["settings"]["seed"] == ["420"]
    with (tmp_path / "table" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["system"] for row in rows] == [row["system"] for row in content["systems"]]
    assert float(rows[0]["mouth_r"]) == content["systems"][0]["values"]["mouth_r"]
    assert rows[-1]["psnr"] == ""
    assert {row["size"] for row in rows} == {content["systems"][0]["size"]}


def test_what_must_not_stand_in_one_table(reports, tmp_path):
    one, other = (read_report(reports[name]) for name in ("hallo", "echomimic"))
    with pytest.raises(OptionError, match="two reports are of hallo"):
        save_table([one, one], tmp_path / "a")
    other.about["conditions"]["reference"]["count"] = 3
    with pytest.raises(OptionError, match="different real videos"):
        save_table([one, other], tmp_path / "b")
    other = read_report(reports["echomimic"])
    one.content["networks"]["lips"], other.content["networks"]["lips"] = "syncnet-tiny", "syncnet_v2.model"
    with pytest.raises(OptionError, match=r"different networks for lips, syncnet-tiny and syncnet_v2\.model"):
        save_table([one, other], tmp_path / "c")
    assert not list(tmp_path.iterdir())


def test_what_differs_is_said(reports, tmp_path):
    one, other = (read_report(reports[name]) for name in ("hallo", "echomimic"))
    other.about["conditions"]["generated"] |= {"fps": ["24"], "count": 1}
    other.about["conditions"]["versions"]["torch"] = "0"
    text, warnings = save_table([one, other], tmp_path)
    assert len(warnings) == 3
    assert "different frame rates: 24; 25" in text


def test_reports_that_are_none(tmp_path):
    with pytest.raises(OptionError, match="no report"):
        read_report(tmp_path)
    (tmp_path / "report.json").write_text('{"about": {}, "measures": []}')
    with pytest.raises(ConfigError, match="measure again"):
        read_report(tmp_path)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--from-hallo", "a", "--from-sadtalker", "b"], "one system at a time"),
        (["--from-hallo", "a", "--generated", "b"], "one system at a time"),
        (["--generated", "a", "--portraits", "b"], "goes with --from-*"),
        (["--from-hallo", "/none/here"], "/none/here"),
    ],
)
def test_wrong_options_are_named(world, tmp_path, capfd, options, word):
    arguments = ["--reference", str(world / "real"), "--out", str(Path(tmp_path) / "out")]
    assert main(["evaluate", *options, *arguments]) == 2
    assert word in capfd.readouterr().err
