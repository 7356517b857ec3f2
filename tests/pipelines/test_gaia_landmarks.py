"""Control by landmarks at tiny size: points that are wanted stand in what is generated, and the others are free."""

import json

import numpy as np
import pytest
import torch
from made_videos import talker, write_video
from tiny import noise, tiny_gaia

from emo import GAIAPipeline
from emo.errors import ConfigError, MotionError, OptionError, WeightsError
from emo.generation import fingerprint
from emo.generation.origin import repeat_options
from emo.motion import MotionTrack
from emo.motion.gaia import encode_landmarks
from emo.motion.gaia.landmark_space import PARTS, landmark_points, landmark_space, landmark_track, landmark_values
from emo.pipelines import GAIAOptions, gaia_landmarks
from emo.pipelines.gaia_options import WANTED

SECONDS = 0.8  # 20 frames, 3 windows
SPACE = landmark_space()


@pytest.fixture(scope="module")
def pipe() -> GAIAPipeline:
    return tiny_gaia(landmarks=True)


@pytest.fixture(scope="module")
def track() -> MotionTrack:
    generator = torch.Generator().manual_seed(3)
    return MotionTrack(torch.rand(20, len(SPACE), generator=generator), 25, SPACE)


@pytest.fixture
def given(portrait):
    def make(**options):
        seeded = {"generator": torch.Generator().manual_seed(0), "num_inference_steps": 2, "output_type": "uint8"}
        return {"image": portrait, "audio": noise(SECONDS)} | seeded | options

    return make


@pytest.fixture
def points(pipe, given, monkeypatch):
    """`points(**options)` → the coordinates that are drawn, (20, 956)."""

    def run(**options):
        seen = []
        read = lambda vae, points: seen.append(landmark_values(points)) or encode_landmarks(vae, points)
        with monkeypatch.context() as patch:
            patch.setattr(gaia_landmarks, "encode_landmarks", read)
            pipe(**given(**options))
        return torch.cat(seen)

    return run


def columns(*parts: str) -> list[int]:
    return SPACE.index(*parts)


def test_landmarks_are_a_motion_and_back():
    points = np.random.default_rng(0).random((3, 478, 2))
    values = landmark_values(points)
    assert values[1, SPACE.names.index("y61")] == np.float32(points[1, 61, 1])
    np.testing.assert_allclose(landmark_points(values), points, atol=1e-6)
    assert set(WANTED) | {"mouth"} == PARTS.keys()
    assert {61, 291, 152, 13, 14} <= set(PARTS["mouth"])
    counted = [number for numbers in PARTS.values() for number in numbers]
    assert len(counted) == len(set(counted))


def test_wanted_points_stand_and_the_mouth_goes_with_the_sound(points, track):
    made = points(landmarks=track)
    torch.testing.assert_close(made[:, columns(*WANTED)], track.values[:, columns(*WANTED)], atol=1e-5, rtol=0)
    assert (made[:, columns("mouth")] - track.values[:, columns("mouth")]).abs().mean() > 0.05
    other = points(landmarks=track, audio=noise(SECONDS, seed=1))
    assert not torch.allclose(other[:, columns("mouth")], made[:, columns("mouth")])
    eyes = points(landmarks=track, landmark_parts=("eyes",))
    torch.testing.assert_close(eyes[:, columns("eyes")], track.values[:, columns("eyes")], atol=1e-5, rtol=0)
    assert not torch.allclose(eyes[:, columns("brows")], track.values[:, columns("brows")], atol=0.01)


def test_what_is_free_knows_what_is_wanted(points, track):
    other = track.set(eyes=0.2)
    assert not torch.allclose(
        points(landmarks=other)[:, columns("mouth")], points(landmarks=track)[:, columns("mouth")]
    )


def test_poses_go_in_as_well(points, track):
    assert not torch.allclose(points(landmarks=track, pose=(20, 0, 0)), points(landmarks=track))


def test_shorter_tracks_go_back_and_forth_at_the_models_rate(points, track):
    made = points(landmarks=track[:12].resample(50))
    torch.testing.assert_close(made[14, columns("eyes")], made[8, columns("eyes")], atol=1e-5, rtol=0)


def test_resumed_equals_uninterrupted(pipe, given, track):
    clips = list(pipe.stream(**given(landmarks=track)))
    whole = np.concatenate([clip.frames for clip in clips])
    rest = pipe(**given(landmarks=track, resume_from=clips[0].state)).frames
    np.testing.assert_array_equal(rest, whole[len(whole) - len(rest) :])


def test_a_videos_face_is_followed(pipe, given, tmp_path):
    path = write_video(tmp_path / "talk.mp4", talker(0.8)[0])
    track = landmark_track(path)
    assert (len(track), track.fps) == (20, 25)
    spread = track["outline"].unflatten(1, (2, -1))
    assert float((spread.amax(2) - spread.amin(2)).mean()) == pytest.approx(0.4, abs=0.1)
    frames = pipe(**given(landmarks=path)).frames
    np.testing.assert_array_equal(frames, pipe(**given(landmarks=track)).frames)
    track.save(tmp_path / "points.safetensors")
    np.testing.assert_array_equal(frames, pipe(**given(landmarks=tmp_path / "points.safetensors")).frames)


def test_it_is_saved_with_its_optional_networks(pipe, given, track, tmp_path):
    pipe.save_pretrained(tmp_path / "both")
    loaded = GAIAPipeline.from_pretrained(tmp_path / "both")
    loaded.set_progress_bar_config(disable=True)
    frames = pipe(**given(landmarks=track)).frames.astype(int)
    assert np.abs(loaded(**given(landmarks=track)).frames - frames).max() <= 1
    assert {"landmark_denoiser", "landmark_speech_encoder"} <= GAIAPipeline.component_names(tmp_path / "both")
    (tmp_path / "both" / "landmark_denoiser" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(WeightsError, match="landmark_denoiser"):
        GAIAPipeline.from_pretrained(tmp_path / "both")

    tiny_gaia().save_pretrained(tmp_path / "plain")
    index = json.loads((tmp_path / "plain" / "model_index.json").read_text())
    assert index["landmark_denoiser"] == [None, None]
    del index["landmark_denoiser"], index["landmark_speech_encoder"]  # as of folders from before
    (tmp_path / "plain" / "model_index.json").write_text(json.dumps(index))
    assert GAIAPipeline.from_pretrained(tmp_path / "plain").landmark_denoiser is None


def test_the_record_repeats_it(pipe, given, track):
    stream = pipe.stream(**given(landmarks=track, landmark_parts=("eyes", "nose")))
    repeated = repeat_options(stream.origin, "it", GAIAOptions)
    assert (repeated["landmarks"], repeated["landmark_parts"]) == (track, ("eyes", "nose"))
    marks = [
        fingerprint(pipe.stream(**given(landmarks=track, **more)), 0) for more in ({}, {"landmark_parts": ["eyes"]})
    ]
    assert {name for name in marks[0] if marks[0][name] != marks[1][name]} == {"landmarks"}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"landmarks": MotionTrack.rest(4, 25)}, MotionError, "landmarks: a motion of another space"),
        ({"landmark_parts": ("eyes",)}, OptionError, "landmark_parts does nothing without landmarks"),
        ({"landmark_parts": "eyes"}, OptionError, "landmark_parts is words in a row"),
        ({"landmarks": "none.mp4"}, OptionError, "landmarks none.mp4: no such file"),
    ],
)
def test_what_cannot_be_used_is_named_in_a_line(pipe, given, options, error, words):
    with pytest.raises(error, match=words) as caught:
        pipe.stream(**given(**options))
    assert len(str(caught.value).splitlines()) == 1


def test_what_does_not_go_together_is_refused(pipe, given, track):
    with pytest.raises(OptionError, match="faces have no 'ears' here; they have mouth, eyes"):
        pipe.stream(**given(landmarks=track, landmark_parts=("ears",)))
    with pytest.raises(OptionError, match="landmarks do nothing where a motion is given"):
        pipe.stream(**given(landmarks=track, motion=MotionTrack.rest(4, 25, pipe.space)))
    with pytest.raises(OptionError, match="landmarks: this model generates none"):
        tiny_gaia().stream(**given(landmarks=track))
    with pytest.raises(OptionError, match="landmarks is not for live sound"):
        pipe.live(given()["image"], [noise(0.4)[0]], landmarks=track)
    with pytest.raises(ConfigError, match="go together"):
        GAIAPipeline(**pipe.components | {"landmark_denoiser": None})
    with pytest.raises(ConfigError, match="it makes no landmarks"):
        GAIAPipeline(**pipe.components | {"landmark_denoiser": pipe.denoiser})
