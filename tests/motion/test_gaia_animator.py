"""GAIA's autoencoder as an animator: portraits drawn in latents, and latents read of pictures and videos."""

import cv2
import numpy as np
import pytest
import torch
from made_videos import pasted, talker, write_video

from emo.errors import EmoWarning, FaceError, OptionError
from emo.face import FACE_SHARE, FaceDetector, largest
from emo.face.landmark_map import landmark_map
from emo.motion.gaia import LatentAnimator, MotionAppearanceVAE, encode_landmarks

SIDE = 64


@pytest.fixture(scope="module")
def animator() -> LatentAnimator:
    torch.manual_seed(0)
    return LatentAnimator(MotionAppearanceVAE(sample_size=SIDE, block_out_channels=(8, 8, 8, 16), norm_num_groups=4))


def test_a_portrait_is_drawn_at_its_own_size_in_any_motion(animator, face):
    appearance = animator.appearance(face)
    motion = torch.randn(10, len(animator.space), generator=torch.Generator().manual_seed(1))
    frames = animator.render(appearance, motion)
    assert (frames.shape, frames.dtype) == ((10, 256, 256, 3), np.uint8)
    assert (frames[0] != frames[1]).any()
    alone = animator.render(appearance, motion[9:]).astype(int)
    assert np.abs(alone - frames[9:]).max() <= 1
    assert animator.render(appearance, motion[:0]).shape == (0, 256, 256, 3)
    small = animator.appearance(cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    assert animator.render(small, motion[:1]).shape == (1, SIDE, SIDE, 3)
    assert (small.latent - appearance.latent).abs().mean() < 0.5 * appearance.latent.std()


@torch.no_grad()
def test_the_motion_of_pictures_is_that_of_their_landmarks(animator, face):
    with FaceDetector() as detector:
        points = largest(detector.detect(face)).landmarks
    drawn = torch.from_numpy(landmark_map(points * SIDE / 256, SIDE, SIDE)).movedim(-1, 0)[None] / 127.5 - 1
    expected = animator.vae.encode_motion(drawn).mode().flatten(1)
    torch.testing.assert_close(animator.motion([face]), expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(encode_landmarks(animator.vae, points[None, :, :2] / 256), expected, atol=1e-3, rtol=0)
    assert expected.shape[1] == len(animator.space)


def test_a_video_is_read_as_framed_as_portraits_are(animator, tmp_path, monkeypatch):
    frames, seen = talker(0.8)[0].copy(), []
    frames[8:11] = 90
    monkeypatch.setattr(
        "emo.motion.gaia.animator.encode_landmarks",
        lambda vae, points: seen.append(points) or encode_landmarks(vae, points),
    )
    with pytest.warns(EmoWarning, match=f"no face in 3 of {len(frames)} frames"):
        track = animator.track(write_video(tmp_path / "talk.mp4", pasted(frames)))
    assert (len(track), track.space) == (len(frames), animator.space)
    assert track.values.diff(dim=0).abs().max() > 0
    low, high = np.median(seen[0], 0).min(0), np.median(seen[0], 0).max(0)
    assert (high - low).max() == pytest.approx(FACE_SHARE, abs=0.02)
    assert (low + high) / 2 == pytest.approx(0.5, abs=0.03)


def test_what_is_no_portrait_is_refused(animator, face):
    with pytest.raises(FaceError, match="no face found"):
        animator.appearance(np.zeros((SIDE, SIDE, 3), np.uint8))
    with pytest.raises(OptionError, match="256 x 250 pixels: GAIA's autoencoder draws square ones"):
        animator.appearance(face[:250])
