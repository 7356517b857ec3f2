"""The second edition of synthetic motion: what goes with the voice does so as far as is labeled; the rest holds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emo.data.motion_labels import EMOTIONS
from emo.data.synthetic.acting import act
from emo.data.synthetic.articulation import articulate_speech
from emo.data.synthetic.config import SyntheticConfig
from emo.data.synthetic.motion.blinks import blink_in_pauses
from emo.data.synthetic.motion.emotion import emotion_offset
from emo.data.synthetic.motion.gaze import look_around, main_gaze
from emo.data.synthetic.motion.head import LAGS, MAX_NOD, turn_with_voice
from emo.data.synthetic.motion.instructions import FRAMES, INSTRUCTIONS, draw_sentence, obey
from emo.data.synthetic.motion.prosody import Prosody, read_prosody
from emo.data.synthetic.motion.second import SCALES, make_motion
from emo.data.synthetic.motion.swing import LIMITS
from emo.data.synthetic.speech import SAMPLE_RATE, synthesize
from emo.motion.controls import WIDE_EYES, FaceControls

FPS = 25
CONFIG = SyntheticConfig(seed=5, identities=4, seconds=3.0, test_share=0.5, instructed_share=1.0)


@pytest.fixture(scope="module")
def clips():
    return [synthesize(seed, 11.0) for seed in range(3)]


def move(speech, speed: float = 0.5, seed: int = 0, **options):
    return make_motion(speech.waveform, articulate_speech(speech, FPS), speed, seed, FPS, **options)


@pytest.fixture(scope="module")
def moved(clips) -> list:
    """Prosody, controls and labels of 30 clips of slow heads."""
    heard = [read_prosody(speech.waveform) for speech in clips]
    return [(heard[seed % 3], *move(clips[seed % 3], 0.35, seed)) for seed in range(30)]


def beats(*times: float, seconds: float = 10.0) -> Prosody:
    """Equal accents at these times, in one long phrase."""
    grid = np.arange(0, seconds, 0.008)
    zero = np.zeros_like(grid)
    return Prosody(grid, zero, zero, np.array(times), np.ones(len(times)), np.array([[0.0, seconds]]))


# The voice


def test_pitch_and_pauses_are_read():
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    hertz = np.where(time < 1.5, 120.0, 151.2)  # four semitones higher
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 30)) * ((time < 1.2) | (time > 1.8)) * 0.1
    prosody = read_prosody(voice)
    low, high = (np.median(prosody.pitch[np.abs(prosody.times - t) < 0.3]) for t in (0.6, 2.4))
    assert high - low == pytest.approx(4, abs=0.3)
    assert prosody.phrases.ravel() == pytest.approx([0, 1.2, 1.8, 3.0], abs=0.08)
    assert prosody.speaking(np.array([0.5, 1.5, 2.5])).tolist() == [True, False, True]


def test_accents_are_the_stressed_vowels(clips):
    for speech in clips:
        prosody = read_prosody(speech.waveform)
        vowels = [s for s in speech.segments if s.phone in "ieaouə"]
        nearest = np.array([min(abs((v.start + v.end) / 2 - at) for v in vowels) for at in prosody.accents])
        assert len(prosody.accents) > 8
        assert np.mean(nearest < 0.1) > 0.85


@pytest.mark.parametrize("sound", [np.zeros(16000), np.zeros(1), np.random.default_rng(0).normal(0, 1e-4, 16000)])
def test_silence_has_neither_accents_nor_phrases(sound):
    prosody = read_prosody(sound)
    assert len(prosody.accents) == len(prosody.phrases) == len(prosody.strengths) == 0
    assert not prosody.speaking(np.array([0.0, 0.5])).any()


# The head


@pytest.mark.parametrize("speed", [0.0, 0.1, 0.5, 1.9])
def test_the_commanded_mean_speed_holds_in_long_clips_too(speed, clips):
    for seed, speech in enumerate(clips):
        controls, _ = move(speech, speed, seed)
        assert float(controls.rotation_speed.mean()) == pytest.approx(speed, abs=1e-3)
        for angle, limit in zip((controls.yaw, controls.pitch, controls.roll), LIMITS, strict=True):
            assert angle.abs().max() <= limit
            assert torch.diff(angle, n=2).abs().max() < 0.8 + 1.5 * speed  # smooth: no jerk


def test_nods_follow_accents_and_grow_with_the_coupling():
    """Pitch around equal, irregular beats: a nod after each, of less than the bound, none at coupling 0."""
    beat = beats(*np.cumsum(np.random.default_rng(0).uniform(0.6, 1.4, 9)))
    after, times = np.arange(-0.3, 0.35, 0.04), (np.arange(250) + 0.5) / FPS
    depths = {0.0: [], 0.3: [], 1.0: []}
    for seed in range(6):
        for coupling, depth in depths.items():
            head = turn_with_voice(np.random.default_rng(seed), beat, 250, 0.2, coupling, FPS)
            assert head.coupling == pytest.approx(coupling, abs=0.01)
            around = np.stack([np.interp(at + after, times, head.angles[1].numpy()) for at in beat.accents]).mean(0)
            depth.append(np.ptp(around))
        peak = after[np.abs(around - around[[0, -1]].mean()).argmax()]  # at coupling 1
        assert head.lag == pytest.approx(peak, abs=0.04)
        assert LAGS[0] <= head.lag <= LAGS[1]
    none, some, all_of_it = (np.mean(depth) for depth in depths.values())
    assert 1.4 * none < some
    assert 1.4 * some < all_of_it < MAX_NOD


def test_fast_heads_say_that_the_voice_has_less_of_them(clips):
    prosody = read_prosody(clips[0].waveform)
    shares = [
        turn_with_voice(np.random.default_rng(1), prosody, 275, speed, 0.9, FPS).coupling for speed in (0.3, 1.0, 1.9)
    ]
    assert shares[0] == pytest.approx(0.9)
    assert shares[0] > shares[1] > shares[2] > 0
    silent = read_prosody(np.zeros(len(clips[0].waveform)))
    assert turn_with_voice(np.random.default_rng(1), silent, 275, 0.3, 0.9, FPS).coupling == 0


def test_labels_tell_how_far_the_head_goes_with_its_own_voice(moved):
    """Its changes against those of nods at the labeled lag: more of them are explained where the label is high."""
    labeled, measured = [], []
    for prosody, controls, labels in moved:
        times = (np.arange(len(controls)) + 0.5) / FPS
        after = times[:, None] - prosody.accents - labels.head_lag
        nods = (np.clip(1 - np.abs(after) / 0.2, 0, 1) * prosody.strengths).sum(1)
        labeled.append(labels.head_coupling)
        measured.append(np.corrcoef(np.diff(nods), np.diff(controls.pitch.numpy()))[0, 1] ** 2)
    assert np.corrcoef(labeled, measured)[0, 1] > 0.7


# The face


def test_gaze_has_one_main_direction_which_is_the_label():
    mains = []
    for seed in range(30):
        x, y = look_around(np.random.default_rng(seed), 275, FPS)
        main = main_gaze(x, y)
        near = np.hypot(x - main[0], y - main[1]) < 0.15
        assert near.mean() > 0.35
        assert np.abs([x, y]).max() <= 1
        mains.append(main)
    assert np.mean([np.hypot(*main) < 0.15 for main in mains]) == pytest.approx(0.4, abs=0.2)
    assert np.abs(mains).max() > 0.6
    assert main_gaze(np.array([0.42] * 6 + [-0.9] * 5), np.zeros(11)) == pytest.approx((0.42, 0.0))


def test_blinks_fall_into_pauses_as_far_as_they_are_coupled():
    speaking = (np.arange(25 * 120) // 40) % 3 != 0  # a third is pause
    shares, counts = {}, {}
    for coupling in (0.0, 1.0):
        lids = [blink_in_pauses(np.random.default_rng(seed), speaking, coupling, FPS) for seed in range(10)]
        begun = [np.flatnonzero((lid[1:] > 0.6) & (lid[:-1] <= 0.6)) + 1 for lid in lids]
        shares[coupling] = np.mean(np.concatenate([~speaking[places] for places in begun]))
        counts[coupling] = np.mean([len(places) for places in begun]) / 2
    assert shares[0.0] < 0.5
    assert shares[1.0] > 0.8
    assert 12 < counts[1.0] < 30  # a minute
    assert 12 < counts[0.0] < 30


def test_emotions_are_seen_in_the_means_of_their_clips(moved):
    means = {emotion: [] for emotion in EMOTIONS}
    for _, controls, labels in moved:
        assert (labels.emotion_strength == 0) == (labels.emotion == "neutral")
        if labels.emotion_strength == 0 or labels.emotion_strength > 0.5:
            opened = float(controls.blink.median())
            means[labels.emotion].append([float(controls.smile.mean()), float(controls.brow.mean()), opened])
        assert controls.blink.min() >= WIDE_EYES
        assert max(controls.blink.max(), controls.brow.abs().max(), controls.smile.abs().max()) <= 1
    smile, brow, lid = ({name: np.mean(rows, 0)[k] for name, rows in means.items()} for k in range(3))
    assert smile["happy"] > smile["neutral"] + 0.3 > smile["angry"] + 0.6
    assert brow["surprised"] > brow["neutral"] + 0.3 > brow["angry"] + 0.6
    assert lid["surprised"] < -0.15 < lid["neutral"] < lid["angry"]
    assert emotion_offset("happy", 0.5).smile == pytest.approx(emotion_offset("happy", 1.0).smile / 2)


def test_brows_rise_with_accents_as_far_as_labeled(moved):
    labeled, measured = [], []
    for prosody, controls, labels in moved:
        times = (np.arange(len(controls)) + 0.5) / FPS
        near = np.abs(times[:, None] - prosody.accents - 0.04) < 0.1
        labeled.append(labels.brow_coupling)
        measured.append(np.polyfit(np.max(near * prosody.strengths, axis=1), controls.brow.numpy(), 1)[0])
    assert np.corrcoef(labeled, measured)[0, 1] > 0.7


def test_every_clip_has_its_distance_and_keeps_the_face_in_the_picture(clips, moved):
    scales = []
    for _, controls, labels in moved:
        scales.append(float(controls.scale.mean()))
        assert float(torch.std(controls.scale)) < 0.04
        assert labels.distance == pytest.approx(float(controls.distance.mean()))
        half = 0.48 * 1.2 * controls.scale  # of the picture's half, face and some hair
        assert (controls.tx.abs() + half * 0.8).max() < 1
        assert (controls.ty.abs() + half).max() < 1.02
    assert min(scales) < 0.8
    assert max(scales) > 1.17
    near, _ = move(clips[0], 0.3, 3, scales=(0.9, 1.0))
    assert SCALES[0] < 0.9 <= near.scale.min()
    assert near.scale.max() <= 1.0


def test_motion_is_the_same_again_and_another_with_another_seed(clips):
    (a, of_a), (b, of_b), (c, of_c) = (move(clips[0], 0.5, seed) for seed in (7, 7, 8))
    assert of_a == of_b != of_c
    for name, values in vars(a).items():
        assert torch.equal(values, getattr(b, name))
        assert torch.isfinite(values).all()
        assert values.dtype == torch.float32
    assert not torch.equal(a.yaw, c.yaw)
    with pytest.raises(ValueError, match="speed"):
        move(clips[0], 3.0)


# Instructions


@pytest.mark.parametrize("instruction", list(INSTRUCTIONS))
def test_the_named_thing_is_done_and_no_other(instruction):
    still = FaceControls.rest(75)
    done = obey(np.random.default_rng(3), still, instruction, FPS)
    asked = INSTRUCTIONS[instruction]
    for name in set(vars(still)) - {"rotation_speed"}:
        change = getattr(done, name) - getattr(still, name)
        assert torch.isfinite(change).all()
        if name not in asked.targets:
            assert (change == 0).all()
            continue
        most = float(change[change.abs().argmax()])
        assert 0.5 < abs(most / asked.targets[name]) <= 1.0
        assert asked.cycles or asked.either_way or np.sign(most) == np.sign(asked.targets[name])
        turns = np.flatnonzero(np.diff(np.sign(np.diff(change.numpy()[np.abs(change.numpy()) > 1e-3]))))
        assert len(turns) >= 2 * asked.cycles - 1


def test_held_out_sentences_are_never_trained_on():
    for name, asked in INSTRUCTIONS.items():
        rng = np.random.default_rng(0)
        heard, new = ({draw_sentence(rng, name, held_out) for _ in range(200)} for held_out in (False, True))
        assert not heard & new
        assert len(heard) == len(FRAMES) * len(asked.training)
        assert len(new) == len(FRAMES) * len(asked.held_out)
    everything = [p for asked in INSTRUCTIONS.values() for p in (*asked.training, *asked.held_out)]
    assert len(set(everything)) == len(everything)


def test_instructed_clips_are_silent_and_say_what_was_asked():
    seen = set()
    for index in range(30):
        spec = CONFIG.clip_spec(index)
        acted = act(spec, CONFIG, lambda *_: np.empty(0))
        asked = INSTRUCTIONS[acted.motion.instruction]
        seen.add(acted.motion.instruction)
        phrases = asked.held_out if spec.split == "test" else asked.training
        assert any(phrase in acted.motion.text for phrase in phrases)
        assert np.abs(acted.waveform).max() < 0.01
        assert len(acted.waveform) == 3 * SAMPLE_RATE
        assert "jaw" in asked.targets or (acted.controls.jaw == 0).all()
        assert acted.motion.emotion == "neutral"
        assert acted.motion.head_coupling == 0
    assert len(seen) > 8
    specs = [replace(CONFIG, instructed_share=0.3).clip_spec(index) for index in range(500)]
    assert np.mean([spec.instruction is not None for spec in specs]) == pytest.approx(0.3, abs=0.06)
