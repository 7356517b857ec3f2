"""What SyncNet is fed: mel-frequency cepstral coefficients, and square crops at 25 frames per second."""

import cv2
import numpy as np
import pytest
from random_faces import clip, noise

from emo.errors import EmoError
from emo.metrics.face_crops import crop_squares, cut_square, face_crops, frames_at_25, landmark_squares
from emo.metrics.mfcc import mfcc


@pytest.mark.parametrize("samples", [100, 400, 401, 560, 561, 16000, 16123, 350000])
def test_coefficients_are_those_of_python_speech_features(samples):
    reference = pytest.importorskip("python_speech_features")
    waveform = noise(samples) * np.linspace(0, 5, samples)  # beyond full scale at the end
    pcm = np.round(waveform * 32768).clip(-32768, 32767).astype(np.int16)
    np.testing.assert_allclose(mfcc(waveform), reference.mfcc(pcm, 16000), rtol=1e-5, atol=1e-4)


def test_silence_has_coefficients_too():
    reference = pytest.importorskip("python_speech_features")
    np.testing.assert_allclose(mfcc(np.zeros(1000)), reference.mfcc(np.zeros(1000, np.int16), 16000), atol=1e-4)
    for broken in (np.zeros(0), np.full(900, np.nan), np.zeros((2, 900))):
        with pytest.raises(EmoError, match="the waveform must be"):
            mfcc(broken)


def test_warped_bands_hear_another_pitch():
    tone = lambda hertz: 0.3 * np.sin(2 * np.pi * hertz * np.arange(8000) / 16000) + noise(8000) * 0.01
    apart = lambda one, other: np.abs(one - other).mean()
    for warp in (0.85, 1.15):
        heard = mfcc(tone(1500 * warp), warp)
        assert apart(heard, mfcc(tone(1500))) < 0.4 * apart(heard, mfcc(tone(1500 * warp)))


def test_squares_by_hand():
    boxes, mouths = np.tile([10.0, 20.0, 50.0, 80.0], (20, 1)), np.tile([31.0, 64.0], (20, 1))
    np.testing.assert_allclose(crop_squares(boxes, mouths, "face"), np.tile([30, 62, 84], (20, 1)))
    np.testing.assert_allclose(crop_squares(boxes, mouths, "mouth"), np.tile([31, 64, 39], (20, 1)))
    boxes[7:13] += 40  # six frames are fewer than half of thirteen
    mouths[7:13] += 9
    np.testing.assert_allclose(crop_squares(boxes, mouths, "face"), np.tile([30, 62, 84], (20, 1)))
    np.testing.assert_allclose(crop_squares(boxes, mouths, "mouth"), np.tile([31, 64, 39], (20, 1)))
    boxes[6] += 40
    assert crop_squares(boxes, mouths, "face")[9, 0] == 70
    with pytest.raises(EmoError, match="region 'nose'"):
        crop_squares(boxes, mouths, "nose")


def test_squares_of_landmarks():
    landmarks = np.full((3, 478, 3), 40.0)
    landmarks[:, 10, :2], landmarks[:, 152, :2] = (40, 10), (40, 90)  # forehead and chin
    landmarks[:, 61, :2], landmarks[:, 291, :2] = (30, 71), (52, 69)
    np.testing.assert_allclose(landmark_squares(landmarks, "mouth"), np.tile([41, 70, 52], (3, 1)))
    np.testing.assert_allclose(landmark_squares(landmarks, "face"), np.tile([41, 66, 112], (3, 1)))


def test_cuts_by_hand():
    frame = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    assert np.array_equal(cut_square(frame, (30, 20, 16), 16), frame[12:28, 22:38])
    assert np.array_equal(cut_square(frame, (30, 20, 16), 16, turn=90), np.rot90(frame[12:28, 22:38]))
    beyond = cut_square(frame, (0, 0, 16), 16)
    assert np.array_equal(beyond[8:, 8:], frame[:8, :8])
    assert (beyond[:8] == 110).all()
    assert (beyond[:, :8] == 110).all()
    quarter = cut_square(frame, (32, 20, 40), 10)
    means = frame[:, 12:52].reshape(10, 4, 10, 4, 3).mean((1, 3))
    assert np.abs(quarter - means).max() <= 1


def test_faces_are_cut_as_syncnet_python_cuts_them():
    """Its crop_video, for one box: the picture with a border of 110, cut at whole pixels and scaled to 224."""
    smooth = cv2.GaussianBlur(clip(1, 240)[0][0], (0, 0), 6)
    x0, y0, x1, y1 = 60.0, 40.0, 150.0, 160.0
    size, padding = max(y1 - y0, x1 - x0) / 2, 0.4
    border = int(size * (1 + 2 * padding))
    padded = np.pad(smooth, ((border, border), (border, border), (0, 0)), "constant", constant_values=110)
    y, x = (y0 + y1) / 2 + border, (x0 + x1) / 2 + border
    rows = slice(int(y - size), int(y + size * (1 + 2 * padding)))
    columns = slice(int(x - size * (1 + padding)), int(x + size * (1 + padding)))
    expected = cv2.resize(padded[rows, columns], (224, 224))
    (square,) = crop_squares(np.array([[x0, y0, x1, y1]]), np.zeros((1, 2)), "face")
    difference = np.abs(cut_square(smooth, square, 224).astype(int) - expected)
    assert np.median(difference) <= 1
    assert difference.mean() < 1


def test_other_rates_are_brought_to_25():
    assert frames_at_25(7, 25).tolist() == list(range(7))
    assert frames_at_25(8, 50).tolist() == [1, 3, 5, 7]
    assert frames_at_25(4, 12.5).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert frames_at_25(6, 30).tolist() == [0, 1, 3, 4, 5]
    frames, landmarks = clip(12)
    crops = np.concatenate(list(face_crops(frames, landmarks, 32, "mouth", 30, 4)))
    again = np.concatenate(list(face_crops(frames[[0, 1, 3, 4, 5, 6, 7, 9, 10, 11]],
                                           landmarks[[0, 1, 3, 4, 5, 6, 7, 9, 10, 11]], 32, "mouth")))  # fmt: skip
    assert np.array_equal(crops, again)


def test_crops_come_in_chunks_and_frames_are_taken_as_needed():
    frames, landmarks = clip(10)
    taken = []
    crops = face_crops((taken.append(1) or frame for frame in frames), landmarks, 32, "face", chunk=4)
    assert (next(crops).shape, len(taken)) == ((4, 32, 32, 3), 4)
    assert [len(chunk) for chunk in crops] == [4, 2]
    in_chunks = np.concatenate(list(face_crops([frames[:3], frames[3:]], landmarks, 32, "face", chunk=7)))
    assert np.array_equal(in_chunks, np.concatenate(list(face_crops(frames, landmarks, 32, "face", chunk=4))))
    for wrong in (frames[:9], np.concatenate([frames, frames[:1]])):
        with pytest.raises(EmoError, match=f"of 10 frames, the video has {len(wrong)}"):
            list(face_crops(wrong, landmarks, 32))
