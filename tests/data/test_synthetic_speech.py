"""Synthetic speech and the mouth and head that follow it."""

import numpy as np
import pytest
import torch

from emo.data.synthetic.articulation import articulate_recording, articulate_speech, frame_count
from emo.data.synthetic.motion.first import make_controls
from emo.data.synthetic.motion.swing import LIMITS
from emo.data.synthetic.phones import PHONES, VOWELS
from emo.data.synthetic.speech import SAMPLE_RATE, synthesize
from emo.errors import AudioError
from emo.motion.controls import FaceControls
from emo.motion.rotation import rotation_speed_of_angles

FPS = 25


def correlation(a, b) -> float:
    return float(np.corrcoef(np.asarray(a), np.asarray(b))[0, 1])


def inside(segments, kind: str, frames: int, margin: float) -> np.ndarray:
    """Frames whose middle lies at least `margin` seconds inside a phone of `kind`."""
    time = (np.arange(frames) + 0.5) / FPS
    return np.any(
        [(time > s.start + margin) & (time < s.end - margin) for s in segments if PHONES[s.phone].kind == kind], 0
    )


@pytest.fixture(scope="module")
def clips():
    return [synthesize(seed, 4.0) for seed in range(20)]


def test_blocks_change_no_sample(monkeypatch):
    said = synthesize(3, 1.3).waveform
    for frames in (1, 10**6):
        monkeypatch.setattr("emo.data.synthetic.speech.BLOCK", frames)
        np.testing.assert_array_equal(synthesize(3, 1.3).waveform, said)


def test_same_seed_same_samples():
    a, b, c = synthesize(3, 1.5), synthesize(3, 1.5), synthesize(4, 1.5)
    assert np.array_equal(a.waveform, b.waveform)
    assert a.segments == b.segments
    assert not np.array_equal(a.waveform, c.waveform)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 2.345])
def test_length_and_gapless_segments(seconds):
    speech = synthesize(1, seconds)
    assert len(speech.waveform) == round(seconds * SAMPLE_RATE)
    assert speech.waveform.dtype == np.float32
    assert np.abs(speech.waveform).max() <= 1
    assert speech.segments[0].start == 0
    assert speech.segments[-1].end == pytest.approx(len(speech.waveform) / SAMPLE_RATE)
    assert all(a.end == b.start for a, b in zip(speech.segments, speech.segments[1:], strict=False))


def test_said_phones_are_the_asked_ones():
    speech = synthesize(0, 2.0, phones="ma pi", clean=True)
    assert "".join(s.phone for s in speech.segments).rstrip() == "ma pi"


def test_bad_requests_are_refused():
    with pytest.raises(ValueError, match="unknown phones"):
        synthesize(0, 1.0, phones="xa")
    with pytest.raises(ValueError, match="longer"):
        synthesize(0, 0.0)
    with pytest.raises(AudioError, match="mono"):
        articulate_recording(np.zeros((2, 100)))
    with pytest.raises(AudioError, match="mono"):
        articulate_recording(np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="speed"):
        make_controls(articulate_speech(synthesize(0, 1.0)), 3.0, 0)
    with pytest.raises(ValueError, match="fps"):
        articulate_speech(synthesize(0, 1.0), fps=0)


def test_vowels_have_their_formants():
    """Clean, steady vowels: energy at the second formant tells front from back, at the first open from closed."""
    share = {}
    for symbol in VOWELS:
        speech = synthesize(5, 0.6, phones=" " + symbol * 8, clean=True)
        piece = speech.waveform[-4000:]
        power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
        hertz = np.fft.rfftfreq(len(piece), speech.voice.formants / SAMPLE_RATE)  # as if from the tract of the table
        level = lambda low, high, h=hertz, p=power: 10 * np.log10(p[(h > low) & (h < high)].sum() / p.sum())
        share[symbol] = level(1750, 2600), level(600, 950)
    assert min(share[v][0] for v in "ie") > max(share[v][0] for v in "ou") + 6  # decibels
    assert share["a"][1] > max(share[v][1] for v in "iu") + 6


def test_jaw_follows_loudness_without_lag(clips):
    peaks, highest = [], []
    for speech in clips:
        jaw = articulate_speech(speech, FPS).jaw.numpy()
        x = np.pad(speech.waveform.astype(np.float64), 800)
        middle = ((np.arange(len(jaw)) + 0.5) / FPS * SAMPLE_RATE).astype(int) + 800
        level = np.array([np.sqrt((x[m - 800 : m + 800] ** 2).mean()) for m in middle])
        by_lag = {k: correlation(jaw[6:-6], np.roll(level, k)[6:-6]) for k in range(-5, 6)}
        peaks.append(max(by_lag, key=by_lag.get))
        highest.append(by_lag[0])
    assert set(peaks) == {0}
    assert np.mean(highest) > 0.88


def test_lips_close_on_silence_and_bilabials(clips):
    for speech in clips:
        jaw = articulate_speech(speech, FPS).jaw.numpy()
        assert (jaw[inside(speech.segments, "closed", len(jaw), 0.015)] == 0).all()
        assert (jaw[inside(speech.segments, "pause", len(jaw), 0.04)] == 0).all()
        assert jaw.max() > 0.25


def test_vowels_are_told_apart_by_width_and_rounding():
    """Nearest vowel in (width, rounding) at the middle of clean, spoken vowels."""
    table = {s: np.array([v.width, v.rounding]) for s, v in VOWELS.items()}
    right = total = 0
    for seed in range(12):
        speech = synthesize(seed, 4.0)
        mouth = articulate_speech(speech, FPS)
        for segment in speech.segments:
            if segment.phone in VOWELS and segment.end - segment.start > 0.1:
                frame = int((segment.start + segment.end) / 2 * FPS)
                seen = np.array([mouth.width[frame], mouth.rounding[frame]])
                guess = min(table, key=lambda s, seen=seen: np.linalg.norm(table[s] - seen))
                right, total = right + (guess == segment.phone), total + 1
    assert total > 60
    assert right / total > 0.8


def test_a_recording_moves_the_lips_like_its_phones(clips):
    """What is heard in the sound alone agrees with what is known of the vowels' lips."""
    width, rounding = [], []
    for speech in clips:
        known, heard = articulate_speech(speech, FPS), articulate_recording(speech.waveform, FPS)
        loud = known.loudness > 0.2
        width.append(correlation(known.width[loud], heard.width[loud]))
        rounding.append(correlation(known.rounding[loud], heard.rounding[loud]))
    assert np.mean(width) > 0.7
    assert np.mean(rounding) > 0.8


def test_mouths_of_recordings_do_more_than_follow_loudness(clips):
    by_rule, learned = [], []
    for speech in clips:
        known, heard = articulate_speech(speech, FPS), articulate_recording(speech.waveform, FPS)
        by_rule.append(correlation(known.jaw, known.loudness))
        learned.append(correlation(heard.jaw, heard.loudness))
    assert np.mean(learned) < np.mean(by_rule) - 0.2


def test_learned_mouths_of_synthetic_speech_shut_where_its_phones_do(clips):
    for speech in clips[:3]:
        mouth, heard = articulate_speech(speech, FPS, learned=True), articulate_recording(speech.waveform, FPS)
        jaw = mouth.jaw.numpy()
        assert (jaw[inside(speech.segments, "closed", len(jaw), 0.015)] == 0).all()
        assert (jaw[inside(speech.segments, "pause", len(jaw), 0.04)] == 0).all()
        assert (mouth.rounding == heard.rounding).all()
        assert 0.2 < jaw.max() <= heard.jaw.max()


@pytest.mark.parametrize("sound", [np.zeros(16000), 1e-5 * np.ones(700), np.zeros(1)])
def test_silence_keeps_the_mouth_shut(sound):
    mouth = articulate_recording(sound, FPS)
    assert len(mouth.jaw) == frame_count(len(sound), FPS)
    assert mouth.jaw.max() < 0.05
    assert mouth.rounding.max() < 0.01


def test_the_first_edition_moves_as_it_always_did():
    controls = make_controls(articulate_speech(synthesize(3, 2.0), FPS), 0.7, 3, FPS)
    known = {
        "yaw": (-14.0704, -3.1945, 9.1672, 13.0477), "pitch": (0.9895, -1.2110, -1.9637, -2.8886),
        "roll": (-0.4566, 4.2345, -4.2815, -2.7124), "blink": (0.0, 0.0, 0.2054, 0.0),
        "brow": (-0.0412, 0.3450, 0.1659, 0.5300), "gaze_y": (-0.0857, -0.0857, -0.0857, 0.0090),
        "smile": (-0.1566, -0.2235, -0.1063, 0.1459), "tx": (-0.0615, -0.0841, -0.0635, -0.0118),
        "scale": (1.0703, 1.0587, 1.0437, 1.0275),
    }  # fmt: skip
    for name, values in known.items():
        assert getattr(controls, name)[[0, 17, 33, 49]].tolist() == pytest.approx(values, abs=2e-4), name


@pytest.mark.parametrize("speed", [0.0, 0.1, 0.3, 0.7, 1.3, 1.9])
def test_head_turns_at_the_commanded_mean_speed(speed, clips):
    for seed in range(4):
        motion = make_controls(articulate_speech(clips[seed], FPS), speed, seed)
        assert float(motion.rotation_speed.mean()) == pytest.approx(speed, abs=1e-3)
        for angle, limit in zip((motion.yaw, motion.pitch, motion.roll), LIMITS, strict=True):
            assert angle.abs().max() <= limit
            assert torch.diff(angle, n=2).abs().max() < 0.2 + 1.2 * speed  # smooth: no jerk


def test_heads_leave_their_place_and_stay_in_the_picture(clips):
    mouth = articulate_speech(clips[0], FPS)
    moves = [make_controls(mouth, 0.3, seed) for seed in range(20)]
    roaming = np.array([float(motion.tx.max() - motion.tx.min()) for motion in moves])
    assert roaming.max() > 0.15  # of half the picture: a face region says where the face is
    assert roaming.min() < 0.06  # and some hold still
    for motion in moves:
        assert motion.tx.abs().max() <= 0.25
        assert motion.ty.abs().max() <= 0.12
        assert torch.diff(motion.tx).abs().max() < 0.02  # no jump


def test_rotation_speed_is_geodesic():
    turn = torch.tensor([0.0, 3.0, 3.0, 3.0])
    zero = torch.zeros(4)
    assert torch.allclose(rotation_speed_of_angles(turn, zero, zero), torch.tensor([3.0, 3.0, 0.0, 0.0]), atol=1e-5)
    mixed = rotation_speed_of_angles(torch.tensor([0.0, 3.0]), torch.tensor([0.0, 4.0]), torch.zeros(2))
    assert float(mixed[1]) == pytest.approx(5.0, abs=0.01)


def test_motion_is_deterministic_sliceable_and_bounded(clips):
    mouth = articulate_speech(clips[0], FPS)
    a, b = make_controls(mouth, 0.5, 7), make_controls(mouth, 0.5, 7)
    for name, value in vars(a).items():
        assert torch.equal(value, getattr(b, name))
        assert value.dtype == torch.float32
        assert len(value) == len(a) == frame_count(len(clips[0].waveform), FPS)
    assert len(a[3:9]) == 6
    assert a.blink.min() >= 0
    assert a.blink.max() <= 1
    assert a.gaze_x.abs().max() <= 1
    assert float(FaceControls.rest(5).scale.sum()) == 5
