"""`emo evaluate lips`: lips that follow the sound and lips that do not, on clips whose mouths are patches of light."""

# ruff: noqa: RUF001 (letters of the phonetic alphabet)

import json
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_videos import write_video
from tiny import SIZE, tiny_pipeline

from emo.articulation import MEASURES
from emo.articulation.phones import Phone
from emo.cli.main import main
from emo.errors import OptionError
from emo.evaluation.compare.measured import MeasuredVideo
from emo.evaluation.lips.alignments import Alignments
from emo.evaluation.lips.clips import deranged, find_clips
from emo.evaluation.lips.generator import KINDS, Mouths
from emo.evaluation.lips.rows import lips_shut, real_lips
from emo.face import FaceTrack
from emo.face.mesh import NUM_LANDMARKS
from emo.generation.clip import ClipState
from emo.hub import registry
from emo.media import VideoReader
from emo.metrics.bilabials import bilabials_shut
from emo.options import Options, option
from emo.pipelines import EMOOptions

FPS, FRAMES, RATE = 25, 30, 16000
NAMES = ("a_one", "b_two", "c_three")


def syllables(seed: int, frames: int = FRAMES) -> np.ndarray:
    """How far a mouth is open, (frames,), 0 to 1: no two seeds alike."""
    rng = np.random.default_rng(seed)
    return np.interp(np.arange(frames), np.arange(0, frames + 3, 3), rng.random(len(range(0, frames + 3, 3))))


def lit(levels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Frames (T, height, width, 3) of that brightness; what is left and right of the middle square is white."""
    frames = np.full((len(levels), height, width, 3), 255, np.uint8)
    side = (width - height) // 2
    frames[:, :, side : width - side] = np.round(20 + 200 * levels).astype(np.uint8)[:, None, None, None]
    return frames


def spoken(levels: np.ndarray) -> np.ndarray:
    """A sound that is as loud as the mouth is open."""
    noise = np.random.default_rng(0).normal(0, 0.2, len(levels) * RATE // FPS)
    return noise * np.repeat(levels, RATE // FPS)


@pytest.fixture
def clips(tmp_path):
    """A folder of three talkers, wider than high."""
    (tmp_path / "real").mkdir()
    for seed, name in enumerate(NAMES):
        levels = syllables(seed)
        write_video(tmp_path / "real" / f"{name}.mp4", lit(levels, 80, 120), spoken(levels))
    return tmp_path / "real"


def read_light(frames, detector) -> FaceTrack:
    """A reader that takes the brightness of a frame's middle for the mouth, all frames with a face."""
    levels = np.array([frame[:, len(frame[0]) // 2 - 8 : len(frame[0]) // 2 + 8].mean() / 255 for frame in frames])
    points = np.zeros((len(levels), NUM_LANDMARKS, 3), np.float32)
    points[:, 33, 0], points[:, 263, 0] = -50, 50
    for upper, lower, rest in ((13, 14, 0), (0, 17, 10)):
        points[:, upper, 1], points[:, lower, 1] = -rest - 10 * levels, rest + 10 * levels
    points[:, 61, 0], points[:, 291, 0] = -30 + 5 * levels, 30 - 5 * levels
    return FaceTrack(points, np.ones(len(levels), bool))


class Blind:
    """A detector that finds nobody."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def detect(self, image):
        return []


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny"
    tiny_pipeline().save_pretrained(path)
    return path


@pytest.fixture
def evaluate(model, clips, tmp_path, monkeypatch):
    """`evaluate(mouth, *options)`: the report's rows for a model whose mouth is `mouth(loudness of each frame)`.

    Or the exit status, where it is not 0. `adapt` makes another system's pipeline of EMO's.
    """
    monkeypatch.setattr("emo.evaluation.compare.measured.track_face", read_light)
    monkeypatch.setattr("emo.evaluation.compare.measured.FaceDetector", nullcontext)
    monkeypatch.setattr("emo.face.portrait.FaceDetector", Blind)

    def run(mouth, *options, out: Path = tmp_path / "out", region=("--face-region", "full"), adapt=lambda pipe: pipe):
        pipe = tiny_pipeline()

        def generate_clips(stream):
            sound = stream.audio.read(0, stream.audio.length).reshape(stream.num_frames, -1)
            levels = torch.tensor(mouth(np.sqrt((sound**2).mean(1)) * 5))
            pictures = (levels.clip(0, 1) * 1.6 - 0.8)[:, None, None, None].expand(-1, 3, SIZE, SIZE).float()
            yield stream.clip(pictures, 0, ClipState(1, {}, stream.run.generator_state()))

        pipe.generate_clips = generate_clips
        monkeypatch.setattr("emo.evaluation.model_videos.load_pipeline", lambda place, dtype: adapt(pipe))
        command = ["evaluate", "lips", "--model", model, "--real", clips, "--out", out, "--workers", 1]
        if status := main([str(word) for word in (*command, *region, *options)]):
            return status
        return {row["mechanism"]: row for row in json.loads((out / "lips.json").read_text())["rows"]}

    return run


def test_lips_that_follow_the_sound_score_high_and_those_that_do_not_low(evaluate, tmp_path, capsys):
    found = evaluate(lambda loudness: loudness)["real lips"]["numbers"]
    assert found["clips"] == list(NAMES)
    for name in ("opening", "height", "width"):
        assert found["mean"]["own"][name] > 0.9
        assert found["mean"]["other"][name] < 0.5
        assert found["mean"]["real"][name] > 0.98
    assert found["best_lag"] == {"own": 0, "real": 0}
    assert found["deviation"] == pytest.approx([1.0] * 3, abs=0.25)
    assert "| real lips |" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "lips.md", "lips.json", "lips.png", "plots", "videos", "cache",
    }  # fmt: skip
    deaf = evaluate(lambda loudness: np.abs(np.sin(np.arange(len(loudness)))), out=tmp_path / "deaf")
    assert max(deaf["real lips"]["numbers"]["mean"]["own"].values()) < 0.5


def test_a_late_mouth_is_told_by_its_lag(evaluate):
    found = evaluate(lambda loudness: np.roll(loudness, 2), "--clips", "2")["real lips"]["numbers"]
    assert found["best_lag"] == {"own": 2, "real": 0}
    assert np.mean(found["best"]) > 0.9 > found["mean"]["own"]["height"]


def test_the_clip_is_written_as_the_model_writes_and_with_the_same_noise(evaluate, tmp_path):
    noise = []

    def mouth(loudness):
        noise.append(loudness)
        return loudness

    evaluate(mouth, "--clips", "2", "--seconds", "1")
    assert len(noise) == 4  # each with its own sound and the other's
    assert [len(loudness) for loudness in noise] == [25] * 4
    np.testing.assert_allclose(noise[0], noise[3], atol=0.02)
    videos = tmp_path / "out" / "videos"
    assert {path.name for path in videos.iterdir()} == {f"{n}-{k}.mp4" for n in ("a_one", "c_three") for k in KINDS}
    with VideoReader(videos / "a_one-real.mp4") as video:
        assert (video.height, video.width, len(video), video.has_audio) == (SIZE, SIZE, 25, True)
        assert video.read([3]).max() < 240  # the middle square alone


def test_what_is_there_is_not_made_again(evaluate):
    made = []

    def mouth(loudness):
        made.append(len(loudness))
        return loudness

    first = evaluate(mouth, "--clips", "2")
    assert evaluate(mouth, "--clips", "2") == first
    assert len(made) == 4
    evaluate(mouth, "--clips", "2", "--steps", "3")
    assert len(made) == 8
    evaluate(mouth, "--clips", "2", "--steps", "3", "--seed", "1")
    assert len(made) == 12


def test_clips_that_cannot_be_used_are_named(evaluate, clips, capsys):
    levels = syllables(9)
    write_video(clips / "silent.mp4", lit(levels, 80, 120))
    write_video(clips / "short.mp4", lit(levels[:10], 80, 120), spoken(levels[:10]))
    found = evaluate(lambda loudness: loudness)["real lips"]["numbers"]
    assert found["clips"] == list(NAMES)
    assert set(found["unreadable"]) == {"silent", "short"}
    assert "silent.mp4: the video has no sound" in capsys.readouterr().err
    assert evaluate(lambda loudness: loudness, region=()) == 2  # where a face is asked for, and there is none
    assert "--real: no clip can be animated; its first frame is no portrait" in capsys.readouterr().err


def test_bilabials_are_told_from_alignments(evaluate, clips, tmp_path, capsys):
    entries = {
        "one": {"phones": [["AA1", 0.0, 0.4], ["P", 0.4, 0.5], ["AA1", 0.5, 1.0]]},
        "two": {"words": [["blue", 0.1, 0.6], ["sil", 0.6, 1.0]]},
        "three": {"words": [["supercalifragilistic", 0.1, 0.6]]},
    }
    (tmp_path / "words.json").write_text(json.dumps(entries))
    found = evaluate(lambda loudness: loudness, "--alignments", str(tmp_path / "words.json"))
    assert found["lips shut on p b m"]["numbers"]["clips"] == ["a_one", "b_two"]
    assert "no phones of 1 of 3 clips" in capsys.readouterr().err
    (tmp_path / "words.json").write_text(json.dumps({"another": entries["one"]}))
    assert evaluate(lambda loudness: loudness, "--alignments", str(tmp_path / "words.json")) == 2
    assert "of none of the clips" in capsys.readouterr().err


@dataclass(frozen=True, kw_only=True)
class OtherOptions(Options):
    """What another system may be asked for."""

    warmth: float = option(1.0, "of the voice", low=0, high=2)


class OtherPipeline:
    """EMO's, behind options of its own."""

    def __init__(self, pipe):
        self.pipe, self.warmths = pipe, []

    def __getattr__(self, name):
        return getattr(self.pipe, name)

    def to(self, device):
        return self

    def stream(self, picture, sound, *, warmth=1.0, generator, output_type):
        self.warmths.append(warmth)
        return self.pipe.stream(picture, sound, face_region="full", generator=generator, output_type=output_type)


def test_a_model_of_another_system_is_asked_for_its_own_options(evaluate, monkeypatch, capsys):
    other = replace(registry.ENTRIES[0].load(), name="other", options=OtherOptions)
    monkeypatch.setattr(registry, "ENTRIES", [registry.Entry("other", "EMOPipeline", lambda: other)])
    both = {"EMOPipeline": EMOOptions, "OtherPipeline": OtherOptions}
    monkeypatch.setattr("emo.cli.evaluate_lips.all_options", lambda: both)
    made = []

    def adapt(pipe):
        made.append(OtherPipeline(pipe))
        return made[-1]

    same = lambda loudness: loudness
    found = evaluate(same, "--warmth", "1.5", "--clips", "2", region=(), adapt=adapt)
    assert found["real lips"]["numbers"]["mean"]["own"]["opening"] > 0.9
    assert [warmth for pipe in made for warmth in pipe.warmths] == [1.5] * 4
    assert evaluate(same, "--warmth", "3", region=()) == 2
    assert "warmth is 3.0" in capsys.readouterr().err
    assert evaluate(same, "--audio-guidance", "2", region=()) == 2
    assert "--audio-guidance is no option of this model" in capsys.readouterr().err


def tracks(opening: np.ndarray) -> np.ndarray:
    return np.tile(np.asarray(opening, float)[:, None], (1, len(MEASURES)))


def made_mouths(name: str, truth: np.ndarray, lost: tuple[str, ...] = (), **read: np.ndarray) -> Mouths:
    return Mouths(name, 25.0, tracks(truth), {kind: tracks(read.get(kind, truth)) for kind in KINDS}, lost)


def test_a_video_without_a_face_counts_as_nothing():
    truths = [syllables(seed) for seed in range(2)]
    nobody = np.zeros(FRAMES)
    row = real_lips([made_mouths("a", truths[0]), made_mouths("b", truths[1], ("own",), own=nobody)], {"c": "damaged"})
    assert row.numbers["own"]["opening"] == pytest.approx([1.0, 0.0])
    assert row.numbers["mean"]["own"]["opening"] == pytest.approx(0.5)
    assert row.numbers["without_face"]["own"] == ["b"]
    assert "2 clips (1 unreadable, 1 generated without a face)" in row.measure


def test_a_shorter_sound_is_compared_as_far_as_it_goes():
    truth = syllables(0)
    row = real_lips([made_mouths("a", truth, other=truth[:26]), made_mouths("b", truth)], {})
    assert row.numbers["other"]["height"] == pytest.approx([1.0, 1.0])


SAID = [Phone("", 0, 0.2), Phone("aɪ", 0.2, 0.4), Phone("b", 0.4, 0.48), Phone("i", 0.5, 0.8), Phone("m", 0.8, 0.9)]


def test_bilabials_count_as_shut_where_the_mouth_is():
    opening = np.full(30, 0.12)
    assert bilabials_shut(opening, 25.0, SAID).tolist() == [False, False]
    opening[11] = 0.01  # 0.46 s
    assert bilabials_shut(opening, 25.0, SAID).tolist() == [True, False]
    opening[21] = 0.03  # below a third of 0.12
    assert bilabials_shut(opening, 25.0, SAID).tolist() == [True, True]
    opening[21] = 0.05
    assert bilabials_shut(opening, 25.0, SAID).tolist() == [True, False]
    assert bilabials_shut(np.zeros(30), 25.0, SAID).tolist() == [False, False]  # it never opens either
    assert len(bilabials_shut(opening[:15], 25.0, SAID)) == 1  # the other is not shown
    assert len(bilabials_shut(opening, 25.0, [SAID[2]])) == 0  # no vowel to compare with


def test_the_share_of_shut_bilabials_is_of_all_clips():
    shut, open_ = np.full(30, 0.12), np.full(30, 0.12)
    shut[[11, 21]] = 0.0
    mouths = [made_mouths("a", shut), made_mouths("b", shut, own=open_, other=open_), made_mouths("c", open_)]
    row = lips_shut(mouths, {"a": SAID, "b": SAID})
    assert row is not None
    assert row.numbers["mean"] == {"own": 0.5, "other": 0.5, "real": 1.0, "truth": 1.0}
    assert lips_shut(mouths, {"a": SAID[:2]}) is None


SHORT = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n1\n<exists>\n{tiers}\n'
TIER = '"IntervalTier"\n"{name}"\n0\n1\n2\n0\n0.5\n"{first}"\n0.5\n1\n"{second}"\n'


def textgrid(**tiers: tuple[str, str]) -> str:
    parts = [TIER.format(name=name, first=first, second=second) for name, (first, second) in tiers.items()]
    return SHORT.format(tiers=f"{len(parts)}\n{''.join(parts)}")


LONG = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 1
        points: size = 1
        points [1]:
            number = 0.25
            mark = "click ""2"""
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = "M"
        intervals [2]:
            xmin = 0.5
            xmax = 1
            text = "spn"
'''


def test_alignments_come_in_the_usual_forms(tmp_path):
    folder = tmp_path / "aligned"
    folder.mkdir()
    (folder / "both.TextGrid").write_text(textgrid(words=("my", ""), phones=("M", "AY1")))
    (folder / "ipa.TextGrid").write_text(textgrid(phones=("mʲ", "y")), encoding="utf-8")
    (folder / "long.textgrid").write_bytes(LONG.encode("utf-16"))
    (folder / "words.TextGrid").write_text(textgrid(words=("p", "<sil>")))
    (folder / "small.json").write_text(json.dumps({"timit": {"phones": [["b", 0, 0.5], ["iy", 0.5, 1]]}}))
    alignments = Alignments(folder)
    assert alignments.phones("both") == [Phone("m", 0, 0.5), Phone("aɪ", 0.5, 1)]
    assert alignments.phones("ipa") == [Phone("mʲ", 0, 0.5), Phone("y", 0.5, 1)]
    assert alignments.phones("long") == [Phone("m", 0, 0.5), Phone("", 0.5, 1)]
    assert alignments.phones("words") == [Phone("p", 0, 0.25), Phone("i", 0.25, 0.5), Phone("", 0.5, 1)]
    assert alignments.phones("timit") == [Phone("b", 0, 0.5), Phone("i", 0.5, 1)]
    assert alignments.phones("grid_s1_timit") == alignments.phones("timit")
    assert alignments.phones("timit_2") is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", "[1]"),
        ("a.json", "{"),
        ("a.json", '{"a": {"phones": [["P", "x", 1]]}}'),
        ("a.json", '{"a": 3}'),
        ("a.json", '{"a": {"words": [["p", 1]]}}'),
        ("a.json", '{"a": {"words": [["p", 0, Infinity]]}}'),
        ("a.json", '{"a":' * 99999),
        ("a.TextGrid", textgrid(phones=("P", "AA")).replace("\n2\n", "\n99999999999\n")),
        ("a.TextGrid", "p 0 1"),
        ("a.TextGrid", textgrid(phones=("P", "AA"))[:-9]),
    ],
)
def test_what_is_no_alignment_is_named(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(OptionError, match=name):
        Alignments(tmp_path / name)


def test_clips_are_spread_over_a_folder_and_never_lend_themselves_their_sound(tmp_path):
    for i in range(9):
        (tmp_path / f"{i}.mp4").write_bytes(b"video")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "0.mp4").write_bytes(b"video")
    assert list(find_clips(tmp_path, tmp_path / "out", 3)) == ["0", "4", "0-2"]
    assert len(find_clips(tmp_path, tmp_path / "out", 99)) == 10
    assert list(deranged([*"abc"])) == [("a", "b"), ("b", "c"), ("c", "a")]


def test_the_beginning_of_a_video_is_read_as_if_there_were_no_more(clips, tmp_path, monkeypatch):
    monkeypatch.setattr("emo.evaluation.compare.measured.track_face", read_light)
    monkeypatch.setattr("emo.evaluation.compare.measured.FaceDetector", nullcontext)
    path = clips / "a_one.mp4"
    whole, beginning = MeasuredVideo(path, tmp_path / "cache"), MeasuredVideo(path, tmp_path / "cache", 0.4)
    assert (whole.num_frames, beginning.num_frames) == (FRAMES, 10)
    np.testing.assert_array_equal(beginning.landmarks, whole.landmarks[:10])
    np.testing.assert_array_equal(beginning.waveform(), whole.waveform()[: 10 * RATE // FPS])
    assert sum(map(len, beginning.frames())) == 10
