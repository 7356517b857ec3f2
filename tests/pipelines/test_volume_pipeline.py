"""VASA-1's pipeline with its own face model: motion in learned codes, the head's pose by name."""

import numpy as np
import pytest
import torch
from made_videos import talker, write_video
from tiny import noise, tiny_config
from zero_init import fill_zero_init

from emo import VASAPipeline
from emo.errors import EmoWarning, MotionError
from emo.hub.build_vasa import build_vasa
from emo.hub.vasa_config import DenoiserConfig, VASAConfig, VolumeAnimatorConfig
from emo.motion import MotionSpace, MotionTrack
from emo.motion.space import Column
from emo.motion.vasa import VolumeAnimator

FACE = VolumeAnimatorConfig(64, 8, 2, [8, 8], 1, 1, [8], 4, 4, [8], 4)


@pytest.fixture(scope="module")
def pipe() -> VASAPipeline:
    denoiser = DenoiserConfig(["happy"], window_length=8, prefix_length=3, dim=16, layers=1, heads=2)
    made = build_vasa(VASAConfig(128, denoiser, tiny_config().audio_encoder, FACE))
    fill_zero_init(made.animator)
    made.set_progress_bar_config(disable=True)
    return made


def options(**more):
    return {"generator": torch.Generator().manual_seed(0), "num_inference_steps": 2, "output_type": "uint8"} | more


def test_it_talks_and_comes_back_from_disk(pipe, portrait, tmp_path):
    frames = pipe(portrait, noise(0.8), **options()).frames
    assert frames.shape == (20, 128, 128, 3)  # networks see 64 pixels
    pipe.save_pretrained(tmp_path)
    loaded = VASAPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert isinstance(loaded.animator, VolumeAnimator)
    again = loaded(portrait, noise(0.8), **options()).frames
    assert np.abs(again.astype(int) - frames).max() <= 1  # where sums are rounded differs with where weights lie


def test_poses_are_given_by_name_whatever_the_rest_is(pipe):
    turned = MotionTrack.rest(20, 25).set(yaw=12.0, pitch=-4.0)  # in named controls
    for pose in (turned, (12.0, -4.0, 0.0)):
        motion = pipe.generate_motion(noise(0.8), **options(pose=pose))
        torch.testing.assert_close(motion["pose"], turned["pose"])
        assert motion["dynamics"].std() > 0
    strange = MotionSpace((Column("nod", "degrees"),), {"pose": ("nod",)})
    with pytest.raises(MotionError, match="other columns"):
        pipe.generate_motion(noise(0.8), **options(pose=MotionTrack.rest(20, 25, strange)))


def test_a_video_drives_in_the_codes_that_are_read_of_its_face(pipe, portrait, tmp_path):
    frames = talker(0.8)[0]
    wide = np.pad(frames, ((0, 0), (0, 0), (0, 60), (0, 0)), mode="edge")
    path = write_video(tmp_path / "talk.mp4", wide)
    track = pipe.animator.track(path)
    assert (len(track), track.space.names) == (len(frames), pipe.space.names)
    assert track["dynamics"].std(0).max() > 0
    torch.testing.assert_close(track["pose"].quantile(0.5, dim=0), pipe.space.rest[:6], atol=1e-4, rtol=0)
    driven = pipe.drive(portrait, path, **options()).frames
    np.testing.assert_array_equal(driven, pipe.render(portrait, track, **options()).frames)
    with pytest.raises(MotionError, match="another space"):
        pipe.render(portrait, MotionTrack.rest(20, 25))


def test_frames_without_a_face_are_interpolated(pipe, tmp_path):
    frames = talker(0.8)[0].copy()
    frames[8:11] = 90
    path = write_video(tmp_path / "talk.mp4", frames)
    with pytest.warns(EmoWarning, match=f"no face in 3 of {len(frames)} frames"):
        track = pipe.animator.track(path)
    step = track.values[8] - track.values[7]
    torch.testing.assert_close(track.values[7:12].diff(dim=0), step.expand(4, -1), atol=1e-4, rtol=1e-4)
